/* live_table.c - the tables of the live cache: FNV-1a; that of a collection is doubled when as full as it has buckets */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/kubernetes/live_table.h"
#include "reconcile/kubernetes/tracking.h"

enum { BUCKETS_FIRST = 8, TRACKING_ID_MAXIMUM = 1024, FIELD_MAXIMUM = 512 };

static size_t facts_size(const char *facts)
{
	size_t size = 0;
	for (int i = 0; facts && i < 4; i++)
		size += strlen(facts + size) + 1;
	return size;
}

/* ---- by hash ---- */

static uint64_t mix(uint64_t value, const char *text)
{
	for (const unsigned char *at = (const unsigned char *)text; *at; at++)
		value = (value ^ *at) * UINT64_C(1099511628211);
	return value;
}

static size_t hash(const char *text)
{
	uint64_t value = mix(UINT64_C(14695981039346656037), text);
	return (size_t)(value ^ (value >> 29));
}

struct live_collection **live_collection_find(struct live_cache *cache, const struct object_key *key)
{
	uint64_t value = mix(mix(mix(0, key->kind) + 1, key->namespace) + 1, key->group);
	struct live_collection **at = &cache->by_key[(value ^ (value >> 29)) % LIVE_BUCKETS];
	for (; *at; at = &(*at)->alike) {
		cache->counts.looked_at++;
		if (strcmp((*at)->kind, key->kind) == 0 && strcmp((*at)->namespace, key->namespace) == 0 &&
			strcmp((*at)->group, key->group) == 0)
			break;
	}
	return at;
}

/* ---- claimants ---- */

