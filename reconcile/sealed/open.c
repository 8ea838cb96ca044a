#include "reconcile/sealed/open.h"

#include <string.h>

#include "base/memory.h"

/* Each is tried four times with each key when a value does not open, at a millisecond or so. */
enum { PLACES_MAX = 64 };

bool sealed_is(const struct object_key *key)
{
	return strcmp(key->kind, SEALED_KIND) == 0 && strcmp(key->group, SEALED_GROUP) == 0;
}

const struct object *sealed_find(const struct objects *objects, const char *namespace, const char *name)
{
	const struct object_key key = {SEALED_GROUP, SEALED_KIND, namespace, name};
	return objects_find(objects, &key);
}

/* Those that stand around it in the path: a value copied from one object to another opens under one of them. */
static size_t places_around(
	const struct objects *objects, const struct object *object, struct sealed_place places[PLACES_MAX])
{
	const struct object *first = object, *end = objects->items + objects->count;
	size_t used = 0;
	while (first > objects->items && object - first < PLACES_MAX / 2 && sealed_is(&first[-1].key))
		first--;
	for (; first < end && used < PLACES_MAX && sealed_is(&first->key); first++)
		places[used++] = (struct sealed_place){first->key.namespace, first->key.name};
	return used;
}

bool sealed_open_value(const struct objects *objects, const struct sealing_keys *keys, const char *namespace,
	const char *name, const char *item, struct secret *value, struct error *err)
{
	const struct object *object = sealed_find(objects, namespace, name);
	CLEANUP(json_done) json_t *json = NULL;
	struct sealed_place places[PLACES_MAX];
	struct sealed_secret sealed;
	if (!object)
		return error_set(err, ERROR_MISSING, "no SealedSecret %s/%s in the path", namespace, name);
	if (!json_read(object->json, object->json_length, &json, err) ||
		!sealed_secret_read(json, &sealed, err))
		return error_prefix(err, "%s:%d", object->file, object->line);
	if (sealed_secret_open_value(
		    &sealed, item, keys, places, places_around(objects, object, places), value, NULL, err))
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
