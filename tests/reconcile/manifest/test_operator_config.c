#include "fixture.h"

static void expect(struct fixture *fixture, const char *name, const char *data, const char *mistakes,
	const char *warnings)
{
	fixture_read(fixture, "f.yaml",
		arena_printf(fixture->mem, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata:\n%s",
			name, data));
	assert_string_equal(fixture_mistakes(fixture), mistakes);
	assert_string_equal(fixture_warnings(fixture), warnings);
}

static void good_settings_are_taken(void **state)
{
	expect(*state, "postgres-operator",
		"  enable_teams_api: \"false\"\n  workers: \"8\"\n  resync_period: 30m\n  repair_period: 1h30m5s\n  max_instances: \"-1\"\n"
		"  major_version_upgrade_mode: \"off\"\n  watched_namespace: \"*\"\n  etcd_host: \"\"\n  storage_resize_mode: pvc\n",
		"", "");
}

static void an_unknown_setting_names_its_neighbour(void **state)
{
	expect(*state, "postgres-operator", "  enable_team_api: \"false\"\n  something_else_entirely: x\n", "",
		"f.yaml:5:3: the postgres-operator knows no setting \"enable_team_api\" and passes over it: did you mean \"enable_teams_api\"?\n"
		"f.yaml:6:3: the postgres-operator knows no setting \"something_else_entirely\" and passes over it\n");
}

static void a_value_that_stops_the_operator_is_a_mistake(void **state)
{
	expect(*state, "postgres-operator",
		"  enable_teams_api: \"no\"\n  workers: many\n  resync_period: 30 minutes\n  major_version_upgrade_mode: auto\n",
		"f.yaml:5:21: the postgres-operator does not start with this \"enable_teams_api\": it must be \"true\" or \"false\"\n"
		"f.yaml:6:12: the postgres-operator does not start with this \"workers\": it must be an integer\n"
		"f.yaml:7:18: the postgres-operator does not start with this \"resync_period\": it must be a duration such as 30s or 10m\n"
		"f.yaml:8:31: the postgres-operator does not start with this \"major_version_upgrade_mode\": it must be one of: off manual full\n",
		"");
}

static void what_operator_2_has_no_more_is_said(void **state)
{
	expect(*state, "postgres-operator", "  enable_crd_validation: \"true\"\n", "",
		"f.yaml:5:3: operator 2 has no setting \"enable_crd_validation\" any more: take it out\n");
}

static void it_is_known_by_its_settings_under_any_name(void **state)
{
	expect(*state, "pg-config",
		"  workers: \"8\"\n  resync_period: 30m\n  cluster_domain: x\n  docker_image: spilo\n  enable_sidecar: \"true\"\n  api_port: \"8080\"\n",
		"",
		"f.yaml:9:3: the postgres-operator knows no setting \"enable_sidecar\" and passes over it: did you mean \"enable_sidecars\"?\n");
}

static void other_config_maps_are_left_alone(void **state)
{
	expect(*state, "app", "  workers: many\n  colour: red\n", "", "");
}

static void an_operator_configuration_has_sections(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: acid.zalan.do/v1\nkind: OperatorConfiguration\nmetadata: {name: a}\nconfiguration:\n  workers: 8\n  workrs: 8\n"
		"  kubernetes:\n    cluster_labels: {application: spilo}\n    enable_finalizer: false\n    pod_management_policy: some\n");
	assert_string_equal(fixture_warnings(fixture),
		"f.yaml:6:3: the postgres-operator knows no setting \"workrs\" and passes over it: did you mean \"workers\"?\n"
		"f.yaml:9:5: the postgres-operator knows no setting \"enable_finalizer\" and passes over it: did you mean \"enable_finalizers\"?\n");
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:10:28: the postgres-operator does not start with this \"pod_management_policy\": it must be one of: ordered_ready parallel\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(good_settings_are_taken),
		FIXTURE_TEST(an_unknown_setting_names_its_neighbour),
		FIXTURE_TEST(a_value_that_stops_the_operator_is_a_mistake),
		FIXTURE_TEST(what_operator_2_has_no_more_is_said),
		FIXTURE_TEST(it_is_known_by_its_settings_under_any_name),
		FIXTURE_TEST(other_config_maps_are_left_alone),
		FIXTURE_TEST(an_operator_configuration_has_sections),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
