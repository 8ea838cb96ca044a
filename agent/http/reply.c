#include "agent/http/internal.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{202, "Accepted"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{415, "Unsupported Media Type"},
	{421, "Misdirected Request"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < COUNT_OF(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

const char *http_request_header(const struct http_call *call, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(call->request), name);
}

void http_header(struct http_call *call, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(call->request), name, value);
}

/* Nothing is loaded from elsewhere, nobody may frame us, and nothing is kept in a browser's cache. */
void http_reply_headers(struct http_call *call, const char *type)
{
	static const char *const headers[][2] = {
		{"Content-Security-Policy",
			"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cache-Control", "no-store"},
	};
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		http_header(call, headers[i][0], headers[i][1]);
	http_header(call, "Content-Type", type);
}

/* A client that holds the same bytes gets 304; the tag is the digest, so it needs no memory here. */
static bool is_unchanged(struct http_call *call, const void *bytes, size_t length)
{
	char digest[DIGEST_HEX_SIZE], tag[40];
	digest_sha256_hex(bytes, length, digest);
	snprintf(tag, sizeof(tag), "\"%.32s\"", digest);
	http_header(call, "ETag", tag);
	const char *held = http_request_header(call, "If-None-Match");
	return held && strstr(held, tag);
}

void http_reply(struct http_call *call, int status, const char *type, const void *bytes, size_t length)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(call->request);
	http_reply_headers(call, type);
	if (status == 200 && (method == EVHTTP_REQ_GET || method == EVHTTP_REQ_HEAD) &&
		is_unchanged(call, bytes, length)) {
		evhttp_send_reply(call->request, 304, reason_of(304), NULL);
		return;
	}
	struct evbuffer *body = evbuffer_new();
	if (method == EVHTTP_REQ_HEAD) {
		char number[24];
		snprintf(number, sizeof(number), "%zu", length);
		http_header(call, "Content-Length", number);
		length = 0;
	}
	if (!body || evbuffer_add(body, bytes, length) < 0)
		evhttp_send_error(call->request, 500, NULL);
	else
		evhttp_send_reply(call->request, status, reason_of(status), body);
	if (body)
		evbuffer_free(body);
}

void http_reply_json(struct http_call *call, int status, json_t *value)
{
	char *text = json_canonical(value);
	http_reply(call, status, "application/json", text, strlen(text));
	free(text);
	json_decref(value);
}

/* RFC 9457. */
void http_problem(struct http_call *call, int status, const char *format, ...)
{
	char detail[ERROR_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	/* A cut in the middle of a character would make the text unfit for JSON. */
	size_t end = strnlen(detail, sizeof(detail));
	while (length >= (int)sizeof(detail) && end && !text_is_utf8(detail, end))
		detail[--end] = '\0';
	json_t *problem = json_pack("{s:s, s:s, s:i, s:s*}", "type", "about:blank", "title",
		reason_of(status), "status", status, "detail", text_is_utf8(detail, end) ? detail : NULL);
	char *text = json_canonical(problem);
	http_reply(call, status, "application/problem+json", text, strlen(text));
	free(text);
	json_decref(problem);
}

void http_problem_error(struct http_call *call, const struct error *err)
{
	static const int statuses[] = {
		[ERROR_NONE] = 500,
		[ERROR_RETRY] = 503,
		[ERROR_INVALID] = 400,
		[ERROR_MISSING] = 404,
		[ERROR_CONFLICT] = 409,
		[ERROR_DENIED] = 403,
		[ERROR_STOPPED] = 503,
		[ERROR_BUG] = 500,
	};
	int status = statuses[err->kind];
	if (status == 503)
		http_header(call, "Retry-After", "1");
	http_problem(call, status, "%s", err->text);
}

void http_log_refusal(struct http_call *call, const char *why)
{
	struct http *http = call->http;
	int64_t now = clock_steady();
	if (http->refusal_logged && now - http->refusal_logged < 1000) {
		http->refusals++;
		return;
	}
	char more[32] = "";
	if (http->refusals)
		snprintf(more, sizeof(more), "%zu", http->refusals);
	char *address = NULL;
	ev_uint16_t port = 0;
	evhttp_connection_get_peer(evhttp_request_get_connection(call->request), &address, &port);
	log_warning("HTTP request refused", "reason", why, "from", call->local ? "socket" : address, "more",
		more, NULL);
	http->refusal_logged = now;
	http->refusals = 0;
}
