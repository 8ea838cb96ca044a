#include "reconcile/ignore/ignore.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/ignore/fields.h"
#include "reconcile/ignore/place.h"

static bool is_about(const struct ignore_rule *rule, const struct object_key *key)
{
	return text_glob(rule->group, key->group) && text_glob(rule->kind, key->kind) &&
		(!*rule->name || strcmp(rule->name, key->name) == 0) &&
		(!*rule->namespace || strcmp(rule->namespace, key->namespace) == 0);
}

bool ignore_matches(const struct ignore_rules *rules, const struct object_key *key)
{
	for (size_t i = 0; rules && i < rules->count; i++)
		if (is_about(&rules->items[i], key))
			return true;
	return false;
}

/* ---- finding the places ---- */

/* The same rules on the two states of one object. */
struct sides {
	const json_t *documents[2];
	json_t *places[2];
};

static void sides_done(struct sides *sides)
{
	json_decref(sides->places[0]);
	json_decref(sides->places[1]);
}

/* The expressions of all rules that are about the object; the caller frees the list. */
static const char **expressions_of(const struct ignore *ignore, size_t *count)
{
	const char **all = NULL;
	*count = 0;
	for (size_t i = 0; ignore->rules && i < ignore->rules->count; i++) {
		const struct ignore_rule *rule = &ignore->rules->items[i];
		if (!rule->expression_count || !is_about(rule, ignore->key))
			continue;
		all = memory_resize(all, (*count + rule->expression_count) * sizeof(*all));
		memcpy(all + *count, rule->expressions, rule->expression_count * sizeof(*all));
		*count += rule->expression_count;
	}
	return all;
}

/* The documents go to jq once, whatever the number of rules. */
static bool find_by_jq(const struct ignore *ignore, struct sides *sides, struct error *err)
{
	size_t count;
	CLEANUP(memory_freep) const char **expressions = expressions_of(ignore, &count);
	if (!count)
		return true;
	CLEANUP(json_done)
	json_t *documents = json_pack("[O, O]", sides->documents[0], sides->documents[1]);
	const struct jq_question question = {expressions, count, documents, object_is_secret(ignore->key)};
	CLEANUP(json_done) json_t *paths = jq_paths(ignore->jq, &question, err);
	if (!paths)
		return error_prefix(err, "ignoreDifferences");
	for (size_t side = 0; side < COUNT_OF(sides->places); side++) {
		size_t i;
		const json_t *path;
		json_array_foreach (json_array_get(paths, side), i, path) {
			if (!json_array_size(path))
				return error_set(err, ERROR_INVALID,
					"ignoreDifferences: jq: an expression names the whole object");
			place_of_path(sides->documents[side], path, sides->places[side]);
		}
	}
	return true;
}

static void find_by_rule(const struct ignore *ignore, const struct ignore_rule *rule, struct sides *sides)
{
	for (size_t side = 0; side < COUNT_OF(sides->places); side++) {
		const json_t *document = sides->documents[side];
		for (size_t i = 0; i < rule->pointer_count; i++)
			place_of_pointer(document, rule->pointers[i], sides->places[side]);
		for (size_t i = 0; i < rule->manager_count; i++)
			fields_owned(ignore->managed, rule->managers[i], document, sides->places[side]);
	}
}

static bool find_all(const struct ignore *ignore, const json_t *wanted, const json_t *live,
	struct sides *sides, struct error *err)
{
	*sides = (struct sides){{wanted, live}, {json_array(), json_array()}};
	for (size_t i = 0; ignore->rules && i < ignore->rules->count; i++)
		if (is_about(&ignore->rules->items[i], ignore->key))
			find_by_rule(ignore, &ignore->rules->items[i], sides);
	if (!find_by_jq(ignore, sides, err))
		return false;
	place_sort(sides->places[0]);
	place_sort(sides->places[1]);
	return true;
}

/* ---- comparing ---- */

bool ignore_remove(const struct ignore *ignore, json_t *wanted, json_t *live, struct error *err)
{
	CLEANUP(sides_done) struct sides sides;
	json_t *const documents[] = {wanted, live};
	size_t i;
	const json_t *place;
	if (!find_all(ignore, wanted, live, &sides, err))
		return false;
	for (size_t side = 0; side < COUNT_OF(documents); side++)
		json_array_foreach (sides.places[side], i, place)
			place_remove(documents[side], place);
	for (size_t side = 0; side < COUNT_OF(documents); side++)
		json_array_foreach (sides.places[side], i, place)
			place_tidy(wanted, live, place);
	return true;
}

/* ---- applying ---- */

static void keep_named(json_t *wanted, const json_t *live, const json_t *place)
{
	CLEANUP(json_done) json_t *other = place_counterpart(wanted, live, place);
	json_t *value = other ? place_get(live, other) : NULL;
	if (!value) {
		place_remove(wanted, place);
		return;
	}
	CLEANUP(json_done) json_t *copy = json_deep_copy(value);
	place_set(wanted, place, copy);
}

static void keep_unnamed(json_t *wanted, const json_t *live, const json_t *place)
{
	CLEANUP(json_done) json_t *other = place_counterpart(live, wanted, place);
	if (!other || place_get(wanted, other))
		return;
	CLEANUP(json_done) json_t *copy = json_deep_copy(place_get(live, place));
	place_set(wanted, other, copy);
}

bool ignore_keep_live(const struct ignore *ignore, json_t *wanted, const json_t *live, struct error *err)
{
	CLEANUP(sides_done) struct sides sides;
	CLEANUP(json_done) json_t *ours = json_array();
	size_t i;
	const json_t *place;
	if (!find_all(ignore, wanted, live, &sides, err))
		return false;
	fields_owned(ignore->adopted ? ignore->adopted : ignore->managed, ignore->ours, live, ours);
	json_array_foreach (sides.places[0], i, place)
		keep_named(wanted, live, place);
	for (i = json_array_size(sides.places[1]); i-- > 0;) {
		place = json_array_get(sides.places[1], i);
		if (ignore->whole || place_touches(ours, place))
			keep_unnamed(wanted, live, place);
	}
	return true;
}
