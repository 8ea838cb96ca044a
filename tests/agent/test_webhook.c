#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/http/webhook.h"
#include "base/digest.h"
#include "base/text.h"

static const char push[] =
	"{\"ref\":\"refs/heads/main\",\"repository\":{\"clone_url\":\"https://git.example.org/team/db.git\","
	"\"ssh_url\":\"git@git.example.org:team/db.git\",\"html_url\":\"https://git.example.org/team/db\"}}";

static struct secret secret = {.bytes = (char *)"It's a Secret to Everybody", .length = 26};

static void sign(const void *body, size_t length, char signature[80])
{
	unsigned char digest[DIGEST_SIZE];
	digest_hmac(secret.bytes, secret.length, body, length, digest);
	memcpy(signature, "sha256=", 7);
	text_hex(digest, sizeof(digest), signature + 7);
}

static int status_of(const char *event, const char *type, const char *body, size_t length)
{
	char signature[80];
	struct webhook_verdict verdict;
	sign(body, length, signature);
	struct webhook_delivery delivery = {event, signature, type, body, length};
	webhook_read(&secret, &delivery, &verdict);
	int status = verdict.status;
	if (status != 202)
		assert_int_equal(verdict.url_count, 0);
	assert_non_null(verdict.text);
	webhook_done(&verdict);
	return status;
}

static int push_status(const char *body)
{
	return status_of("push", "application/json", body, strlen(body));
}

