#include "reconcile/kubernetes/field_set.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/*
 * The index of a node: "keys" are its names "k:{...}", parsed: [key, what the set holds there]; "fields" the different lists of
 * their fields, mostly one; "by" a map for each list of fields that an element had of them, from their values to what the set holds;
 * "values" the same map for its names "v:...".
 */

void field_index_done(struct field_index *index)
{
	json_done(&index->nodes);
}

static json_t *text_of(const json_t *value)
{
	char *text = json_canonical(value);
	json_t *string = json_string(text);
	memory_freep(&text);
	return string;
}

/* What the set holds at a name; names that mean the same are one. */
static void put(json_t *map, const json_t *name, json_t *held)
{
	CLEANUP(json_done) json_t *text = text_of(name);
	if (!json_object_get(map, json_string_value(text)))
		json_object_set(map, json_string_value(text), held);
}

static json_t *get(const json_t *map, const json_t *name)
{
	CLEANUP(json_done) json_t *text = text_of(name);
	return json_object_get(map, json_string_value(text));
}

/* Those of the key's fields that the element has: a defaulted one ("protocol": "TCP") may be absent in what was written. */
static json_t *fields_of(const json_t *key, const json_t *element)
{
	json_t *found = json_object();
	const char *field;
	json_t *value;
	json_t *all = (json_t *)(uintptr_t)key;
	json_object_foreach (all, field, value)
		if (json_object_get(element, field))
			json_object_set(found, field, json_object_get(element, field));
	return found;
}

static json_t *names_of(const json_t *key)
{
	CLEANUP(json_done) json_t *names = json_object();
	const char *field;
	json_t *value;
	json_t *all = (json_t *)(uintptr_t)key;
	json_object_foreach (all, field, value)
		json_object_set_new(names, field, json_null());
	return text_of(names);
}

static void index_name(struct field_index *index, json_t *node, const char *name, json_t *held)
{
	struct error ignored;
	CLEANUP(json_done) json_t *parsed = NULL;
	bool is_key = text_starts(name, "k:");
	if (!is_key && !text_starts(name, "v:"))
		return;
	index->parsed++;
	if (!json_read(name + 2, strlen(name + 2), &parsed, &ignored))
		return;
	if (!is_key) {
		put(json_object_get(node, "values"), parsed, held);
	} else if (json_object_size(parsed)) {
		CLEANUP(json_done) json_t *fields = names_of(parsed);
		json_object_set(json_object_get(node, "fields"), json_string_value(fields), parsed);
		json_array_append_new(json_object_get(node, "keys"), json_pack("[O, O]", parsed, held));
	}
}

static json_t *index_of(struct field_index *index, const json_t *set)
{
	char place[32];
	snprintf(place, sizeof(place), "%p", (const void *)set);
	if (!index->nodes)
		index->nodes = json_object();
	json_t *node = json_object_get(index->nodes, place);
	if (node)
		return node;
	json_t *all = (json_t *)(uintptr_t)set;
	node = json_pack("{s:O, s:[], s:{}, s:{}, s:{}}", "of", all, "keys", "fields", "by", "values");
	json_object_set_new(index->nodes, place, node);
	const char *name;
	json_t *held;
	json_object_foreach (all, name, held)
		index_name(index, node, name, held);
	return node;
}

/* The map of the names by these fields of them, made when it is asked for first. */
static const json_t *map_by(json_t *node, const json_t *found)
{
	CLEANUP(json_done) json_t *fields = names_of(found);
	json_t *map = json_object_get(json_object_get(node, "by"), json_string_value(fields));
	if (map)
		return map;
	map = json_make_object(json_object_get(node, "by"), json_string_value(fields));
	size_t i;
	const json_t *entry;
	json_array_foreach (json_object_get(node, "keys"), i, entry) {
		CLEANUP(json_done) json_t *part = fields_of(found, json_array_get(entry, 0));
		if (json_object_size(part) == json_object_size(found))
			put(map, part, json_array_get(entry, 1));
	}
	return map;
}

