/* The controller's part, where none runs: whose Secret may be written, and with what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/sealed/controller.h"
#include "reconcile/sealed/wipe.h"

static struct sealing_keys keys;
static json_t *sealed;

static json_t *parse(const char *text)
{
	json_t *value = NULL;
	struct error err;
	if (!json_read(text, strlen(text), &value, &err))
		fail_msg("%s", err.text);
	return value;
}

static int setup(void **state)
{
	CLEANUP(certificate_done) struct certificate certificate = {0};
	CLEANUP(buf_done) struct buf value = BUF(SEALED_TEXT_MAX);
	struct error err;
	(void)state;
	assert_true(sealing_keys_add_file(&keys, TEST_DATA "/vectors/key-a.pem", &err));
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-a.pem", &certificate, &err));
	assert_true(sealed_value_seal(&certificate, "ns/login", "hunter2", 7, &value, &err));
	char *text = memory_printf(
		"{\"apiVersion\":\"bitnami.com/v1alpha1\",\"kind\":\"SealedSecret\",\"metadata\":{\"name\":\"login\","
		"\"namespace\":\"ns\",\"uid\":\"u-1\",\"generation\":3},\"spec\":{\"encryptedData\":{\"password\":\"%s\"},"
		"\"template\":{\"type\":\"Opaque\",\"metadata\":{\"labels\":{\"a\":\"b\"}}}}}",
		buf_string(&value));
	sealed = parse(text);
	free(text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sealing_keys_done(&keys);
	json_decref(sealed);
	return 0;
}

static bool reconcile(const json_t *existing, enum sealed_action *action, json_t **secret, struct error *err)
{
	*secret = NULL;
	return sealed_reconcile(sealed, existing, &keys, NULL, 0, action, secret, err);
}

static void a_missing_secret_is_created_and_then_left_alone(void **state)
{
	enum sealed_action action;
	json_t *secret, *again;
	struct error err;
	(void)state;
	assert_true(reconcile(NULL, &action, &secret, &err));
	assert_int_equal(action, SEALED_CREATE);
	assert_string_equal(json_text_at(secret, "data.password", ""), "aHVudGVyMg==");
	assert_string_equal(
		json_text_at(json_array_get(json_at(secret, "metadata.ownerReferences"), 0), "uid", ""), "u-1");
	json_object_set_new(json_object_get(secret, "metadata"), "resourceVersion", json_string("7"));
	assert_true(reconcile(secret, &action, &again, &err));
	assert_int_equal(action, SEALED_NOTHING);
	assert_null(again);
	secret_json_done(&secret);
}

static void our_own_secret_is_made_as_the_sealed_one_says(void **state)
{
	CLEANUP(json_done)
	json_t *existing = parse(
		"{\"kind\":\"Secret\",\"immutable\":false,\"metadata\":{\"name\":\"login\",\"resourceVersion\":\"7\",\"labels\":{\"old\":\"x\"},"
		"\"annotations\":{\"by\":\"hand\"},\"ownerReferences\":[{\"controller\":true,\"uid\":\"u-1\"}]},"
		"\"data\":{\"password\":\"eA==\",\"more\":\"eA==\"}}");
	enum sealed_action action;
	CLEANUP(secret_json_done) json_t *secret = NULL;
	struct error err;
	(void)state;
	assert_true(reconcile(existing, &action, &secret, &err));
	assert_int_equal(action, SEALED_UPDATE);
	assert_int_equal(json_object_size(json_object_get(secret, "data")), 1);
	assert_string_equal(json_text_at(secret, "data.password", ""), "aHVudGVyMg==");
	assert_string_equal(json_text_at(secret, "metadata.labels.a", ""), "b");
	assert_null(json_at(secret, "metadata.labels.old"));
	assert_null(json_at(secret, "metadata.annotations"));
	assert_string_equal(json_text_at(secret, "metadata.resourceVersion", ""), "7");
	assert_string_equal(json_text_at(existing, "data.more", ""), "eA=="); /* what came in is untouched */
}

