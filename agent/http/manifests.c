#include "agent/http/internal.h"

#include <stdlib.h>
#include <string.h>

#include "agent/show/view.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

/*
 * GET .../manifests: what an Application wants is known to the reconciler alone, so the question becomes an operation and the
 * request waits for its end, which the sweep looks for in the store. The loop goes on meanwhile. Who asks while the same question
 * is open gets the same answer. GET /api/v1/users/access is answered in the same way (user_access.c).
 */

enum { WAIT_MILLISECONDS = 10000 /* less than a connection has for its answer */ };

static void leave(struct http_waiter *waiter)
{
	TAILQ_REMOVE(&waiter->http->waiters, waiter, link);
	waiter->http->waiter_count--;
	free(waiter);
}

/* The client left; see events.c. */
static void on_close(struct evhttp_connection *connection, void *context)
{
	struct http_waiter *waiter = context;
	(void)connection;
	if (!evhttp_request_get_connection(waiter->request))
		evhttp_send_reply_end(waiter->request);
	leave(waiter);
}

/* The waiter is gone afterwards; the reply is the caller's to send. */
static struct http_call answer(struct http_waiter *waiter)
{
	struct http_call call = {.http = waiter->http,
		.route = waiter->route,
		.request = waiter->request,
		.local = waiter->local,
		.body = ""};
	evhttp_connection_set_closecb(evhttp_request_get_connection(waiter->request), NULL, NULL);
	leave(waiter);
	return call;
}

static void reply_outcome(struct http_waiter *waiter, const json_t *operation)
{
	struct http_call call = answer(waiter);
	json_t *result = json_object_get(operation, "result");
	if (json_is_object(result))
		http_reply_json(&call, 200, json_incref(result));
	else
		http_problem(&call, text_equal(json_text_at(operation, "phase", ""), "Failed") ? 404 : 503,
			"%s", json_text_at(operation, "message", "there is no answer"));
}

/* A store that cannot be read may be readable at the next look; an operation that is gone from it stays gone. */
static void reply_unread(struct http_waiter *waiter, const struct error *why)
{
	if (why->kind != ERROR_MISSING && clock_steady() < waiter->deadline)
		return;
	struct http_call call = answer(waiter);
	http_problem(&call, 503, "the answer cannot be read: %s", why->text);
}

static void look(struct http_waiter *waiter)
{
	struct error err = {0};
	struct store *store = http_store(waiter->http, &err);
	CLEANUP(json_done) json_t *operation = store ? view_operation(store, waiter->operation, &err) : NULL;
	if (store && !operation)
		http_store_suspect(waiter->http, &err);
	if (!operation) {
		reply_unread(waiter, &err);
		return;
	}
	if (json_is_string(json_object_get(operation, "finished"))) {
		reply_outcome(waiter, operation);
		return;
	}
	if (clock_steady() < waiter->deadline)
		return;
	struct http_call call = answer(waiter);
	http_problem(&call, 503, "the agent is busy and has not answered within %d s: try again",
		WAIT_MILLISECONDS / 1000);
}

void http_manifests_poll(struct http *http)
{
	struct http_waiter *waiter = TAILQ_FIRST(&http->waiters);
	while (waiter) {
		struct http_waiter *next = TAILQ_NEXT(waiter, link);
		look(waiter);
		waiter = next;
	}
}

static bool ask(
	struct http_call *call, const struct agent_request *request, int64_t *operation, struct error *err)
{
	const struct http_agent *agent = &call->http->agent;
	const struct http_waiter *waiter;
	TAILQ_FOREACH(waiter, &call->http->waiters, link)
	if (!request->body && waiter->route == call->route && text_equal(waiter->name, call->name)) {
		*operation = waiter->operation;
		return true;
	}
	return agent->request(agent->context, request, operation, err);
}

void http_wait_for(struct http_call *call, const struct agent_request *request)
{
	struct http *http = call->http;
	struct error err = {0};
	int64_t operation = 0;

	if (http->waiter_count >= HTTP_WAITERS) {
		http_header(call, "Retry-After", "1");
		http_problem(call, 503, "%d requests wait for their answer already", HTTP_WAITERS);
		return;
	}
	if (!ask(call, request, &operation, &err)) {
		http_problem_error(call, &err);
		return;
	}
	struct http_waiter *waiter = memory_alloc(sizeof(*waiter));
	*waiter = (struct http_waiter){.http = http,
		.route = call->route,
		.request = call->request,
		.local = call->local,
		.operation = operation,
		.deadline = clock_steady() + WAIT_MILLISECONDS};
	memcpy(waiter->name, call->name, sizeof(waiter->name));
	TAILQ_INSERT_TAIL(&http->waiters, waiter, link);
	http->waiter_count++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), on_close, waiter);
}

void http_manifests(struct http_call *call)
{
	const struct agent_request request = {
		.kind = "manifests", .target = call->name, .by = call->local ? "cli" : "api"};
	http_wait_for(call, &request);
}
