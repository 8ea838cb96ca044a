#include "agent/users/secret_table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_SIZE = 64 };

/* FNV-1a. Names are of people who may write Secrets here: a chain they make long costs them their own time. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 1099511628211u;
	while (*text++);
	return hash;
}

static uint64_t hash_of(const char *namespace, const char *name, bool in_folder)
{
	uint64_t hash = add_text(add_text(14695981039346656037u, name), namespace) * 2 + in_folder;
	return hash ^ (hash >> 32);
}

/* Names are looked at only where the hash is the same: they lie elsewhere in memory. */
static bool is_it(const struct secret_entry *slot, const struct secret_entry *wanted)
{
	return slot->hash == wanted->hash && (slot->file != NULL) == (wanted->file != NULL) &&
		strcmp(slot->name, wanted->name) == 0 && strcmp(slot->namespace, wanted->namespace) == 0;
}

/* Where it is, or would be. */
static struct secret_entry *slot_of(const struct secret_table *table, const struct secret_entry *wanted)
{
	size_t at = (size_t)wanted->hash & (table->size - 1);
	while (table->slots[at].name && !is_it(&table->slots[at], wanted))
		at = (at + 1) & (table->size - 1);
	return &table->slots[at];
}

struct secret_entry *secret_table_find(
	const struct secret_table *table, const char *namespace, const char *name, bool in_folder)
{
	const struct secret_entry wanted = {.namespace = namespace,
		.name = name,
		.file = in_folder ? "" : NULL,
		.hash = hash_of(namespace, name, in_folder)};
	struct secret_entry *slot = table->size ? slot_of(table, &wanted) : NULL;
	return slot && slot->name ? slot : NULL;
}

static void grow(struct secret_table *table)
{
	struct secret_table larger = {
		.size = table->size ? table->size * 2 : FIRST_SIZE, .count = table->count};
	larger.slots = memory_alloc(larger.size * sizeof(*larger.slots));
	for (size_t i = 0; i < table->size; i++) {
		const struct secret_entry *entry = &table->slots[i];
		if (entry->name)
			*slot_of(&larger, entry) = *entry;
	}
	free(table->slots);
	*table = larger;
}

static void entry_done(struct secret_entry *entry)
{
	const char *const texts[] = {entry->namespace, entry->name, entry->version, entry->file};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		free((void *)(uintptr_t)texts[i]); /* the table's own copies */
	*entry = (struct secret_entry){0};
}

void secret_table_set(struct secret_table *table, const struct secret_entry *entry)
{
	if ((table->count + 1) * 4 > table->size * 3)
		grow(table);
	struct secret_entry wanted = *entry;
	wanted.hash = hash_of(entry->namespace, entry->name, entry->file != NULL);
	struct secret_entry *slot = slot_of(table, &wanted);
	if (slot->name)
		entry_done(slot);
	else
		table->count++;
	*slot = (struct secret_entry){
		.namespace = memory_copy(entry->namespace),
		.name = memory_copy(entry->name),
		.version = memory_copy(entry->version),
		.file = memory_copy(entry->file),
		.document = entry->document,
		.hash = wanted.hash,
	};
}

/* Those behind it that would not be found any more across the hole move up. */
void secret_table_remove(struct secret_table *table, struct secret_entry *entry)
{
	size_t mask = table->size - 1, hole = (size_t)(entry - table->slots);
	entry_done(entry);
	table->count--;
	for (size_t at = (hole + 1) & mask; table->slots[at].name; at = (at + 1) & mask) {
		size_t home = (size_t)table->slots[at].hash & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		table->slots[hole] = table->slots[at];
		table->slots[at] = (struct secret_entry){0};
		hole = at;
	}
}

/* Into a table of its own what stays: to remove one by one would move the others again and again. */
void secret_table_forget_folder(struct secret_table *table)
{
	struct secret_table kept = {0};
	for (size_t i = 0; i < table->size; i++) {
		struct secret_entry *entry = &table->slots[i];
		if (!entry->name)
			continue;
		if (!entry->file)
			secret_table_set(&kept, entry);
		entry_done(entry);
	}
	free(table->slots);
	*table = kept;
}

void secret_table_done(struct secret_table *table)
{
	for (size_t i = 0; i < table->size; i++)
		entry_done(&table->slots[i]);
	free(table->slots);
	*table = (struct secret_table){0};
}
