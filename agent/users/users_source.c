#include "agent/users/users_source.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/sealed/open.h"

const struct object *users_source_object(const struct desired *desired, const struct database_config *database)
{
	for (size_t i = 0; i < desired->objects.count; i++) {
		const struct object_key *key = &desired->objects.items[i].key;
		if (!*key->group && strcmp(key->kind, "ConfigMap") == 0 &&
			strcmp(key->name, database->config_map) == 0)
			return &desired->objects.items[i];
	}
	return NULL;
}

struct users_place users_source_place(const struct object *object)
{
	if (!object->text_line)
		return (struct users_place){object->file, object->line, -1};
	return (struct users_place){object->file, object->text_line, object->text_indent};
}

bool users_source_read(const struct desired *desired, const struct database_config *database,
	struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	const struct object *object = users_source_object(desired, database);
	CLEANUP(json_done) json_t *tree = NULL;
	struct error ignored;

	if (!object || !json_read(object->json, object->json_length, &tree, &ignored))
		return false;
	const json_t *text = json_object_get(json_object_get(tree, "data"), database->key);
	if (!json_is_string(text))
		return false;
	CLEANUP(arena_freep) struct arena *scratch = arena_new(LIMIT_PASS_MEMORY);
	struct users read;
	const struct users_place place = users_source_place(object);
	users_read(&place, json_string_value(text), json_string_length(text),
		database->database ? database->database : "", &database->policy, scratch, &read, mistakes);
	if (arena_full(scratch))
		mistakes_add(mistakes, object->file, object->line, 0,
			"the users of this file need more than %ld MiB of memory", LIMIT_PASS_MEMORY >> 20);
	users_copy(&read, mem, users);
	return true;
}

size_t users_source_of(const struct desired *desired, const struct database_config *database)
{
	const struct object *object = users_source_object(desired, database);
	return object ? object->source : 0;
}

void users_source_hash(const struct config *config, const struct desired *desired, struct content_users *users)
{
	const char *database = users->database->database;
	CLEANUP(buf_done) struct buf parts = BUF(LIMIT_STORE_TEXT);

	buf_printf(&parts, "%s %s\n", users->users.hash, database ? database : "");
	for (size_t i = 0; config->sealing_key_count && i < desired->objects.count; i++)
		if (sealed_is(&desired->objects.items[i].key))
			buf_text(&parts, desired->objects.items[i].hash);
	digest_sha256_hex(buf_string(&parts), parts.length, users->hash);
}
