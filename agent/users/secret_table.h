/*
 * secret_table.h - which Secrets there are, by namespace, name and where they were seen (part of secrets.c)
 *
 * A hash table with open addressing: listing twenty thousand of them, in whatever order, moves none of the others.
 */
#pragma once

#include <stdint.h>

#include "base/base.h"

/* A Secret that exists: in the cluster (file NULL) or in the folder. No value is kept. */
struct secret_entry {
	const char *namespace; /* "" in the folder: of any namespace */
	const char *name;
	const char *version;
	const char *file;
	size_t document; /* which one of the file */
	uint64_t hash;   /* the table's */
};

struct secret_table {
	struct secret_entry *slots; /* name NULL = free; a power of two of them, at most three quarters taken */
	size_t size, count;
};

/* NULL = it is not there. Valid until the table changes. */
struct secret_entry *secret_table_find(
	const struct secret_table *table, const char *namespace, const char *name, bool in_folder);

/* Takes the place of the one that is there. */
void secret_table_set(struct secret_table *table, const struct secret_entry *entry);

void secret_table_remove(struct secret_table *table, struct secret_entry *entry);

/* All those of the folder. */
void secret_table_forget_folder(struct secret_table *table);

void secret_table_done(struct secret_table *table);
