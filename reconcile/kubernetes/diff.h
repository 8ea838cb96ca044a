/*
 * diff.h - the fields in which two states of one object differ, and who wrote what was found (pure, internal to the room)
 */
#pragma once

#include "reconcile/kubernetes/cluster.h"

struct diff_input {
	const json_t *wanted; /* what an apply would leave */
	const json_t *found;  /* the live object, with its managedFields */
	bool secret;          /* values are "<hidden>" */
	bool loose; /* null, {}, [] and absent are equal, as the postgres-operator takes them (zalando-operator.md 2.3) */
};

/* Sorted by path, at most LIMIT_DIFFERENCES of them. What the server keeps by itself (status, managedFields, resourceVersion,
   uid, generation, timestamps) does not count. */
struct difference *diff_objects(const struct diff_input *input, struct arena *mem, size_t *count);