/* The example of GitHub's own documentation. */
static void the_signature_is_githubs(void **state)
{
	(void)state;
	char signature[80];
	sign("Hello, World!", 13, signature);
	assert_string_equal(
		signature, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

static void a_push_names_every_url_of_its_repository(void **state)
{
	(void)state;
	char signature[80];
	struct webhook_verdict verdict;
	sign(push, strlen(push), signature);
	struct webhook_delivery delivery = {
		"push", signature, "application/json; charset=utf-8", push, strlen(push)};
	webhook_read(&secret, &delivery, &verdict);
	assert_int_equal(verdict.status, 202);
	assert_int_equal(verdict.url_count, 3);
	assert_string_equal(verdict.urls[0], "https://git.example.org/team/db.git");
	assert_string_equal(verdict.urls[1], "git@git.example.org:team/db.git");
	assert_string_equal(verdict.urls[2], "https://git.example.org/team/db");
	webhook_done(&verdict);
}

static void without_a_secret_there_is_no_webhook(void **state)
{
	(void)state;
	struct webhook_verdict verdict;
	struct secret none = {0};
	struct webhook_delivery delivery = {"push", "sha256=", "application/json", push, strlen(push)};
	webhook_read(&none, &delivery, &verdict);
	assert_int_equal(verdict.status, 404);
	webhook_read(NULL, &delivery, &verdict);
	assert_int_equal(verdict.status, 404);
}

static int signed_as(const char *signature, const char *body)
{
	struct webhook_verdict verdict;
	struct webhook_delivery delivery = {"push", signature, "application/json", body, strlen(body)};
	webhook_read(&secret, &delivery, &verdict);
	int status = verdict.status;
	webhook_done(&verdict);
	return status;
}

static void any_other_signature_is_refused(void **state)
{
	(void)state;
	char good[80], bad[96];
	sign(push, strlen(push), good);
	assert_int_equal(signed_as(good, push), 202);
	assert_int_equal(signed_as(NULL, push), 401);
	assert_int_equal(signed_as("", push), 401);
	assert_int_equal(signed_as("sha256=", push), 401);
	assert_int_equal(signed_as(good + 7, push), 401);
	snprintf(bad, sizeof(bad), "sha1=%s", good + 7);
	assert_int_equal(signed_as(bad, push), 401);
	snprintf(bad, sizeof(bad), "%s00", good);
	assert_int_equal(signed_as(bad, push), 401);
	snprintf(bad, sizeof(bad), "%.*s", (int)strlen(good) - 1, good);
	assert_int_equal(signed_as(bad, push), 401);
	for (size_t i = 7; i < strlen(good); i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = bad[i] == 'f' ? '0' : 'f';
		assert_int_equal(signed_as(bad, push), 401);
		bad[i] = 'g';
		assert_int_equal(signed_as(bad, push), 401);
	}
	for (size_t i = 7; i < strlen(good); i++)
		good[i] = (char)(good[i] >= 'a' ? good[i] - 32 : good[i]);
	assert_int_equal(signed_as(good, push), 202);
}

/* A body that is not JSON at all, and no other header: it is still the signature that decides. */
static void the_signature_is_checked_before_anything_else(void **state)
{
	(void)state;
	struct webhook_verdict verdict;
	struct webhook_delivery delivery = {NULL, "sha256=00", NULL, "\xff{", 2};
	webhook_read(&secret, &delivery, &verdict);
	assert_int_equal(verdict.status, 401);
	webhook_done(&verdict);
}

static void pings_and_other_events_ask_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(status_of("ping", "application/json", "{\"zen\":\"x\"}", 11), 202);
	assert_int_equal(status_of("issues", "application/json", "{}", 2), 202);
	assert_int_equal(status_of("issues", "application/json", "", 0), 202);
	assert_int_equal(status_of(NULL, "application/json", "{}", 2), 400);
	assert_int_equal(status_of("", "application/json", "{}", 2), 400);
	assert_int_equal(status_of("push", "application/x-www-form-urlencoded", "payload=%7B%7D", 14), 415);
	assert_int_equal(status_of("push", NULL, push, strlen(push)), 415);
}

static void a_payload_of_the_wrong_shape_is_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"null",
		"true",
		"42",
		"\"push\"",
		"[]",
		"[[]]",
		"{}",
		"{\"repository\":null}",
		"{\"repository\":[]}",
		"{\"repository\":7}",
		"{\"repository\":\"https://x/y\"}",
		"{\"repository\":{}}",
		"{\"repository\":{\"clone_url\":null}}",
		"{\"repository\":{\"clone_url\":1}}",
		"{\"repository\":{\"clone_url\":[\"https://x/y\"]}}",
		"{\"repository\":{\"clone_url\":{}}}",
		"{\"repository\":{\"clone_url\":\"\"}}",
		"{\"repository\":{\"clone_url\":\"https://x/\\u0000y\"}}",
		"{\"repository\":{\"clone_url\":\"https://x/y\",\"ssh_url\":{}}}",
		"{\"repository\":{\"clone_url\":\"a\",\"clone_url\":\"b\"}}",
		"{\"repository\":{\"clone_url\":\"\xff\xfe\"}}",
		"{\"repository\":{\"clone_url\":\"x\"}} trailing",
	};
	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		assert_int_equal(push_status(bodies[i]), 400);
	assert_int_equal(push_status("{\"repository\":{\"clone_url\":\"https://x/y\"}}"), 202);
}

static void nesting_and_long_urls_are_bounded(void **state)
{
	(void)state;
	static char body[200000];
	memset(body, '[', sizeof(body) - 1);
	assert_int_equal(push_status(body), 400);
	int length = snprintf(body, sizeof(body), "{\"repository\":{\"clone_url\":\"");
	memset(body + length, 'a', 3000);
	memcpy(body + length + 3000, "\"}}", 4);
	assert_int_equal(push_status(body), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_githubs),
		cmocka_unit_test(a_push_names_every_url_of_its_repository),
		cmocka_unit_test(without_a_secret_there_is_no_webhook),
		cmocka_unit_test(any_other_signature_is_refused),
		cmocka_unit_test(the_signature_is_checked_before_anything_else),
		cmocka_unit_test(pings_and_other_events_ask_for_nothing),
		cmocka_unit_test(a_payload_of_the_wrong_shape_is_refused),
		cmocka_unit_test(nesting_and_long_urls_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
