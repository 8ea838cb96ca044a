/*
 * history.h - did the branch go on from a commit, or was it rewritten?
 */
#pragma once

#include "reconcile/source/repository.h"

enum history { HISTORY_CONTINUED, HISTORY_REWRITTEN, HISTORY_UNKNOWN };

/* Is `from` an ancestor of `to`, as far as the commits that are here can tell? */
enum history history_between(const struct repository *repository, const git_oid *from, const git_oid *to);
