/*
 * users_in_force.h - which users.yaml of a database is in force, and why not a newer one
 *
 * In force is the list of the commit that its Application was last synced to, by a rollback or a pinned sync too; where there was no
 * cluster to sync with in this process, that of the newest good commit. It stays in force, across restarts (users_kept.h), until a newer
 * one is: whatever becomes of the newest commit, its sync, the repository or the API server meanwhile. Only an Application that is known
 * to be gone takes its list along: nobody wants these users any more, and they stay as they are.
 *
 * What a process knows from the store alone may be a month old (a volume from a backup): until its repository has answered and the Application's content confirms it
 * or a newer list is synced, what it lists is made so, but nobody is removed for not being listed.
 *
 * Reconciler thread only.
 */
#pragma once

#include "agent/users/users_pass.h"

/* At the start: what was in force when the last process ended. */
void users_in_force_recall(struct agent *agent, struct database *database);

/* Takes over what has come into force; not while a pass runs. False = no users are. */
bool users_in_force_take(struct agent *agent, struct database *database);

/* Why the newest list is not in force, or, where none is, why there is none; NULL = the newest is. `*newer` (may be NULL): a newer one
   is known that says something else. In `mem`. */
const char *users_in_force_reason(
	const struct agent *agent, const struct database *database, struct arena *mem, bool *newer);

/* Into the databases' documents, as soon as it is so for a second: what changes while a sync is at work is nothing to tell. */
void users_in_force_tell(struct agent *agent);
