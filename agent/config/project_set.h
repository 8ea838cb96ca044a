/*
 * project_set.h - the AppProjects the agent knows
 *
 * The watch's thread tells what it sees; the reconciler takes it over at the beginning of a turn, so that a project does not change
 * under a pass. Until the first complete list nothing is known: then there is no project, not even the `default` that allows everything.
 */
#pragma once

#include "agent/config/project.h"

struct project_set;

struct project_set *project_set_new(void);
void project_set_free(struct project_set *set); /* accepts NULL */

/* From any thread: an object of the cluster appeared, changed or went. */
void project_set_seen(struct project_set *set, const json_t *document, bool gone);

/* From here on the reconciler's thread only. */

/* What was seen is taken over; `changed` is called with the name of each project that is another one now, "" for all. */
void project_set_take(struct project_set *set, void (*changed)(void *context, const char *name), void *context);

/* Reads the folder's projects instead of those known so far. Mistakes keep the set as it was; false with all of them in `err`. */
bool project_set_load(struct project_set *set, const char *folder, struct error *err) MUST_CHECK;

/* Everything there is has been seen (`trouble` NULL), or cannot be: why. */
void project_set_known(struct project_set *set, const char *trouble);

/* NULL with `why` (in `mem`) when there is no such project or it cannot be told. Valid until the next take or load. */
const struct project *project_set_find(
	const struct project_set *set, const char *name, struct arena *mem, const char **why);
