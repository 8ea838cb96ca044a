/*
 * internal.h - what the files of the HTTP server share
 *
 *   http.c              start, stop, the loop's thread, listeners
 *   connections.c  how many, for how long
 *   gate.c         whose body is taken
 *   route.c        method + path -> handler, after the gates of access.c
 *   api.c          reads; actions.c, manifests.c, user_access.c, metrics.c, events.c, page.c the other handlers
 *   clusters.c     database clusters, read by a thread of its own
 *   reply.c        every answer leaves through here, with its headers
 *
 * Everything runs on the loop's thread, except http_start, http_stop, http_notify and the reading of clusters.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "agent/http/http.h"
#include "base/json.h"

enum {
	HTTP_TOKEN_BYTES = 16,         /* a shorter token is refused: it can be guessed */
	HTTP_WAITERS = 16,             /* requests that wait for an operation at once */
	HTTP_STREAMS = 32,             /* pages that listen to /api/v1/events at once */
	HTTP_SWEEP_MILLISECONDS = 250, /* how exactly deadlines are kept */
	HTTP_CLUSTERS_PAUSE = 2000,    /* milliseconds between two readings of database clusters */
	HTTP_CLUSTERS_LOOKING = 30000, /* milliseconds for which they go on after somebody has looked */
};

/* One client's connection (connections.c). */
struct http_connection {
	TAILQ_ENTRY(http_connection) link;
	struct bufferevent *stream; /* we hold a reference of our own */
	struct http_connections *all;
	size_t unread;    /* bytes of a request that is not complete yet */
	int64_t deadline; /* steady milliseconds; 0 = none (an event stream) */
	bool cut;         /* told to go */
	bool local;       /* over the Unix socket */
	bool open;        /* evhttp sees what comes (gate.c) */
	bool deaf;        /* what comes is thrown away: the connection ends with the answer */
};

struct http_connections {
	TAILQ_HEAD(, http_connection) list; /* who was served longest ago stands first */
	size_t count;
	size_t unread; /* of all */
	const struct http *http;
};

/* Where connections come in; both NULL = closed. */
struct http_door {
	struct evhttp *server;
	struct evconnlistener *listener;
};

/* One reader of /api/v1/events (events.c). */
struct http_stream {
	TAILQ_ENTRY(http_stream) link;
	struct http *http;
	struct evhttp_request *request;
};

/* One request that waits for an operation (manifests.c). */
struct http_waiter {
	TAILQ_ENTRY(http_waiter) link;
	struct http *http;
	const struct http_route *route;
	struct evhttp_request *request;
	bool local;
	char name[256];
	int64_t operation; /* in the store */
	int64_t deadline;  /* steady milliseconds */
};

struct http {
	struct event_base *base;
	struct http_door tcp, local; /* the second is the Unix socket */
	struct event *sweep, *wake_event, *push;
	struct http_connections connections;

	TAILQ_HEAD(, http_stream) streams;
	size_t stream_count;
	TAILQ_HEAD(, http_waiter) waiters;
	size_t waiter_count;
	char seen[128]; /* what the store's files looked like when readers were told last */
	uint64_t event_number;
	int64_t pushed, beaten, looked; /* an event; any byte to the readers; a look at the files */

	pthread_t thread;
	bool running;
	int wake; /* eventfd: http_notify and http_stop */
	atomic_bool stopping;

	int64_t started; /* time of day */
	struct http_agent agent;
	struct store *store; /* a reader; NULL = not open */
	char *state, *socket, *token_file;
	ino_t socket_inode; /* another one may lie there at the end: a later agent's */
	const struct webhook_secrets *webhook;
	struct http_reading *reading; /* of database clusters; NULL = there are none */
	char address[128];            /* "127.0.0.1:8080" */
	char listen_host[64];         /* "127.0.0.1" */
	bool loopback;                /* the TCP address is one */
	int64_t refusal_logged;
	size_t refusals; /* not logged since then */
};

enum http_access {
	HTTP_ANY_HOST, /* for anyone, under whatever name we were called */
	HTTP_OPEN,     /* for anyone: says nothing of what the agent knows */
	HTTP_READ,
	HTTP_ACT
};

struct http_call {
	struct http *http;
	const struct http_route *route;
	struct evhttp_request *request;
	bool local;       /* over the Unix socket */
	char name[256];   /* what stood at the `*` of the route's path, decoded; "" = no such part */
	const void *body; /* contiguous, `body_length` bytes; never NULL */
	size_t body_length;
};

