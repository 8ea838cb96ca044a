/*
 * named.h - are the objects there that users.yaml names? (internal to the room)
 *
 * A privilege on what does not exist is sent as it is, and the server says so: it may come into being at any moment, and the next pass is
 * right. But whoever looks at a plan wants to know before. So the objects that are named are read with those of `names: ["*"]`, by their
 * names alone, each once; functions are among those already.
 */
#pragma once

#include "base/buf.h"
#include "reconcile/grants/names.h"
#include "reconcile/grants/present.h"

/* " UNION ALL SELECT ..." for each kind that is named in this database: rows as those of all objects of a schema. */
void named_query(const struct grants_wanted *wanted, const char *database, const struct names_mute *mute,
	struct arena *mem, struct buf *sql);

/* What is not there, into plan->missing. Of databases that were not looked into nothing is said. */
void named_missing(const struct grants_present *present, const struct grants_wanted *wanted,
	struct arena *mem, struct grants_plan *plan);

/* Where the objects of its kind and schema begin in present->objects, or would. */
size_t named_first(const struct grants_present *present, const struct grant *grant);
