#include "agent/http/internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/memory.h"

/*
 * Server-sent events: one small "changed" whenever the store may hold something new. The reader then asks for what it shows,
 * with If-None-Match, so an event that changed nothing costs a few 304. The store writes its WAL with each commit, so the
 * file's time and size are the cheapest honest sign of a change, whoever wrote.
 */

enum {
	EVENT_POLL = 1000,     /* milliseconds between looks at the store's files */
	EVENT_PAUSE = 250,     /* between two events, however often http_notify is called */
	EVENT_BEAT = 15000,    /* a sign of life, so that a dead reader is found */
	EVENT_BACKLOG = 65536, /* bytes a reader may leave unread before it is let go */
};

static void describe_files(const char *state, char seen[128])
{
	static const char *const names[] = {"pgitops.db", "pgitops.db-wal"};
	size_t length = 0;
	memset(seen, 0, 128);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[4096];
		struct stat file = {0};
		snprintf(path, sizeof(path), "%s/%s", state, names[i]);
		if (stat(path, &file) < 0)
			continue;
		int wrote = snprintf(seen + length, 128 - length, "%jd.%09ld %jd ",
			(intmax_t)file.st_mtim.tv_sec, file.st_mtim.tv_nsec, (intmax_t)file.st_size);
		length += wrote > 0 && (size_t)wrote < 128 - length ? (size_t)wrote : 0;
	}
}

/* The reader left: evhttp has taken the request off its connection and leaves it to us. When the whole server ends it is
   still on the connection, which frees it. */
static void on_close(struct evhttp_connection *connection, void *context)
{
	struct http_stream *stream = context;
	struct http *http = stream->http;
	(void)connection;
	TAILQ_REMOVE(&http->streams, stream, link);
	http->stream_count--;
	if (!evhttp_request_get_connection(stream->request))
		evhttp_send_reply_end(stream->request);
	free(stream);
}

static bool is_behind(const struct http_stream *stream)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(stream->request);
	struct bufferevent *bytes = evhttp_connection_get_bufferevent(connection);
	return evbuffer_get_length(bufferevent_get_output(bytes)) > EVENT_BACKLOG;
}

static void send_text(struct http_stream *stream, const char *text)
{
	struct evbuffer *chunk = evbuffer_new();
	if (chunk && evbuffer_add(chunk, text, strlen(text)) == 0)
		evhttp_send_reply_chunk(stream->request, chunk);
	if (chunk)
		evbuffer_free(chunk);
}

static void send_all(struct http *http, const char *text)
{
	struct http_stream *stream = TAILQ_FIRST(&http->streams);
	http->beaten = clock_steady();
	while (stream) {
		struct http_stream *next = TAILQ_NEXT(stream, link);
		if (is_behind(stream))
			evhttp_connection_free(evhttp_request_get_connection(stream->request));
		else
			send_text(stream, text);
		stream = next;
	}
}

static void push(struct http *http)
{
	char text[64];
	http->pushed = clock_steady();
	describe_files(http->state, http->seen);
	snprintf(text, sizeof(text), "id: %" PRIu64 "\nevent: changed\ndata: {}\n\n", ++http->event_number);
	send_all(http, text);
}

void http_events_notify(struct http *http)
{
	struct timeval pause = {.tv_usec = EVENT_PAUSE * 1000};
	if (!http->stream_count || event_pending(http->push, EV_TIMEOUT, NULL))
		return;
	if (clock_steady() - http->pushed >= EVENT_PAUSE)
		push(http);
	else
		event_add(http->push, &pause);
}

void http_events_push(struct http *http)
{
	push(http);
}

void http_events_poll(struct http *http)
{
	char seen[sizeof(http->seen)];
	int64_t now = clock_steady();
	if (!http->stream_count)
		return;
	if (now - http->looked >= EVENT_POLL) {
		http->looked = now;
		describe_files(http->state, seen);
		if (memcmp(seen, http->seen, sizeof(seen)) != 0)
			http_events_notify(http);
	}
	if (now - http->beaten >= EVENT_BEAT)
		send_all(http, ": still here\n\n");
}

void http_events(struct http_call *call)
{
	struct http *http = call->http;
	if (evhttp_request_get_command(call->request) == EVHTTP_REQ_HEAD) {
		http_reply(call, 200, "text/event-stream", "", 0);
		return;
	}
	if (http->stream_count >= HTTP_STREAMS) {
		http_header(call, "Retry-After", "30");
		http_problem(call, 503, "%d readers of events are connected already", HTTP_STREAMS);
		return;
	}
	struct http_stream *stream = memory_alloc(sizeof(*stream));
	*stream = (struct http_stream){.http = http, .request = call->request};
	if (!http->stream_count)
		describe_files(http->state, http->seen);
	TAILQ_INSERT_TAIL(&http->streams, stream, link);
	http->stream_count++;
	http_connection_served(call, true);
	evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), on_close, stream);
	http_reply_headers(call, "text/event-stream");
	http_header(call, "X-Accel-Buffering", "no");
	evhttp_send_reply_start(call->request, 200, "OK");
	send_text(stream, "retry: 3000\n\nevent: hello\ndata: {}\n\n");
}
