#include "fixture.h"

static const struct manifest_directory flat = {.path = ""}, deep = {.path = "", .recurse = true};

static void manifests_are_yaml_yml_and_json_one_level_deep(void **state)
{
	(void)state;
	assert_true(manifest_wanted(&flat, "a.yaml"));
	assert_true(manifest_wanted(&flat, "a.yml"));
	assert_true(manifest_wanted(&flat, "a.json"));
	assert_false(manifest_wanted(&flat, "a.py"));
	assert_false(manifest_wanted(&flat, "README.md"));
	assert_false(manifest_wanted(&flat, "yaml"));
	assert_false(manifest_wanted(&flat, "a.yaml.sealed"));
	assert_false(manifest_wanted(&flat, "b/a.yaml"));
	assert_true(manifest_wanted(&deep, "b/c/a.yaml"));
}

static void exclude_is_asked_before_include(void **state)
{
	const struct manifest_directory both = {
		.path = "", .recurse = true, .include = "{a,b}/*.yaml", .exclude = "*/secret*"};
	(void)state;
	assert_true(manifest_wanted(&both, "a/x.yaml"));
	assert_true(manifest_wanted(&both, "b/c/x.yaml"));
	assert_false(manifest_wanted(&both, "c/x.yaml"));
	assert_false(manifest_wanted(&both, "a/secret-x.yaml"));
}

static void helm_and_kustomize_folders_are_known_by_their_files(void **state)
{
	(void)state;
	assert_non_null(strstr(manifest_refusal("Chart.yaml"), "Helm"));
	assert_non_null(strstr(manifest_refusal("kustomization.yml"), "Kustomize"));
	assert_non_null(strstr(manifest_refusal("Kustomization"), "Kustomize"));
	assert_non_null(strstr(manifest_refusal(".argocd-source.yaml"), "spec.source"));
	assert_non_null(strstr(manifest_refusal(".argocd-source-team.yaml"), "spec.source"));
	assert_null(manifest_refusal("values.yaml"));
	assert_null(manifest_refusal("charts/Chart.yaml"));
}

static void documents_become_objects_with_canonical_json_and_place(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"# head\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a, namespace: team}\ndata:\n  z: '1'\n  b: \"2\"\n"
		"---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\nspec: {replicas: 2}\n",
		"");
	struct objects *objects = &fixture->desired.objects;
	assert_int_equal(objects->count, 2);
	assert_string_equal(objects->items[0].json,
		"{\"apiVersion\":\"v1\",\"data\":{\"b\":\"2\",\"z\":\"1\"},\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"a\",\"namespace\":\"team\"}}");
	assert_int_equal(objects->items[0].json_length, strlen(objects->items[0].json));
	assert_int_equal(objects->items[0].line, 2);
	assert_string_equal(objects->items[0].file, "f.yaml");
	assert_string_equal(objects->items[0].key.namespace, "team");
	assert_string_equal(objects->items[1].key.group, "apps");
	assert_string_equal(objects->items[1].version, "v1");
	assert_string_equal(objects->items[1].key.namespace, "");
	assert_int_equal(objects->items[1].line, 9);
	assert_int_equal(strlen(objects->items[1].hash), 64);
	assert_int_equal(fixture->desired.files, 1);
	assert_int_equal(fixture->desired.bytes, objects->items[0].json_length + objects->items[1].json_length);
}

static void equal_objects_written_differently_have_one_hash(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(
		fixture, "a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: {x: 'y'}\n");
	fixture_read(fixture, "a.json",
		"{\"data\": {\"x\": \"y\"}, \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}, \"apiVersion\": \"v1\"}");
	assert_int_equal(fixture->desired.objects.count, 2);
	assert_string_equal(fixture->desired.objects.items[0].hash, fixture->desired.objects.items[1].hash);
}

static void lists_are_expanded(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"apiVersion: v1\nkind: List\nitems:\n"
		"- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
		"- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Secret, metadata: {name: b}}\n"
		"---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: c}\n"
		"---\napiVersion: v1\nkind: List\nitems:\n",
		"");
	const struct objects *objects = &fixture->desired.objects;
	assert_int_equal(objects->count, 3);
	assert_string_equal(objects->items[1].key.kind, "Secret");
	assert_string_equal(objects->items[2].key.kind, "ConfigMap");
	assert_string_equal(objects->items[2].key.name, "c");
	assert_int_equal(objects->items[2].line, 13);
	assert_string_equal(objects->items[2].json,
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}");
}

