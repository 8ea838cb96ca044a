/*
 * The name of a table as people write it, and what PostgreSQL's own roles mean.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reconcile/access/world.h"

static void a_table_is_named_with_its_schema(void **state)
{
	(void)state;
	static const struct {
		const char *text, *schema, *table; /* NULL = is no such name */
	} cases[] = {
		{"public.orders", "public", "orders"},
		{"Public.Orders", "Public", "Orders"},
		{"\"my.schema\".\"a \"\"b\"\"\"", "my.schema", "a \"b\""},
		{"s.\"t.u\"", "s", "t.u"},
		{"a\"b.t", "a\"b", "t"},
		{"orders", NULL, NULL},
		{"", NULL, NULL},
		{".", NULL, NULL},
		{"s.", NULL, NULL},
		{".t", NULL, NULL},
		{"\"s.t", NULL, NULL},
		{"\"s\"t.u", NULL, NULL},
		{"s.\"t\"u", NULL, NULL},
		{"s.\"\"", NULL, NULL},
		{"a.b.c", NULL, NULL},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(arena_freep) struct arena *mem = arena_new(65536);
		struct access_question question = {0};
		assert_int_equal(access_table(cases[i].text, mem, &question), cases[i].schema != NULL);
		if (!cases[i].schema)
			continue;
		assert_string_equal(question.schema, cases[i].schema);
		assert_string_equal(question.table, cases[i].table);
	}
}

static void roles_of_postgresql_mean_something(void **state)
{
	(void)state;
	assert_non_null(words_of_role("pg_read_all_data"));
	assert_non_null(words_of_role("pg_execute_server_program"));
	assert_null(words_of_role("readers"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_named_with_its_schema),
		cmocka_unit_test(roles_of_postgresql_mean_something),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
