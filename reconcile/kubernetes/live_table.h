/*
 * live_table.h - the entries of the live cache (internal to live.c); everything under its lock
 */
#pragma once

#include <pthread.h>

#include "reconcile/kubernetes/live.h"

/* One object. Strings of a live one are in `facts`, one after the other: uid, resourceVersion, tracking id, message. */
struct entry {
	struct entry *next; /* in the bucket */
	struct live_collection *collection;
	char *facts;      /* NULL = not there, only tracked */
	uint64_t version; /* resourceVersion as a number, of a deletion when there are no facts; 0 = it is none */
	int64_t generation;
	int64_t written; /* of a postgresql: when its spec was last written */
	unsigned round;  /* of the list that had it last */
	unsigned char health;
	struct object_options options;
	bool tracked : 1;
	bool has_owner : 1;
	bool deleting : 1;
	bool prune_allowed : 1;
	bool hook_finalizer : 1;
	bool applied : 1;
	bool to_adopt : 1;
	bool seen_busy : 1; /* a postgresql whose operator was at work since `written` */
	char name[];
};

struct live_cache {
	pthread_mutex_t lock;
	struct live_collection *collections;
	struct entry **buckets;
	size_t bucket_count;
	size_t count;
	size_t bytes;
};

enum live_fact { FACT_UID, FACT_VERSION, FACT_TRACKING, FACT_MESSAGE };

/* Where the entry hangs; *at is NULL when there is none. */
struct entry **live_entry_find(
	struct live_cache *cache, const struct live_collection *collection, const char *name);
struct entry *live_entry_add(struct live_cache *cache, struct live_collection *collection, const char *name);
void live_entry_free(struct live_cache *cache, struct entry *entry);

/* It is not there any more since `version`; it is forgotten unless its key is tracked. */
void live_entry_forget(struct live_cache *cache, struct entry **at, uint64_t version);

/* Only of an entry that is there. Borrowed. */
const char *live_entry_fact(const struct entry *entry, enum live_fact number);
void live_entry_set(struct live_cache *cache, struct entry *entry, const json_t *object, const char *message);

const char *live_annotation(const json_t *object, const char *name); /* "" = none */
