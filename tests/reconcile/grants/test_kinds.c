/*
 * The words of users.yaml for what privileges are for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reconcile/grants/kinds.h"

static void each_kind_has_its_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < GRANT_KINDS; i++) {
		enum grant_on on = GRANT_KINDS;
		bool defaults = grant_kinds[i].defaults;
		assert_non_null(grant_kinds[i].privileges[0].name);
		if (!grant_kinds[i].word) { /* told and left: users.yaml cannot say them */
			assert_true(i == GRANT_ON_LARGE_OBJECT || i == GRANT_ON_WRAPPER ||
				i == GRANT_ON_TABLESPACE || i == GRANT_DEFAULT_LARGE_OBJECTS);
			continue;
		}
		assert_true(defaults ? grant_default_of(grant_kinds[i].word, &on)
				     : grant_on_of(grant_kinds[i].word, &on));
		assert_int_equal(on, i);
	}
	enum grant_on on;
	assert_false(grant_on_of("table", &on));
	assert_false(grant_default_of("database", &on));
}

static void a_privilege_is_one_of_its_kind(void **state)
{
	(void)state;
	assert_string_equal(grant_privilege(GRANT_ON_TABLE, "select"), "SELECT");
	assert_string_equal(grant_privilege(GRANT_ON_TABLE, "All"), "ALL");
	assert_string_equal(grant_privilege(GRANT_ON_DATABASE, "temp"), "TEMPORARY");
	assert_null(grant_privilege(GRANT_ON_TABLE, "CONNECT"));
	assert_null(grant_privilege(GRANT_ON_TABLE, "SELECT; DROP TABLE t"));
	assert_null(grant_privilege(GRANT_ON_TABLE, ""));
}

static void what_leads_to_superuser_is_refused(void **state)
{
	static const struct {
		struct grant grant;
		bool refused;
	} cases[] = {
		{{.on = GRANT_ON_TABLE, .schema = "pg_catalog", .name = "pg_authid"}, true},
		{{.on = GRANT_ON_SCHEMA, .schema = "", .name = "user_management"}, true},
		{{.on = GRANT_ON_FUNCTION, .schema = "cron", .name = "schedule"}, true},
		{{.on = GRANT_ON_TABLE, .schema = "pg_toast_temp_1", .name = "t"}, true},
		{{.on = GRANT_ON_PARAMETER, .schema = "", .name = "session_preload_libraries"}, true},
		{{.on = GRANT_ON_LANGUAGE, .schema = "", .name = "plpython3u"}, true},
		{{.on = GRANT_ON_LANGUAGE, .schema = "", .name = "plpgsql"}, false},
		{{.on = GRANT_ON_TABLE, .schema = "public", .name = "pg_authid"}, false},
		{{.on = GRANT_DEFAULT_TABLES, .schema = "", .name = "owner"}, false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(grant_refusal(&cases[i].grant) != NULL, cases[i].refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_its_word),
		cmocka_unit_test(a_privilege_is_one_of_its_kind),
		cmocka_unit_test(what_leads_to_superuser_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
