/*
 * field_set.h - sets of fields as metadata.managedFields writes them (fieldsV1), and the objects they speak of (internal to the
 * room)
 *
 * A set is a tree of JSON objects: "f:NAME" a field, "k:{...}" an element by its key fields, "v:..." an element by its value,
 * "i:N" one by its place, "." the node itself; an empty node is a field owned as a whole.
 */
#pragma once

#include "base/json.h"

/* One step into an object: a map's key, or an element of a list (`element` is the value that was found there). */
struct field_step {
	const char *key; /* NULL = an element */
	const json_t *element;
	size_t index;
};

/*
 * The names of list elements in sets, each parsed once however many elements are looked for. Zeroed at first; it holds on to the
 * sets it was used with, which do not change meanwhile.
 */
struct field_index {
	json_t *nodes;
	size_t parsed; /* names so far */
};
void field_index_done(struct field_index *index); /* for CLEANUP too */

/* It holds the path, or a whole (atomic) value around it. */
bool field_set_holds(
	struct field_index *index, const json_t *set, const struct field_step *steps, size_t count);

/* Adds all of `from`. */
void field_set_unite(json_t *into, const json_t *from);

/* The same for what is to be kept: what one of them holds as a whole, stays whole. */
void field_set_cover(json_t *into, const json_t *from);

/* Takes out of `object` what is in `set` and not in `kept`, as server-side apply does with fields that their manager does not
   apply any more. True when something went. */
bool field_set_remove(struct field_index *index, json_t *object, const json_t *set, const json_t *kept);