static struct live_claimant **claimant_at(struct live_cache *cache, const char *name)
{
	struct live_claimant **at = &cache->claimants[hash(name) % LIVE_BUCKETS];
	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

struct live_claimant *live_claimant_find(struct live_cache *cache, const char *name)
{
	return *claimant_at(cache, name);
}

struct live_claimant *live_claimant_add(struct live_cache *cache, const char *name)
{
	struct live_claimant **at = claimant_at(cache, name);
	if (*at)
		return *at;
	size_t length = strlen(name) + 1;
	*at = memory_alloc(sizeof(**at) + length);
	memcpy((*at)->name, name, length);
	cache->counts.bytes += sizeof(**at) + length;
	return *at;
}

void live_claimant_drop(struct live_cache *cache, struct live_claimant *claimant)
{
	if (claimant->marked || claimant->tracked_count || claimant->tracking || claimant->held_count)
		return;
	*claimant_at(cache, claimant->name) = claimant->next;
	cache->counts.bytes -= sizeof(*claimant) + strlen(claimant->name) + 1;
	memory_freep(&claimant->tracked);
	memory_freep(&claimant->held);
	memory_freep(&claimant);
}

static void unclaim(struct live_cache *cache, struct entry *entry)
{
	struct live_claimant *claimant = entry->claimant;
	if (!claimant)
		return;
	*entry->claimed_at = entry->claimed;
	if (entry->claimed)
		entry->claimed->claimed_at = entry->claimed_at;
	entry->claimant = NULL;
	live_claimant_drop(cache, claimant);
}

static void claim(struct live_cache *cache, struct entry *entry)
{
	char name[TRACKING_APPLICATION_SIZE];
	tracking_application(live_entry_fact(entry, FACT_TRACKING), name);
	if (!*name)
		return;
	struct live_claimant *claimant = entry->claimant = live_claimant_add(cache, name);
	entry->claimed = claimant->marked;
	entry->claimed_at = &claimant->marked;
	if (entry->claimed)
		entry->claimed->claimed_at = &entry->claimed;
	claimant->marked = entry;
	live_hold(claimant, entry->collection);
}

/* ---- entries ---- */

static void drop_facts(struct live_cache *cache, struct entry *entry)
{
	if (!entry->facts)
		return;
	unclaim(cache, entry);
	cache->counts.bytes -= facts_size(entry->facts);
	cache->counts.objects--;
	memory_freep(&entry->facts);
}

static void entry_free(struct live_cache *cache, struct entry *entry)
{
	drop_facts(cache, entry);
	cache->counts.bytes -= sizeof(*entry) + strlen(entry->name) + 1;
	entry->collection->count--;
	memory_freep(&entry);
}

void live_entries_grow(struct live_cache *cache, struct live_collection *collection)
{
	size_t count = collection->bucket_count ? collection->bucket_count * 2 : BUCKETS_FIRST;
	struct entry **buckets = memory_alloc(count * sizeof(struct entry *));
	for (size_t i = 0; i < collection->bucket_count; i++)
		for (struct entry *entry = collection->buckets[i], *next; entry; entry = next) {
			struct entry **bucket = &buckets[hash(entry->name) & (count - 1)];
			next = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	memory_freep(&collection->buckets);
	cache->counts.bytes += (count - collection->bucket_count) * sizeof(struct entry *);
	collection->buckets = buckets;
	collection->bucket_count = count;
}

void live_entries_free(struct live_cache *cache, struct live_collection *collection)
{
	for (size_t i = 0; i < collection->bucket_count; i++)
		for (struct entry *entry = collection->buckets[i], *next; entry; entry = next) {
			next = entry->next;
			entry_free(cache, entry);
		}
	cache->counts.bytes -= collection->bucket_count * sizeof(struct entry *);
	memory_freep(&collection->buckets);
	collection->bucket_count = 0;
}

struct entry **live_entry_find(const struct live_collection *collection, const char *name)
{
	struct entry **at = &collection->buckets[hash(name) & (collection->bucket_count - 1)];
	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	return at;
}

struct entry *live_entry_add(struct live_cache *cache, struct live_collection *collection, const char *name)
{
	struct entry **at = live_entry_find(collection, name);
	if (*at)
		return *at;
	if (collection->count >= collection->bucket_count) {
		live_entries_grow(cache, collection);
		at = live_entry_find(collection, name);
	}
	size_t length = strlen(name) + 1;
	struct entry *entry = memory_alloc(sizeof(*entry) + length);
	memcpy(entry->name, name, length);
	entry->collection = collection;
	*at = entry;
	collection->count++;
	cache->counts.bytes += sizeof(*entry) + length;
	return entry;
}

void live_entry_forget(struct live_cache *cache, struct entry **at, uint64_t version)
{
	struct entry *entry = *at;
	drop_facts(cache, entry);
	entry->version = version;
	entry->generation = entry->written = 0;
	entry->seen_busy = false;
	entry->unanswered = false;
	if (entry->trackers)
		return;
	*at = entry->next;
	entry_free(cache, entry);
}

/* ---- facts ---- */

const char *live_entry_fact(const struct entry *entry, enum live_fact number)
{
	const char *at = entry->facts;
	for (unsigned i = 0; i < (unsigned)number; i++)
		at += strlen(at) + 1;
	return at;
}

const char *live_annotation(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(json_at(object, "metadata.annotations"), name));
	return text ? text : "";
}

void live_entry_set(struct live_cache *cache, struct entry *entry, const json_t *object, const char *message)
{
	const char *texts[] = {json_text_at(object, "metadata.uid", ""),
		json_text_at(object, "metadata.resourceVersion", ""),
		live_annotation(object, TRACKING_ANNOTATION),
		live_annotation(object, INSTALLATION_ANNOTATION), message};
	size_t limits[] = {FIELD_MAXIMUM, FIELD_MAXIMUM, TRACKING_ID_MAXIMUM, FIELD_MAXIMUM, FIELD_MAXIMUM};
	size_t size = 0;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		size += strnlen(texts[i], limits[i]) + 1;
	drop_facts(cache, entry);
	entry->facts = memory_alloc(size);
	entry->unanswered = false;
	char *at = entry->facts;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t length = strnlen(texts[i], limits[i]);
		memcpy(at, texts[i], length);
		at += length + 1;
	}
	cache->counts.bytes += size;
	cache->counts.objects++;
	claim(cache, entry);
}
