/*
 * desired.h - what one Application's path wants at one commit
 *
 * Made by the Git process (source/) or by `pgitops check` (a folder on disk), completed once the destination is
 * known. Either `mistakes` is empty and `objects` is everything the path wants, or nothing of it may be used.
 */
#pragma once

#include "base/error.h"
#include "reconcile/mistake.h"
#include "reconcile/object.h"
#include "reconcile/rendering.h"

struct desired {
	struct objects objects;    /* sorted by key, each key once, after desired_complete() */
	struct mistakes mistakes;  /* any = the path is unusable at this commit */
	struct mistakes warnings;  /* RepeatedResourceWarning and the like */
	size_t files;              /* manifest files read */
	enum render_tool rendered; /* what made the manifests of them */
	size_t bytes;              /* JSON of all objects; at most LIMIT_PATH_BYTES */
	bool guessed;              /* `scope` did not know one of the kinds */
};

/* Of a CustomResourceDefinition: group and kind that it defines, and its own name, in `mem`. False for every other object. */
bool desired_defines(const struct object *object, struct arena *mem, struct object_key *defined);

/* Answers whether a kind is namespaced: 1 yes, 0 no, -1 not known (then it counts as namespaced). */
typedef int desired_scope(void *context, const char *group, const char *kind);

/*
 * Fills in `namespace` where a namespaced object has none, refuses one where a cluster-scoped object has one or
 * where neither says one, resolves repeated keys (the last wins, by source, then by file as Git sorts them, then by place in the file; with
 * a warning that names both places), sorts by key. CRDs inside the set answer for their own kinds first, then `scope` (may be NULL), then the
 * table of built-in kinds. Mistakes found here are appended.
 */
void desired_complete(struct desired *desired, const char *namespace, desired_scope *scope, void *context,
	struct arena *mem);
