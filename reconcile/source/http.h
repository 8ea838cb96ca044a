/*
 * http.h - requests to one Git server (base/http): its credentials, its limits, its failures in words
 *
 * Nothing is sent to another server than the one of the URL, redirects are reported and not followed here, the
 * environment's proxy and netrc are not looked at. A status other than 200 or an unexpected type of answer is an
 * error, so a sink sees Git's bytes only.
 */
#pragma once

#include "reconcile/source/source.h"
#include "reconcile/source/url.h"

struct dialer; /* dialer.h */
struct http;

/* Takes bytes of the body; false ends the request with the error it set. */
typedef bool http_sink(void *context, const char *bytes, size_t size, struct error *err);

struct http_exchange {
	const char *url;
	const char *body; /* NULL = GET */
	size_t body_length;
	const char *body_type;
	const char *accept;    /* and the only type of answer that is taken */
	bool version_2;        /* ask for protocol version 2 */
	int64_t maximum;       /* bytes of the answer */
	const char *too_large; /* what is larger than that, for the message */
	http_sink *sink;
	void *context;
	long status;          /* out, also on failure; 0 = no answer */
	const char *redirect; /* out: where a status of 3xx leads, or NULL; valid until the next exchange */
};

/* All three live as long as it does; `dialer` NULL = libcurl connects itself. `deadline` of all requests together, steady clock. */
struct http *http_open(
	const struct url *url, const struct source_access *access, struct dialer *dialer, int64_t deadline);
void http_close(struct http *http);

bool http_run(struct http *http, struct http_exchange *exchange, struct error *err) MUST_CHECK;

int64_t http_received(const struct http *http);
