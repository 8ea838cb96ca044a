/*
 * similar.h - names that may have been meant, for the message about one that does not exist
 */
#pragma once

#include "reconcile/source/remote.h"

/* The nearest few of the branches and tags, "a, b, c, ..."; in `mem`. */
const char *similar_names(const char *text, const struct remote_refs *refs, struct arena *mem);

/* Is one of them near enough to have been meant? */
bool similar_found(const char *text, const struct remote_refs *refs);
