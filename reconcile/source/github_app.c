#include "reconcile/source/github_app.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/http/transfer.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/dialer.h"
#include "reconcile/source/http_error.h"

enum { ANSWER_BYTES = 64 * 1024, SIGNATURE_BYTES = 2048, CONNECT_MILLISECONDS = 15000, SILENT_SECONDS = 30 };
enum { EARLIER = 60, GOOD_FOR = 540 }; /* seconds: clocks differ, and GitHub takes ten minutes at most */

static const char github[] = "https://api.github.com";

static bool sign(const struct secret *pem, const char *text, unsigned char *signature, size_t *length)
{
	BIO *bio = BIO_new_mem_buf(pem->bytes, (int)pem->length);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	*length = SIGNATURE_BYTES;
	bool ok = key && context && EVP_PKEY_base_id(key) == EVP_PKEY_RSA &&
		(size_t)EVP_PKEY_size(key) <= SIGNATURE_BYTES &&
		EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		EVP_DigestSign(context, signature, length, (const unsigned char *)text, strlen(text)) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ok;
}

/* base64url without '=' (RFC 7515) */
static void add_part(struct buf *out, const void *bytes, size_t length)
{
	CLEANUP(memory_freep) char *text = memory_alloc(4 * ((length + 2) / 3) + 1);
	text_base64(bytes, length, text);
	for (const char *c = text; *c && *c != '='; c++)
		buf_char(out, *c == '+' ? '-' : *c == '/' ? '_' : *c);
}

static bool make_jwt(const struct source_access *access, struct buf *jwt, struct error *err)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	unsigned char signature[SIGNATURE_BYTES];
	size_t length;
	int64_t now = clock_now() / 1000000;
	CLEANUP(json_done) json_t *claims = json_object();
	json_object_set_new(claims, "iat", json_integer(now - EARLIER));
	json_object_set_new(claims, "exp", json_integer(now + GOOD_FOR));
	json_set_text(claims, "iss", access->app_id);
	CLEANUP(memory_freep) char *text = json_canonical(claims);
	add_part(jwt, head, strlen(head));
	buf_char(jwt, '.');
	add_part(jwt, text, strlen(text));
	if (!sign(&access->app_key, buf_string(jwt), signature, &length))
		return error_set(err, ERROR_DENIED,
			"githubAppPrivateKey%s%s is no RSA private key in PEM form without a passphrase",
			access->origin ? " of " : "", access->origin ? access->origin : "");
	buf_char(jwt, '.');
	add_part(jwt, signature, length);
	return true;
}

static bool take_body(void *context, const char *bytes, size_t size)
{
	buf_append(context, bytes, size);
	return !buf_failed(context);
}

/* Nothing of the answer is shown but GitHub's own message: the rest may be the token. */
static bool read_token(const struct transfer *transfer, const struct buf *answer,
	const struct source_access *access, struct secret *token, struct error *err)
{
	CLEANUP(json_done) json_t *json = NULL;
	struct error ignored;
	long status = transfer_status(transfer);
	bool read = json_read(buf_string(answer), answer->length, &json, &ignored);
	const char *text = read ? json_text_at(json, "token", "") : "";
	if (status == 201 && *text) {
		secret_set(token, text, strlen(text));
		return true;
	}
	const char *message = read ? json_text_at(json, "message", "") : "";
	const struct http_refusal refusal = http_refusal_of(transfer, access, NULL);
	error_set(err, refusal.limited || status >= 500 ? ERROR_RETRY : ERROR_DENIED,
		"the GitHub App %s%s%s gets no token for installation %s (HTTP %ld)%s%.200s", access->app_id,
		access->origin ? " of " : "", access->origin ? access->origin : "", access->app_installation,
		status, *message ? ": " : "", message);
	err->rest = refusal.rest;
	return false;
}

static enum transfer_end ask(struct transfer *transfer, const struct source_access *access,
	struct dialer *dialer, const char *url, const char *ca_folder, int64_t left, const struct secret *jwt,
	struct buf *answer)
{
	struct transfer_request request = {
		.url = url,
		.proxy = access->proxy ? access->proxy : "",
		.no_proxy = access->no_proxy,
		.user_agent = "pgitops " PGITOPS_VERSION,
		.accept = "application/vnd.github+json",
		.body = "{}",
		.body_length = 2,
		.content_type = "application/json",
		.bearer = jwt,
		.tls = {.ca = access->ca, .ca_folder = ca_folder, .insecure = access->insecure},
		.connect_milliseconds = CONNECT_MILLISECONDS,
		.milliseconds = left,
		.silent_seconds = SILENT_SECONDS,
		.on_body = take_body,
		.context = answer,
	};
	dialer_lead(dialer, &request);
	transfer_prepare(transfer, &request);
	return transfer_run(transfer);
}

bool github_app_token(const struct source_access *access, struct dialer *dialer, const char *ca_folder,
	int64_t deadline, struct secret *token, struct error *err)
{
	CLEANUP(buf_wipe) struct buf answer = BUF(ANSWER_BYTES);
	CLEANUP(buf_wipe) struct buf jwt = BUF(ANSWER_BYTES);
	struct secret bearer = {0};
	int64_t left = deadline - clock_steady();
	if (left <= 0)
		return error_set(err, ERROR_RETRY, "out of time before the GitHub App was asked for");
	if (!make_jwt(access, &jwt, err))
		return false;
	const char *api = access->app_api && *access->app_api ? access->app_api : github;
	size_t length = strlen(api);
	while (length && api[length - 1] == '/')
		length--;
	CLEANUP(memory_freep)
	char *url = memory_printf(
		"%.*s/app/installations/%s/access_tokens", (int)length, api, access->app_installation);
	secret_set(&bearer, jwt.data, jwt.length);
	struct transfer *transfer = transfer_new();
	enum transfer_end end = ask(transfer, access, dialer, url, ca_folder, left, &bearer, &answer);
	bool read = end == TRANSFER_ANSWERED
		? read_token(transfer, &answer, access, token, err)
		: error_set(err, ERROR_RETRY, "the GitHub App gets no token from %s: %s", api,
			  transfer_detail(transfer));
	transfer_free(transfer);
	secret_done(&bearer);
	return read;
}
