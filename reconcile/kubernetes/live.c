#include "reconcile/kubernetes/live.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/postgresql.h"
#include "reconcile/kubernetes/tracking.h"

enum {
	BUCKETS_FIRST = 256,
	MESSAGE_ARENA = 8 * 1024 * 1024,
	TRACKING_ID_MAXIMUM = 1024,
	FIELD_MAXIMUM = 512
};

/* One object. Strings of a live one are in `facts`, one after the other: uid, resourceVersion, tracking id, message. */
struct entry {
	struct entry *next; /* in the bucket */
	struct live_collection *collection;
	char *facts;      /* NULL = not there, only tracked */
	uint64_t version; /* resourceVersion as a number, 0 = it is none */
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

struct live_cache *live_new(void)
{
	struct live_cache *cache = memory_alloc(sizeof(*cache));
	pthread_mutex_init(&cache->lock, NULL);
	cache->bucket_count = BUCKETS_FIRST;
	cache->buckets = memory_alloc(cache->bucket_count * sizeof(struct entry *));
	return cache;
}

static size_t facts_size(const char *facts)
{
	size_t size = 0;
	for (int i = 0; facts && i < 4; i++)
		size += strlen(facts + size) + 1;
	return size;
}

static void drop_facts(struct live_cache *cache, struct entry *entry)
{
	cache->bytes -= facts_size(entry->facts);
	memory_freep(&entry->facts);
}

static void entry_free(struct live_cache *cache, struct entry *entry)
{
	drop_facts(cache, entry);
	cache->bytes -= sizeof(*entry) + strlen(entry->name) + 1;
	cache->count--;
	memory_freep(&entry);
}

void live_free(struct live_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->bucket_count; i++)
		for (struct entry *entry = cache->buckets[i], *next; entry; entry = next) {
			next = entry->next;
			entry_free(cache, entry);
		}
	for (struct live_collection *at = cache->collections, *next; at; at = next) {
		next = at->next;
		memory_freep(&at->group);
		memory_freep(&at->kind);
		memory_freep(&at->namespace);
		memory_freep(&at);
	}
	memory_freep(&cache->buckets);
	pthread_mutex_destroy(&cache->lock);
	memory_freep(&cache);
}

/* Collections are few and made by the reconciler only; the watch thread gets them as its context. */

struct live_collection *live_collections(struct live_cache *cache)
{
	return cache->collections;
}

struct live_collection *live_find_collection(struct live_cache *cache, const struct object_key *key)
{
	for (struct live_collection *at = cache->collections; at; at = at->next)
		if (strcmp(at->kind, key->kind) == 0 && strcmp(at->namespace, key->namespace) == 0 &&
			strcmp(at->group, key->group) == 0)
			return at;
	return NULL;
}

struct live_collection *live_add_collection(struct live_cache *cache, const struct object_key *key)
{
	struct live_collection *collection = memory_alloc(sizeof(*collection));
	collection->group = memory_copy(key->group);
	collection->kind = memory_copy(key->kind);
	collection->namespace = memory_copy(key->namespace);
	pthread_mutex_lock(&cache->lock);
	collection->next = cache->collections;
	cache->collections = collection;
	pthread_mutex_unlock(&cache->lock);
	return collection;
}

/* The table: FNV-1a over collection and name, doubled when as full as it has buckets. */

static size_t hash(const struct live_collection *collection, const char *name)
{
	uint64_t value = UINT64_C(14695981039346656037) ^ (uintptr_t)collection;
	for (const unsigned char *at = (const unsigned char *)name; *at; at++)
		value = (value ^ *at) * UINT64_C(1099511628211);
	return (size_t)(value ^ (value >> 29));
}

