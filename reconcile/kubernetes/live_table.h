/*
 * live_table.h - what the live cache is made of (internal to live*.c); everything under its lock
 */
#pragma once

#include <pthread.h>

#include "reconcile/kubernetes/live.h"

/* One object. Strings of a live one are in `facts`, one after the other: uid, resourceVersion, tracking id, installation id, message. */
struct entry {
	struct entry *next; /* in the bucket */
	struct live_collection *collection;
	struct live_claimant *claimant;      /* the Application that its tracking id names; NULL = none */
	struct entry *claimed, **claimed_at; /* the next of that Application's, and what points here */
	char *facts;                         /* NULL = not there, only tracked */
	uint64_t version; /* resourceVersion as a number, of a deletion when there are no facts; 0 = it is none */
	int64_t generation;
	int64_t written;   /* of a kind with health: when its spec was last written */
	unsigned round;    /* of the list that had it last */
	unsigned trackers; /* how many track its name */
	uint64_t named;    /* the live_track_begin() after which it was named last, counted from 1 */
	unsigned char health;
	struct object_options options;
	bool unanswered : 1; /* whether it is there nobody knows yet */
	bool has_owner : 1;
	bool deleting : 1;
	bool prune_allowed : 1;
	bool credential : 1;
	bool installation : 1;
	bool hook_finalizer : 1;
	bool applied : 1;
	bool to_adopt : 1;
	bool seen_busy : 1; /* a postgresql whose operator was at work since `written` */
	char name[];
};

/* Who has to do with objects: by tracking ids that name it, or by tracking their names. It goes when there are neither. */
struct live_claimant {
	struct live_claimant *next; /* of the same hash */
	struct entry *marked;       /* that carry its name */
	struct entry **tracked;     /* each once */
	size_t tracked_count, room;
	struct entry **before; /* what it tracked until now, while it names them anew */
	size_t before_count;
	bool tracking;                 /* between begin and end */
	bool tracker;                  /* from its first live_track_begin() to its live_untrack() */
	struct live_collection **held; /* a tracker's: where it has had objects that carry its name */
	size_t held_count;
	char name[];
};

enum { LIVE_BUCKETS = 512 };

struct live_cache {
	pthread_mutex_t lock;
	struct live_collection *collections;
	struct live_collection *by_key[LIVE_BUCKETS]; /* the reconciler's */
	struct live_claimant *claimants[LIVE_BUCKETS];
	uint64_t begun;            /* how often somebody began to name what he tracks */
	struct live_counts counts; /* `looked_at` is the reconciler's */
};

enum live_fact { FACT_UID, FACT_VERSION, FACT_TRACKING, FACT_INSTALLATION, FACT_MESSAGE };

/* As a tracker it has an object there. */
void live_hold(struct live_claimant *tracker, struct live_collection *collection);

/* Where the entry hangs; *at is NULL when there is none. */
struct entry **live_entry_find(const struct live_collection *collection, const char *name);
struct entry *live_entry_add(struct live_cache *cache, struct live_collection *collection, const char *name);

/* Room for as many again, and for some at first. */
void live_entries_grow(struct live_cache *cache, struct live_collection *collection);
void live_entries_free(struct live_cache *cache, struct live_collection *collection);

struct live_collection **live_collection_find(struct live_cache *cache, const struct object_key *key);

/* NULL when it is not known. */
struct live_claimant *live_claimant_find(struct live_cache *cache, const char *name);
struct live_claimant *live_claimant_add(struct live_cache *cache, const char *name);

/* Forgets it unless it still has to do with something. */
void live_claimant_drop(struct live_cache *cache, struct live_claimant *claimant);

/* It is not there any more since `version`; it is forgotten unless its name is tracked. */
void live_entry_forget(struct live_cache *cache, struct entry **at, uint64_t version);

/* Only of an entry that is there. Borrowed. */
const char *live_entry_fact(const struct entry *entry, enum live_fact number);
void live_entry_set(struct live_cache *cache, struct entry *entry, const json_t *object, const char *message);

const char *live_annotation(const json_t *object, const char *name); /* "" = none */
