#include "agent/loop/manifests.h"

#include "base/limits.h"
#include "reconcile/desired.h"

static void hide_values(json_t *object, const char *key)
{
	const char *name;
	json_t *value;
	json_t *values = json_object_get(object, key);
	json_object_foreach (values, name, value)
		json_object_set_new(values, name, json_string("<hidden>"));
}

static json_t *shown(const struct object *object)
{
	struct error ignored;
	json_t *document = NULL;
	if (!json_read(object->json, object->json_length, &document, &ignored)) /* we wrote it ourselves */
		return json_null();
	if (object_is_secret(&object->key)) {
		hide_values(document, "data");
		hide_values(document, "stringData");
	}
	return document;
}

bool manifests_document(const struct app *app, json_t **document, struct error *err)
{
	const struct objects *objects = app->content ? &app->content->desired->objects : NULL;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	size_t bytes = 0;

	if (!objects)
		return error_set(err, ERROR_RETRY, "nothing was read from Git yet%s%s",
			app->broken ? ": " : "", app->broken ? app->broken : "");
	for (size_t i = 0; i < objects->count; i++)
		bytes += objects->items[i].json_length;
	if (bytes > LIMIT_MANIFESTS_BYTES)
		return error_set(err, ERROR_INVALID,
			"the %zu objects are %zu bytes, more than %ld: read them in Git, at commit %s",
			objects->count, bytes, LIMIT_MANIFESTS_BYTES, commits_short(app->commit, 12, mem));
	json_t *items = json_array();
	for (size_t i = 0; i < objects->count; i++)
		json_array_append_new(items, shown(&objects->items[i]));
	*document = json_pack("{s:o}", "items", items);
	if (app->spec.sources_listed)
		json_object_set_new(*document, "revisions", commits_list(app->commit));
	else
		json_object_set_new(*document, "revision", json_string(app->commit));
	return true;
}
