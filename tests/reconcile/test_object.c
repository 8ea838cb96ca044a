#include "reconcile/object.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct object_key config_map = {"", "ConfigMap", "team", "settings"};
static const struct object_key cluster = {"acid.zalan.do", "postgresql", "default", "main"};
static const struct object_key role = {"rbac.authorization.k8s.io", "ClusterRole", "", "admin"};

static int open_arena(void **state)
{
	*state = arena_new(1 << 20);
	return 0;
}

static int close_arena(void **state)
{
	arena_free(*state);
	return 0;
}

static void keys_are_ordered_by_group_kind_namespace_and_name(void **state)
{
	static const struct object_key sorted[] = {{"", "A", "a", "a"}, {"", "A", "a", "b"},
		{"", "A", "b", "a"}, {"", "B", "", "a"}, {"a", "A", "a", "a"}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sorted); i++)
		for (size_t j = 0; j < COUNT_OF(sorted); j++) {
			int order = object_key_compare(&sorted[i], &sorted[j]);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
}

static void people_read_kind_group_namespace_and_name(void **state)
{
	assert_string_equal(object_key_text(&config_map, *state), "ConfigMap team/settings");
	assert_string_equal(object_key_text(&cluster, *state), "postgresql.acid.zalan.do default/main");
	assert_string_equal(object_key_text(&role, *state), "ClusterRole.rbac.authorization.k8s.io admin");
}

static void the_tracking_id_is_argo_cds(void **state)
{
	assert_string_equal(
		object_tracking_id(&config_map, "app", "x", *state), "app:/ConfigMap:team/settings");
	assert_string_equal(object_tracking_id(&cluster, "app", "x", *state),
		"app:acid.zalan.do/postgresql:default/main");
	assert_string_equal(object_tracking_id(&role, "app", "team", *state),
		"app:rbac.authorization.k8s.io/ClusterRole:team/admin");
}

static void the_api_version_has_a_group_or_none(void **state)
{
	const struct object core = {.key = config_map, .version = "v1"};
	const struct object custom = {.key = cluster, .version = "v1"};
	assert_string_equal(object_api_version(&core, *state), "v1");
	assert_string_equal(object_api_version(&custom, *state), "acid.zalan.do/v1");
}

static void an_object_is_found_by_its_key(void **state)
{
	struct object items[] = {{.key = config_map}, {.key = cluster}, {.key = role}};
	const struct objects objects = {items, COUNT_OF(items)}, none = {0};
	const struct object_key other = {"", "ConfigMap", "team", "other"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(items); i++)
		assert_ptr_equal(objects_find(&objects, &items[i].key), &items[i]);
	assert_null(objects_find(&objects, &other));
	assert_null(objects_find(&none, &config_map));
}

static void a_copied_key_outlives_its_source(void **state)
{
	char name[] = "settings";
	const struct object_key key = {"", "ConfigMap", "team", name};
	struct object_key copy = object_key_copy(&key, *state);
	name[0] = 'x';
	assert_int_equal(object_key_compare(&copy, &config_map), 0);
}

static void what_others_need_is_applied_first(void **state)
{
	static const struct {
		const char *group, *kind;
	} order[] = {{"", "Namespace"}, {"apiextensions.k8s.io", "CustomResourceDefinition"},
		{"", "ServiceAccount"}, {"", "Secret"}, {"", "ConfigMap"},
		{"rbac.authorization.k8s.io", "Role"}, {"rbac.authorization.k8s.io", "RoleBinding"},
		{"", "Service"}, {"apps", "Deployment"}, {"networking.k8s.io", "Ingress"},
		{"acid.zalan.do", "postgresql"}};
	(void)state;
	for (size_t i = 1; i < COUNT_OF(order); i++)
		assert_true(object_kind_rank(order[i - 1].group, order[i - 1].kind) <
			object_kind_rank(order[i].group, order[i].kind));
	assert_int_equal(object_kind_rank("example.org", "Namespace"),
		object_kind_rank("acid.zalan.do", "postgresql"));
}

static void only_the_core_secret_is_secret(void **state)
{
	const struct object_key secret = {"", "Secret", "a", "b"}, other = {"example.org", "Secret", "a", "b"};
	(void)state;
	assert_true(object_is_secret(&secret));
	assert_false(object_is_secret(&other));
	assert_false(object_is_secret(&config_map));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_ordered_by_group_kind_namespace_and_name),
		cmocka_unit_test_setup_teardown(
			people_read_kind_group_namespace_and_name, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(the_tracking_id_is_argo_cds, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(the_api_version_has_a_group_or_none, open_arena, close_arena),
		cmocka_unit_test(an_object_is_found_by_its_key),
		cmocka_unit_test_setup_teardown(a_copied_key_outlives_its_source, open_arena, close_arena),
		cmocka_unit_test(what_others_need_is_applied_first),
		cmocka_unit_test(only_the_core_secret_is_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
