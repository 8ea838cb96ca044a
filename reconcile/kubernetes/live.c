#include "reconcile/kubernetes/live.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/live_table.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/kubernetes/tracking.h"

enum { MESSAGE_ARENA = 8 * 1024 * 1024 };

struct live_cache *live_new(void)
{
	struct live_cache *cache = memory_alloc(sizeof(*cache));
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

void live_free(struct live_cache *cache)
{
	if (!cache)
		return;
	while (cache->collections)
		live_drop_collection(cache, cache->collections);
	for (size_t i = 0; i < LIVE_BUCKETS; i++)
		for (struct live_claimant *at = cache->claimants[i], *next; at; at = next) {
			next = at->next;
			memory_freep(&at->tracked);
			memory_freep(&at->held);
			memory_freep(&at);
		}
	pthread_mutex_destroy(&cache->lock);
	memory_freep(&cache);
}

/* Collections are made and dropped by the reconciler only; the watch thread gets them as its context. */

struct live_collection *live_collections(struct live_cache *cache)
{
	return cache->collections;
}

struct live_collection *live_find_collection(struct live_cache *cache, const struct object_key *key)
{
	return *live_collection_find(cache, key);
}

struct live_collection *live_add_collection(struct live_cache *cache, const struct object_key *key)
{
	struct live_collection *collection = memory_alloc(sizeof(*collection));
	collection->group = memory_copy(key->group);
	collection->kind = memory_copy(key->kind);
	collection->namespace = memory_copy(key->namespace);
	pthread_mutex_lock(&cache->lock);
	live_entries_grow(cache, collection);
	*live_collection_find(cache, key) = collection;
	collection->next = cache->collections;
	cache->collections = collection;
	cache->counts.collections++;
	pthread_mutex_unlock(&cache->lock);
	return collection;
}

void live_drop_collection(struct live_cache *cache, struct live_collection *collection)
{
	const struct object_key key = {collection->group, collection->kind, collection->namespace, ""};
	pthread_mutex_lock(&cache->lock);
	live_entries_free(cache, collection);
	*live_collection_find(cache, &key) = collection->alike;
	struct live_collection **at = &cache->collections;
	while (*at != collection)
		at = &(*at)->next;
	*at = collection->next;
	cache->counts.collections--;
	pthread_mutex_unlock(&cache->lock);
	memory_freep(&collection->group);
	memory_freep(&collection->kind);
	memory_freep(&collection->namespace);
	memory_freep(&collection);
}

/* Facts */

static uint64_t version_of(const json_t *object)
{
	return strtoull(json_text_at(object, "metadata.resourceVersion", ""), NULL, 10);
}

/* A database is judged across the versions of its object: managedFields alone cannot tell a change of labels from one of the spec,
   nor whether the operator took it up. */
static struct health_state follow_postgresql(struct entry *entry, const json_t *object, struct arena *mem)
{
	const char *status = postgresql_status(object);
	entry->seen_busy = entry->seen_busy || text_equal(status, "Updating") || text_equal(status, "Creating");
	return postgresql_health(object, entry->written, entry->seen_busy, clock_now(), mem);
}

/* When the spec was written, which is remembered, for a later change of labels moves the time in managedFields, too. */
static void follow_spec(struct entry *entry, const json_t *object)
{
	bool same = entry->facts && entry->generation == json_number_at(object, "metadata.generation", 0) &&
		text_equal(live_entry_fact(entry, FACT_UID), json_text_at(object, "metadata.uid", ""));
	if (same && entry->written)
		return;
	entry->seen_busy = entry->seen_busy && same;
	entry->written = manager_written(json_at(object, "metadata.managedFields"), false);
}

static enum health judge(struct live_cache *cache, struct entry *entry, const json_t *object)
{
	const struct live_collection *collection = entry->collection;
	struct health_state health = {HEALTH_NONE, ""};
	if (!health_ending(object) && !health_has_rule(collection->group, collection->kind)) {
		live_entry_set(cache, entry, object, "");
		return HEALTH_NONE;
	}
	CLEANUP(arena_freep) struct arena *mem = arena_new(MESSAGE_ARENA);
	follow_spec(entry, object);
	if (postgresql_is(collection->group, collection->kind) && !health_ending(object))
		health = follow_postgresql(entry, object, mem);
	else
		health = health_of(object, mem);
	live_entry_set(cache, entry, object, health.message);
	return health.health;
}

static const char *label_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_at(object, "metadata.labels"), name));
	return text ? text : "";
}

