#include "fixture.h"

static int widgets_are_cluster_scoped(void *context, const char *group, const char *kind)
{
	++*(int *)context;
	if (strcmp(group, "example.org") == 0 && strcmp(kind, "Widget") == 0)
		return 0;
	return strcmp(kind, "Node") == 0 ? 1 : -1;
}

static const struct object *find(const struct fixture *fixture, const char *group, const char *kind,
	const char *namespace, const char *name)
{
	return objects_find(&fixture->desired.objects, &(struct object_key){group, kind, namespace, name});
}

static void a_namespaced_object_gets_the_destinations_namespace(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
	char before[DIGEST_HEX_SIZE];
	memcpy(before, fixture->desired.objects.items[0].hash, sizeof(before));
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	const struct object *object = find(fixture, "", "ConfigMap", "team", "a");
	assert_non_null(object);
	assert_string_equal(object->json,
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"namespace\":\"team\"}}");
	assert_int_equal(object->json_length, strlen(object->json));
	assert_string_not_equal(object->hash, before);
}

static void a_namespace_of_its_own_stays(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(
		fixture, "f.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: own}\n");
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_non_null(find(fixture, "", "ConfigMap", "own", "a"));
}

static void without_any_namespace_the_object_is_a_mistake(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml", "\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
	desired_complete(&fixture->desired, "", NULL, NULL, fixture->mem);
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:2: ConfigMap \"a\" has no namespace: set metadata.namespace, or spec.destination.namespace of the "
		"Application\n");
}

static void a_cluster_scoped_object_has_no_namespace(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n"
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r, namespace: x}\n");
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_non_null(find(fixture, "", "Namespace", "", "a"));
	assert_string_equal(fixture_mistakes(fixture), "");
	const struct object *role = find(fixture, "rbac.authorization.k8s.io", "ClusterRole", "", "r");
	assert_non_null(role);
	assert_null(strstr(role->json, "namespace"));
}

static void the_set_itself_then_the_cluster_then_the_table_know_the_scope(void **state)
{
	int asked = 0;
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: gears.example.org}\n"
		"spec: {group: example.org, scope: Cluster, names: {kind: Gear}}\n---\n"
		"apiVersion: example.org/v1\nkind: Gear\nmetadata: {name: g}\n---\n"
		"apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n---\n"
		"apiVersion: v1\nkind: Node\nmetadata: {name: node}\n---\n"
		"apiVersion: example.org/v1\nkind: Unknown\nmetadata: {name: u}\n");
	desired_complete(&fixture->desired, "team", widgets_are_cluster_scoped, &asked, fixture->mem);
	assert_string_equal(fixture_mistakes(fixture), "");
	assert_non_null(find(fixture, "example.org", "Gear", "", "g"));
	assert_non_null(find(fixture, "example.org", "Widget", "", "w"));
	assert_non_null(find(fixture, "", "Node", "team", "node"));
	assert_non_null(find(fixture, "example.org", "Unknown", "team", "u"));
	assert_non_null(
		find(fixture, "apiextensions.k8s.io", "CustomResourceDefinition", "", "gears.example.org"));
	assert_int_equal(asked, 4);
}

static void the_last_of_equal_objects_wins_with_a_warning(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "edit-users.yaml",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: one}\n");
	fixture_read(fixture, "more.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n");
	fixture_read(fixture, "users.yaml",
		"# c\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team}\ndata: {x: two}\n");
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_int_equal(fixture->desired.objects.count, 2);
	assert_non_null(strstr(find(fixture, "", "ConfigMap", "team", "a")->json, "two"));
	assert_string_equal(fixture_mistakes(fixture), "");
	assert_string_equal(fixture_warnings(fixture),
		"users.yaml:2: ConfigMap team/a stands here and at edit-users.yaml:1: the last one in path order, this one, "
		"is used\n");
}

static void three_equal_objects_leave_the_last(void **state)
{
	struct fixture *fixture = *state;
	for (int i = 0; i < 3; i++)
		fixture_read(fixture, "f.yaml",
			arena_printf(fixture->mem,
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"%d\"}\n", i));
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_int_equal(fixture->desired.objects.count, 1);
	assert_non_null(strstr(fixture->desired.objects.items[0].json, "\"2\""));
	assert_int_equal(fixture->desired.warnings.count, 2);
}

static void versions_of_one_kind_are_one_object(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n---\napiVersion: apps/v1beta1\nkind: Deployment\n"
		"metadata: {name: a}\n");
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_int_equal(fixture->desired.objects.count, 1);
	assert_string_equal(fixture->desired.objects.items[0].version, "v1beta1");
}

static void objects_are_sorted_by_key(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: b}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n"
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n");
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	for (size_t i = 1; i < fixture->desired.objects.count; i++)
		assert_true(object_key_compare(&fixture->desired.objects.items[i - 1].key,
				    &fixture->desired.objects.items[i].key) < 0);
	assert_int_equal(fixture->desired.objects.count, 4);
}

static void an_empty_set_stays_empty(void **state)
{
	struct fixture *fixture = *state;
	desired_complete(&fixture->desired, "team", NULL, NULL, fixture->mem);
	assert_int_equal(fixture->desired.objects.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(a_namespaced_object_gets_the_destinations_namespace),
		FIXTURE_TEST(a_namespace_of_its_own_stays),
		FIXTURE_TEST(without_any_namespace_the_object_is_a_mistake),
		FIXTURE_TEST(a_cluster_scoped_object_has_no_namespace),
		FIXTURE_TEST(the_set_itself_then_the_cluster_then_the_table_know_the_scope),
		FIXTURE_TEST(the_last_of_equal_objects_wins_with_a_warning),
		FIXTURE_TEST(three_equal_objects_leave_the_last),
		FIXTURE_TEST(versions_of_one_kind_are_one_object),
		FIXTURE_TEST(objects_are_sorted_by_key),
		FIXTURE_TEST(an_empty_set_stays_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
