/*
 * renamed.h - roles that Git calls by another name from now on (internal to the room)
 *
 * `renamedFrom: old` of a user makes its role out of the role `old`: what it owns, its memberships and grants and its SCRAM password stay,
 * for they hang on the OID (postgres-roles.md 6, 46). So that everything is planned under the new name, the roles that are read
 * have it before the plan is made; `was` says what it is called until the first step of the user has renamed it.
 *
 *   old                             new               what becomes of it
 *   ours, or one that adopt allows  is not there      renamed
 *   is not there                    anything          nothing: the line stays in the file for ever
 *   ours                            there             Refused by name; neither is changed or removed
 *   not ours                        is not there      Refused by name; none is made in its place
 *   not ours                        ours              nothing: somebody else has the old name now
 *   renamed by hand to new          there             ours again: Git has followed
 *   renamed by hand to another      is not there      told; none is made in its place
 *
 * An md5 password is made with the name and the server clears it with it, so a new one is set in the same transaction; a user for whom there
 * is none is not renamed before there is.
 */
#pragma once

#include "reconcile/roles/planner.h"

/* After managed_judge(): gives roles their new names, and sorts everything again where one has. */
void renamed_apply(struct roles_present *present, const struct roles_plan_input *input, struct arena *mem);

/* Why nothing can be done for this user before people have looked at the role it had; sets the reason. True = it is well. */
bool renamed_is_clear(struct planner *planner, struct wanted_user *wanted);

/* After the passwords: who would lose one keeps its name. */
void renamed_keep_passwords(struct planner *planner);

/* "ALTER ROLE ... RENAME TO ...", or "" where the role has its name. */
const char *renamed_sql(struct planner *planner, struct wanted_user *wanted);

/* Is a role that had this name, which a person asked for, taken over and renamed by this plan? */
bool renamed_is_taken_over(const struct planner *planner, const char *name);
