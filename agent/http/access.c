#include "agent/http/internal.h"

#include <arpa/inet.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"

/*
 * Who may do what:
 *   Unix socket   everything, for our own user and root
 *   TCP, token    reading and acting with the bearer token
 *   TCP, no token reading on a loopback address only, acting never
 * A web page of anybody can make a browser send requests to a loopback address. It cannot read the answers, unless its name is
 * made to point to 127.0.0.1 (DNS rebinding): then the Host header still holds that name, and is refused.
 */

static bool is_port(const char *text)
{
	return !*text ||
		(*text == ':' && strlen(text) <= 6 && strspn(text + 1, "0123456789") == strlen(text + 1));
}

bool http_host_allowed(const char *host, const char *listen_host)
{
	char name[128];
	struct in6_addr address;
	bool bracketed = host[0] == '[';
	size_t length = strcspn(host + bracketed, bracketed ? "]" : ":");
	const char *rest = host + bracketed + length;
	if (!length || length >= sizeof(name) || (bracketed && *rest++ != ']') || !is_port(rest))
		return false;
	memcpy(name, host + bracketed, length);
	name[length] = '\0';
	if (bracketed)
		return inet_pton(AF_INET6, name, &address) == 1;
	return inet_pton(AF_INET, name, &address) == 1 || strcasecmp(name, "localhost") == 0 ||
		(*listen_host && strcasecmp(name, listen_host) == 0);
}

bool http_access_host(struct http_call *call)
{
	const char *host = http_request_header(call, "Host");
	if (call->local || call->http->token_file)
		return true;
	if (host && http_host_allowed(host, call->http->listen_host))
		return true;
	http_log_refusal(call, "Host header");
	http_problem(call, 421,
		"this Host is not served: use the address itself or localhost, or set api.tokenFile in the agent file");
	return false;
}

static bool peer_is_ours(struct http_call *call)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	struct evhttp_connection *connection = evhttp_request_get_connection(call->request);
	int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
		(peer.uid == 0 || peer.uid == geteuid()))
		return true;
	http_log_refusal(call, "user of the socket's other end");
	http_problem(call, 403, "only the agent's own user and root may use its socket");
	return false;
}

/* Both are hashed first, so that neither length nor content shows in the time it takes. */
static bool token_matches(const struct secret *token, const char *given)
{
	unsigned char wanted[DIGEST_SIZE], found[DIGEST_SIZE];
	digest_sha256(token->bytes, token->length, wanted);
	digest_sha256(given, strlen(given), found);
	return digest_equal(wanted, found, DIGEST_SIZE);
}

static bool read_token(const struct http *http, struct secret *token, struct error *err)
{
	if (!secret_read_private(token, http->token_file, true, err))
		return false;
	return token->length >= HTTP_TOKEN_BYTES ||
		error_set(err, ERROR_INVALID, "the API token in %s is shorter than %d bytes",
			http->token_file, HTTP_TOKEN_BYTES);
}

static bool is_bearer(const char *authorization)
{
	return authorization && strncasecmp(authorization, "Bearer ", 7) == 0;
}

bool http_token_is(const struct http *http, const char *authorization)
{
	CLEANUP(secret_done) struct secret token = {0};
	struct error ignored;
	return http->token_file && is_bearer(authorization) && read_token(http, &token, &ignored) &&
		token_matches(&token, authorization + 7);
}

/* The file is read each time: a rotated token counts at once. */
static bool has_token(struct http_call *call)
{
	CLEANUP(secret_done) struct secret token = {0};
	struct error err;
	const char *given = http_request_header(call, "Authorization");
	if (!is_bearer(given)) {
		http_header(call, "WWW-Authenticate", "Bearer");
		http_problem(call, 401, "this needs the agent's token: Authorization: Bearer TOKEN");
		return false;
	}
	if (!read_token(call->http, &token, &err)) {
		http_log_refusal(call, err.text);
		http_problem(call, 503, "the agent has no token to compare with yet; its log says why");
		return false;
	}
	if (token_matches(&token, given + 7))
		return true;
	http_log_refusal(call, "wrong token");
	http_header(call, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
	http_problem(call, 401, "the token is not the agent's");
	return false;
}

bool http_access_allowed(struct http_call *call, enum http_access access)
{
	const struct http *http = call->http;
	if (access == HTTP_ANY_HOST || access == HTTP_OPEN)
		return true;
	if (call->local)
		return peer_is_ours(call);
	if (http->token_file)
		return has_token(call);
	if (access == HTTP_READ && http->loopback)
		return true;
	http_problem(call, 403,
		access == HTTP_ACT
			? "actions over TCP need a token: set api.tokenFile in the agent file, or use the command line on the agent's machine"
			: "the agent listens beyond loopback and has no token: set api.tokenFile in the agent file");
	return false;
}

json_t *http_access_describe(const struct http_call *call)
{
	const struct http *http = call->http;
	const char *actions = call->local ? "allowed" : http->token_file ? "token" : "off";
	return json_pack("{s:s, s:b, s:s}", "version", PGITOPS_VERSION, "tokenRequired",
		!call->local && http->token_file, "actions", actions);
}
