#include "reconcile/source/http.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http/transfer.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/dialer.h"
#include "reconcile/source/github_app.h"
#include "reconcile/source/http_error.h"

enum {
	CONNECT_MILLISECONDS = 15 * 1000,
	SILENT_SECONDS = 30, /* without a byte, the server counts as gone */
	RECEIVE_BUFFER = 128 * 1024,
};

struct http {
	struct transfer *transfer;
	const struct source_access *access;
	struct dialer *dialer;
	const char *user;
	const struct secret *password,
		*bearer; /* what is shown: the credentials' own, or what they were changed into */
	struct secret app_token;
	const char *ca_folder;
	int64_t deadline;
	int64_t received;
	struct http_exchange *exchange; /* the running one */
	int64_t taken;                  /* bytes of its answer */
	bool checked;                   /* status and type are right */
	struct error failure;           /* set by the sink or the checks */
};

/* Debian's folder of certificates by hash is looked into as needed, the bundle would be parsed whole (60 ms). */
static bool has_hashed_certificates(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	bool found = false;
	if (!folder)
		return false;
	while (!found && (entry = readdir(folder)))
		found = strlen(entry->d_name) == 10 && text_ends(entry->d_name, ".0") &&
			strspn(entry->d_name, "0123456789abcdef") == 8;
	closedir(folder);
	return found;
}

/* A token alone needs a user name: Bitbucket's and GitLab's own words for it, GitHub's for all others, which take any. */
static const char *token_user(const char *host)
{
	static const struct {
		const char *part, *user;
	} forges[] = {{"bitbucket", "x-token-auth"}, {"gitlab", "oauth2"}};
	for (size_t i = 0; i < COUNT_OF(forges); i++)
		if (strstr(host, forges[i].part))
			return forges[i].user;
	return "x-access-token";
}

struct http *http_open(
	const struct url *url, const struct source_access *access, struct dialer *dialer, int64_t deadline)
{
	static const char folder[] = "/etc/ssl/certs";
	struct http *http = memory_alloc(sizeof(*http));
	http->transfer = transfer_new();
	http->access = access;
	http->dialer = dialer;
	http->user = access->username && *access->username ? access->username
		: url->user                                ? url->user
							   : token_user(url->host);
	http->password = access->bearer.bytes ? NULL : &access->password;
	http->bearer = &access->bearer;
	http->deadline = deadline;
	if (url->scheme == URL_HTTPS && !access->ca && has_hashed_certificates(folder))
		http->ca_folder = folder;
	return http;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	transfer_free(http->transfer);
	secret_done(&http->app_token);
	free(http);
}

int64_t http_received(const struct http *http)
{
	return http->received;
}

/* Before the first byte of a body is looked at: is it an answer to what was asked at all? */
static bool check_head(struct http *http, struct error *err)
{
	const struct http_exchange *exchange = http->exchange;
	if (transfer_status(http->transfer) != 200) {
		const struct http_refusal refusal = http_refusal_of(http->transfer, http->access,
			http->password && http->password->bytes ? http->user : NULL);
		return http_status_error(err, &refusal);
	}
	const char *type = transfer_type(http->transfer);
	size_t length = strlen(exchange->accept);
	if (!type || strncasecmp(type, exchange->accept, length) != 0 || (type[length] && type[length] != ';'))
		return http_type_error(err, type);
	return true;
}

static bool take_bytes(struct http *http, const char *bytes, size_t size, struct error *err)
{
	struct http_exchange *exchange = http->exchange;
	if (!http->checked && !check_head(http, err))
		return false;
	http->checked = true;
	http->taken += (int64_t)size;
	if (http->taken > exchange->maximum)
		return error_set(err, ERROR_INVALID, "%s is larger than %lld MiB", exchange->too_large,
			(long long)(exchange->maximum >> 20));
	return exchange->sink(exchange->context, bytes, size, err);
}

static bool take_body(void *context, const char *bytes, size_t size)
{
	struct http *http = context;
	return take_bytes(http, bytes, size, &http->failure);
}

static void prepare(struct http *http, const struct http_exchange *exchange, int64_t left)
{
	const struct source_access *access = http->access;
	struct transfer_request request = {
		.url = exchange->url,
		.proxy = access->proxy ? access->proxy : "",
		.no_proxy = access->no_proxy,
		.user_agent = "git/2.0 (pgitops " PGITOPS_VERSION ")",
		.accept = exchange->accept,
		.header = exchange->version_2 ? "Git-Protocol: version=2" : NULL,
		.body = exchange->body,
		.body_length = exchange->body_length,
		.content_type = exchange->body_type,
		.bearer = http->bearer,
		.user = http->user,
		.password = http->password,
		.tls = {.ca = access->ca,
			.ca_folder = http->ca_folder,
			.client_cert = access->client_cert,
			.client_key = &access->client_key,
			.insecure = access->insecure},
		.connect_milliseconds = CONNECT_MILLISECONDS,
		.milliseconds = left,
		.silent_seconds = SILENT_SECONDS,
		.receive_bytes = RECEIVE_BUFFER,
		.on_body = take_body,
		.context = http,
	};
	dialer_lead(http->dialer, &request);
	transfer_prepare(http->transfer, &request);
}

static bool run_once(struct http *http, struct http_exchange *exchange, struct error *err)
{
	int64_t left = http->deadline - clock_steady();
	exchange->status = 0;
	exchange->redirect = NULL;
	if (left <= 0)
		return error_set(err, ERROR_RETRY, "out of time before the server was asked");
	http->exchange = exchange;
	http->failure = (struct error){0};
	http->checked = false;
	http->taken = 0;
	prepare(http, exchange, left);
	enum transfer_end end = transfer_run(http->transfer);
	exchange->status = transfer_status(http->transfer);
	exchange->redirect = transfer_redirect(http->transfer);
	http->received += transfer_received(http->transfer);
	/* An empty body never came by take_bytes(). */
	if (end == TRANSFER_ANSWERED && !http->checked)
		http->checked = check_head(http, &http->failure);
	if (http->failure.kind != ERROR_NONE) {
		*err = http->failure;
		return false;
	}
	if (end != TRANSFER_ANSWERED)
		return http_transfer_error(
			err, end, transfer_detail(http->transfer), transfer_proxy_status(http->transfer));
	return true;
}

/* Bitbucket Server takes its tokens as Bearer alone. Asked once: what served is kept for the requests that follow. */
static bool may_be_bearer(struct http *http, const struct http_exchange *exchange)
{
	if (exchange->status != 401 || !http->access->token || !http->password)
		return false;
	http->bearer = http->password;
	http->password = NULL;
	return true;
}

static bool become_app(struct http *http, struct error *err)
{
	if (!http->access->app_key.bytes || http->app_token.bytes)
		return true;
	http->password = &http->app_token;
	http->user = "x-access-token";
	return github_app_token(
		http->access, http->dialer, http->ca_folder, http->deadline, &http->app_token, err);
}

bool http_run(struct http *http, struct http_exchange *exchange, struct error *err)
{
	struct error first;
	if (!become_app(http, err))
		return false;
	if (run_once(http, exchange, &first))
		return true;
	if (may_be_bearer(http, exchange)) {
		if (run_once(http, exchange, err))
			return true;
		/* It is neither: the first answer is about what people know. */
		if (exchange->status != 401)
			return false;
	}
	*err = first;
	return false;
}
