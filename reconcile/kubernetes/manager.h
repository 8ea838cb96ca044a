/*
 * manager.h - who wrote which field: metadata.managedFields and the conflicts of server-side apply (internal to the room)
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"

/* The field manager of everything we apply. */
#define MANAGER_OURS "pgitops"

/* One step into an object: a map's key, or an element of a list (`element` is the value that was found there). */
struct manager_step {
	const char *key; /* NULL = an element */
	const json_t *element;
	size_t index;
};

struct manager_author {
	const char *manager; /* borrowed from `managed`, "" = not known */
	int64_t when;        /* microseconds, 0 = not known */
};

/* Who wrote what stands at this path: of all managers that own it, the last one that is not us; else us. */
struct manager_author manager_author_of(const json_t *managed, const struct manager_step *steps, size_t count);

/* People's hands and what applied the object before us: their conflicting fields are taken over
   (gitops-peers.md 2.1). Any other manager keeps what it owns. */
bool manager_gives_way(const char *manager);

/* Managers that applied whole manifests: on adoption what they own becomes ours, so that a field removed from Git
   goes, too. */
bool manager_declares(const char *manager);

/* Some entry of `managed` declares (manager_declares) and owns more than a subresource. */
bool manager_any_declares(const json_t *managed);

/* A new managedFields list in which our Apply entry also owns what declaring managers owned, and these are gone. */
json_t *manager_adopt(const json_t *managed, const char *api_version);

/* The conflicts in a 409 answer. */
struct manager_conflicts {
	size_t count;
	bool all_give_way;
	char text[512]; /* "argo-rollouts owns .spec.replicas; ..." */
};

void manager_conflicts(const json_t *status, struct manager_conflicts *conflicts);
