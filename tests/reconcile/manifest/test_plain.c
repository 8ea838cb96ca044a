/*
 * Which new objects need no question before they are written.
 */
#include "reconcile/manifest/inspect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static bool is_plain(const char *kind, const char *name, const char *text)
{
	const struct object_key key = {"", kind, "team", name};
	struct error err;
	CLEANUP(json_done) json_t *value = NULL;
	assert_true(json_read(text, strlen(text), &value, &err));
	return inspect_is_plain(&key, value);
}

static void plain_ones_are_plain(void **state)
{
	(void)state;
	assert_true(is_plain("ConfigMap", "a",
		"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\",\"labels\":{\"app.kubernetes.io/name\":"
		"\"x\",\"empty\":\"\"},\"annotations\":{\"note\":\"any text at all\"}},\"data\":{\"k\":\"v\"}}"));
	assert_true(is_plain("Secret", "a", "{\"metadata\":{\"name\":\"a\"},\"stringData\":{\"k\":\"v\"}}"));
}

static void whatever_the_server_may_refuse_is_asked_about(void **state)
{
	static const struct {
		const char *kind, *name, *text;
	} cases[] = {
		{"Service", "a", "{\"metadata\":{\"name\":\"a\"}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"no domain\"]}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"ownerReferences\":[]}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"labels\":{\"a b\":\"c\"}}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"labels\":{\"a\":\"no blanks\"}}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"annotations\":{\"-a\":\"c\"}}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\",\"annotations\":{\"No_Domain/a\":\"c\"}}}"},
		{"ConfigMap", "a", "{\"metadata\":{\"name\":\"a\"},\"spec\":{}}"},
		{"Secret", "a", "{\"metadata\":{\"name\":\"a\"},\"type\":\"kubernetes.io/tls\"}"},
		{"ConfigMap", "Upper", "{\"metadata\":{\"name\":\"Upper\"}}"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_false(is_plain(cases[i].kind, cases[i].name, cases[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_ones_are_plain),
		cmocka_unit_test(whatever_the_server_may_refuse_is_asked_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