static void an_empty_list_is_said(void **state)
{
	fixture_expect(*state,
		"apiVersion: v1\nkind: List\nItems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"
		"---\napiVersion: v1\nkind: List\nitems: {}\n",
		"f.yaml:1:1: a List has \"items\", a list of objects; an empty one is \"items: []\"\n"
		"f.yaml:8:1: a List has \"items\", a list of objects; an empty one is \"items: []\"\n");
}

static void items_of_another_kind_are_refused_as_kubectl_would_apply_them_alone(void **state)
{
	fixture_expect(*state, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nitems: []\n",
		"f.yaml:4:1: \"items\" here makes a list of the object for kubectl and Argo CD, which apply its items alone: "
		"only a kind that ends with List may have it\n");
}

static void a_kind_that_ends_in_list_without_items_is_an_object(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture, "apiVersion: x.example.org/v1\nkind: AllowList\nmetadata: {name: a}\n", "");
	assert_string_equal(fixture->desired.objects.items[0].key.kind, "AllowList");
}

static void mistakes_within_lists_have_their_place(void **state)
{
	fixture_expect(*state, "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap}\n- 3\n",
		"f.yaml:4:3: metadata.name is missing\n"
		"f.yaml:5:3: an integer is no Kubernetes object: a map with apiVersion, kind and metadata is\n");
}

static void a_document_that_is_no_map_is_a_mistake(void **state)
{
	fixture_expect(*state, "just text\n---\n- a\n",
		"f.yaml:1:1: a string is no Kubernetes object: a map with apiVersion, kind and metadata is\n"
		"f.yaml:3:1: a list is no Kubernetes object: a map with apiVersion, kind and metadata is\n");
}

static void a_marked_file_is_passed_over(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture, "# +argocd:skip-file-rendering\n{{ not: yaml\n", "");
	assert_int_equal(fixture->desired.objects.count, 0);
}

static void hidden_files_of_other_tools_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, ".gitlab-ci.yml", "stages: [test]\n");
	fixture_read(fixture, "a/.github/workflows/ci.yml", "on: push\n");
	assert_string_equal(fixture_mistakes(fixture), "");
	fixture_read(fixture, ".hidden.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
	assert_int_equal(fixture->desired.objects.count, 1);
	fixture_read(fixture, "values.yaml", "a: 1\n");
	assert_string_equal(fixture_mistakes(fixture),
		"values.yaml:1:1: no Kubernetes object: apiVersion, kind and metadata are missing; a file that is something "
		"else belongs elsewhere, or into spec.source.directory.exclude of the Application\n");
}

static void an_object_that_no_server_stores_is_a_mistake(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_printf(fixture->mem,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"%s\"}\n",
		fixture_repeat(fixture, "x", LIMIT_OBJECT_BYTES));
	fixture_expect(fixture, text,
		"f.yaml:1:1: the object is larger than 1572864 bytes as JSON, which no API server stores\n");
	assert_int_equal(fixture->desired.objects.count, 0);
}

static void a_path_holds_a_bounded_number_of_objects(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF(3u << 20);
	for (int file = 0; file < 20; file++) {
		buf_clear(&text);
		buf_text(&text, "apiVersion: v1\nkind: List\nitems:\n");
		for (int i = 0; i < 1001; i++)
			buf_printf(&text, "- {apiVersion: v1, kind: Secret, metadata: {name: s%d-%d}}\n",
				file, i);
		fixture_read(fixture, "f.yaml", text.data);
	}
	buf_done(&text);
	assert_int_equal(fixture->desired.objects.count, LIMIT_OBJECTS);
	assert_int_equal(fixture->desired.mistakes.count, 1);
	assert_string_equal(fixture->desired.mistakes.items[0].text,
		"more than 20000 objects in one path: split the Application");
}

static void small_files_that_aliases_blow_up_do_not_fill_memory(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_printf(fixture->mem,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nx: &x \"%s\"\ndata: {a: *x, b: *x, c: *x, d: *x}\n",
		fixture_repeat(fixture, "x", 200000));
	for (int i = 0; i < 60; i++)
		fixture_read(fixture, "f.yaml", text);
	assert_true(fixture->desired.bytes <= LIMIT_PATH_BYTES);
	assert_string_equal(fixture->desired.mistakes.items[0].text,
		"the objects of this path are larger than 33554432 bytes: split the Application");
}

