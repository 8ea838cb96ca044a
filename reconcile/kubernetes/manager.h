/*
 * manager.h - who wrote which field: metadata.managedFields and the conflicts of server-side apply (internal to the room)
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "reconcile/kubernetes/field_set.h"

/* The field manager of everything we apply. */
#define MANAGER_OURS "pgitops"

/* And of what is written whole (Replace=true): what it set goes when the object is applied again. */
#define MANAGER_REPLACES "pgitops-replace"

struct manager_author {
	const char *manager; /* borrowed from `managed`, "" = not known */
	int64_t when;        /* microseconds, 0 = not known */
};

/* Who wrote what stands at this path: of all managers that own it, the last one that is not us; else us. */
struct manager_author manager_author_of(
	struct field_index *index, const json_t *managed, const struct field_step *steps, size_t count);

/* kubectl and whatever tool applied the object before us: on adoption its conflicting fields are taken over. Any other manager
   keeps what it owns. */
bool manager_gives_way(const char *manager);

/* When the spec, or the status, was last written: microseconds, 0 = not known. */
int64_t manager_written(const json_t *managed, bool status);

/* We applied it before: whoever owns fields of ours now, that is drift. */
bool manager_applied(const json_t *managed);

/* It has fields that another tool's manifest set, or that we set by stringData: they must become ours, so that a field
   removed from Git goes, too. Here and below `migrated` is one more manager whose fields are those of a manifest, NULL = none. */
bool manager_to_adopt(const json_t *managed, const char *migrated);

/* These fields of the object, as a field set. The caller frees it. */
json_t *manager_declared(const json_t *object, const char *migrated);

/* The fields that somebody keeps who has not to give way, ourselves included. The caller frees it. */
json_t *manager_kept(const json_t *managed, const char *migrated);

/* A new managedFields list for the object in which our Apply entry owns what was declared. The caller frees it. */
json_t *manager_adopt(const json_t *object, const char *migrated);

/* The conflicts in a 409 answer. */
struct manager_conflicts {
	size_t count;
	bool all_give_way;
	char text[512]; /* "argo-rollouts owns .spec.replicas; ..." */
};

void manager_conflicts(const json_t *status, const char *migrated, struct manager_conflicts *conflicts);
