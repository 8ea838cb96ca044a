#include "fixture.h"

/* A good object with other lines for name, users and the end of spec. */
static const char *object(struct fixture *fixture, const char *name, const char *rest)
{
	return arena_printf(fixture->mem,
		"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: %s\nspec:\n  teamId: acid\n"
		"  numberOfInstances: 2\n  volume: {size: 10Gi}\n"
		"  postgresql: {version: \"16\", parameters: {max_connections: \"100\"}}\n%s",
		name, rest);
}

static void expect(struct fixture *fixture, const char *rest, const char *mistakes)
{
	fixture_expect(fixture, object(fixture, "acid-minimal", rest), mistakes);
}

static void a_good_object_is_taken(void **state)
{
	struct fixture *fixture = *state;
	expect(fixture,
		"  users: {app: [], admin.user_x: [superuser, createdb]}\n  databases: {app: app}\n"
		"  preparedDatabases: {bar: {}}\n  allowedSourceRanges:\n  patroni: {pg_hba: [x]}\n"
		"  maintenanceWindows: ['01:00-06:00', 'Sat:22:00-23:30']\n  clone: {cluster: acid-old}\n  enableShmVolume: true\n",
		"");
	assert_int_equal(fixture->desired.objects.count, 1);
}

static void an_unknown_field_names_its_neighbour(void **state)
{
	expect(*state, "  numberOfInstance: 2\n  somethingElse: 1\n",
		"f.yaml:10:3: spec has no field \"numberOfInstance\": did you mean \"numberOfInstances\"?\n"
		"f.yaml:11:3: spec has no field \"somethingElse\"\n");
}

static void a_field_that_operator_2_removed_names_its_successor(void **state)
{
	expect(*state, "  useLoadBalancer: true\n  init_containers: []\n",
		"f.yaml:10:3: operator 2 has no field \"useLoadBalancer\" any more: use \"enableMasterLoadBalancer\"\n"
		"f.yaml:11:3: operator 2 has no field \"init_containers\" any more: use \"initContainers\"\n");
}

static void basic_types_are_checked(void **state)
{
	fixture_expect(*state,
		"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: a}\nspec:\n  teamId: 7\n  numberOfInstances: \"2\"\n"
		"  volume: {size: 10}\n  postgresql: {version: 16, parameters: {work_mem: 64, x: on}}\n  users: [a]\n  env: {}\n",
		"f.yaml:5:11: spec.teamId is an integer and must be a string: put it in quotes\n"
		"f.yaml:6:22: spec.numberOfInstances is a string and must be an integer\n"
		"f.yaml:9:10: spec.users is a list and must be a map\n"
		"f.yaml:10:8: spec.env is a map and must be a list\n"
		"f.yaml:8:25: spec.postgresql.version is an integer and must be a string: put it in quotes\n"
		"f.yaml:7:18: spec.volume.size is an integer and must be a string: put it in quotes\n"
		"f.yaml:8:52: spec.postgresql.parameters: \"work_mem\" is an integer and must be a string: put it in quotes\n"
		"f.yaml:8:59: spec.postgresql.parameters: \"x\" is a boolean and must be a string: put it in quotes\n");
}

static void what_is_required_must_be_there(void **state)
{
	fixture_expect(*state,
		"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: a}\nspec: {numberOfInstances: -1, volume: {}}\n"
		"---\napiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: b}\n",
		"f.yaml:4:1: spec.teamId is missing\nf.yaml:4:1: spec.postgresql is missing\n"
		"f.yaml:4:31: spec.volume.size is missing\nf.yaml:4:27: spec.numberOfInstances may not be negative\n"
		"f.yaml:6:1: spec is missing\n");
}

static void a_user_without_flags_would_be_lost(void **state)
{
	expect(*state, "  users:\n    app:\n",
		"f.yaml:11:5: user \"app\" has no flags (null) and would not be created: write \"[]\"\n");
}

static void names_of_users_follow_the_operators_rule(void **state)
{
	expect(*state, "  users: {App: [], a..b: [], -a: [], a.b-c_d.e: [], 'a b': []}\n",
		"f.yaml:10:11: user \"App\": the operator takes lower-case letters, digits, '-', '_' and '.' only, and stops for all users\n"
		"f.yaml:10:20: user \"a..b\": the operator takes lower-case letters, digits, '-', '_' and '.' only, and stops for all users\n"
		"f.yaml:10:30: user \"-a\": the operator takes lower-case letters, digits, '-', '_' and '.' only, and stops for all users\n"
		"f.yaml:10:53: user \"a b\": the operator takes lower-case letters, digits, '-', '_' and '.' only, and stops for all users\n");
}

static void system_users_shared_secrets_and_contradictions_are_found(void **state)
{
	expect(*state, "  users:\n    postgres: []\n    a-b: [login, NOLOGIN]\n    a_b: [admin, 3]\n    c: x\n",
		"f.yaml:11:5: user \"postgres\" belongs to PostgreSQL or the operator\n"
		"f.yaml:12:18: user \"a-b\": this flag contradicts another one\n"
		"f.yaml:13:5: user \"a_b\" would share its Secret with \"a-b\" (line 12): '-' and '_' are equal there\n"
		"f.yaml:13:11: user \"a_b\": not a role flag such as createdb or nologin\n"
		"f.yaml:13:18: user \"a_b\": not a role flag such as createdb or nologin\n"
		"f.yaml:14:8: user \"c\": its flags must be a list\n");
}

