#include "reconcile/sealed/controller.h"

#include <string.h>

#include "reconcile/sealed/wipe.h"

static const char *const replaced_metadata[] = {"labels", "annotations", "ownerReferences"};

static const json_t *annotations_of(const json_t *object)
{
	return json_object_get(json_object_get(object, "metadata"), "annotations");
}

static bool says_true(const json_t *object, const char *annotation)
{
	const char *value = json_string_value(json_object_get(annotations_of(object), annotation));
	return value && strcmp(value, "true") == 0;
}

static bool is_owner(const json_t *existing, const char *uid)
{
	const json_t *references = json_object_get(json_object_get(existing, "metadata"), "ownerReferences");
	for (size_t i = 0; i < json_array_size(references); i++) {
		const json_t *reference = json_array_get(references, i);
		if (json_bool_at(reference, "controller", false) &&
			strcmp(json_text_at(reference, "uid", ""), uid) == 0)
			return true;
	}
	return false;
}

/* A copy of the member, or NULL: absent and empty are the same to the server. Copies share no text with what is wiped. */
static json_t *member(const json_t *object, const char *key)
{
	const json_t *found = json_object_get(object, key);
	return json_object_size(found) || json_array_size(found) || json_is_string(found)
		? json_deep_copy(found)
		: NULL;
}

static void set_or_delete(json_t *object, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(object, key, value);
	else
		json_object_del(object, key);
}

/* As the controller updates: data, labels, annotations, owner and type as a whole; immutable is not taken over. */
static void replace(json_t *body, const json_t *wanted)
{
	const json_t *from = json_object_get(wanted, "metadata");
	json_t *metadata = json_make_object(body, "metadata");
	for (size_t i = 0; i < COUNT_OF(replaced_metadata); i++)
		set_or_delete(metadata, replaced_metadata[i], member(from, replaced_metadata[i]));
	set_or_delete(body, "data", member(wanted, "data"));
	if (json_object_get(wanted, "type"))
		json_object_set_new(body, "type", member(wanted, "type"));
}

/* A patched Secret belongs to somebody else: what is ours is added to it. */
static void merge(json_t *body, const json_t *wanted, bool managed)
{
	static const char *const merged[] = {"labels", "annotations"};
	const json_t *from = json_object_get(wanted, "metadata");
	json_t *metadata = json_make_object(body, "metadata");
	for (size_t i = 0; i < COUNT_OF(merged); i++)
		if (json_object_size(json_object_get(from, merged[i])))
			json_object_update_new(json_make_object(metadata, merged[i]), member(from, merged[i]));
	json_object_update_new(json_make_object(body, "data"), json_deep_copy(json_object_get(wanted, "data")));
	if (managed)
		set_or_delete(metadata, "ownerReferences", member(from, "ownerReferences"));
}

static bool may_write(const json_t *sealed, const json_t *existing, struct error *err)
{
	const char *name = json_text_at(sealed, "metadata.name", "");
	if (!is_owner(existing, json_text_at(sealed, "metadata.uid", "")) &&
		!says_true(existing, SEALED_ANNOTATION_MANAGED) &&
		!says_true(existing, SEALED_ANNOTATION_PATCH))
		return error_set(err, ERROR_CONFLICT,
			"failed update: Resource \"%s\" already exists and is not managed by SealedSecret: delete it, or "
			"annotate it with " SEALED_ANNOTATION_MANAGED "=\"true\"",
			name);
	if (json_bool_at(existing, "immutable", false))
		return error_set(err, ERROR_CONFLICT,
			"the Secret \"%s\" is immutable: it can only be deleted and created anew", name);
	return true;
}

bool sealed_reconcile(const json_t *sealed, const json_t *existing, const struct sealing_keys *keys,
	const struct sealed_place *places, size_t place_count, enum sealed_action *action, json_t **secret,
	struct error *err)
{
	CLEANUP(secret_json_done) json_t *wanted = NULL;
	if (existing && !may_write(sealed, existing, err))
		return false;
	if (!sealed_secret_open(sealed, keys, true, places, place_count, &wanted, err))
		return false;
	if (!existing) {
		*action = SEALED_CREATE;
		*secret = wanted;
		wanted = NULL;
		return true;
	}
	json_t *body = json_deep_copy(existing);
	if (says_true(existing, SEALED_ANNOTATION_PATCH))
		merge(body, wanted, says_true(existing, SEALED_ANNOTATION_MANAGED));
	else
		replace(body, wanted);
	*action = json_equal(body, existing) ? SEALED_NOTHING : SEALED_UPDATE;
	if (*action == SEALED_NOTHING)
		secret_json_done(&body);
	*secret = body;
	return true;
}

json_t *sealed_status(const json_t *sealed, const struct error *failure, const char *now)
{
	const char *state = failure ? "False" : "True", *message = failure ? failure->text : "";
	int64_t generation = json_number_at(sealed, "metadata.generation", 0);
	const json_t *before = json_array_get(json_at(sealed, "status.conditions"), 0);
	bool flipped = strcmp(json_text_at(before, "status", ""), state) != 0;
	bool changed = flipped || strcmp(json_text_at(before, "message", ""), message) != 0 ||
		json_number_at(sealed, "status.observedGeneration", 0) != generation;
	json_t *condition = json_pack("{s:s, s:s, s:s, s:s}", "type", "Synced", "status", state,
		"lastUpdateTime", changed ? now : json_text_at(before, "lastUpdateTime", now),
		"lastTransitionTime", flipped ? now : json_text_at(before, "lastTransitionTime", now));
	json_set_text(condition, "message", message);
	return json_pack("{s:I, s:[o]}", "observedGeneration", (json_int_t)generation, "conditions", condition);
}
