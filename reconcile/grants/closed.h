/*
 * closed.h - databases that could not be looked into (internal to the room)
 *
 * What roles may do there is unknown, which is not the same as nothing: no step is made of it, and it is told.
 */
#pragma once

#include "reconcile/grants/present.h"

/* Why this one could not; NULL = it could, or nobody described is known there. */
const char *closed_why(const struct grants_present *present, const char *database);

/* The first warnings of a plan: one for each of them. */
void closed_warn(const struct grants_present *present, struct arena *mem, struct grants_plan *plan);