static void a_secret_of_somebody_else_is_not_touched(void **state)
{
	static const char *const others[] = {
		"{\"metadata\":{\"name\":\"login\"}}",
		"{\"metadata\":{\"name\":\"login\",\"ownerReferences\":[{\"controller\":true,\"uid\":\"u-2\"}]}}",
		"{\"metadata\":{\"name\":\"login\",\"ownerReferences\":[{\"uid\":\"u-1\"}]}}",
		"{\"metadata\":{\"name\":\"login\",\"annotations\":{\"sealedsecrets.bitnami.com/managed\":\"TRUE\"}}}",
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		CLEANUP(json_done) json_t *existing = parse(others[i]);
		enum sealed_action action;
		json_t *secret;
		struct error err;
		assert_false(reconcile(existing, &action, &secret, &err));
		assert_int_equal(err.kind, ERROR_CONFLICT);
		assert_non_null(strstr(err.text, "already exists and is not managed by SealedSecret"));
	}
}

static void annotations_hand_a_secret_over_as_a_whole_or_in_part(void **state)
{
	CLEANUP(json_done)
	json_t *existing = parse(
		"{\"metadata\":{\"name\":\"login\",\"annotations\":{\"sealedsecrets.bitnami.com/patch\":\"true\"},"
		"\"labels\":{\"old\":\"x\"}},\"data\":{\"more\":\"eA==\"}}");
	enum sealed_action action;
	json_t *secret;
	struct error err;
	(void)state;
	assert_true(reconcile(existing, &action, &secret, &err));
	assert_int_equal(action, SEALED_UPDATE);
	assert_string_equal(json_text_at(secret, "data.more", ""), "eA==");
	assert_string_equal(json_text_at(secret, "data.password", ""), "aHVudGVyMg==");
	assert_string_equal(json_text_at(secret, "metadata.labels.old", ""), "x");
	assert_null(json_at(secret, "metadata.ownerReferences")); /* only with "managed" as well */
	secret_json_done(&secret);
	json_object_set_new(
		json_at(existing, "metadata.annotations"), SEALED_ANNOTATION_MANAGED, json_string("true"));
	assert_true(reconcile(existing, &action, &secret, &err));
	assert_non_null(json_at(secret, "metadata.ownerReferences"));
	secret_json_done(&secret);
}

static void an_immutable_secret_and_a_value_that_does_not_open_write_nothing(void **state)
{
	CLEANUP(json_done)
	json_t *existing = parse("{\"immutable\":true,\"metadata\":{\"name\":\"login\",\"ownerReferences\":"
				 "[{\"controller\":true,\"uid\":\"u-1\"}]}}");
	CLEANUP(json_done) json_t *moved = json_deep_copy(sealed);
	enum sealed_action action;
	json_t *secret = NULL;
	struct error err;
	(void)state;
	assert_false(reconcile(existing, &action, &secret, &err));
	assert_non_null(strstr(err.text, "immutable"));
	json_object_set_new(json_object_get(moved, "metadata"), "name", json_string("other"));
	assert_false(sealed_reconcile(moved, NULL, &keys, NULL, 0, &action, &secret, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_null(secret);
}

static void the_status_changes_only_with_what_it_says(void **state)
{
	CLEANUP(json_done) json_t *object = json_deep_copy(sealed);
	struct error failure = {.kind = ERROR_INVALID, .text = "no key could decrypt secret (password)"};
	(void)state;
	json_t *first = sealed_status(object, NULL, "2026-01-01T00:00:00Z");
	assert_int_equal(json_number_at(first, "observedGeneration", 0), 3);
	json_object_set_new(object, "status", first);
	CLEANUP(json_done) json_t *same = sealed_status(object, NULL, "2026-01-02T00:00:00Z");
	assert_true(json_equal(first, same));
	CLEANUP(json_done) json_t *bad = sealed_status(object, &failure, "2026-01-03T00:00:00Z");
	const json_t *condition = json_array_get(json_object_get(bad, "conditions"), 0);
	assert_string_equal(json_text_at(condition, "status", ""), "False");
	assert_string_equal(json_text_at(condition, "message", ""), failure.text);
	assert_string_equal(json_text_at(condition, "lastTransitionTime", ""), "2026-01-03T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_secret_is_created_and_then_left_alone),
		cmocka_unit_test(our_own_secret_is_made_as_the_sealed_one_says),
		cmocka_unit_test(a_secret_of_somebody_else_is_not_touched),
		cmocka_unit_test(annotations_hand_a_secret_over_as_a_whole_or_in_part),
		cmocka_unit_test(an_immutable_secret_and_a_value_that_does_not_open_write_nothing),
		cmocka_unit_test(the_status_changes_only_with_what_it_says),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
