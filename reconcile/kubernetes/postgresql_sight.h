/*
 * postgresql_sight.h - what the sentences of postgresql_troubles() have in common (internal to postgresql_troubles.c, postgresql_volumes.c)
 */
#pragma once

#include "reconcile/kubernetes/postgresql_internal.h"

struct sight {
	const struct postgresql_around *around;
	const char *status;
	int64_t written, reported;
	struct arena *mem;
	const char **items;
	size_t count;
};

void sight_add(struct sight *sight, const char *text);

/* " since 2026-01-02T03:04:05Z"; "" where nobody knows. Never an age: whoever watches would see another sentence each second. */
const char *sight_since(const struct sight *sight, int64_t time);

/* The operator has not taken up the last change, and would have by now. */
bool sight_is_late(const struct sight *sight);

/* Creating or Updating, not for too long. */
bool sight_is_at_work(const struct sight *sight);

/* postgresql_volumes.c: its sentences, and whether they need the StorageClasses. */
void sight_volumes(struct sight *sight);
bool sight_asks_classes(const struct sight *sight);
