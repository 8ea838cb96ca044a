/*
 * resolve.h - a merge of users.yaml and sealed-users.yaml that Git could not make, made user by user
 *
 * Git merges lines, and two people who each add a user add lines at the same place. Both sides are still there: in the index as long as
 * the merge goes on, between the conflict markers afterwards, or one behind the other ("keep both"). They are brought together as an
 * edit file and Git are (users_merge.h), from their common ancestor where Git has one; where both changed the same user the edit file
 * decides in the sealing that follows.
 */
#pragma once

#include "agent/hook/seal.h"

/* Mends both files of the work tree and stages what was mended; `mended` = there was something to do. Mistakes name what
   only a person can decide. */
bool resolve_files(const struct seal_place *place, const struct layout_users *files, bool *mended,
	struct mistakes *mistakes) MUST_CHECK;
