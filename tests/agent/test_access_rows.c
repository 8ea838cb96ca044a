#include "agent/show/access_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static json_t *item(const char *object, const char *privilege, const char *via)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s], s:s, s:b}", "user", "alice", "database", "app",
		"kind", "table", "object", object, "privilege", privilege, "via", via, "origin", "hand",
		"byHand", 1);
}

static void privileges_by_one_way_are_one_row(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	CLEANUP(json_done)
	json_t *items = json_pack("[o, o, o]", item("s.t", "INSERT", "readers"),
		item("s.t", "INSERT", "others"), item("s.t", "SELECT", "readers"));
	struct access_row *rows;
	(void)state;
	assert_int_equal(access_rows(items, false, mem, &rows), 2);
	assert_string_equal(rows[0].privileges, "INSERT, SELECT");
	assert_string_equal(rows[0].through, "readers");
	assert_string_equal(rows[1].privileges, "INSERT");
	assert_string_equal(rows[1].given, "by hand");
}

static void objects_of_a_schema_are_one_row_unless_all_are_asked_for(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	CLEANUP(json_done)
	json_t *items = json_pack("[o, o, o, o, o]", item("s.a", "SELECT", "r"), item("s.b", "SELECT", "r"),
		item("s.c", "SELECT", "r"), item("s.d", "SELECT", "r"), item("t.a", "SELECT", "r"));
	struct access_row *rows;
	(void)state;
	assert_int_equal(access_rows(items, false, mem, &rows), 2);
	assert_string_equal(rows[0].object, "tables s.a, s.b, s.c and 1 more");
	assert_string_equal(rows[1].object, "table t.a");
	assert_int_equal(access_rows(items, true, mem, &rows), 5);
}

static void a_way_is_told_from_her_to_whom_it_is_granted_to(void **state)
{
	static const struct {
		const char *text, *through, *given, *note;
	} cases[] = {
		{"{\"via\": []}", "directly", "by hand", ""},
		{"{\"via\": [\"a\", \"public\"]}", "a > PUBLIC", "by hand", ""},
		{"{\"via\": [\"a\", \"b\", \"c\"], \"setRole\": \"b\"}", "SET ROLE b > c", "by hand", ""},
		{"{\"via\": [\"b\"], \"setRole\": \"b\", \"hand\": \"membership of alice in b\"}",
			"SET ROLE b", "by hand: membership of alice in b", ""},
		{"{\"via\": [\"a\", \"b\"], \"kind\": \"role\", \"object\": \"b\"}", "a", "by hand", ""},
		{"{\"origin\": \"git\", \"file\": \"x/users.yaml\", \"line\": 7, \"commit\": \"0123456789\"}",
			"directly", "users.yaml:7 (0123456)", ""},
		{"{\"origin\": \"default\", \"needs\": \"USAGE on schema s\", \"rowSecurity\": true, \"more\": 1}",
			"directly", "PostgreSQL's default",
			"without effect: needs USAGE on schema s; row security says which rows; and 1 more way"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
		CLEANUP(json_done) json_t *items = json_array();
		json_array_append_new(items, json_loads(cases[i].text, 0, NULL));
		struct access_row *rows;
		assert_int_equal(access_rows(items, false, mem, &rows), 1);
		assert_string_equal(rows[0].through, cases[i].through);
		assert_string_equal(rows[0].given, cases[i].given);
		assert_string_equal(rows[0].note, cases[i].note);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(privileges_by_one_way_are_one_row),
		cmocka_unit_test(objects_of_a_schema_are_one_row_unless_all_are_asked_for),
		cmocka_unit_test(a_way_is_told_from_her_to_whom_it_is_granted_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
