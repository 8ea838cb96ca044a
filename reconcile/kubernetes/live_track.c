/* live_track.c - who tracks which names of the live cache */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/kubernetes/live_table.h"

enum { TRACKED_FIRST = 16 };

struct live_claimant *live_track_begin(struct live_cache *cache, const char *tracker)
{
	pthread_mutex_lock(&cache->lock);
	struct live_claimant *claimant = live_claimant_add(cache, tracker);
	bool begins = !claimant->tracker;
	claimant->tracking = claimant->tracker = true;
	for (struct entry *entry = begins ? claimant->marked : NULL; entry; entry = entry->claimed)
		live_hold(claimant, entry->collection);
	cache->begun++;
	claimant->before = claimant->tracked;
	claimant->before_count = claimant->tracked_count;
	claimant->tracked = NULL;
	claimant->tracked_count = claimant->room = 0;
	pthread_mutex_unlock(&cache->lock);
	return claimant;
}

/* ---- where it has had objects ---- */

void live_hold(struct live_claimant *tracker, struct live_collection *collection)
{
	if (!tracker->tracker)
		return;
	for (size_t i = 0; i < tracker->held_count; i++)
		if (tracker->held[i] == collection)
			return;
	tracker->held = memory_resize(tracker->held, (tracker->held_count + 1) * sizeof(*tracker->held));
	tracker->held[tracker->held_count++] = collection;
}

bool live_is_held(struct live_cache *cache, const struct live_collection *collection)
{
	bool held = false;
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < LIVE_BUCKETS; i++)
		for (const struct live_claimant *at = cache->claimants[i]; at; at = at->next)
			for (size_t j = 0; j < at->held_count; j++)
				held = held || at->held[j] == collection;
	pthread_mutex_unlock(&cache->lock);
	return held;
}

/* ---- names ---- */

static void remember(struct live_claimant *tracker, struct entry *entry)
{
	if (tracker->tracked_count == tracker->room) {
		tracker->room = tracker->room ? 2 * tracker->room : TRACKED_FIRST;
		tracker->tracked = memory_resize(tracker->tracked, tracker->room * sizeof(*tracker->tracked));
	}
	tracker->tracked[tracker->tracked_count++] = entry;
}

bool live_track(struct live_cache *cache, struct live_claimant *tracker, struct live_collection *collection,
	const char *name)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *entry = live_entry_add(cache, collection, name);
	if (!entry->trackers) {
		cache->counts.tracked++;
		entry->unanswered = !entry->facts && (collection->listed || collection->passed_over);
	}
	bool unanswered = entry->unanswered;
	if (entry->named != cache->begun) {
		entry->named = cache->begun;
		entry->trackers++;
		collection->tracked++;
		remember(tracker, entry);
	}
	pthread_mutex_unlock(&cache->lock);
	return unanswered;
}

/* What carries no tracking id and is tracked by nobody is somebody else's. */
static void release(struct live_cache *cache, struct entry *entry)
{
	entry->collection->tracked--;
	if (--entry->trackers)
		return;
	cache->counts.tracked--;
	if (entry->facts && *live_entry_fact(entry, FACT_TRACKING))
		return;
	if (entry->facts)
		entry->collection->passed_over = true;
	live_entry_forget(cache, live_entry_find(entry->collection, entry->name), 0);
}

void live_track_end(struct live_cache *cache, struct live_claimant *tracker)
{
	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < tracker->before_count; i++)
		release(cache, tracker->before[i]);
	memory_freep(&tracker->before);
	tracker->before_count = 0;
	tracker->tracking = false;
	live_claimant_drop(cache, tracker);
	pthread_mutex_unlock(&cache->lock);
}

void live_untrack(struct live_cache *cache, const char *tracker)
{
	pthread_mutex_lock(&cache->lock);
	struct live_claimant *known = live_claimant_find(cache, tracker);
	pthread_mutex_unlock(&cache->lock);
	if (!known)
		return;
	known = live_track_begin(cache, tracker);
	pthread_mutex_lock(&cache->lock);
	known->tracker = false;
	known->held_count = 0;
	pthread_mutex_unlock(&cache->lock);
	live_track_end(cache, known);
}

void live_answered(struct live_cache *cache, const struct live_collection *collection, const char *name)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *entry = *live_entry_find(collection, name);
	if (entry)
		entry->unanswered = false;
	pthread_mutex_unlock(&cache->lock);
}