static json_t *element(struct field_index *index, const json_t *set, const struct field_step *step)
{
	char place[32];
	snprintf(place, sizeof(place), "i:%zu", step->index);
	json_t *held = json_object_get(set, place);
	if (held || !json_object_size(set))
		return held;
	json_t *node = index_of(index, set);
	const char *fields;
	const json_t *key;
	json_object_foreach (json_object_get(node, "fields"), fields, key) {
		CLEANUP(json_done) json_t *found = fields_of(key, step->element);
		held = json_object_size(found) ? get(map_by(node, found), found) : NULL;
		if (held)
			return held;
	}
	const json_t *values = json_object_get(node, "values");
	return json_object_size(values) ? get(values, step->element) : NULL;
}

/* What the set holds one step further; NULL = nothing. Borrowed. */
static json_t *child(struct field_index *index, const json_t *set, const struct field_step *step)
{
	char key[512];
	if (!step->key)
		return element(index, set, step);
	if ((size_t)snprintf(key, sizeof(key), "f:%s", step->key) >= sizeof(key))
		return NULL;
	return json_object_get(set, key);
}

bool field_set_holds(struct field_index *index, const json_t *set, const struct field_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *next = child(index, set, &steps[i]);
		if (!next)
			return i > 0 && !json_object_size(set);
		set = next;
	}
	return true;
}

/* An empty node is the field itself (and all of an atomic one); beside fields inside it, "." says so. Depth is bounded by the parser's
   own limit. */
static void unite(json_t *into, const json_t *from, bool whole_stays)
{
	const char *name;
	json_t *value;
	json_t *all = (json_t *)(uintptr_t)from;
	json_object_foreach (all, name, value) {
		json_t *there = json_object_get(into, name);
		bool leaf = !json_object_size(there), other = !json_object_size(value);
		if (!json_is_object(there)) {
			json_object_set_new(into, name, json_deep_copy(value));
		} else if (whole_stays && (leaf || other)) {
			json_object_clear(there);
		} else {
			unite(there, value, whole_stays);
			if (leaf != other)
				json_object_set_new(there, ".", json_object());
		}
	}
}

void field_set_unite(json_t *into, const json_t *from)
{
	unite(into, from, false);
}

void field_set_cover(json_t *into, const json_t *from)
{
	unite(into, from, true);
}

static bool empty(const json_t *value)
{
	return (json_is_object(value) && !json_object_size(value)) ||
		(json_is_array(value) && !json_array_size(value));
}

/* True when the value itself goes: it was owned, nobody keeps it, and nothing is left in it. */
static bool remove_inside(
	struct field_index *index, json_t *value, const json_t *set, const json_t *kept, bool *removed)
{
	if (kept && !json_object_size(kept))
		return false;
	if (!json_object_size(set))
		return !kept;
	*removed = field_set_remove(index, value, set, kept) || *removed;
	return !kept && json_object_get(set, ".") && empty(value);
}

static bool goes(struct field_index *index, json_t *value, const struct field_step *step, const json_t *set,
	const json_t *kept, bool *removed)
{
	const json_t *mine = child(index, set, step);
	if (!mine || !remove_inside(index, value, mine, child(index, kept, step), removed))
		return false;
	*removed = true;
	return true;
}

static bool remove_from_map(struct field_index *index, json_t *map, const json_t *set, const json_t *kept)
{
	bool removed = false;
	const char *key;
	json_t *value;
	void *rest;
	json_object_foreach_safe (map, rest, key, value) {
		const struct field_step step = {.key = key};
		if (goes(index, value, &step, set, kept, &removed))
			json_object_del(map, key);
	}
	return removed;
}

static bool remove_from_list(struct field_index *index, json_t *list, const json_t *set, const json_t *kept)
{
	CLEANUP(json_done) json_t *left = json_array();
	bool removed = false;
	size_t i;
	json_t *value;
	json_array_foreach (list, i, value) {
		const struct field_step step = {.element = value, .index = i};
		if (!goes(index, value, &step, set, kept, &removed))
			json_array_append(left, value);
	}
	if (json_array_size(left) < json_array_size(list)) {
		json_array_clear(list);
		json_array_extend(list, left);
	}
	return removed;
}

bool field_set_remove(struct field_index *index, json_t *object, const json_t *set, const json_t *kept)
{
	if (json_is_object(object))
		return remove_from_map(index, object, set, kept);
	return json_is_array(object) && remove_from_list(index, object, set, kept);
}
