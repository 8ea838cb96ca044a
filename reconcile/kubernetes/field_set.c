#include "reconcile/kubernetes/field_set.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static bool names_element(const char *name, const struct field_step *step)
{
	struct error ignored;
	CLEANUP(json_done) json_t *key = NULL;
	if (text_starts(name, "i:")) {
		char place[32];
		snprintf(place, sizeof(place), "i:%zu", step->index);
		return strcmp(name, place) == 0;
	}
	if (!text_starts(name, "k:") && !text_starts(name, "v:"))
		return false;
	if (!json_read(name + 2, strlen(name + 2), &key, &ignored))
		return false;
	if (text_starts(name, "v:"))
		return json_equal(key, step->element);
	const char *field;
	json_t *value;
	json_object_foreach (key, field, value) {
		const json_t *found = json_object_get(step->element, field);
		/* A defaulted key field ("protocol": "TCP") may be absent in what was written. */
		if (found && !json_equal(found, value))
			return false;
	}
	return json_object_size(key);
}

/* What the set holds one step further; NULL = nothing. Borrowed. */
static json_t *child(const json_t *set, const struct field_step *step)
{
	const char *name;
	json_t *value;
	if (step->key) {
		char key[512];
		if ((size_t)snprintf(key, sizeof(key), "f:%s", step->key) >= sizeof(key))
			return NULL;
		return json_object_get(set, key);
	}
	void *rest;
	json_t *all = (json_t *)(uintptr_t)set;
	json_object_foreach_safe (all, rest, name, value)
		if (names_element(name, step))
			return value;
	return NULL;
}

bool field_set_holds(const json_t *set, const struct field_step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const json_t *next = child(set, &steps[i]);
		if (!next)
			return i > 0 && !json_object_size(set);
		set = next;
	}
	return true;
}

/* The union of two sets is the union of their trees. Depth is bounded by the parser's own limit. */
void field_set_unite(json_t *into, const json_t *from)
{
	const char *name;
	json_t *value;
	void *rest;
	json_t *all = (json_t *)(uintptr_t)from;
	json_object_foreach_safe (all, rest, name, value) {
		json_t *there = json_object_get(into, name);
		if (json_is_object(there))
			field_set_unite(there, value);
		else
			json_object_set_new(into, name, json_deep_copy(value));
	}
}

static bool empty(const json_t *value)
{
	return (json_is_object(value) && !json_object_size(value)) ||
		(json_is_array(value) && !json_array_size(value));
}

/* True when the value itself goes: it was owned, nobody keeps it, and nothing is left in it. */
static bool remove_inside(json_t *value, const json_t *set, const json_t *kept, bool *removed)
{
	if (kept && !json_object_size(kept))
		return false;
	if (!json_object_size(set))
		return !kept;
	*removed = field_set_remove(value, set, kept) || *removed;
	return !kept && json_object_get(set, ".") && empty(value);
}

static bool remove_from_map(json_t *map, const json_t *set, const json_t *kept)
{
	bool removed = false;
	const char *key;
	json_t *value;
	void *rest;
	json_object_foreach_safe (map, rest, key, value) {
		const struct field_step step = {.key = key};
		const json_t *mine = child(set, &step);
		if (!mine || !remove_inside(value, mine, child(kept, &step), &removed))
			continue;
		json_object_del(map, key);
		removed = true;
	}
	return removed;
}

static bool remove_from_list(json_t *list, const json_t *set, const json_t *kept)
{
	bool removed = false;
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *value = json_array_get(list, i);
		const struct field_step step = {.element = value, .index = i};
		const json_t *mine = child(set, &step);
		if (!mine || !remove_inside(value, mine, child(kept, &step), &removed))
			continue;
		json_array_remove(list, i);
		removed = true;
	}
	return removed;
}

bool field_set_remove(json_t *object, const json_t *set, const json_t *kept)
{
	if (json_is_object(object))
		return remove_from_map(object, set, kept);
	return json_is_array(object) && remove_from_list(object, set, kept);
}
