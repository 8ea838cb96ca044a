#include "reconcile/kubernetes/operator_settings.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

#define MAP(namespace, data)                                                                                 \
	"{\"metadata\":{\"namespace\":\"" namespace "\",\"name\":\"postgres-operator\"},\"data\":" data "}"
#define CONFIGURATION(namespace, upgrade)                                                                                         \
	"{\"metadata\":{\"namespace\":\"" namespace "\",\"name\":\"conf\"},\"configuration\":{\"major_version_upgrade\":" upgrade \
						    "}}"

/* As "MODE TEAMS MINIMAL TARGET WHERE", or why it is not known. */
static void check(const char *maps, const char *configurations, const char *expected)
{
	struct arena *mem = arena_new(1 << 16);
	json_t *a = read_json(maps), *b = read_json(configurations);
	struct operator_settings found;
	operator_settings_of(a, b, mem, &found);
	const char *text = found.upgrade_mode ? arena_printf(mem, "%s %s %s %s %s", found.upgrade_mode,
							found.teams, found.minimal, found.target, found.where)
					      : found.why;
	assert_string_equal(text, expected);
	json_decref(a);
	json_decref(b);
	arena_free(mem);
}

static void both_places_are_read(void **state)
{
	(void)state;
	check("[]", "[]", "no ConfigMap postgres-operator and no OperatorConfiguration is there");
	check("[" MAP("op",
		      "{\"major_version_upgrade_mode\":\"off\",\"major_version_upgrade_team_allow_list\":\"a, b\"}") "]",
		"[]", "off ,a,b, 14 18 ConfigMap op/postgres-operator");
	check("[]",
		"[" CONFIGURATION("op",
			"{\"major_version_upgrade_mode\":\"full\",\"major_version_upgrade_team_allow_list\":[\"a\",7],"
			"\"minimal_major_version\":\"15\",\"target_major_version\":\"17\"}") "]",
		"full ,,a,, 15 17 OperatorConfiguration op/conf");
}

static void what_is_not_said_is_the_default(void **state)
{
	(void)state;
	check("[" MAP("op", "{}") "]", "[]", "manual ,, 14 18 ConfigMap op/postgres-operator");
	check("[" MAP("op", "7") "]", "[]", "manual ,, 14 18 ConfigMap op/postgres-operator");
	check("[]", "[" CONFIGURATION("op", "{\"major_version_upgrade_mode\":\"\"}") "]",
		"manual ,, 14 18 OperatorConfiguration op/conf");
	check("[]", "[{}]", "manual ,, 14 18 OperatorConfiguration ");
}

static void of_several_each_has_to_say_the_same(void **state)
{
	(void)state;
	const char *two = "[" MAP("a", "{}") "," MAP("b", "{\"major_version_upgrade_mode\":\"manual\"}") "]";
	check(two, "[]", "manual ,, 14 18 ConfigMap a/postgres-operator");
	check(two,
		"[" CONFIGURATION("c", "{\"major_version_upgrade_mode\":\"off\"}") "," CONFIGURATION(
			"d", "{}") "]",
		"ConfigMap a/postgres-operator and OperatorConfiguration c/conf say different things");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_places_are_read),
		cmocka_unit_test(what_is_not_said_is_the_default),
		cmocka_unit_test(of_several_each_has_to_say_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
