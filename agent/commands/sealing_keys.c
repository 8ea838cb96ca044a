#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/stream.h"
#include "reconcile/sealed/sealed_secret.h"

static bool add_path(struct sealing_keys *keys, const char *path, struct error *err)
{
	struct error not_a_folder;
	CLEANUP(arena_freep) struct arena *mem = arena_new(1024 * 1024);
	struct mistakes problems = {.mem = mem};
	if (sealing_keys_add_folder(keys, path, &problems, &not_a_folder)) {
		for (size_t i = 0; i < problems.count; i++)
			sealing_say("warning: passed over: %s", problems.items[i].text);
		return true;
	}
	return sealing_keys_add_file(keys, path, err);
}

static bool add_list(struct sealing_keys *keys, const char *given, struct error *err)
{
	CLEANUP(memory_freep) char *list = memory_copy(given);
	char *rest = NULL;
	for (char *path = strtok_r(list, ",", &rest); path; path = strtok_r(NULL, ",", &rest))
		if (!add_path(keys, path, err))
			return false;
	return true;
}

bool sealing_keys_option(const struct command_values *given, int argc, char **argv, struct sealing_keys *keys,
	struct error *err)
{
	for (size_t i = 0; i < given->count; i++)
		if (!add_list(keys, given->items[i], err))
			return false;
	for (int i = 0; i < argc; i++)
		if (!add_path(keys, argv[i], err))
			return false;
	return keys->count > 0 ||
		error_set(err, ERROR_MISSING, "no private key was given (--private-key FILE)");
}

static bool add_object(
	struct sealed_objects *objects, const char *file, const struct yaml_node *node, struct arena *mem)
{
	const struct yaml_node *items = yaml_get(node, "items"), *kind = yaml_get(node, "kind");
	for (size_t i = 0; items && items->kind == YAML_LIST && i < items->count; i++)
		add_object(objects, file, items->items[i], mem);
	if (items && items->kind == YAML_LIST)
		return true;
	if (!kind || kind->kind != YAML_STRING || strcmp(kind->text, SEALED_KIND) != 0) {
		objects->others++;
		return true;
	}
	objects->items = arena_grow(mem, objects->items, objects->count, sizeof(*objects->items));
	objects->items[objects->count++] = (struct sealed_object){yaml_to_json(node), file, node->line};
	return true;
}

bool sealing_objects(const char *file, const struct buf *text, struct arena *mem,
	struct sealed_objects *objects, struct error *err)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = mem};
	manifest_stream_read(file, buf_string(text), text->length, mem, &documents, &mistakes);
	if (mistakes.count)
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], mem));
	for (size_t i = 0; i < documents.count; i++)
		add_object(objects, arena_copy(mem, file), documents.items[i], mem);
	return true;
}

void sealing_objects_done(struct sealed_objects *objects)
{
	for (size_t i = 0; i < objects->count; i++)
		json_decref(objects->items[i].json);
	*objects = (struct sealed_objects){0};
}
