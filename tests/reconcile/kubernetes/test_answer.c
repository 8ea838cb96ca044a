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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_kind),
		cmocka_unit_test(the_servers_words_are_told_without_the_query),
		cmocka_unit_test(an_unknown_field_of_an_apply_is_a_mistake),
		cmocka_unit_test(a_namespace_that_ends_is_no_lack_of_rights),
		cmocka_unit_test(of_secrets_only_reason_and_fields_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
