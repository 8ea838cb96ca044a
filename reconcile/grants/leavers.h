/*
 * leavers.h - what goes with a role that is removed in this pass (internal to the room)
 *
 * DROP OWNED takes along what the role gave, and what was given on from there (REVOKE ... CASCADE). For described roles that is made good in
 * the same pass. Others are nobody's to touch: a role that gave something to one of them, who has it from nobody else, is not
 * removed until somebody has looked.
 */
#pragma once

#include "reconcile/grants/present.h"

/* Whether this row goes with a removal. */
bool leavers_take(
	const struct grants_present *present, const struct grants_wanted *wanted, const struct grant *row);

/* `wanted` without those who stay for what others would lose, which stands in plan->stops. */
struct grants_wanted leavers_hold(const struct grants_present *present, const struct grants_wanted *wanted,
	struct arena *mem, struct grants_plan *plan);
