/*
 * users_plan.h - a plan for the users of one database as a document: what `user plan` and `user sync` answer, and previews
 *
 * {database, confirm, commit, pending, blocked, deletions[], refusals[{user, status, reason}], steps[], held[], script}; a step is
 * {user, action, database, statement, summary?, error?}. `held` are the steps of the deletions that wait for `confirm`; `script` is roles_script().
 */
#pragma once

#include "agent/users/users_pass.h"

/* A new reference. */
json_t *users_plan_item(const struct users_pass *pass, const struct roles_plan *plan);
