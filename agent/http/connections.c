#include "agent/http/internal.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

/*
 * evhttp's own timeouts start anew with each byte, so a client that sends one byte a second holds its connection for ever;
 * and it tells nobody when a connection ends before its first request. So each connection's bufferevent is made here and kept
 * with a reference of our own. evhttp_connection_free() takes the callbacks off a bufferevent before it lets go of it: that is
 * how the sweep sees that a connection is gone. BEV_OPT_CLOSE_ON_FREE keeps the descriptor open until then, so that its
 * number cannot be given to another connection while libevent still watches it.
 */

enum {
	/* All connections at their limit would be many times what the whole agent needs. */
	READ_TOTAL = 8 * 1024 * 1024,
	/* More than this cannot be cut as fast as they come: nobody is let in until the next sweep. */
	CONNECTIONS_AT_ALL = 2 * LIMIT_HTTP_CONNECTIONS,
};

static void on_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context);

static bool is_gone(const struct http_connection *connection)
{
	void *argument = NULL;
	bufferevent_getcb(connection->stream, NULL, NULL, NULL, &argument);
	return !argument;
}

static void forget(struct http_connections *connections, struct http_connection *connection)
{
	connections->unread -= connection->unread;
	evbuffer_remove_cb(bufferevent_get_input(connection->stream), on_bytes, connection);
	TAILQ_REMOVE(&connections->list, connection, link);
	connections->count--;
	bufferevent_decref(connection->stream);
	free(connection);
}

/* evhttp notices and frees its side in the next turn of the loop; our reference keeps the stream, and all it holds, until the next
   sweep, so its bytes go here and now. */
static void cut(struct http_connection *connection)
{
	evutil_socket_t fd = bufferevent_getfd(connection->stream);
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	connection->cut = true;
	evbuffer_drain(input, evbuffer_get_length(input));
	connection->all->unread -= connection->unread;
	connection->unread = 0;
}

static void forget_gone(struct http_connections *connections)
{
	struct http_connection *connection = TAILQ_FIRST(&connections->list);
	while (connection) {
		struct http_connection *next = TAILQ_NEXT(connection, link);
		if (is_gone(connection))
			forget(connections, connection);
		connection = next;
	}
}

/* A full house shows the guest to the door who has been silent longest; so a crowd of slow clients never keeps a probe out. */
static void make_room(struct http_connections *connections)
{
	struct http_connection *connection;
	forget_gone(connections);
	if (connections->count < LIMIT_HTTP_CONNECTIONS)
		return;
	connection = TAILQ_FIRST(&connections->list);
	while (connection && (connection->cut || !connection->deadline))
		connection = TAILQ_NEXT(connection, link);
	if (connection)
		cut(connection);
}

static void cut_largest(struct http_connections *connections)
{
	struct http_connection *connection, *largest = NULL;
	for (connection = TAILQ_FIRST(&connections->list); connection;
		connection = TAILQ_NEXT(connection, link))
		if (!connection->cut && (!largest || connection->unread > largest->unread))
			largest = connection;
	if (largest)
		cut(largest);
}

/* Counts what a request has sent until it is complete, whether libevent still holds it as bytes or as chunks of a body. */
static void on_bytes(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *context)
{
	struct http_connection *connection = context;
	struct http_connections *connections = connection->all;
	if (!info->n_added)
		return;
	if (connection->cut || connection->deaf) {
		evbuffer_drain(buffer, evbuffer_get_length(buffer));
		return;
	}
	connection->unread += info->n_added;
	connections->unread += info->n_added;
	if (connections->unread > READ_TOTAL)
		cut_largest(connections);
	if (!connection->open && !connection->cut)
		http_gate_bytes(connection, connections->http, buffer);
}

static struct bufferevent *open_stream(struct event_base *base, struct http *http, bool local)
{
	struct http_connections *connections = &http->connections;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!stream)
		return NULL;
	if (connections->count >= LIMIT_HTTP_CONNECTIONS)
		make_room(connections);
	bufferevent_incref(stream);
	struct http_connection *connection = memory_alloc(sizeof(*connection));
	*connection = (struct http_connection){.all = connections, .stream = stream, .local = local};
	connections->http = http;
	http_gate_close(connection);
	evbuffer_add_cb(bufferevent_get_input(stream), on_bytes, connection);
	connection->deadline = clock_steady() + LIMIT_HTTP_SECONDS * 1000;
	TAILQ_INSERT_TAIL(&connections->list, connection, link);
	if (++connections->count >= CONNECTIONS_AT_ALL)
		http_listen(http, false);
	return stream;
}

struct bufferevent *http_connection_open(struct event_base *base, void *http)
{
	return open_stream(base, http, false);
}

struct bufferevent *http_connection_open_local(struct event_base *base, void *http)
{
	return open_stream(base, http, true);
}

void http_connections_sweep(struct http *http)
{
	struct http_connection *connection;
	int64_t now = clock_steady();
	forget_gone(&http->connections);
	http_listen(http, http->connections.count < CONNECTIONS_AT_ALL);
	connection = TAILQ_FIRST(&http->connections.list);
	for (; connection; connection = TAILQ_NEXT(connection, link))
		if (!connection->cut && connection->deadline && connection->deadline <= now)
			cut(connection);
}

void http_connections_done(struct http *http)
{
	struct http_connection *connection = TAILQ_FIRST(&http->connections.list);
	while (connection) {
		struct http_connection *next = TAILQ_NEXT(connection, link);
		forget(&http->connections, connection);
		connection = next;
	}
}

/* A request that came with the one before it has been seen by nobody: its sender asks again on another connection. */
static void next_request(struct http_connection *connection, struct http_call *call)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	connection->deaf = connection->deaf || (!connection->local && evbuffer_get_length(input));
	if (!connection->deaf) {
		http_gate_close(connection);
		return;
	}
	evbuffer_drain(input, evbuffer_get_length(input));
	http_header(call, "Connection", "close");
}

void http_connection_served(struct http_call *call, bool stream)
{
	struct http_connections *connections = &call->http->connections;
	struct evhttp_connection *peer = evhttp_request_get_connection(call->request);
	struct bufferevent *wanted = evhttp_connection_get_bufferevent(peer);
	struct http_connection *connection;
	connection = TAILQ_FIRST(&connections->list);
	while (connection && connection->stream != wanted)
		connection = TAILQ_NEXT(connection, link);
	if (!connection)
		return;
	connections->unread -= connection->unread;
	connection->unread = 0;
	next_request(connection, call);
	connection->deadline = stream ? 0 : clock_steady() + LIMIT_HTTP_SECONDS * 1000;
	TAILQ_REMOVE(&connections->list, connection, link);
	TAILQ_INSERT_TAIL(&connections->list, connection, link);
}
