#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reconcile/kubernetes/answer.h"

static struct error failure(int status, const char *json, bool secret)
{
	struct error err = {0}, bad;
	json_t *body = NULL;
	if (json && !json_read(json, strlen(json), &body, &bad))
		fail_msg("%s: %s", bad.text, json);
	struct answer answer = {.method = "PATCH",
		.path = "/api/v1/x?fieldManager=pgitops",
		.secret = secret,
		.status = status,
		.body = body};
	assert_false(answer_failure(&answer, &err));
	json_decref(body);
	return err;
}

static void each_status_has_its_kind(void **state)
{
	(void)state;
	static const struct {
		int status;
		enum error_kind kind;
	} samples[] = {{400, ERROR_INVALID}, {401, ERROR_DENIED}, {403, ERROR_DENIED}, {404, ERROR_MISSING},
		{409, ERROR_CONFLICT}, {410, ERROR_RETRY}, {413, ERROR_INVALID}, {422, ERROR_INVALID},
		{429, ERROR_RETRY}, {500, ERROR_RETRY}, {503, ERROR_RETRY}, {302, ERROR_RETRY}};
	for (size_t i = 0; i < COUNT_OF(samples); i++)
		assert_int_equal(failure(samples[i].status, NULL, false).kind, samples[i].kind);
}

static void the_servers_words_are_told_without_the_query(void **state)
{
	(void)state;
	struct error err = failure(422, "{\"reason\":\"Invalid\",\"message\":\"x is bad\"}", false);
	assert_string_equal(err.text, "PATCH /api/v1/x: the API server answered 422 Invalid: x is bad");
}

#define CAUSE(field, message)                                                                                \
	"{\"reason\":\"FieldValueInvalid\",\"field\":\"" field "\",\"message\":\"" message "\"}"
#define REFUSED(causes)                                                                                      \
	"{\"reason\":\"Invalid\",\"message\":\"as long as the object\",\"details\":{\"causes\":[" causes "]}}"

/* The real answers of Kubernetes 1.36, shortened. */
static void a_refusal_keeps_field_and_reason_and_drops_the_object_between(void **state)
{
	(void)state;
	static const struct {
		const char *cause, *text;
		bool immutable;
	} samples[] = {
		{CAUSE("spec.template",
			 "Invalid value: {\\\"labels\\\":{\\\"a\\\":\\\"x: y } \\\\\\\" immutable\\\",\\\"b\\\":\\\"1234567890123456789012345678901234567890\\\"},\\\"Spec\\\":null}: field is immutable"),
			": spec.template: field is immutable", true},
		{CAUSE("data", "Forbidden: field is immutable when `immutable` is set"),
			": data: Forbidden: field is immutable when `immutable` is set", true},
		{CAUSE("spec.clusterIPs[0]", "Invalid value: [\\\"10.0.0.78\\\"]: may not change once set"),
			": spec.clusterIPs[0]: Invalid value: [\"10.0.0.78\"]: may not change once set", true},
		{CAUSE("roleRef", "Invalid value: {\\\"Name\\\":\\\"edit\\\"}: cannot change roleRef"),
			": roleRef: Invalid value: {\"Name\":\"edit\"}: cannot change roleRef", true},
		{CAUSE("spec",
			 "Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden"),
			": spec: Forbidden: updates to statefulset spec for fields other than 'replicas' are forbidden",
			true},
		{CAUSE("spec", "Forbidden: pod updates may not change fields other than `x`\\n@@ -5,7\\n"),
			": spec: Forbidden: pod updates may not change fields other than `x`", true},
		{CAUSE("metadata.labels", "Invalid value: \\\"is immutable\\\": a valid label must be short"),
			": metadata.labels: Invalid value: \"is immutable\": a valid label must be short",
			false},
		{CAUSE("spec.x", "Required value") "," CAUSE(
			 "spec.y", "Unsupported value: \\\"a\\\": supported values: \\\"b\\\""),
			": spec.x: Required value; spec.y: Unsupported value: \"a\": supported values: \"b\"",
			false},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		char body[2000];
		snprintf(body, sizeof(body), REFUSED("%s"), samples[i].cause);
		struct error err = failure(422, body, false), bad;
		const char *text = strstr(err.text, " 422 Invalid");
		assert_string_equal(text + strlen(" 422 Invalid"), samples[i].text);
		json_t *parsed = NULL;
		assert_true(json_read(body, strlen(body), &parsed, &bad));
		assert_int_equal(answer_immutable(parsed), samples[i].immutable);
		json_decref(parsed);
	}
}

