/*
 * hold.h - a leaver is only locked out for a while, so that a mistake costs nothing (internal to the room)
 *
 * With `retirement: {hold: 7d}` of the agent file, whoever leaves users.yaml loses login and powers at once and its sessions end, as
 * without a hold. Password, memberships, privileges and what it owns stay. When its line comes back within the hold, it gets its login
 * back and nothing is lost. When the hold is over, the removal goes on as without one: the password goes, the heir gets what it owned.
 *
 * The clock is the server's: `since` of the role's row in the agent's table (managed.h), whose state is "leaving". So a restart, a
 * lost store and an agent elsewhere change nothing about it; where the table itself was lost it begins again. Another `hold` in the
 * agent file counts for those that are held already, 0s ends all. A role that is past its hold ("retiring") is not held again.
 *
 * `ensure: absent` does not shorten it: Git cannot, only the agent file or a person can, who asks for one role
 * (`pgitops user sync --now NAME`). Nothing is confirmed by that: a removal that waits for a confirmation goes on waiting.
 *
 * A program of before 0.2 takes a role that is held for another agent's and leaves it alone.
 */
#pragma once

#include "reconcile/roles/planner.h"

/*
 * `onRemove: lock` of users.yaml (users_removal.c) is a hold without an end, whether there is one in the agent file or not; `keep` lets the
 * role go: the agent forgets it, and it stays as it is. While an entry says `ensure: absent`, that entry's word counts, after it the word of
 * the last entry that was in force. Both end where a person asks for the removal of this one role.
 */

/* Is it one that stays as it is, and is no business of the agent any more? Then that is planned. */
bool hold_lets_go(struct planner *planner, const struct role *role, struct role_report *report);

/* Is this role, which is to go, held in this pass? Then its report says until when. */
bool hold_applies(struct planner *planner, const struct role *role, struct role_report *report);

/* Takes its login, unless that is done: true when there was something to do. `name` is that of the role as SQL. */
bool hold_lock(struct planner *planner, const struct role *role, const char *name);

/* Whom a person has asked to remove at once, and why that cannot be. */
void hold_tell(struct planner *planner);
