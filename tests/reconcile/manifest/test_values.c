#include "fixture.h"

static void values_of_a_configmap_are_texts(void **state)
{
	fixture_expect(*state,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  port: 5432\n  on: x\n  nothing:\n  list: [a]\n"
		"binaryData: {x: \"not base64\", z: aGk=}\n",
		"f.yaml:5:9: data: \"port\" is an integer and must be a string: put it in quotes\n"
		"f.yaml:8:9: data: \"list\" is a list and must be a string\n"
		"f.yaml:9:17: binaryData: \"x\" is not base64\n");
}

static void a_secret_holds_base64_in_data_and_texts_in_stringData(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture,
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 1234}\ndata:\n  password: hunter2\n  good: aGk=\n"
		"  lines: |\n    aGkg\n    aGk=\n  short: aGk\n",
		"f.yaml:4:19: stringData: \"pin\" is an integer and must be a string: put it in quotes\n"
		"f.yaml:6:13: data: \"password\" is not base64: encode it, or put the plain text under stringData\n"
		"f.yaml:11:10: data: \"short\" is not base64: encode it, or put the plain text under stringData\n");
}

static void no_message_quotes_a_value(void **state)
{
	struct fixture *fixture = *state;
	fixture_read(fixture, "f.yaml",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: hunter2}\nstringData: {b: 4711471147114711}\n");
	fixture_read(fixture, "f.yaml", "apiVersion: v1\nkind: Secret\nstringData: {b: \"hunter2\n");
	fixture_read(fixture, "f.yaml",
		"apiVersion: v1\nkind: Secret\nstringData: {b: !hunter2 hunter2, b: hunter2}\n");
	fixture_read(fixture, "f.yaml", "hunter2");
	assert_int_equal(fixture->desired.mistakes.count, 6);
	assert_null(strstr(fixture_mistakes(fixture), "hunter2"));
	assert_null(strstr(fixture_mistakes(fixture), "4711"));
}

static void other_kinds_may_hold_anything_there(void **state)
{
	struct fixture *fixture = *state;
	fixture_expect(fixture, "apiVersion: x.org/v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: 1}\n", "");
	assert_int_equal(fixture->desired.objects.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(values_of_a_configmap_are_texts),
		FIXTURE_TEST(a_secret_holds_base64_in_data_and_texts_in_stringData),
		FIXTURE_TEST(no_message_quotes_a_value),
		FIXTURE_TEST(other_kinds_may_hold_anything_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