struct http_route {
	const char *method; /* GET serves HEAD too */
	const char *path;   /* `*` is one name */
	enum http_access access;
	void (*handle)(struct http_call *call);
	json_t *(*view)(struct http_call *call, struct store *store, struct error *err); /* for http_api_read */
	const char *kind; /* for http_act: as store_operation.kind */
};

/* http.c */
void http_listen(struct http *http, bool on); /* takes further connections or leaves them in the kernel's queue */

/* connections.c */
struct bufferevent *http_connection_open(struct event_base *base, void *http); /* for evhttp_set_bevcb */
struct bufferevent *http_connection_open_local(struct event_base *base, void *http);
void http_connections_sweep(struct http *http);
void http_connections_done(struct http *http);
/* The request is complete: the next deadline runs from here. `stream`: no deadline any more. */
void http_connection_served(struct http_call *call, bool stream);

/* gate.c: a new request begins; bytes of one have come while the gate is closed */
void http_gate_close(struct http_connection *connection);
void http_gate_bytes(struct http_connection *connection, const struct http *http, struct evbuffer *input);

/* access.c: is this value of the header Authorization the agent's token? False without a word, too, when there is none. */
bool http_token_is(const struct http *http, const char *authorization);

/* access.c: true when the call may go on; else it has been answered */
bool http_access_host(struct http_call *call);
bool http_access_allowed(struct http_call *call, enum http_access access);
/* Does this Host header name us? `listen_host` is the address we listen on. */
bool http_host_allowed(const char *host, const char *listen_host);
/* What a page has to know before it asks: {"tokenRequired", "actions": "allowed"|"token"|"off"}. */
json_t *http_access_describe(const struct http_call *call);

/* route.c */
void http_route(struct evhttp_request *request, void *http, bool local);

/* reply.c; all end the call */
void http_reply(struct http_call *call, int status, const char *type, const void *bytes, size_t length);
void http_reply_json(struct http_call *call, int status, json_t *value); /* takes the reference */
void http_problem(struct http_call *call, int status, const char *format, ...) PRINTF_LIKE(3, 4);
void http_problem_error(struct http_call *call, const struct error *err);
void http_reply_headers(struct http_call *call, const char *type); /* those that every answer has */
void http_header(struct http_call *call, const char *name, const char *value);
const char *http_request_header(const struct http_call *call, const char *name);
/* A line about a refused request, at most one a second. */
void http_log_refusal(struct http_call *call, const char *why);

/* api.c */
struct store *http_store(struct http *http, struct error *err);      /* NULL: not there yet */
void http_store_suspect(struct http *http, const struct error *err); /* opens it anew next time */
void http_api_read(struct http_call *call);
/* The parameters of the URL, all of which `known` names (a NULL ends it). `query` was set up with TAILQ_INIT; evhttp_clear_headers(). */
struct evkeyvalq;
bool http_read_query(const struct http_call *call, struct evkeyvalq *query, const char *const *known,
	struct error *err) MUST_CHECK;
json_t *http_view_status(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_applications(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_application(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_diff(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_resources(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_history(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_users(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_user_changes(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_unmanaged(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_databases(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_drift(struct http_call *call, struct store *store, struct error *err);
json_t *http_view_operation(struct http_call *call, struct store *store, struct error *err);
void http_api_access(struct http_call *call);
void http_api_healthy(struct http_call *call);
void http_api_ready(struct http_call *call);

/* actions.c: what changes something */
void http_act(struct http_call *call);
void http_webhook(struct http_call *call);

/* metrics.c */
void http_metrics(struct http_call *call);

/* events.c */
void http_events(struct http_call *call);
void http_events_poll(struct http *http);   /* called with each sweep: did the store change? */
void http_events_notify(struct http *http); /* soon, several become one */
void http_events_push(struct http *http);   /* now */

/* manifests.c */
void http_manifests(struct http_call *call);
/* Answers the call with the result of what is asked for: once it is there, or until it takes too long. */
void http_wait_for(struct http_call *call, const struct agent_request *request);
void http_manifests_poll(struct http *http); /* called with each sweep: is one there? */

/* user_access.c */
void http_user_access(struct http_call *call);

/* clusters.c */
bool http_clusters_start(struct http *http, const struct http_clusters *source, struct error *err) MUST_CHECK;
void http_clusters_stop(struct http *http); /* waits for the cluster that is being read */
void http_clusters(struct http_call *call);
/* Steady milliseconds: how long until the next reading; -1 = nobody looks. `next`: not before. */
int64_t http_clusters_wait(int64_t now, int64_t looked, int64_t next);

/* page.c */
void http_page(struct http_call *call);
