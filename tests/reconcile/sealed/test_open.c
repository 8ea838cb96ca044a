/* The agent's side: passwords out of the SealedSecrets of a path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/sealed/open.h"

static char *object_json(
	struct certificate *certificate, const char *label, const char *name, const char *password)
{
	CLEANUP(buf_done) struct buf sealed = BUF(SEALED_TEXT_MAX);
	struct error err;
	assert_true(sealed_value_seal(certificate, label, password, strlen(password), &sealed, &err));
	return memory_printf(
		"{\"apiVersion\":\"bitnami.com/v1alpha1\",\"kind\":\"SealedSecret\",\"metadata\":{\"name\":\"%s\","
		"\"namespace\":\"postgres\"},\"spec\":{\"encryptedData\":{\"password\":\"%s\"}}}",
		name, buf_string(&sealed));
}

static struct object object_of(const char *name, const char *json)
{
	return (struct object){.key = {"bitnami.com", "SealedSecret", "postgres", name},
		.version = "v1alpha1",
		.file = "sealed-users.yaml",
		.line = 1,
		.json = json,
		.json_length = strlen(json)};
}

static void a_password_of_the_path_is_opened_or_says_why_not(void **state)
{
	struct certificate certificate;
	struct sealing_keys keys = {0};
	struct arena *mem = arena_new(1 << 20);
	struct mistakes problems = {.mem = mem};
	struct error err;
	struct secret password = {0};
	const char *const folders[] = {TEST_DATA "/vectors"};
	(void)state;
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-a.pem", &certificate, &err));
	assert_true(sealed_open_keys(folders, 1, &keys, &problems, &err));
	char *alice =
		object_json(&certificate, "postgres/user-alice-secret", "user-alice-secret", "a-password");
	char *bob = object_json(&certificate, "postgres/user-alice-secret", "user-bob-secret", "copied");
	struct object items[] = {
		{.key = {"", "ConfigMap", "postgres", "user-alice-secret"}},
		object_of("user-alice-secret", alice),
		object_of("user-bob-secret", bob),
	};
	const struct objects objects = {items, COUNT_OF(items)};
	assert_true(sealed_open_value(
		&objects, &keys, "postgres", "user-alice-secret", "password", &password, &err));
	assert_string_equal(password.bytes, "a-password");
	assert_false(sealed_open_value(
		&objects, &keys, "postgres", "user-carol-secret", "password", &password, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_false(
		sealed_open_value(&objects, &keys, "postgres", "user-alice-secret", "token", &password, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_false(sealed_open_value(
		&objects, &keys, "postgres", "user-bob-secret", "password", &password, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_non_null(strstr(err.text, "sealed for postgres/user-alice-secret"));
	assert_non_null(strstr(err.text, "sealed-users.yaml:1"));
	assert_string_equal(password.bytes, "a-password"); /* untouched by what failed */
	secret_done(&password);
	sealing_keys_done(&keys);
	certificate_done(&certificate);
	free(alice);
	free(bob);
	arena_free(mem);
}

static void folders_without_a_key_are_an_error(void **state)
{
	struct sealing_keys keys = {0};
	struct arena *mem = arena_new(1 << 20);
	struct mistakes problems = {.mem = mem};
	struct error err;
	const char *const empty[] = {TEST_DATA "/nowhere"};
	(void)state;
	assert_false(sealed_open_keys(empty, 1, &keys, &problems, &err));
	assert_false(sealed_open_keys(NULL, 0, &keys, &problems, &err));
	assert_int_equal(keys.count, 0);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_of_the_path_is_opened_or_says_why_not),
		cmocka_unit_test(folders_without_a_key_are_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