static void reduce(struct live_cache *cache, struct entry *entry, const json_t *object)
{
	entry->health = (unsigned char)judge(cache, entry, object);
	entry->version = version_of(object);
	entry->generation = json_number_at(object, "metadata.generation", 0);
	entry->has_owner = json_array_size(json_at(object, "metadata.ownerReferences"));
	entry->deleting = json_at(object, "metadata.deletionTimestamp");
	entry->prune_allowed = text_equal(live_annotation(object, "pgitops.dev/allow-prune"), "true");
	entry->credential = *label_of(object, CREDENTIAL_LABEL);
	entry->installation = text_equal(label_of(object, INSTALLATION_LABEL), INSTALLATION_NAME);
	object_options_read(json_at(object, "metadata.annotations"), entry->collection->group, NULL, NULL,
		&entry->options);
	entry->hook_finalizer = health_held_as_hook(object);
	entry->applied = manager_applied(json_at(object, "metadata.managedFields"));
	entry->to_adopt = manager_to_adopt(json_at(object, "metadata.managedFields"), NULL);
}

/* Lists and events */

void live_list_begin(struct live_cache *cache, struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	collection->round++;
	pthread_mutex_unlock(&cache->lock);
}

struct lost {
	struct lost *next;
	char application[256];
	char name[];
};

/* Of what a list of this version did not bring, all that is not younger than the list. */
static struct lost *sweep(struct live_cache *cache, const struct live_collection *collection, uint64_t version)
{
	struct lost *list = NULL;
	for (size_t i = 0; i < collection->bucket_count; i++)
		for (struct entry **at = &collection->buckets[i], *entry; (entry = *at);) {
			if (entry->facts && entry->round != collection->round && entry->version <= version) {
				struct lost *lost = memory_alloc(sizeof(*lost) + strlen(entry->name) + 1);
				memcpy(lost->name, entry->name, strlen(entry->name) + 1);
				tracking_application(live_entry_fact(entry, FACT_TRACKING), lost->application);
				lost->next = list;
				list = lost;
				live_entry_forget(cache, at, 0);
			}
			if (*at == entry)
				at = &entry->next;
		}
	return list;
}

bool live_list_end(struct live_cache *cache, struct live_collection *collection, const char *version,
	void (*gone)(void *context, const struct object_key *key, const char *application), void *context)
{
	uint64_t number = strtoull(version, NULL, 10);
	pthread_mutex_lock(&cache->lock);
	/* A list that is older than what was seen before: etcd was restored from a backup, and no version we know means anything. */
	bool backwards = !number || number < collection->seen;
	struct lost *list = sweep(cache, collection, backwards ? UINT64_MAX : number);
	bool awaited = collection->awaited;
	collection->listed = true;
	collection->complete = true;
	collection->awaited = false;
	collection->seen = number;
	pthread_mutex_unlock(&cache->lock);
	for (struct lost *next; list; list = next) {
		next = list->next;
		struct object_key key = {
			collection->group, collection->kind, collection->namespace, list->name};
		gone(context, &key, list->application);
		memory_freep(&list);
	}
	return awaited;
}

bool live_await(struct live_cache *cache, struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	bool awaited = !collection->complete;
	collection->awaited = awaited;
	pthread_mutex_unlock(&cache->lock);
	return awaited;
}

void live_moved(struct live_cache *cache, struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	collection->complete = false;
	pthread_mutex_unlock(&cache->lock);
}

uint64_t live_seen(struct live_cache *cache, const struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	uint64_t seen = collection->seen;
	pthread_mutex_unlock(&cache->lock);
	return seen;
}

/* True when something newer is known than what this object says. `entry` may be NULL. */
static bool outdated(const struct live_collection *collection, const struct entry *entry,
	const json_t *object, enum live_source source)
{
	uint64_t version = version_of(object);
	bool there = entry && entry->facts;
	bool same = there &&
		text_equal(json_text_at(object, "metadata.uid", ""), live_entry_fact(entry, FACT_UID));
	if (source == LIVE_LISTED || !version)
		return false;
	if (same)
		return version < entry->version;
	/* The watch has been past this version and knows no such object: it is gone, or another one has its name. */
	if (source == LIVE_WRITTEN)
		return version <= collection->seen;
	return source == LIVE_READ && entry && version < entry->version;
}

/* Not ours to keep: without a mark, and nobody tracks the name. */
static bool foreign(const struct entry *entry, const json_t *object)
{
	return !*live_annotation(object, TRACKING_ANNOTATION) && (!entry || !entry->trackers);
}

struct live_change live_put(struct live_cache *cache, struct live_collection *collection,
	const json_t *object, enum live_source source)
{
	struct live_change change = {0};
	const char *name = json_text_at(object, "metadata.name", "");
	const char *tracking = live_annotation(object, TRACKING_ANNOTATION);
	if (!*name)
		return change;
	pthread_mutex_lock(&cache->lock);
	struct entry **at = live_entry_find(collection, name);
	bool known = *at && (*at)->facts;
	if (known && !*tracking)
		tracking_application(live_entry_fact(*at, FACT_TRACKING), change.application);
	else
		tracking_application(tracking, change.application);
	if (foreign(*at, object)) {
		change.news = known;
		collection->passed_over = true;
		if (known)
			live_entry_forget(cache, at, version_of(object));
	} else if (!outdated(collection, *at, object, source)) {
		struct entry *entry = live_entry_add(cache, collection, name);
		change.news = !known ||
			strcmp(live_entry_fact(entry, FACT_VERSION),
				json_text_at(object, "metadata.resourceVersion", "")) != 0;
		if (change.news)
			reduce(cache, entry, object);
		if (source != LIVE_WRITTEN)
			entry->round = collection->round;
	}
	if (source == LIVE_WATCHED && version_of(object) > collection->seen)
		collection->seen = version_of(object);
	change.news = change.news && (collection->listed || source == LIVE_WATCHED);
	pthread_mutex_unlock(&cache->lock);
	return change;
}

