/* Places in YAML text, and the bytes of a scalar, a pair and a document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/sealed/splice.h"

static void a_place_counts_characters_and_lines_from_one(void **state)
{
	static const char text[] = "a: b\n\xc3\xa4\xe2\x82\xac: c\n";
	struct arena *mem = arena_new(1 << 20);
	struct splice places = splice_index(text, sizeof(text) - 1, mem);
	(void)state;
	assert_int_equal(splice_offset(&places, 1, 1), 0);
	assert_int_equal(splice_offset(&places, 2, 1), 5);
	assert_int_equal(splice_offset(&places, 2, 3), 10);
	assert_int_equal(splice_offset(&places, 9, 1), sizeof(text) - 1);
	assert_int_equal(splice_line_end(text, sizeof(text) - 1, 3), 5);
	arena_free(mem);
}

static void a_scalar_ends_where_yaml_ends_it(void **state)
{
	static const struct {
		const char *text, *scalar;
	} cases[] = {
		{"k: v\n", "v"},
		{"k: v w # c\n", "v w"},
		{"k: 'it''s'  # c\n", "'it''s'"},
		{"k: \"a\\\"b\" \n", "\"a\\\"b\""},
		{"k: |\n  a\n  b\n\nx: y\n", "|\n  a\n  b"},
		{"k: a\n  b\nx: y\n", "a\n  b"},
	};
	struct arena *mem = arena_new(1 << 20);
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct yaml_documents documents = {0};
		struct mistakes mistakes = {.mem = mem};
		yaml_read("x", cases[i].text, strlen(cases[i].text), mem, &documents, &mistakes);
		const struct yaml_pair *pair = &documents.items[0]->pairs[0];
		struct splice places = splice_index(cases[i].text, strlen(cases[i].text), mem);
		struct span span = splice_scalar(&places, pair->value, pair->column);
		assert_int_equal(span.end - span.start, strlen(cases[i].scalar));
		assert_memory_equal(cases[i].text + span.start, cases[i].scalar, strlen(cases[i].scalar));
	}
	arena_free(mem);
}

static void documents_are_split_at_their_markers_only(void **state)
{
	static const char text[] = "# head\n---\na: '--- no'\n--- # two\nb: |\n  ---\n---\n";
	struct arena *mem = arena_new(1 << 20);
	struct span *documents;
	(void)state;
	assert_int_equal(splice_documents(text, sizeof(text) - 1, mem, &documents), 4);
	assert_int_equal(documents[0].start, 0);
	assert_memory_equal(text + documents[1].start, "---\na", 5);
	assert_memory_equal(text + documents[2].start, "--- # two", 9);
	assert_int_equal(documents[3].end, sizeof(text) - 1);
	assert_int_equal(splice_documents("", 0, mem, &documents), 0);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_counts_characters_and_lines_from_one),
		cmocka_unit_test(a_scalar_ends_where_yaml_ends_it),
		cmocka_unit_test(documents_are_split_at_their_markers_only),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
