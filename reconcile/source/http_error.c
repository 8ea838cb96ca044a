#include "reconcile/source/http_error.h"

#include <string.h>
#include <strings.h>

bool http_status_error(struct error *err, long status, bool credentials, long retry_after)
{
	switch (status) {
	case 401:
		return error_set(err, ERROR_DENIED,
			credentials
				? "the server does not take the credentials (HTTP 401): check user, password or token and its expiry"
				: "the server asks for credentials (HTTP 401) and none are configured for this URL");
	case 403:
		return error_set(err, ERROR_DENIED, "the server refuses access (HTTP 403): %s",
			credentials ? "the user or token lacks the right to read this repository"
				    : "no credentials are configured for this URL");
	case 404:
	case 410:
		return error_set(err, ERROR_MISSING,
			"the server knows no such repository (HTTP %ld): check the URL%s", status,
			credentials ? ", and whether these credentials may see it"
				    : "; a private repository looks the same without credentials");
	case 407:
		return error_set(err, ERROR_DENIED, "the proxy asks for credentials (HTTP 407)");
	case 429:
		if (retry_after > 0)
			return error_set(err, ERROR_RETRY,
				"the server is asked too often (HTTP 429) and wants %ld s of rest",
				retry_after);
		return error_set(err, ERROR_RETRY, "the server is asked too often (HTTP 429)");
	default:
		if (status >= 300 && status < 400)
			return error_set(
				err, ERROR_INVALID, "the server answers with a redirect (HTTP %ld)", status);
		if (status >= 500)
			return error_set(
				err, ERROR_RETRY, "the server has trouble of its own (HTTP %ld)", status);
		return error_set(err, ERROR_INVALID, "the server refuses the request (HTTP %ld)", status);
	}
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