static void users_text_in_a_block_scalar_has_a_line(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  other: x\n  users.yaml: |\n    users: []\n"
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {users.yaml: \"users: []\"}\n"
		"---\napiVersion: v1\nkind: Secret\nmetadata: {name: c}\nstringData:\n  users.yaml: |\n    x\n",
		"");
	assert_int_equal(fixture->desired.objects.items[0].text_line, 7);
	assert_int_equal(fixture->desired.objects.items[1].text_line, 0);
	assert_int_equal(fixture->desired.objects.items[2].text_line, 0);
	fixture_read(fixture, "f.yaml",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata:\n  a: x\n  list.yaml: |\n    x\n---\n"
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d}\ndata:\n  a: |\n    x\n  list.yaml: |\n    x\n");
	assert_int_equal(fixture->desired.objects.items[3].text_line, 7);
	assert_int_equal(fixture->desired.objects.items[4].text_line, 0);
}

/* The characters before each of its lines: the blanks of the first line that has a word, without those that are the text's. */
static void users_text_in_a_block_scalar_has_an_indent(void **state)
{
	static const struct {
		const char *scalar;
		int indent;
	} cases[] = {
		{"|\n  users: []\n", 2},
		{"|-\n        users: []\n", 8},
		{"|\r\n    users: []\r\n", 4},
		{"|\n\n\n     # none\n     users: []\n", 5},
		{"|\n            \n     users: []\n", 0}, /* refused by libyaml */
		{"|2\n      users: []\n", 3},
		{"|3+\n\n        users: []\n\n", 4},
		{"|\n  \xc3\xa4: []\n", 2},
		{"|\n", 0},
		{"|", 0},
		{"\"users: []\"\n", 0},
	};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t at = fixture->desired.objects.count;
		fixture_read(fixture, "f.yaml",
			arena_printf(fixture->mem,
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a%zu}\ndata:\n users.yaml: %s",
				i, cases[i].scalar));
		if (fixture->desired.objects.count > at)
			assert_int_equal(fixture->desired.objects.items[at].text_indent, cases[i].indent);
		else
			assert_int_equal(cases[i].indent, 0);
	}
}

static void anchors_serve_several_objects_of_a_document(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a, labels: &l {x: one}}\n"
		"- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b, labels: {<<: *l, z: w}}\n",
		"");
	assert_string_equal(fixture->desired.objects.items[1].json,
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"labels\":{\"x\":\"one\",\"z\":\"w\"},\"name\":\"b\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(manifests_are_yaml_yml_and_json_one_level_deep),
		FIXTURE_TEST(exclude_is_asked_before_include),
		FIXTURE_TEST(helm_and_kustomize_folders_are_known_by_their_files),
		FIXTURE_TEST(documents_become_objects_with_canonical_json_and_place),
		FIXTURE_TEST(equal_objects_written_differently_have_one_hash),
		FIXTURE_TEST(lists_are_expanded),
		FIXTURE_TEST(an_empty_list_is_said),
		FIXTURE_TEST(items_of_another_kind_are_refused_as_kubectl_would_apply_them_alone),
		FIXTURE_TEST(a_kind_that_ends_in_list_without_items_is_an_object),
		FIXTURE_TEST(mistakes_within_lists_have_their_place),
		FIXTURE_TEST(a_document_that_is_no_map_is_a_mistake),
		FIXTURE_TEST(a_marked_file_is_passed_over),
		FIXTURE_TEST(hidden_files_of_other_tools_are_passed_over),
		FIXTURE_TEST(an_object_that_no_server_stores_is_a_mistake),
		FIXTURE_TEST(a_path_holds_a_bounded_number_of_objects),
		FIXTURE_TEST(small_files_that_aliases_blow_up_do_not_fill_memory),
		FIXTURE_TEST(users_text_in_a_block_scalar_has_a_line),
		FIXTURE_TEST(users_text_in_a_block_scalar_has_an_indent),
		FIXTURE_TEST(anchors_serve_several_objects_of_a_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
