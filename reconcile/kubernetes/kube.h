/*
 * kube.h - requests to one API server
 *
 * A thin client: a small pool of keep-alive connections, several requests in flight at once, a deadline on each.
 * A kube belongs to one thread at a time; watches have a thread of their own (watch.h).
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "reconcile/kubernetes/config.h"

struct kube;

/* One request and, after kube_run(), its answer. */
struct kube_request {
	const char *method;       /* "GET", "PATCH", "POST", "PUT", "DELETE" */
	const char *path;         /* with query, already escaped; starts with '/' */
	const char *accept;       /* NULL = application/json */
	const char *content_type; /* of `body`; NULL = application/json */
	const char *body;         /* NULL = none */
	size_t body_length;
	bool text;     /* a good answer is no JSON (a PEM behind the service proxy): it becomes a string */
	int seconds;   /* until its answer must be there, with all tries; 0 = LIMIT_KUBE_SECONDS */
	bool election; /* about the lease itself: sent whether it is held or not (base/write_gate.h) */
	bool secret;   /* the answer may hold secret values: its text never goes into an error */

	int status;         /* HTTP status, 0 = no answer */
	size_t received;    /* bytes of the answer; LIMIT_ANSWER_BYTES = more than that, which is an error */
	json_t *answer;     /* parsed, owned by the caller (json_decref); NULL when there was none */
	struct error error; /* kind ERROR_NONE exactly when the status is 2xx */
	char reason[64];    /* Status.reason of the server: "Conflict", "Invalid", ...; "" = none */
};

/* Takes a copy of what it needs from `config`. No connection is made yet. */
struct kube *kube_open(const struct kube_config *config);
void kube_close(struct kube *kube); /* accepts NULL */

/*
 * Runs all requests, LIMIT_REQUESTS_IN_FLIGHT at once, in no promised order, and returns when each has an answer
 * or an error. 429 and 503 wait for Retry-After (at most 10 s) and a cut connection is tried again where the method
 * allows it (GET, server-side apply); 401 re-reads the token file once. A request with all its tries ends after
 * LIMIT_KUBE_SECONDS. One that gets no answer holds up no other; when as many as are in flight got none in a row, the
 * rest is not tried. What is no GET goes out only while the write gate is open, asked when the connection is there; else it is STOPPED.
 * Kinds: 401/403 DENIED, 404 MISSING, 409 CONFLICT, 400/422 INVALID, others RETRY.
 */
void kube_run(struct kube *kube, struct kube_request *requests, size_t count);

/* The last kube_run() ended because as many as fly at once got no answer: whoever has more to send fails it with this instead. */
bool kube_gave_up(const struct kube *kube, struct error *why);

/* One request; true when the status is 2xx, else `err` says why. `answer` (may be NULL) is set when true. */
bool kube_one(struct kube *kube, struct kube_request *request, json_t **answer, struct error *err) MUST_CHECK;

/* All pages of a list; calls `item` for each object (borrowed) with its apiVersion and kind filled in. `version` gets the
   list's resourceVersion (64 bytes). A page that cannot be had fails the whole list: a part is never an answer. */
bool kube_list(struct kube *kube, const char *path, void (*item)(void *context, json_t *object),
	void *context, char version[64], struct error *err) MUST_CHECK;

/* Requests sent so far, for metrics and tests. */
uint64_t kube_requests(const struct kube *kube);

/*
 * Whoever knows better than a deadline whether the server speaks. It is asked before anything is sent and, when no answer came for
 * two seconds, while one is waited for: a server that is silent then costs no request its deadline. `suspect` is called once in such a
 * silence, so that it may find out. Without one, only deadlines count.
 */
struct kube_guard {
	void *context;
	bool (*reachable)(void *context, struct error *err);
	void (*suspect)(void *context);
};
void kube_guard(struct kube *kube, const struct kube_guard *guard);

/* Other threads may ask it to give up what it is waiting for (at shutdown). */
void kube_stop(struct kube *kube);
