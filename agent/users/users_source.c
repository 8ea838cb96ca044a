#include "agent/users/users_source.h"

#include <string.h>

#include "base/json.h"

static const struct object *find_config_map(
	const struct desired *desired, const struct database_config *database)
{
	for (size_t i = 0; i < desired->objects.count; i++) {
		const struct object_key *key = &desired->objects.items[i].key;
		if (!*key->group && strcmp(key->kind, "ConfigMap") == 0 &&
			strcmp(key->name, database->config_map) == 0)
			return &desired->objects.items[i];
	}
	return NULL;
}

bool users_source_read(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	const struct object *object = find_config_map(desired, database);
	CLEANUP(json_done) json_t *tree = NULL;
	struct error ignored;

	if (!object || !json_read(object->json, object->json_length, &tree, &ignored))
		return false;
	const json_t *text = json_object_get(json_object_get(tree, "data"), database->key);
	if (!json_is_string(text))
		return false;
	users_read(object->file, object->text_line ? object->text_line : object->line,
		json_string_value(text), json_string_length(text),
		database->database ? database->database : "", &database->policy, mem, users, mistakes);
	return true;
}

size_t users_source_of(const struct desired *desired, const struct database_config *database)
{
	const struct object *object = find_config_map(desired, database);
	return object ? object->source : 0;
}
