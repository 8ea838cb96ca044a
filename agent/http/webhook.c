#include "agent/http/webhook.h"

#include <string.h>
#include <strings.h>

#include "base/digest.h"
#include "base/limits.h"
#include "base/text.h"

enum { WEBHOOK_URL_BYTES = 2048 };

static bool hex_digit(char c, unsigned char *value)
{
	if (c >= '0' && c <= '9')
		*value = (unsigned char)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*value = (unsigned char)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*value = (unsigned char)(c - 'A' + 10);
	else
		return false;
	return true;
}

/* "sha256=" and exactly 64 hex digits. */
static bool read_signature(const char *text, unsigned char digest[DIGEST_SIZE])
{
	if (!text || !text_starts(text, "sha256="))
		return false;
	text += strlen("sha256=");
	if (strnlen(text, DIGEST_HEX_SIZE) != DIGEST_HEX_SIZE - 1)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		unsigned char high, low;
		if (!hex_digit(text[2 * i], &high) || !hex_digit(text[2 * i + 1], &low))
			return false;
		digest[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool is_signed(const struct secret *secret, const struct webhook_delivery *delivery)
{
	unsigned char claimed[DIGEST_SIZE], wanted[DIGEST_SIZE];
	if (!read_signature(delivery->signature, claimed))
		return false;
	digest_hmac(secret->bytes, secret->length, delivery->body, delivery->length, wanted);
	return digest_equal(claimed, wanted, DIGEST_SIZE);
}

static void answer(struct webhook_verdict *verdict, int status, const char *text)
{
	verdict->status = status;
	verdict->text = text;
}

/* A URL is compared with the configured ones later, never opened: only its shape is checked here. */
static bool is_url(const json_t *value)
{
	if (!json_is_string(value))
		return false;
	size_t length = json_string_length(value);
	return length && length <= WEBHOOK_URL_BYTES && strlen(json_string_value(value)) == length;
}

static bool collect_urls(struct webhook_verdict *verdict)
{
	static const char *const fields[WEBHOOK_URLS] = {"clone_url", "ssh_url", "git_url", "html_url"};
	const json_t *repository = json_object_get(verdict->document, "repository");
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const json_t *url = json_object_get(repository, fields[i]);
		if (!url || json_is_null(url))
			continue;
		if (!is_url(url))
			return false;
		verdict->urls[verdict->url_count++] = json_string_value(url);
	}
	return verdict->url_count > 0;
}

static void read_push(const struct webhook_delivery *delivery, struct webhook_verdict *verdict)
{
	struct error ignored; /* where the body is broken helps nobody: its sender is a program */
	if (!json_read(delivery->body, delivery->length, &verdict->document, &ignored)) {
		answer(verdict, 400, "the body is not valid JSON");
	} else if (!collect_urls(verdict)) {
		verdict->url_count = 0;
		answer(verdict, 400,
			"the push event names no repository: clone_url, ssh_url, git_url or html_url");
	} else {
		answer(verdict, 202, "the repository will be asked again");
	}
}

void webhook_read(
	const struct secret *secret, const struct webhook_delivery *delivery, struct webhook_verdict *verdict)
{
	static const char json[] = "application/json";
	*verdict = (struct webhook_verdict){0};
	if (!secret || !secret->length) {
		answer(verdict, 404, "there is no webhook: the agent file names no webhook.secretFile");
	} else if (!is_signed(secret, delivery)) {
		answer(verdict, 401, "X-Hub-Signature-256 is missing or does not match the webhook's secret");
	} else if (!delivery->event || !*delivery->event) {
		answer(verdict, 400, "the header X-GitHub-Event is missing");
	} else if (!delivery->content_type || strncasecmp(delivery->content_type, json, strlen(json)) != 0) {
		answer(verdict, 415, "set the webhook's content type to application/json");
	} else if (text_equal(delivery->event, "push")) {
		read_push(delivery, verdict);
	} else if (text_equal(delivery->event, "ping")) {
		answer(verdict, 202, "the webhook works");
	} else {
		answer(verdict, 202, "only push events are of interest; this one was ignored");
	}
}

void webhook_done(struct webhook_verdict *verdict)
{
	json_done(&verdict->document);
	*verdict = (struct webhook_verdict){0};
}
