/*
 * beyond.h - what described roles may do and no step takes (internal to the room)
 *
 * "It may do what the list says and no more" is promised of whoever has one. Where that cannot be kept it is a warning with role, object
 * and what a person can do, at each pass for as long as it is so.
 */
#pragma once

#include "reconcile/grants/present.h"

/* Into plan->warnings. Of roles that keep what is not listed (`kept`) nothing was promised. */
void beyond_tell(const struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_plan *plan);
