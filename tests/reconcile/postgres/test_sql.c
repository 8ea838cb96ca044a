#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reconcile/postgres/sql.h"

static void test_names_are_quoted(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	assert_string_equal(sql_identifier("alice", mem), "\"alice\"");
	assert_string_equal(sql_identifier("a\"b", mem), "\"a\"\"b\"");
	assert_string_equal(sql_identifier("\"", mem), "\"\"\"\"");
	assert_string_equal(sql_identifier("a'b\\c;--", mem), "\"a'b\\c;--\"");
	assert_string_equal(sql_identifier("\xc3\xa9", mem), "\"\xc3\xa9\"");
	arena_free(mem);
}

static void test_texts_are_quoted(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	assert_string_equal(sql_literal("", mem), "''");
	assert_string_equal(sql_literal("it's", mem), "'it''s'");
	assert_string_equal(sql_literal("a\"b", mem), "'a\"b'");
	assert_string_equal(sql_literal("a\\'b", mem), " E'a\\\\''b'");
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_quoted),
		cmocka_unit_test(test_texts_are_quoted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
