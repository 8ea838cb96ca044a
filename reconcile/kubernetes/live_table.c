/* live_table.c - the table of the live cache: FNV-1a over collection and name, doubled when as full as it has buckets */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/kubernetes/live_table.h"
#include "reconcile/kubernetes/tracking.h"

enum { TRACKING_ID_MAXIMUM = 1024, FIELD_MAXIMUM = 512 };

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

void live_entry_free(struct live_cache *cache, struct entry *entry)
{
	drop_facts(cache, entry);
	cache->bytes -= sizeof(*entry) + strlen(entry->name) + 1;
	cache->count--;
	memory_freep(&entry);
}

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

struct entry **live_entry_find(
	struct live_cache *cache, const struct live_collection *collection, const char *name)
{
	struct entry **at = &cache->buckets[hash(collection, name) & (cache->bucket_count - 1)];
	while (*at && ((*at)->collection != collection || strcmp((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

struct entry *live_entry_add(struct live_cache *cache, struct live_collection *collection, const char *name)
{
	struct entry **at = live_entry_find(cache, collection, name);
	if (*at)
		return *at;
	if (cache->count >= cache->bucket_count) {
		grow(cache);
		at = live_entry_find(cache, collection, name);
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

void live_entry_forget(struct live_cache *cache, struct entry **at, uint64_t version)
{
	struct entry *entry = *at;
	drop_facts(cache, entry);
	entry->version = version;
	entry->generation = entry->written = 0;
	entry->seen_busy = false;
	if (entry->tracked)
		return;
	*at = entry->next;
	live_entry_free(cache, entry);
}

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
		live_annotation(object, TRACKING_ANNOTATION), message};
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
