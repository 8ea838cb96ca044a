/* Two states of a sealed file made one, and conflict markers taken apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/sealed/sealed_join.h"

#define SEALED(name, value)                                                                                  \
	"---\nkind: SealedSecret\nmetadata:\n  name: " name                                                  \
	"\n  namespace: p\nspec:\n  encryptedData:\n    password: " value "\n"
#define OTHER "---\nkind: ConfigMap\nmetadata:\n  name: x\n"

static bool yes(const void *context, const char *secret)
{
	(void)context;
	return strcmp(secret, "a") == 0;
}

static void documents_are_joined_one_by_one(void **state)
{
	static const struct {
		const char *base, *ours, *theirs, *expected; /* NULL = refused */
	} rows[] = {
		{SEALED("a", "1"), SEALED("a", "1") SEALED("b", "2"), SEALED("a", "1") SEALED("c", "3"),
			SEALED("a", "1") SEALED("b", "2") SEALED("c", "3")},
		{SEALED("a", "1"), SEALED("a", "2"), SEALED("a", "1"), SEALED("a", "2")},
		{SEALED("a", "1"), SEALED("a", "1"), SEALED("a", "2"), SEALED("a", "2")},
		{SEALED("a", "1") SEALED("b", "1"), SEALED("b", "1"), SEALED("a", "1") SEALED("b", "1"),
			SEALED("b", "1")},
		{SEALED("a", "1") SEALED("b", "1"), SEALED("a", "1") SEALED("b", "1"), SEALED("b", "1"),
			SEALED("b", "1")},
		{SEALED("a", "1"), "", SEALED("a", "2"), SEALED("a", "2")}, /* removed and changed: not lost */
		{SEALED("a", "1"), SEALED("a", "2"), SEALED("a", "3"),
			SEALED("a", "2")}, /* the edit file has a's password */
		{SEALED("b", "1"), SEALED("b", "2"), SEALED("b", "3"), NULL},
		{NULL, SEALED("a", "1") OTHER, SEALED("b", "2") OTHER, SEALED("a", "1") OTHER SEALED("b", "2")},
		{NULL, SEALED("b", "1") SEALED("b", "1"), SEALED("b", "1") SEALED("b", "1"),
			SEALED("b", "1")}, /* keep both */
		{NULL, SEALED("b", "1") SEALED("b", "2"), SEALED("b", "1") SEALED("b", "2"), NULL},
		{SEALED("b", "1"), SEALED("b", "1") SEALED("b", "2"), SEALED("b", "1") SEALED("b", "2"),
			SEALED("b", "2")},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct arena *mem = arena_new(1 << 22);
		struct mistakes mistakes = {.mem = mem};
		CLEANUP(buf_done) struct buf out = BUF(1 << 20);
		const struct sealed_join join = {.file = "sealed",
			.base = rows[i].base,
			.ours = rows[i].ours,
			.theirs = rows[i].theirs,
			.may_choose = yes};
		print_message("row %zu\n", i);
		assert_int_equal(sealed_join(&join, mem, &out, &mistakes), rows[i].expected != NULL);
		if (rows[i].expected)
			assert_string_equal(buf_string(&out), rows[i].expected);
		else
			assert_non_null(strstr(mistakes.items[0].text, "sealed on both sides"));
		arena_free(mem);
	}
}

static void markers_are_found_and_taken_apart(void **state)
{
	static const char text[] = "a\n<<<<<<< HEAD\nb\n||||||| base\nx\n=======\nc\n>>>>>>> other\nd\n";
	CLEANUP(buf_done) struct buf ours = BUF(100);
	CLEANUP(buf_done) struct buf theirs = BUF(100);
	CLEANUP(buf_done) struct buf none = BUF(100);
	(void)state;
	assert_int_equal(conflict_line(text, strlen(text)), 2);
	assert_int_equal(conflict_line("a\n=======\n  <<<<<<< x\n", 22), 0);
	assert_true(conflict_side(text, strlen(text), 0, &ours));
	assert_true(conflict_side(text, strlen(text), 1, &theirs));
	assert_string_equal(buf_string(&ours), "a\nb\nd\n");
	assert_string_equal(buf_string(&theirs), "a\nc\nd\n");
	assert_false(conflict_side(text, strlen(text) - 20, 0, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_joined_one_by_one),
		cmocka_unit_test(markers_are_found_and_taken_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
