/*
 * privileges.h - what roles may do (reconcile/grants), as a part of the plan for them
 *
 * The order of a pass: roles_observe, roles_plan, privileges_wanted, grants_observe, grants_plan, privileges_join; and when it is to be
 * written roles_apply, grants_apply, privileges_settle. So a plan that is only shown has the privileges of roles that do not exist yet.
 */
#pragma once

#include "reconcile/roles/roles.h"

/* Those of roles that the plan found to be ours. */
void privileges_wanted(const struct roles_plan *plan, const struct users *users, struct arena *mem,
	struct grants_wanted *wanted);

/* Appends the steps to the plan, which roles_apply() passes over, and the differences to its reports. `grants` has to live as long. */
void privileges_join(struct roles_plan *plan, struct grants_plan *grants, struct arena *mem);

/* After grants_apply(): what became of them, in the plan's steps and reports. */
void privileges_settle(struct roles_plan *plan, struct arena *mem);
