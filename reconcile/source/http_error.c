#include "reconcile/source/http_error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

enum { WHO_BYTES = 400, REST_MOST = 24 * 3600 };

/* How many questions are left, and when there will be more: as GitHub and Gitea call it, and as GitLab does. */
static const struct {
	const char *left, *more;
} budgets[] = {
	{"x-ratelimit-remaining", "x-ratelimit-reset"},
	{"ratelimit-remaining", "ratelimit-reset"},
};

/* A time, or seconds from now, as the one or the other forge has it: no server waits for decades. */
static int64_t seconds_until(const char *text)
{
	enum { A_TIME = 1000000000 };
	int64_t number = text ? strtoll(text, NULL, 10) : 0;
	return number < A_TIME ? number : number - clock_now() / 1000000;
}

static bool is_used_up(const struct transfer *transfer, int64_t *rest)
{
	for (size_t i = 0; i < COUNT_OF(budgets); i++) {
		const char *left = transfer_header(transfer, budgets[i].left);
		if (!left || strtoll(left, NULL, 10) != 0)
			continue;
		if (*rest <= 0)
			*rest = seconds_until(transfer_header(transfer, budgets[i].more));
		return true;
	}
	return false;
}

struct http_refusal http_refusal_of(
	const struct transfer *transfer, const struct source_access *access, const char *user)
{
	struct http_refusal refusal = {
		.status = transfer_status(transfer),
		.access = access,
		.user = user,
		.rest = transfer_retry_after(transfer),
	};
	bool waits = transfer_header(transfer, "retry-after"), used_up = is_used_up(transfer, &refusal.rest);
	/* A time that has passed, or one that no number holds, says no more than that it was too often. */
	refusal.rest = refusal.rest < 0 ? 0 : refusal.rest > REST_MOST ? REST_MOST : refusal.rest;
	refusal.limited = refusal.status == 429 ||
		((refusal.status == 403 || refusal.status == 503) && (used_up || waits));
	return refusal;
}

static bool has_credentials(const struct source_access *access)
{
	return access->bearer.bytes || access->password.bytes || access->app_key.bytes;
}

/* " of Secret argocd/db, user ci" */
static const char *who(const struct http_refusal *refusal, char text[WHO_BYTES])
{
	const char *origin = refusal->access->origin;
	snprintf(text, WHO_BYTES, "%s%s%s%s", origin ? " of " : "", origin ? origin : "",
		refusal->user ? ", user " : "", refusal->user ? refusal->user : "");
	return text;
}

static bool refused_without(struct error *err, const struct http_refusal *refusal, const char *says)
{
	const char *hint = refusal->access->hint;
	return error_set(err, ERROR_DENIED, "%s (HTTP %ld) and none are configured for this URL%s%s", says,
		refusal->status, hint ? "; " : "", hint ? hint : "");
}

static bool denied(struct error *err, const struct http_refusal *refusal)
{
	char shown[WHO_BYTES];
	bool unknown = refusal->status == 401;
	if (!has_credentials(refusal->access))
		return refused_without(err, refusal,
			unknown ? "the server asks for credentials"
				: "the server refuses access without credentials");
	return error_set(err, ERROR_DENIED,
		unknown ? "the server does not take the credentials%s (HTTP %ld): check user, password or token and its expiry"
			: "the server refuses access with the credentials%s (HTTP %ld): the user or token lacks the right to "
			  "read this repository",
		who(refusal, shown), refusal->status);
}

static bool missing(struct error *err, const struct http_refusal *refusal)
{
	char shown[WHO_BYTES];
	if (!has_credentials(refusal->access))
		return error_set(err, ERROR_MISSING,
			"the server knows no such repository (HTTP %ld): check the URL; a private repository looks the same "
			"without credentials",
			refusal->status);
	return error_set(err, ERROR_MISSING,
		"the server knows no such repository (HTTP %ld): check the URL, and whether the credentials%s may see it",
		refusal->status, who(refusal, shown));
}

static bool limited(struct error *err, const struct http_refusal *refusal)
{
	if (!refusal->rest)
		return error_set(err, ERROR_RETRY, "the server is asked too often (HTTP %ld)", refusal->status);
	error_set(err, ERROR_RETRY, "the server is asked too often (HTTP %ld) and wants %lld s of rest",
		refusal->status, (long long)refusal->rest);
	err->rest = refusal->rest;
	return false;
}

bool http_status_error(struct error *err, const struct http_refusal *refusal)
{
	long status = refusal->status;
	if (refusal->limited)
		return limited(err, refusal);
	if (status == 401 || status == 403)
		return denied(err, refusal);
	if (status == 404 || status == 410)
		return missing(err, refusal);
	if (status == 407)
		return error_set(err, ERROR_DENIED, "the proxy asks for credentials (HTTP 407)");
	if (status >= 300 && status < 400)
		return error_set(err, ERROR_INVALID, "the server answers with a redirect (HTTP %ld)", status);
	if (status >= 500)
		return error_set(err, ERROR_RETRY, "the server has trouble of its own (HTTP %ld)", status);
	return error_set(err, ERROR_INVALID, "the server refuses the request (HTTP %ld)", status);
}

bool http_type_error(struct error *err, const char *type)
{
	if (type && strncasecmp(type, "text/html", 9) == 0)
		return error_set(err, ERROR_DENIED,
			"a web page came instead of Git's answer, probably a login page: check the URL and the credentials");
	return error_set(err, ERROR_INVALID,
		"the answer is of type %.100s, not Git's \"smart\" protocol: check the URL",
		type ? type : "unknown");
}

bool http_transfer_error(struct error *err, enum transfer_end end, const char *detail, long proxy_status)
{
	if (proxy_status == 407)
		return error_set(err, ERROR_DENIED, "the proxy asks for credentials (HTTP 407)");
	if (proxy_status >= 400)
		return error_set(err, ERROR_RETRY, "the proxy does not connect (HTTP %ld)", proxy_status);
	switch (end) {
	case TRANSFER_UNTRUSTED:
		return error_set(err, ERROR_DENIED,
			"the TLS certificates are not accepted: %s (a private CA belongs into caFile)", detail);
	case TRANSFER_SILENT:
		return error_set(err, ERROR_RETRY, "the server is silent: %s", detail);
	case TRANSFER_CUT:
		return error_set(err, ERROR_RETRY, "the connection was cut: %s", detail);
	case TRANSFER_NO_MEMORY:
		return error_set(
			err, ERROR_INVALID, "the answer needs more memory than the Git process may have");
	default:
		return error_set(err, ERROR_RETRY, "cannot reach the server: %s", detail);
	}
}
