#include "reconcile/sealed/open.h"

#include <string.h>

#include "base/memory.h"

bool sealed_is(const struct object_key *key)
{
	return strcmp(key->kind, SEALED_KIND) == 0 && strcmp(key->group, SEALED_GROUP) == 0;
}

const struct object *sealed_find(
	const struct object *objects, size_t count, const char *namespace, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (sealed_is(&objects[i].key) && strcmp(objects[i].key.namespace, namespace) == 0 &&
			strcmp(objects[i].key.name, name) == 0)
			return &objects[i];
	return NULL;
}

/* Every place the path knows: a value copied from one object to another opens under one of them. */
static size_t places_of(const struct object *objects, size_t count, struct sealed_place **places)
{
	size_t used = 0;
	*places = memory_alloc((count ? count : 1) * sizeof(**places));
	for (size_t i = 0; i < count; i++)
		if (sealed_is(&objects[i].key))
			(*places)[used++] =
				(struct sealed_place){objects[i].key.namespace, objects[i].key.name};
	return used;
}

bool sealed_open_value(const struct object *objects, size_t count, const struct sealing_keys *keys,
	const char *namespace, const char *name, const char *item, struct secret *value, struct error *err)
{
	const struct object *object = sealed_find(objects, count, namespace, name);
	CLEANUP(json_done) json_t *json = NULL;
	CLEANUP(memory_freep) struct sealed_place *places = NULL;
	struct sealed_secret sealed;
	if (!object)
		return error_set(err, ERROR_MISSING, "no SealedSecret %s/%s in the path", namespace, name);
	if (!json_read(object->json, object->json_length, &json, err) ||
		!sealed_secret_read(json, &sealed, err))
		return error_prefix(err, "%s:%d", object->file, object->line);
	size_t place_count = places_of(objects, count, &places);
	if (sealed_secret_open_value(&sealed, item, keys, places, place_count, value, NULL, err))
		return true;
	return error_prefix(err, "%s:%d: SealedSecret %s/%s", object->file, object->line, namespace, name);
}

bool sealed_open_keys(const char *const *folders, size_t count, struct sealing_keys *keys,
	struct mistakes *problems, struct error *err)
{
	struct sealing_keys found = {0};
	for (size_t i = 0; i < count; i++)
		if (!sealing_keys_add_folder(&found, folders[i], problems, err)) {
			sealing_keys_done(&found);
			return false;
		}
	if (!found.count)
		return error_set(err, ERROR_MISSING, "no sealing key was found in %s%s",
			count ? folders[0] : "no folder",
			count > 1 ? " and the other folders of sealing.keys" : "");
	sealing_keys_done(keys);
	*keys = found;
	return true;
}
