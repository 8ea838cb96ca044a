/* New values in a SealedSecret's text: comments, order and layout stay, or the caller hears that they cannot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/sealed/merge_text.h"

static json_t *parse(const char *text)
{
	json_t *value = NULL;
	struct error err;
	assert_true(json_read(text, strlen(text), &value, &err));
	return value;
}

static void only_the_values_change(void **state)
{
	static const char text[] =
		"# ours\nspec: # all of it\n  encryptedData:\n    b: AgB # old\n    a: |\n      AgA\n    c: 'AgC'\n"
		"  template: {type: Opaque} # keep\n";
	static const char expected[] =
		"# ours\nspec: # all of it\n  encryptedData:\n    b: NEW1 # old\n    a: NEW2\n    c: 'AgC'\n"
		"    d.e: NEW3\n  template: {type: Opaque} # keep\n";
	CLEANUP(buf_done) struct buf out = BUF(1 << 16);
	CLEANUP(json_done)
	json_t *meant = parse(
		"{\"spec\":{\"encryptedData\":{\"b\":\"NEW1\",\"a\":\"NEW2\",\"c\":\"AgC\",\"d.e\":\"NEW3\"},"
		"\"template\":{\"type\":\"Opaque\"}}}");
	(void)state;
	assert_true(merge_text(text, sizeof(text) - 1, meant, &out));
	assert_string_equal(buf_string(&out), expected);
}

static void the_end_of_the_file_may_have_no_line_end(void **state)
{
	static const char text[] = "spec:\n  encryptedData:\n    a: AgA";
	CLEANUP(buf_done) struct buf out = BUF(1 << 16);
	CLEANUP(json_done)
	json_t *meant = parse("{\"spec\":{\"encryptedData\":{\"a\":\"AgA\",\"b\":\"NEW\"}}}");
	(void)state;
	assert_true(merge_text(text, sizeof(text) - 1, meant, &out));
	assert_string_equal(buf_string(&out), "spec:\n  encryptedData:\n    a: AgA\n    b: NEW\n");
}

static void a_layout_that_does_not_allow_it_is_said_and_nothing_is_written(void **state)
{
	static const char *const texts[] = {"spec: {encryptedData: {a: AgA, c: AgC}}\n",
		"spec:\n  encryptedData: {c: {}}\n", "a: b\n", "a: [\n",
		"spec:\n  encryptedData: &x {a: AgA}\n  y: *x\n",
		"spec:\n  encryptedData:\n    a: x\n---\nb: c\n"};
	CLEANUP(json_done)
	json_t *meant = parse("{\"spec\":{\"encryptedData\":{\"a\":\"AgA\",\"b\":\"NEW\"}}}");
	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		CLEANUP(buf_done) struct buf out = BUF(1 << 16);
		assert_false(merge_text(texts[i], strlen(texts[i]), meant, &out));
		assert_int_equal(out.length, 0);
	}
}

/* A label in a template that has none, an annotation beside others, braces, an empty map. */
static void what_is_new_stands_beside_what_is_there(void **state)
{
	static const struct {
		const char *text, *meant, *expected;
	} rows[] = {
		{"spec: # s\n  template:\n    metadata:\n      name: x # name\n    type: Opaque # type\n# end\n",
			"{\"spec\":{\"template\":{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"b\",\"c\":\"yes\"}},\"type\":\"Opaque\"}}}",
			"spec: # s\n  template:\n    metadata:\n      name: x # name\n      labels:\n        a: b\n        c: \"yes\"\n"
			"    type: Opaque # type\n# end\n"},
		{"spec:\n  template:\n    metadata:\n      labels: {a: b} # one\n      annotations:\n        # why\n        k: v\n",
			"{\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"a\":\"b2\",\"c\":\"d\"},\"annotations\":{\"k\":\"v\",\"l\":\"w\"}}}}}",
			"spec:\n  template:\n    metadata:\n      labels: {a: \"b2\", \"c\": \"d\"} # one\n      annotations:\n"
			"        # why\n        k: v\n        l: w\n"},
		{"spec:\n  encryptedData: {} # none\n", "{\"spec\":{\"encryptedData\":{\"b\":\"NEW\"}}}",
			"spec:\n  encryptedData: {\"b\": \"NEW\"} # none\n"},
		{"# a\nspec:\n  encryptedData:\n    a: AgA # x\n",
			"{\"spec\":{\"encryptedData\":{\"a\":\"AgA\"},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}}}}}",
			"# a\nspec:\n  encryptedData:\n    a: AgA # x\n  template:\n    metadata:\n      labels:\n        a: b\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CLEANUP(buf_done) struct buf out = BUF(1 << 16);
		CLEANUP(json_done) json_t *meant = parse(rows[i].meant);
		assert_true(merge_text(rows[i].text, strlen(rows[i].text), meant, &out));
		assert_string_equal(buf_string(&out), rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_values_change),
		cmocka_unit_test(what_is_new_stands_beside_what_is_there),
		cmocka_unit_test(the_end_of_the_file_may_have_no_line_end),
		cmocka_unit_test(a_layout_that_does_not_allow_it_is_said_and_nothing_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