static void databases_windows_and_clones_are_checked(void **state)
{
	expect(*state,
		"  databases: {my-app: app, 1a: app}\n  preparedDatabases: {my-bar: {}}\n"
		"  maintenanceWindows: ['06:00-01:00', 'soon', 3]\n  clone: {cluster: 9lives}\n",
		"f.yaml:10:15: spec.databases: \"my-app\": the operator takes letters, digits and '_' only\n"
		"f.yaml:10:28: spec.databases: \"1a\": the operator takes letters, digits and '_' only\n"
		"f.yaml:11:23: spec.preparedDatabases: \"my-bar\": the operator takes letters, digits and '_' only\n"
		"f.yaml:12:24: spec.maintenanceWindows: the window ends before it starts\n"
		"f.yaml:12:39: spec.maintenanceWindows: write 01:00-06:00 or Sat:01:00-06:00\n"
		"f.yaml:12:47: spec.maintenanceWindows: write 01:00-06:00 or Sat:01:00-06:00\n"
		"f.yaml:13:20: spec.clone.cluster is not the name of a cluster\n");
}

static void what_belongs_to_the_operator_is_no_user_and_is_not_rotated(void **state)
{
	expect(*state, "  users: {cron_admin: [], zalandos: []}\n  usersWithSecretRotation: [app, postgres]\n",
		"f.yaml:10:11: user \"cron_admin\" belongs to PostgreSQL or the operator\n"
		"f.yaml:10:27: user \"zalandos\" belongs to PostgreSQL or the operator\n"
		"f.yaml:11:34: spec.usersWithSecretRotation: \"postgres\" is a system user: its Secret would name a new user, and the Pods are locked out\n");
}

static void schemas_of_prepared_databases_have_names_of_their_own(void **state)
{
	expect(*state, "  preparedDatabases:\n    bar: {schemas: {data: {}, my-data: {}}}\n",
		"f.yaml:11:31: spec.preparedDatabases.bar.schemas: \"my-data\": the operator takes letters, digits and '_' only\n");
}

static void a_version_that_operator_2_does_not_know_is_warned_of(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_copy(fixture->mem, object(fixture, "acid-minimal", ""));
	memcpy(strstr(text, "\"16\""), "\"13\"", 4);
	fixture_read(fixture, "f.yaml", text);
	assert_string_equal(fixture_mistakes(fixture), "");
	assert_string_equal(fixture_warnings(fixture),
		"f.yaml:9:25: spec.postgresql.version \"13\": operator 2.0 knows 14 to 18\n");
}

static void a_cluster_name_has_52_characters_and_no_dot(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml", object(fixture, fixture_repeat(fixture, "a", 52), ""));
	assert_int_equal(fixture->desired.objects.count, 1);
	fixture_read(fixture, "f.yaml", object(fixture, fixture_repeat(fixture, "a", 53), ""));
	fixture_read(fixture, "f.yaml", object(fixture, "a.b", ""));
	fixture_read(fixture, "f.yaml", object(fixture, "9a", ""));
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:4:9: the name has 53 characters: pods of a cluster whose name has more than 52 cannot start\n"
		"f.yaml:4:9: the name of a cluster must begin with a letter and hold lower-case letters, digits and '-' only, no dot\n"
		"f.yaml:4:9: the name of a cluster must begin with a letter and hold lower-case letters, digits and '-' only, no dot\n");
}

static void other_groups_and_kinds_are_left_alone(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"apiVersion: example.org/v1\nkind: postgresql\nmetadata: {name: a.b}\n---\n"
		"apiVersion: acid.zalan.do/v1\nkind: OperatorConfiguration\nmetadata: {name: a.b}\nspec: {x: 1}\n",
		"");
	assert_int_equal(fixture->desired.objects.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_good_object_is_taken),
		FIXTURE_TEST(an_unknown_field_names_its_neighbour),
		FIXTURE_TEST(a_field_that_operator_2_removed_names_its_successor),
		FIXTURE_TEST(basic_types_are_checked),
		FIXTURE_TEST(what_is_required_must_be_there),
		FIXTURE_TEST(a_user_without_flags_would_be_lost),
		FIXTURE_TEST(names_of_users_follow_the_operators_rule),
		FIXTURE_TEST(system_users_shared_secrets_and_contradictions_are_found),
		FIXTURE_TEST(databases_windows_and_clones_are_checked),
		FIXTURE_TEST(what_belongs_to_the_operator_is_no_user_and_is_not_rotated),
		FIXTURE_TEST(schemas_of_prepared_databases_have_names_of_their_own),
		FIXTURE_TEST(a_version_that_operator_2_does_not_know_is_warned_of),
		FIXTURE_TEST(a_cluster_name_has_52_characters_and_no_dot),
		FIXTURE_TEST(other_groups_and_kinds_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
