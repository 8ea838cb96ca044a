/*
 * live.h - the live cache: a few facts of each object we care for (internal to the room)
 *
 * Filled by the watch thread, read by the reconciler; everything is behind one lock that is never held over I/O. An object
 * is kept when it carries a tracking id or somebody tracks its name. One object costs some 300 bytes. Whatever is asked takes as
 * long as its answer is: collections, names and the objects of an Application are found by hash.
 */
#pragma once

#include "reconcile/kubernetes/cluster.h"

struct live_cache;

struct entry;

/* One kind in one namespace. The strings never change. */
struct live_collection {
	struct live_collection *next;
	struct live_collection *alike; /* of the same hash */
	struct entry **buckets;        /* its objects; under the lock */
	size_t bucket_count, count;    /* under the lock */
	size_t tracked;                /* names in it, once for each who tracks them; the reconciler's */
	void *owner;                   /* for the watch's handler */
	const char *group, *kind, *namespace;
	char version[64]; /* API version it is watched in; the reconciler's */
	size_t watch;     /* its number in watches; the reconciler's */
	bool watched;     /* it has one: false while there are too many; the reconciler's */
	bool ended;       /* the kind is gone: nothing is watched; the reconciler's */
	bool asked;       /* by this cluster_track(); the reconciler's */
	size_t fresh;     /* keys of this cluster_track() that must be asked for; the reconciler's */
	bool answered;    /* it is listed, and so are they when they are many; the reconciler's */
	unsigned round;   /* of listing; under the lock */
	bool listed;      /* once: changes before that are no news; under the lock */
	bool passed_over; /* an object that nobody tracked; under the lock */
	bool complete;    /* listed since it was started or moved; under the lock */
	bool awaited;     /* somebody was told that it is still being listed; under the lock */
	uint64_t seen;    /* resourceVersion up to which the watch knows everything; under the lock */
};

/* What a change meant. */
struct live_change {
	bool news;             /* somebody should look */
	char application[256]; /* from the tracking id, that of before when there is none now; "" = none */
};

struct live_cache *live_new(void);
void live_free(struct live_cache *cache); /* accepts NULL */

struct live_collection *live_collections(struct live_cache *cache); /* the first of them */

/* NULL when there is none yet; live_add_collection() makes it. */
struct live_collection *live_find_collection(struct live_cache *cache, const struct object_key *key);
struct live_collection *live_add_collection(struct live_cache *cache, const struct object_key *key);

/* With all that is known of it. Nobody tracks a name in it, and the watch thread does not know it any more. */
void live_drop_collection(struct live_cache *cache, struct live_collection *collection);

/*
 * Who tracks names: an Application, a preview. live_track() for each between live_track_begin() and live_track_end(), which lets
 * go what was tracked before and was not named again. Of an object that nobody tracks and that carries no tracking id, nothing is
 * kept.
 */
struct live_claimant *live_track_begin(struct live_cache *cache, const char *tracker);

/* Keeps the object of this name whether or not it carries a tracking id. True when it may be there although none is known: the
   collection was listed before anybody tracked the name, or its first list has passed over objects already; and nobody has had an
   answer since (live_answered). */
bool live_track(struct live_cache *cache, struct live_claimant *tracker, struct live_collection *collection,
	const char *name);
void live_track_end(struct live_cache *cache, struct live_claimant *tracker);

/* A tracker has had objects there that carry its name, as an Application's do: they may come back when it names none of them any
   more, with a backup of etcd above all, and then somebody has to see them. */
bool live_is_held(struct live_cache *cache, const struct live_collection *collection);

/* It tracks nothing any more; unknown names are welcome. */
void live_untrack(struct live_cache *cache, const char *tracker);

/* The server was asked whether it is there, and what it said was put. */
void live_answered(struct live_cache *cache, const struct live_collection *collection, const char *name);

/* A list: begin, live_put() for each, end with its resourceVersion. `gone` is called, without the lock, for each that did not
   come. True when somebody waited for the first list of it (live_await). */
void live_list_begin(struct live_cache *cache, struct live_collection *collection);
bool live_list_end(struct live_cache *cache, struct live_collection *collection, const char *version,
	void (*gone)(void *context, const struct object_key *key, const char *application), void *context);

/* Somebody comes back when it is complete: the next live_list_end() says so. False when it became complete a moment ago. */
bool live_await(struct live_cache *cache, struct live_collection *collection);

/* It is about to be listed under another path. */
void live_moved(struct live_cache *cache, struct live_collection *collection);

/*
 * Where a fact comes from. What a write was answered may be older than what the watch has told since: an object that was written
 * and deleted again before the answer is looked at stays gone.
 */
enum live_source {
	LIVE_LISTED,
	LIVE_WATCHED,
	LIVE_READ,   /* a GET of ours */
	LIVE_WRITTEN /* the answer to a write */
};

/* resourceVersion up to which the watch knows the collection, 0 = not yet. */
uint64_t live_seen(struct live_cache *cache, const struct live_collection *collection);

struct live_change live_put(struct live_cache *cache, struct live_collection *collection,
	const json_t *object, enum live_source source);
struct live_change live_remove(
	struct live_cache *cache, struct live_collection *collection, const json_t *object);

/* The kind is gone, and all objects with it. */
void live_clear(struct live_cache *cache, struct live_collection *collection);

bool live_get(struct live_cache *cache, const struct object_key *key, struct arena *mem, struct live *live);

struct live *live_owned(struct live_cache *cache, const char *application, const char *namespace,
	struct arena *mem, size_t *count);

/* For tests, metrics and the benchmark. */
struct live_counts {
	size_t objects; /* that are there */
	size_t tracked; /* names that somebody tracks */
	size_t collections;
	size_t bytes;
	uint64_t looked_at; /* entries and collections that questions of the reconciler went through, ever */
};
void live_count(struct live_cache *cache, struct live_counts *counts);
