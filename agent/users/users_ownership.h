/*
 * users_ownership.h - whose the roles of a database are: what the plan is told about it, and what is told of those that are not ours
 */
#pragma once

#include "agent/users/users_pass.h"

/* Fills in who we are, what the store remembers, and what a person has asked for. */
void users_ownership_input(struct users_pass *pass, struct roles_plan_input *input);

/* What a person hears who has asked for roles to become ours, and whether they did; "" and `good` as it was when nobody has. In the
   pass's memory. */
const char *users_ownership_answer(const struct users_pass *pass, const struct roles_plan *plan, bool *good);

/* {"count", "items": [{name, database, login, superuser, referenced, reason}]}, the first 500; a new reference. */
json_t *users_ownership_unmanaged(const struct users_pass *pass, const struct roles_plan *plan);