static void grow(struct live_cache *cache)
{
	size_t count = cache->bucket_count * 2;
	struct entry **buckets = memory_alloc(count * sizeof(struct entry *));
	for (size_t i = 0; i < cache->bucket_count; i++)
		for (struct entry *entry = cache->buckets[i], *next; entry; entry = next) {
			struct entry **bucket = &buckets[hash(entry->collection, entry->name) & (count - 1)];
			next = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	memory_freep(&cache->buckets);
	cache->buckets = buckets;
	cache->bucket_count = count;
}

static struct entry **find(struct live_cache *cache, const struct live_collection *collection, const char *name)
{
	struct entry **at = &cache->buckets[hash(collection, name) & (cache->bucket_count - 1)];
	while (*at && ((*at)->collection != collection || strcmp((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

static struct entry *find_or_add(struct live_cache *cache, struct live_collection *collection, const char *name)
{
	struct entry **at = find(cache, collection, name);
	if (*at)
		return *at;
	if (cache->count >= cache->bucket_count) {
		grow(cache);
		at = find(cache, collection, name);
	}
	size_t length = strlen(name) + 1;
	struct entry *entry = memory_alloc(sizeof(*entry) + length);
	memcpy(entry->name, name, length);
	entry->collection = collection;
	*at = entry;
	cache->count++;
	cache->bytes += sizeof(*entry) + length;
	return entry;
}

/* It is not there any more; it is forgotten unless its key is tracked. */
static void forget(struct live_cache *cache, struct entry **at)
{
	struct entry *entry = *at;
	drop_facts(cache, entry);
	entry->generation = entry->written = 0;
	entry->seen_busy = false;
	if (entry->tracked)
		return;
	*at = entry->next;
	entry_free(cache, entry);
}

bool live_track(struct live_cache *cache, struct live_collection *collection, const char *name)
{
	pthread_mutex_lock(&cache->lock);
	struct entry *entry = find_or_add(cache, collection, name);
	bool unknown = !entry->tracked && !entry->facts && collection->listed;
	entry->tracked = true;
	pthread_mutex_unlock(&cache->lock);
	return unknown;
}

/* Facts */

static const char *fact(const struct entry *entry, int number)
{
	const char *at = entry->facts;
	while (number--)
		at += strlen(at) + 1;
	return at;
}

enum { FACT_UID, FACT_VERSION, FACT_TRACKING, FACT_MESSAGE };

static const char *annotation(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_at(object, "metadata.annotations"), name));
	return text ? text : "";
}

static void set_facts(struct live_cache *cache, struct entry *entry, const json_t *object, const char *message)
{
	const char *texts[] = {json_text_at(object, "metadata.uid", ""),
		json_text_at(object, "metadata.resourceVersion", ""), annotation(object, TRACKING_ANNOTATION),
		message};
	size_t limits[] = {FIELD_MAXIMUM, FIELD_MAXIMUM, TRACKING_ID_MAXIMUM, FIELD_MAXIMUM};
	size_t size = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		size += strnlen(texts[i], limits[i]) + 1;
	drop_facts(cache, entry);
	entry->facts = memory_alloc(size);
	char *at = entry->facts;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t length = strnlen(texts[i], limits[i]);
		memcpy(at, texts[i], length);
		at += length + 1;
	}
	cache->bytes += size;
}

/* Remembers, across versions of the object, when its spec was written and whether the operator took it up: managedFields alone
   cannot tell a change of labels from one of the spec. */
static struct health_state follow_postgresql(struct entry *entry, const json_t *object, struct arena *mem)
{
	const char *status = postgresql_status(object);
	int64_t generation = json_number_at(object, "metadata.generation", 0);
	if (entry->generation != generation) {
		entry->written = postgresql_written(object);
		entry->seen_busy = false;
	}
	entry->seen_busy = entry->seen_busy || text_equal(status, "Updating") || text_equal(status, "Creating");
	return postgresql_health(object, entry->written, entry->seen_busy, clock_now(), mem);
}

static enum health judge(struct live_cache *cache, struct entry *entry, const json_t *object)
{
	const struct live_collection *collection = entry->collection;
	struct health_state health = {HEALTH_NONE, ""};
	if (!json_at(object, "metadata.deletionTimestamp") &&
		!health_has_rule(collection->group, collection->kind)) {
		set_facts(cache, entry, object, "");
		return HEALTH_NONE;
	}
	CLEANUP(arena_freep) struct arena *mem = arena_new(MESSAGE_ARENA);
	if (postgresql_is(collection->group, collection->kind) && !json_at(object, "metadata.deletionTimestamp"))
		health = follow_postgresql(entry, object, mem);
	else
		health = health_of(object, mem);
	set_facts(cache, entry, object, health.message);
	return health.health;
}

static bool has_finalizer(const json_t *object, const char *name)
{
	size_t i;
	json_t *value;
	json_array_foreach (json_at(object, "metadata.finalizers"), i, value)
		if (json_is_string(value) && strcmp(json_string_value(value), name) == 0)
			return true;
	return false;
}

static void reduce(struct live_cache *cache, struct entry *entry, const json_t *object)
{
	entry->health = (unsigned char)judge(cache, entry, object);
	entry->version = strtoull(json_text_at(object, "metadata.resourceVersion", ""), NULL, 10);
	entry->generation = json_number_at(object, "metadata.generation", 0);
	entry->has_owner = json_array_size(json_at(object, "metadata.ownerReferences"));
	entry->deleting = json_at(object, "metadata.deletionTimestamp");
	entry->prune_allowed = text_equal(annotation(object, "pgitops.dev/allow-prune"), "true");
	object_options_read(json_at(object, "metadata.annotations"), entry->collection->group, NULL, NULL,
		&entry->options);
	entry->hook_finalizer = has_finalizer(object, HOOK_FINALIZER);
	entry->applied = manager_applied(json_at(object, "metadata.managedFields"));
	entry->to_adopt = manager_to_adopt(json_at(object, "metadata.managedFields"));
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

static struct lost *sweep(struct live_cache *cache, const struct live_collection *collection)
{
	struct lost *list = NULL;
	for (size_t i = 0; i < cache->bucket_count; i++)
		for (struct entry **at = &cache->buckets[i], *entry; (entry = *at);) {
			if (entry->collection == collection && entry->facts &&
				entry->round != collection->round) {
				struct lost *lost = memory_alloc(sizeof(*lost) + strlen(entry->name) + 1);
				memcpy(lost->name, entry->name, strlen(entry->name) + 1);
				tracking_application(fact(entry, FACT_TRACKING), lost->application);
				lost->next = list;
				list = lost;
				forget(cache, at);
			}
			if (*at == entry)
				at = &entry->next;
		}
	return list;
}

void live_list_end(struct live_cache *cache, struct live_collection *collection,
	void (*gone)(void *context, const struct object_key *key, const char *application), void *context)
{
	pthread_mutex_lock(&cache->lock);
	struct lost *list = sweep(cache, collection);
	collection->listed = true;
	pthread_mutex_unlock(&cache->lock);
	for (struct lost *next; list; list = next) {
		next = list->next;
		struct object_key key = {
			collection->group, collection->kind, collection->namespace, list->name};
		gone(context, &key, list->application);
		memory_freep(&list);
	}
}

/* An event that is older than what a write's own answer told us. */
static bool outdated(const struct entry *entry, const json_t *object, enum live_source source)
{
	uint64_t version = strtoull(json_text_at(object, "metadata.resourceVersion", ""), NULL, 10);
	return entry->facts && source != LIVE_LISTED && version && version < entry->version &&
		text_equal(json_text_at(object, "metadata.uid", ""), fact(entry, FACT_UID));
}

struct live_change live_put(struct live_cache *cache, struct live_collection *collection,
	const json_t *object, enum live_source source)
{
	struct live_change change = {0};
	const char *name = json_text_at(object, "metadata.name", "");
	const char *tracking = annotation(object, TRACKING_ANNOTATION);
	if (!*name)
		return change;
	pthread_mutex_lock(&cache->lock);
	struct entry **at = find(cache, collection, name);
	bool known = *at && (*at)->facts;
	if (known && !*tracking)
		tracking_application(fact(*at, FACT_TRACKING), change.application);
	else
		tracking_application(tracking, change.application);
	if (!*tracking && (!*at || !(*at)->tracked)) {
		change.news = known;
		if (known)
			forget(cache, at);
	} else if (!*at || !outdated(*at, object, source)) {
		struct entry *entry = find_or_add(cache, collection, name);
		change.news = !known ||
			strcmp(fact(entry, FACT_VERSION),
				json_text_at(object, "metadata.resourceVersion", "")) != 0;
		if (change.news)
			reduce(cache, entry, object);
		entry->round = collection->round;
	}
	change.news = change.news && (collection->listed || source == LIVE_WATCHED);
	pthread_mutex_unlock(&cache->lock);
	return change;
}

struct live_change live_remove(
	struct live_cache *cache, struct live_collection *collection, const json_t *object)
{
	struct live_change change = {0};
	pthread_mutex_lock(&cache->lock);
	struct entry **at = find(cache, collection, json_text_at(object, "metadata.name", ""));
	const char *uid = json_text_at(object, "metadata.uid", "");
	if (*at && (*at)->facts && text_equal(uid, fact(*at, FACT_UID))) {
		tracking_application(fact(*at, FACT_TRACKING), change.application);
		change.news = true;
		forget(cache, at);
	}
	pthread_mutex_unlock(&cache->lock);
	return change;
}

void live_clear(struct live_cache *cache, struct live_collection *collection)
{
	pthread_mutex_lock(&cache->lock);
	collection->round++;
	for (struct lost *list = sweep(cache, collection), *next; list; list = next) {
		next = list->next;
		memory_freep(&list);
	}
	collection->listed = false;
	pthread_mutex_unlock(&cache->lock);
}

/* Questions */

static struct live describe(const struct entry *entry, struct arena *mem)
{
	const struct live_collection *collection = entry->collection;
	struct object_key key = {collection->group, collection->kind, collection->namespace, entry->name};
	return (struct live){
		.key = object_key_copy(&key, mem),
		.version = arena_copy(mem, collection->version),
		.uid = arena_copy(mem, fact(entry, FACT_UID)),
		.resource_version = arena_copy(mem, fact(entry, FACT_VERSION)),
		.tracking_id = arena_copy(mem, fact(entry, FACT_TRACKING)),
		.has_owner = entry->has_owner,
		.deleting = entry->deleting,
		.prune_allowed = entry->prune_allowed,
		.hook_finalizer = entry->hook_finalizer,
		.applied = entry->applied,
		.to_adopt = entry->to_adopt,
		.options = entry->options,
		.health = {(enum health)entry->health, arena_copy(mem, fact(entry, FACT_MESSAGE))},
	};
}

bool live_get(struct live_cache *cache, const struct object_key *key, struct arena *mem, struct live *live)
{
	struct live_collection *collection = live_find_collection(cache, key);
	if (!collection)
		return false;
	pthread_mutex_lock(&cache->lock);
	const struct entry *entry = *find(cache, collection, key->name);
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
	for (size_t i = 0; i < cache->bucket_count; i++)
		for (const struct entry *entry = cache->buckets[i]; entry; entry = entry->next) {
			const struct live_collection *of = entry->collection;
			struct object_key key = {of->group, of->kind, of->namespace, entry->name};
			if (!entry->facts || entry->has_owner ||
				!tracking_names(fact(entry, FACT_TRACKING), &key, application, namespace))
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

size_t live_memory(struct live_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	size_t bytes = cache->bytes + cache->bucket_count * sizeof(struct entry *);
	pthread_mutex_unlock(&cache->lock);
	return bytes;
}
