#include "fixture.h"

static void apiVersion_kind_and_name_must_be_there(void **state)
{
	fixture_expect(*state, "metadata: {}\n",
		"f.yaml:1:1: apiVersion is missing\nf.yaml:1:1: kind is missing\nf.yaml:1:1: metadata.name is missing\n");
}

static void a_document_without_kind_says_so(void **state)
{
	fixture_expect(*state, "apiVersion: v1\nmetadata:\n  name: a\n", "f.yaml:1:1: kind is missing\n");
}

static void values_of_another_kind_say_what_they_are(void **state)
{
	fixture_expect(*state, "apiVersion: 1\nkind: yes\nmetadata: {name: 12, namespace: n}\n",
		"f.yaml:1:13: apiVersion is an integer and must be a string: put it in quotes\n"
		"f.yaml:2:7: kind is a boolean and must be a string: put it in quotes\n"
		"f.yaml:3:18: metadata.name is an integer and must be a string: put it in quotes\n"
		"f.yaml:3:33: metadata.namespace is a boolean and must be a string: put it in quotes\n");
}

static void empty_and_null_are_missing(void **state)
{
	fixture_expect(*state, "apiVersion: ''\nkind: ~\nmetadata:\n",
		"f.yaml:1:13: apiVersion is empty\nf.yaml:1:1: kind is missing\nf.yaml:3:10: metadata must be a map with a name\n");
}

static void the_shape_of_apiVersion_is_checked(void **state)
{
	fixture_expect(*state,
		"apiVersion: a/b/c\nkind: X\nmetadata: {name: a}\n---\napiVersion: Apps/v1\nkind: X\nmetadata: {name: a}\n",
		"f.yaml:1:13: apiVersion must be VERSION or GROUP/VERSION, such as v1 or apps/v1\n"
		"f.yaml:5:13: apiVersion must be VERSION or GROUP/VERSION, such as v1 or apps/v1\n");
}

static void a_kind_is_letters_and_digits(void **state)
{
	fixture_expect(*state, "apiVersion: v1\nkind: a/../b\nmetadata: {name: a}\n",
		"f.yaml:2:7: kind must be letters and digits, such as ConfigMap\n");
}

static void generateName_is_refused(void **state)
{
	fixture_expect(*state, "apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: a-\n",
		"f.yaml:4:3: metadata.generateName gives a new object at each apply: set metadata.name\n");
}

static void a_name_stays_within_its_part_of_a_url(void **state)
{
	static const char *const bad[] = {"a/b", "a%2fb", ".", ".."};
	struct fixture *fixture = *state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		fixture_read(fixture, "f.yaml",
			arena_printf(fixture->mem,
				"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"%s\"}\n", bad[i]));
	assert_int_equal(fixture->desired.mistakes.count, COUNT_OF(bad));
	assert_int_equal(fixture->desired.objects.count, 0);
	fixture_read(fixture, "f.yaml",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: \"system:x:Y\"}\n");
	assert_int_equal(fixture->desired.objects.count, 1);
}

static void a_namespace_is_a_dns_label(void **state)
{
	fixture_expect(*state, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: a/b}\n",
		"f.yaml:3:32: metadata.namespace must be lower-case letters, digits and '-', at most 63\n");
}

static void labels_and_annotations_are_texts(void **state)
{
	fixture_expect(*state,
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {a: 1.0, b: ~, c: x}\n  annotations: {x: true}\n"
		"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, labels: [x]}\n",
		"f.yaml:5:15: metadata.labels: \"a\" is a number and must be a string: put it in quotes\n"
		"f.yaml:6:20: metadata.annotations: \"x\" is a boolean and must be a string: put it in quotes\n"
		"f.yaml:10:29: metadata.labels is a list and must be a map\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(apiVersion_kind_and_name_must_be_there),
		FIXTURE_TEST(a_document_without_kind_says_so),
		FIXTURE_TEST(values_of_another_kind_say_what_they_are),
		FIXTURE_TEST(empty_and_null_are_missing),
		FIXTURE_TEST(the_shape_of_apiVersion_is_checked),
		FIXTURE_TEST(a_kind_is_letters_and_digits),
		FIXTURE_TEST(generateName_is_refused),
		FIXTURE_TEST(a_name_stays_within_its_part_of_a_url),
		FIXTURE_TEST(a_namespace_is_a_dns_label),
		FIXTURE_TEST(labels_and_annotations_are_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
