#include "agent/http/internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/http/webhook_secrets.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/*
 * No body is taken of somebody who has not shown who he is. evhttp has no question between head and body, so it does not see a
 * request before its head is complete (the low watermark holds it back), and of a request that shows nothing it sees the head alone, with a
 * length of 0: the body is thrown away as it comes, the route answers as it always does, and the connection ends with that.
 *
 * What shows something: the token or Azure DevOps' password, compared here and now; or, at the webhook, a header that a forge proves itself with, which only the
 * body can be compared with. The Unix socket is the agent's own user's.
 */

enum { HELD_BACK = LIMIT_HTTP_BODY + LIMIT_HTTP_HEADERS };

void http_gate_close(struct http_connection *connection)
{
	connection->open = connection->local;
	bufferevent_setwatermark(connection->stream, EV_READ, connection->open ? 0 : HELD_BACK, HELD_BACK);
}

static void open_gate(struct http_connection *connection)
{
	connection->open = true;
	bufferevent_setwatermark(connection->stream, EV_READ, 0, HELD_BACK);
}

/* The length of the head with its empty line; 0 = not all of it is there. Lines end as evhttp takes them, with or without a CR. */
static size_t head_length(struct evbuffer *input)
{
	struct evbuffer_ptr crlf = evbuffer_search(input, "\n\r\n", 3, NULL);
	struct evbuffer_ptr lf = evbuffer_search(input, "\n\n", 2, NULL);
	if (crlf.pos >= 0 && (lf.pos < 0 || crlf.pos < lf.pos))
		return (size_t)crlf.pos + 3;
	return lf.pos >= 0 ? (size_t)lf.pos + 2 : 0;
}

static bool is_webhook(const char *head)
{
	static const char wanted[] = "POST /api/webhook";
	return text_starts(head, wanted) && strchr(" ?", head[strlen(wanted)]);
}

/* The value of a header line of this name, NULL = it is another. */
static char *value_of(char *line, const char *name)
{
	size_t length = strlen(name);
	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	line += length + 1;
	return line + strspn(line, " \t");
}

static char *next_line(char *line)
{
	char *end = strchr(line, '\n');
	return end ? end + 1 : line + strlen(line);
}

static bool shows_token(const struct http *http, bool webhook, char *line)
{
	char *value = value_of(line, "Authorization");
	size_t length = value ? strcspn(value, "\r\n") : 0;
	if (!value)
		return false;
	char kept = value[length];
	value[length] = '\0';
	bool good = (http->token_file && http_token_is(http, value)) ||
		(webhook && webhook_knows_basic(http->webhook, value));
	value[length] = kept;
	return good;
}

static bool shows_proof(char *line)
{
	for (size_t i = 0; webhook_proofs[i]; i++)
		if (value_of(line, webhook_proofs[i]))
			return true;
	return false;
}

static bool shows_who(const struct http *http, char *head)
{
	bool webhook = is_webhook(head) && http->webhook->common.length;
	for (char *line = next_line(head); *line; line = next_line(line))
		if (shows_token(http, webhook, line) || (webhook && shows_proof(line)))
			return true;
	return false;
}

/* A line that begins with a blank goes on with the one before it, for evhttp as well: here it becomes one. */
static void unfold(char *head)
{
	for (char *at = head; (at = strchr(at, '\n')); at++)
		if (at[1] == ' ' || at[1] == '\t') {
			*at = ' ';
			if (at > head && at[-1] == '\r')
				at[-1] = ' ';
		}
}

/* No length, no chunks, nothing that is waited for. True when there was a body to come. */
static bool take_body_off(char *head)
{
	static const char *const others[] = {"Transfer-Encoding", "Expect"};
	bool body = false;
	for (char *line = next_line(head); *line; line = next_line(line)) {
		char *value = value_of(line, "Content-Length");
		for (; value && *value && !strchr("\r\n", *value); value++) {
			body = true;
			*value = '0';
		}
		for (size_t i = 0; i < COUNT_OF(others); i++)
			if (value_of(line, others[i])) {
				body = true;
				memset(line, 'X', strlen(others[i]));
			}
	}
	return body;
}

void http_gate_bytes(struct http_connection *connection, const struct http *http, struct evbuffer *input)
{
	size_t all = evbuffer_get_length(input), length = head_length(input);
	if (!length) {
		if (all > LIMIT_HTTP_HEADERS)
			open_gate(connection); /* evhttp says what is too large */
		return;
	}
	open_gate(connection);
	char *head = memory_alloc(length + 1);
	evbuffer_copyout(input, head, length);
	head[length] = '\0';
	unfold(head);
	bool shown = strlen(head) == length && shows_who(http, head);
	if (!shown) {
		bool rest = take_body_off(head) || all > length || strlen(head) != length;
		evbuffer_drain(input, all);
		evbuffer_prepend(input, head, length); /* its end belongs to the socket alone */
		connection->deaf = rest;
	}
	explicit_bzero(head, length);
	free(head);
}
