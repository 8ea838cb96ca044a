/*
 * fuzz_webhook.c - a webhook delivery in the form of each forge, proved and not: first line the event, second the header that proves
 * it ("=" stands for the right one), the rest is the body
 *
 * Whatever comes, only a right signature is accepted, and what is handed on are URLs that are text.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/http/webhook.h"
#include "base/digest.h"
#include "base/text.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* The headers of one forge's request. */
struct sent {
	const char *event_header, *proof_header, *right; /* what proves it; NULL = the signature of the body */
	const char *event, *proof;
};

static const char *sent_header(const void *context, const char *name)
{
	const struct sent *sent = context;
	if (strcmp(name, "Content-Type") == 0)
		return "application/json";
	if (strcmp(name, sent->event_header) == 0)
		return sent->event;
	return strcmp(name, sent->proof_header) == 0 ? sent->proof : NULL;
}

static void deliver(const struct sent *sent, bool is_right, const uint8_t *body, size_t size)
{
	static char key[] = "secret";
	const struct secret secret = {key, sizeof(key) - 1};
	struct webhook_verdict verdict;
	const struct webhook_delivery delivery = {sent_header, sent, body, size};
	webhook_read(&secret, &delivery, &verdict);
	require(is_right || verdict.status == 401);
	require(!is_right || verdict.status != 401);
	require(verdict.status == 202 || verdict.url_count == 0);
	require(verdict.url_count <= WEBHOOK_URLS);
	for (size_t i = 0; i < verdict.url_count; i++)
		require(*verdict.urls[i] && text_is_utf8(verdict.urls[i], strlen(verdict.urls[i])));
	webhook_done(&verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct secret secret = {(char *)(uintptr_t) "secret", 6};
	char event[64], proof[128], signature[80];
	const struct sent forges[] = {
		{"X-GitHub-Event", "X-Hub-Signature-256", NULL, NULL, NULL},
		{"X-Gitlab-Event", "X-Gitlab-Token", "secret", NULL, NULL},
		{"X-Event-Key", "X-Hub-Signature", NULL, NULL, NULL},
		{"X-Gogs-Event", "X-Gogs-Signature", signature + 7, NULL, NULL},
		{"-", "X-Pgitops-Signature", NULL, NULL, NULL},
		{"-", "Authorization", "Basic OnNlY3JldA==", NULL, NULL},
	};
	take_line(&data, &size, event, sizeof(event));
	take_line(&data, &size, proof, sizeof(proof));
	sign(&secret, data, size, signature);
	for (size_t i = 0; i < COUNT_OF(forges); i++) {
		const char *right = forges[i].right ? forges[i].right : signature;
		bool is_right = text_equal(proof, "=") || strcmp(proof, right) == 0;
		struct sent sent = forges[i];
		sent.event = event;
		sent.proof = text_equal(proof, "=") ? right : proof;
		deliver(&sent, is_right, data, size);
	}
	return 0;
}
