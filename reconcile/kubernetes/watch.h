/*
 * watch.h - one thread that lists and watches any number of collections (internal to the room)
 *
 * Each collection is listed completely, page by page, and watched from there on. Bookmarks keep the place; 410 lists
 * anew; 429 waits as told; everything else reconnects with a growing, jittered back-off from the last place known. A list that
 * fails half-way removes nothing.
 *
 * A place is worth something only while versions go forward. When etcd was restored from a backup, a watch from a version that is
 * still to come is silent for ever, and one from a version that was reached again since misses what lies before it: after a connection
 * that ended before its time the collection's version is asked first, where the server does not answer that the second time either the
 * collection is listed anew, a watch without bookmarks is listed anew, and so is each collection every half an hour, whatever it says.
 */
#pragma once

#include "base/json.h"
#include "reconcile/kubernetes/config.h"

struct watches;
struct cluster_health;

/* All called from the watch thread. */
struct watch_handler {
	void (*listing)(void *context);              /* a list begins */
	void (*item)(void *context, json_t *object); /* one of its objects, borrowed */
	void (*listed)(
		void *context, const char *version); /* complete, of this resourceVersion: the rest is gone */
	void (*event)(void *context, json_t *object, bool gone); /* one object changed, borrowed */
	void (*trouble)(void *context, const struct error *err); /* it cannot be kept up; NULL = it is again */
};

struct watch_target {
	const char *path;   /* of the collection, with a selector's query if any */
	bool metadata_only; /* PartialObjectMetadata suffices */
	const struct watch_handler *handler;
	void *context;
};

/* Called from the watch thread when the health of the connection changes; NULL = it is well. */
typedef void watches_health_change(void *context, const struct error *err);

struct watches *watches_open(const struct kube_config *config, watches_health_change *changed, void *context);
void watches_close(struct watches *watches); /* accepts NULL; ends the thread first */
void watches_stop(struct watches *watches);  /* from any thread: nothing is waited for any more */

/* Starts a watch, known by its number from then on. The context must live until watches_release() or watches_close(). Fails
   beyond LIMIT_WATCHES. */
bool watches_add(struct watches *watches, const struct watch_target *target, size_t *number,
	struct error *err) MUST_CHECK;

/*
 * Waits until it was listed once, or a try at that failed, at most until `end` (clock_steady()): then ERROR_RETRY, "still being
 * listed"; a server that is silent is not waited for. A watch that was listed before is well, even if it has trouble now: what it knows stays true until it is told better.
 */
bool watches_wait(struct watches *watches, size_t number, int64_t end, struct error *err) MUST_CHECK;

/* The server does not know the collection (404): the kind may be gone. */
bool watches_missing(struct watches *watches, size_t number);

/* Starts it anew under another path; NULL ends it. */
void watches_move(struct watches *watches, size_t number, const char *path);

/* Gives its number back once it has ended (watches_move): false while the thread may still call its handler. */
bool watches_release(struct watches *watches, size_t number);

/* Lists it anew: what we know of it has become doubtful. */
void watches_relist(struct watches *watches, size_t number);

/* The same, and watches_wait() waits for that list. */
void watches_forget(struct watches *watches, size_t number);

/* What the connection is like (cluster.h). Any thread. */
void watches_health(struct watches *watches, struct cluster_health *health);

/* Somebody waits for an answer that does not come: the server is asked at once whether it is well. Any thread. */
void watches_suspect(struct watches *watches);

/* The last question whether it is well had no answer at all: `err` says so. Any thread. */
bool watches_silent(struct watches *watches, struct error *err);

/* Without the questions about its health. */
uint64_t watches_requests(const struct watches *watches);