struct live_change live_remove(
	struct live_cache *cache, struct live_collection *collection, const json_t *object)
{
	struct live_change change = {0};
	pthread_mutex_lock(&cache->lock);
	struct entry **at = live_entry_find(collection, json_text_at(object, "metadata.name", ""));
	const char *uid = json_text_at(object, "metadata.uid", "");
	if (*at && (*at)->facts && text_equal(uid, live_entry_fact(*at, FACT_UID))) {
		tracking_application(live_entry_fact(*at, FACT_TRACKING), change.application);
		change.news = true;
		live_entry_forget(cache, at, version_of(object));
	} else if (*at && !(*at)->facts) {
		(*at)->version = version_of(object);
	}
	if (version_of(object) > collection->seen)
		collection->seen = version_of(object);
	pthread_mutex_unlock(&cache->lock);
	return change;
}

void live_clear(struct live_cache *cache, struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	collection->round++;
	for (struct lost *list = sweep(cache, collection, UINT64_MAX), *next; list; list = next) {
		next = list->next;
		memory_freep(&list);
	}
	collection->listed = collection->passed_over = collection->complete = false;
	collection->seen = 0;
	pthread_mutex_unlock(&cache->lock);
}

/* Questions */

static struct live describe(const struct entry *entry, struct arena *mem)
{
	const struct live_collection *collection = entry->collection;
	return (struct live){
		.key = {collection->group, collection->kind, collection->namespace,
			arena_copy(mem, entry->name)},
		.version = arena_copy(mem, collection->version),
		.uid = arena_copy(mem, live_entry_fact(entry, FACT_UID)),
		.resource_version = arena_copy(mem, live_entry_fact(entry, FACT_VERSION)),
		.tracking_id = arena_copy(mem, live_entry_fact(entry, FACT_TRACKING)),
		.installation_id = arena_copy(mem, live_entry_fact(entry, FACT_INSTALLATION)),
		.has_owner = entry->has_owner,
		.deleting = entry->deleting,
		.prune_allowed = entry->prune_allowed,
		.credential = entry->credential,
		.installation = entry->installation,
		.hook_finalizer = entry->hook_finalizer,
		.applied = entry->applied,
		.to_adopt = entry->to_adopt,
		.options = entry->options,
		.written = entry->written,
		.health = {(enum health)entry->health, arena_copy(mem, live_entry_fact(entry, FACT_MESSAGE))},
	};
}

bool live_get(struct live_cache *cache, const struct object_key *key, struct arena *mem, struct live *live)
{
	struct live_collection *collection = live_find_collection(cache, key);
	if (!collection)
		return false;
	pthread_mutex_lock(&cache->lock);
	const struct entry *entry = *live_entry_find(collection, key->name);
	bool there = entry && entry->facts;
	if (there && live)
		*live = describe(entry, mem);
	pthread_mutex_unlock(&cache->lock);
	return there;
}

static int by_key(const void *a, const void *b)
{
	return object_key_compare(&((const struct live *)a)->key, &((const struct live *)b)->key);
}

struct live *live_owned(struct live_cache *cache, const char *application, const char *namespace,
	struct arena *mem, size_t *count)
{
	struct live *items = NULL;
	size_t found = 0;
	pthread_mutex_lock(&cache->lock);
	const struct live_claimant *claimant = live_claimant_find(cache, application);
	for (const struct entry *entry = claimant ? claimant->marked : NULL; entry; entry = entry->claimed) {
		const struct live_collection *of = entry->collection;
		struct object_key key = {of->group, of->kind, of->namespace, entry->name};
		cache->counts.looked_at++;
		if (entry->has_owner ||
			!tracking_names(live_entry_fact(entry, FACT_TRACKING), &key, application, namespace))
			continue;
		items = arena_grow(mem, items, found, sizeof(*items));
		items[found++] = describe(entry, mem);
	}
	pthread_mutex_unlock(&cache->lock);
	if (found)
		qsort(items, found, sizeof(*items), by_key);
	*count = found;
	return items;
}

void live_count(struct live_cache *cache, struct live_counts *counts)
{
	pthread_mutex_lock(&cache->lock);
	*counts = cache->counts;
	pthread_mutex_unlock(&cache->lock);
}