static void of_a_secret_only_fields_and_that_they_are_immutable_are_told(void **state)
{
	(void)state;
	struct error err = failure(422,
		REFUSED(CAUSE("type", "Invalid value: \\\"hunter2\\\": field is immutable") "," CAUSE(
			"data[a]", "Invalid value: \\\"hunter2\\\": hunter2 is bad")),
		true);
	assert_null(strstr(err.text, "hunter2"));
	assert_non_null(strstr(err.text, "type: field is immutable, data[a]"));
}

static void a_long_answer_keeps_its_end(void **state)
{
	(void)state;
	char body[3000] = "{\"message\":\"begins ";
	for (int i = 0; i < 400; i++)
		strcat(body, "abcde");
	strcat(body, " ends\"}");
	struct error err = failure(500, body, false);
	assert_true(strlen(err.text) < 800);
	assert_non_null(strstr(err.text, "begins abcde"));
	assert_string_equal(err.text + strlen(err.text) - 5, " ends");
}

static void an_unknown_field_of_an_apply_is_a_mistake(void **state)
{
	(void)state;
	struct error err = failure(500,
		"{\"message\":\"failed to create typed patch object (a/b): .spec.x: field not declared in schema\"}",
		false);
	assert_int_equal(err.kind, ERROR_INVALID);
}

static void a_namespace_that_ends_is_no_lack_of_rights(void **state)
{
	(void)state;
	struct error err =
		failure(403, "{\"details\":{\"causes\":[{\"reason\":\"NamespaceTerminating\"}]}}", false);
	assert_int_equal(err.kind, ERROR_RETRY);
}

static void of_secrets_only_reason_and_fields_are_told(void **state)
{
	(void)state;
	struct error err = failure(422,
		"{\"reason\":\"Invalid\",\"message\":\"hunter2\",\"details\":{\"causes\":["
		"{\"field\":\"data.a\",\"message\":\"hunter2\"},{\"field\":\"type\",\"message\":\"hunter2\"}]}}",
		true);
	assert_string_equal(err.text, "PATCH /api/v1/x: the API server answered 422 Invalid in data.a, type");
}

static void an_integer_beyond_64_bits_is_a_double_as_to_the_server(void **state)
{
	static const char *const cases[][2] = {
		{"[100000000000000000000]", "[1e20]"},
		{"{\"a\": -9223372036854775809, \"100000000000000000000\": \"100000000000000000000\\\"\"}",
			"{\"a\": -9223372036854775808.0, \"100000000000000000000\": \"100000000000000000000\\\"\"}"},
		{"[9223372036854775807, 18446744073709551616, 0.1234567890123456789012, 1000000000000000000000e1]",
			"[9223372036854775807, 18446744073709551616.0, 0.1234567890123456789012, 1e22]"},
		{"100000000000000000000", "1e20"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct error err;
		CLEANUP(json_done) json_t *value = NULL;
		CLEANUP(json_done) json_t *wanted = json_loads(cases[i][1], JSON_DECODE_ANY, NULL);
		assert_true(answer_read(cases[i][0], strlen(cases[i][0]), &value, &err));
		assert_true(json_equal(value, wanted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_kind),
		cmocka_unit_test(the_servers_words_are_told_without_the_query),
		cmocka_unit_test(a_refusal_keeps_field_and_reason_and_drops_the_object_between),
		cmocka_unit_test(of_a_secret_only_fields_and_that_they_are_immutable_are_told),
		cmocka_unit_test(a_long_answer_keeps_its_end),
		cmocka_unit_test(an_unknown_field_of_an_apply_is_a_mistake),
		cmocka_unit_test(a_namespace_that_ends_is_no_lack_of_rights),
		cmocka_unit_test(of_secrets_only_reason_and_fields_are_told),
		cmocka_unit_test(an_integer_beyond_64_bits_is_a_double_as_to_the_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
