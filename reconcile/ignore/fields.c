/*
 * A fieldsV1 is a tree: "f:KEY" is a field of a map, "k:{...}" an element of a list by its key fields, "v:VALUE" an element by its
 * value, "i:N" by its place, and "." the thing itself. A node without children is a value that is owned as a whole.
 */
#include "reconcile/ignore/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

struct walk {
	json_t *place;
	json_t *places;
	int depth;
};

static void add_place(const struct walk *walk)
{
	if (json_array_size(walk->place))
		json_array_append_new(walk->places, json_copy(walk->place));
}

static bool has_key(const json_t *element, const json_t *key)
{
	const char *field;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)key, field, value) {
		const json_t *found = json_object_get(element, field);
		/* A defaulted key field ("protocol": "TCP") may be absent in what was written. */
		if (found && !json_equal(found, value))
			return false;
	}
	return json_object_size(key);
}

static bool is_of_list(const char *name)
{
	return text_starts(name, "k:") || text_starts(name, "v:") || text_starts(name, "i:");
}

static bool is_element(const char *name, const json_t *key, const json_t *element, size_t index)
{
	if (text_starts(name, "i:"))
		return strtoul(name + 2, NULL, 10) == index;
	return text_starts(name, "v:") ? json_equal(key, element) : has_key(element, key);
}

/* Nothing in the element but its keys and what the manager owns. */
static bool owns_all(const json_t *fields, const json_t *key, const json_t *element)
{
	const char *name;
	json_t *value;
	if (!json_object_get(fields, ".") || !json_is_object(element))
		return false;
	json_object_foreach ((json_t *)(uintptr_t)element, name, value) {
		char field[512];
		snprintf(field, sizeof(field), "f:%s", name);
		const json_t *owned = json_object_get(fields, field);
		if (!json_object_get(key, name) && (!owned || json_object_size(owned)))
			return false;
	}
	return true;
}

static void walk_fields(struct walk *walk, const json_t *fields, const json_t *key, const json_t *at);

static void walk_step(struct walk *walk, json_t *step, const json_t *fields, const json_t *key, const json_t *at)
{
	json_array_append_new(walk->place, step);
	if (!json_object_size(fields) || owns_all(fields, key, at))
		add_place(walk);
	else
		walk_fields(walk, fields, key, at);
	json_array_remove(walk->place, json_array_size(walk->place) - 1);
}

static void walk_list(struct walk *walk, const char *name, const json_t *fields, const json_t *list)
{
	CLEANUP(json_done) json_t *key = NULL;
	struct error ignored;
	size_t i;
	const json_t *element;
	if (!text_starts(name, "i:") && !json_read(name + 2, strlen(name + 2), &key, &ignored))
		return;
	json_array_foreach (list, i, element)
		if (is_element(name, key, element, i)) {
			walk_step(walk, json_integer((json_int_t)i), fields, key, element);
			return;
		}
}

/* The key fields of an element stay: they are its name. Depth is bounded by the document, which both sides walk. */
static void walk_fields(struct walk *walk, const json_t *fields, const json_t *key, const json_t *at)
{
	const char *name;
	json_t *inside;
	if (++walk->depth > LIMIT_YAML_DEPTH) {
		walk->depth--;
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)fields, name, inside) {
		bool named = text_starts(name, "f:") && json_is_object(at);
		json_t *value = named && !json_object_get(key, name + 2) ? json_object_get(at, name + 2) : NULL;
		if (value)
			walk_step(walk, json_string(name + 2), inside, NULL, value);
		else if (json_is_array(at) && is_of_list(name))
			walk_list(walk, name, inside, at);
	}
	walk->depth--;
}

void fields_owned(const json_t *managed, const char *manager, const json_t *document, json_t *places)
{
	size_t i;
	const json_t *entry;
	CLEANUP(json_done) json_t *place = json_array();
	json_array_foreach (managed, i, entry) {
		struct walk walk = {.place = place, .places = places};
		if (text_equal(json_text_at(entry, "manager", ""), manager))
			walk_fields(&walk, json_object_get(entry, "fieldsV1"), NULL, document);
	}
}
