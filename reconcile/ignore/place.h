/*
 * place.h - places in an object, as jq names them: lists of keys and indexes (pure, internal to the room)
 *
 * A place is resolved: it exists in the document it was found in, its indexes count from the beginning. Lists of places are JSON
 * arrays, since that is how they come from the jq process.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* The place that a JSON pointer names, added to `places` when it is there. */
void place_of_pointer(const json_t *document, const char *pointer, json_t *places);

/* The places of a path of jq, which may have slices and count from the end, and may not be there. */
void place_of_path(const json_t *document, const json_t *path, json_t *places);

/* What stands there; NULL = nothing. Borrowed. */
json_t *place_get(const json_t *document, const json_t *place);

/* The same place in another state of the object: elements of lists are found by what Kubernetes merges them by (name, key,
   mountPath, port, ...), else by their index. It need not exist there. NULL when an element on the way does not. A new reference. */
json_t *place_counterpart(const json_t *from, const json_t *to, const json_t *place);

/* In the order in which they can be taken away one by one: later elements first, what is inside before what holds it. */
void place_sort(json_t *places);

void place_remove(json_t *document, const json_t *place);

/* Maps on the way are made; an element beyond the end is appended. False when the way leads through something else. */
bool place_set(json_t *document, const json_t *place, json_t *value);

/* Maps and lists above the place that are empty or absent in both documents go from both: what was ignored leaves no trace. */
void place_tidy(json_t *a, json_t *b, const json_t *place);

/* One of the places is this one, holds it, or is inside it. */
bool place_touches(const json_t *places, const json_t *place);
