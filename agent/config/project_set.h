/*
 * project_set.h - the AppProjects the agent knows
 *
 * Until the first complete list nothing is known: then there is no project, not even the `default` that allows everything. Reconciler
 * thread only, and not while a pass runs, so that no project changes under it.
 */
#pragma once

#include "agent/config/project.h"

struct project_set;

struct project_set *project_set_new(void);
void project_set_free(struct project_set *set); /* accepts NULL */

/* An object of the cluster appeared, changed or went. One that cannot be read is no project. */
void project_set_put(struct project_set *set, const json_t *document, bool gone);

/* Reads the folder's projects instead of those known so far. Mistakes keep the set as it was; false with all of them in `err`. */
bool project_set_load(struct project_set *set, const char *folder, struct error *err) MUST_CHECK;

/* Everything there is has been put (`trouble` NULL), or cannot be: why. True when that is news. */
bool project_set_known(struct project_set *set, const char *trouble);

/* NULL with `why` (in `mem`) when there is no such project or it cannot be told. Valid until the next change. */
const struct project *project_set_find(
	const struct project_set *set, const char *name, struct arena *mem, const char **why);
