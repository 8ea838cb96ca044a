/*
 * http.h - the agent's HTTP server: page, API, webhook, metrics, probes, on a TCP address and on STATE/agent.sock
 *
 * One evhttp loop in a thread of its own (the only user of libevent). Handlers read the store (a reader of their own) and
 * push requests; they never wait for the reconciler. What may be asked of the agent stands in struct http_agent, so this
 * file knows nothing of passes.
 */
#pragma once

#include "base/json.h"
#include "base/secret.h"
#include "store/store.h"

/* An action, as the API and the Unix socket take it. */
struct webhook_secrets;

struct agent_request {
	const char *kind;   /* as store_operation.kind */
	const char *target; /* application, or database ("" = all) for users-... */
	const char *by;     /* "cli" over the socket, "api" over TCP */
	const json_t *body; /* what is asked, each field known and of its type; NULL = none */
};

struct http_agent {
	void *context;
	/* Takes the action over; `operation` is its id in the store. ERROR_MISSING: no such target; ERROR_INVALID; ERROR_RETRY:
	   the queue is full (503). Called from the HTTP thread. */
	bool (*request)(
		void *context, const struct agent_request *request, int64_t *operation, struct error *err);
	/* A forge announced a push to the repository with these URLs (any of them may match). Returns how many repositories will
	   be asked again; 0 with `err` when nobody here would ask (503). */
	size_t (*announced)(void *context, const char *const *urls, size_t count, struct error *err);
	/* For /healthz: false when a thread is stuck. For /readyz: false until every part has answered once; `why` in `err`. */
	bool (*healthy)(void *context, struct error *err);
	bool (*ready)(void *context, struct error *err);
};

/* Database clusters, for /api/v1/clusters. `read` is called from a thread of the server's own, one at a time, for seconds if need be, and only
   while somebody asks: a new reference, what `cluster list -o json` has of the cluster; or {"error": why that is not known}. */
struct http_clusters {
	void *context;
	json_t *(*read)(void *context, size_t number);
	const char *const *databases; /* the `databases` entry of each */
	size_t count;
};

struct http_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0"; NULL or "" = no TCP */
	const char *socket; /* path of the Unix socket; NULL = none */
	const char *state;  /* folder of the store */
	const char *token_file; /* bearer token for actions and reading over TCP; NULL = reading is open on loopback addresses
				    only, actions over TCP are refused */
	const struct webhook_secrets *webhook; /* without a common one: no webhook (404) */
	const struct http_clusters *clusters;  /* NULL = there are none */
};

struct http;

/* Binds, starts the thread. ERROR_INVALID: address; ERROR_CONFLICT: in use. */
bool http_start(const struct http_options *options, const struct http_agent *agent, struct http **http,
	struct error *err) MUST_CHECK;
void http_stop(struct http *http);                 /* accepts NULL; ends the thread, removes the socket */
const char *http_address(const struct http *http); /* "127.0.0.1:8080" with the real port; "" = none */

/* The store has something new: open pages hear of it now instead of within a second. Any thread; accepts NULL. */
void http_notify(struct http *http);
