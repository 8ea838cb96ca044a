/*
 * fuzz_webhook.c - a webhook delivery, signed and not: first line the event, second the signature header ("=" stands for the
 * right one), the rest is the body
 *
 * Whatever comes, only a right signature is accepted, and what is handed on are URLs that are text.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/http/webhook.h"
#include "base/digest.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The line at `*at`, without its end, cut to the room there is. */
static void take_line(const uint8_t **at, size_t *left, char *line, size_t room)
{
	const uint8_t *end = memchr(*at, '\n', *left);
	size_t length = end ? (size_t)(end - *at) : *left;
	size_t used = length < room - 1 ? length : room - 1;
	memcpy(line, *at, used);
	line[used] = '\0';
	*at += length + (end ? 1 : 0);
	*left -= length + (end ? 1 : 0);
}

static void sign(const struct secret *secret, const void *body, size_t length, char signature[80])
{
	unsigned char digest[DIGEST_SIZE];
	digest_hmac(secret->bytes, secret->length, body, length, digest);
	memcpy(signature, "sha256=", 7);
	text_hex(digest, sizeof(digest), signature + 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char key[] = "secret";
	const struct secret secret = {key, sizeof(key) - 1};
	char event[64], signature[128], right[80];
	struct webhook_verdict verdict;
	take_line(&data, &size, event, sizeof(event));
	take_line(&data, &size, signature, sizeof(signature));
	sign(&secret, data, size, right);
	bool is_right = text_equal(signature, "=");
	struct webhook_delivery delivery = {
		event, is_right ? right : signature, "application/json", data, size};
	webhook_read(&secret, &delivery, &verdict);
	require(is_right || verdict.status == 401);
	require(!is_right || verdict.status != 401);
	require(verdict.status == 202 || verdict.url_count == 0);
	require(verdict.url_count <= WEBHOOK_URLS);
	for (size_t i = 0; i < verdict.url_count; i++)
		require(*verdict.urls[i] && text_is_utf8(verdict.urls[i], strlen(verdict.urls[i])));
	webhook_done(&verdict);
	return 0;
}
