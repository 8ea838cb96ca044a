/* Which key each SealedSecret needs, which of them are near rotation, and which cannot be opened and why. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_secret.h"

/* The controller makes a new key after 30 days; values of older ones still open as long as the key is kept. */
#define ROTATION_MICROSECONDS (30 * 86400 * INT64_C(1000000))

struct key_list {
	const struct command_context *context;
	const struct sealing_keys *keys;
	const struct sealed_place *places;
	size_t place_count;
	struct table *table; /* or */
	json_t *items;
	size_t *used; /* values opened by each key */
	size_t values, closed;
};

static void row(const struct key_list *list, const struct sealed_secret *sealed, const char *item,
	const char *status, const char *key, const char *note)
{
	const char *object = arena_printf(list->context->mem, "%s/%s", sealed->namespace, sealed->name);
	if (list->items) {
		json_array_append_new(list->items,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "namespace", sealed->namespace,
				"name", sealed->name, "item", item, "scope", sealed_scope_name(sealed->scope),
				"status", status, "key", key, "note", note));
		return;
	}
	table_cell(list->table, object, CELL_PLAIN);
	table_cell(list->table, item, CELL_PLAIN);
	table_cell(list->table, sealed_scope_name(sealed->scope), CELL_PLAIN);
	table_cell(list->table, status, strcmp(status, "Opens") == 0 ? CELL_GOOD : CELL_BAD);
	table_cell(list->table, command_or_dash(key), CELL_PLAIN);
	table_cell(list->table, command_or_dash(note), CELL_PLAIN);
}

/* What to know about the key that opened a value. */
static const char *note_of(const struct key_list *list, const struct sealing_key *key)
{
	int64_t now = clock_now();
	if (!key->not_before)
		return "";
	if (now >= key->not_after)
		return "the key's certificate is expired: seal again with the current one";
	if (now - key->not_before < ROTATION_MICROSECONDS)
		return "";
	char age[16];
	duration_text((now - key->not_before) / 1000, age);
	for (size_t i = 0; i < list->keys->count; i++)
		if (list->keys->items[i].not_before > key->not_before)
			return arena_printf(list->context->mem,
				"older key (%s): keep it, or seal again with the newest", age);
	return arena_printf(list->context->mem, "due for rotation (%s old)", age);
}

static void list_value(struct key_list *list, const struct sealed_secret *sealed, const char *item)
{
	CLEANUP(secret_done) struct secret value = {0};
	struct error err;
	size_t which;
	list->values++;
	if (sealed_secret_open_value(
		    sealed, item, list->keys, list->places, list->place_count, &value, &which, &err)) {
		const struct sealing_key *key = &list->keys->items[which];
		list->used[which]++;
		row(list, sealed, item, "Opens",
			arena_printf(list->context->mem, "%s (%.12s)", key->source, key->fingerprint),
			note_of(list, key));
		return;
	}
	list->closed++;
	row(list, sealed, item, "Closed", "", arena_copy(list->context->mem, err.text));
}

static bool list_object(struct key_list *list, const struct sealed_object *object, struct error *err)
{
	struct sealed_secret sealed;
	if (!sealed_secret_read(object->json, &sealed, err))
		return error_prefix(err, "%s:%d", object->file, object->line);
	json_t *values = (json_t *)(uintptr_t)sealed.values;
	for (void *at = json_object_iter(values); at; at = json_object_iter_next(values, at))
		list_value(list, &sealed, json_object_iter_key(at));
	return true;
}

static void summarise(const struct key_list *list)
{
	for (size_t i = 0; i < list->keys->count; i++) {
		const struct sealing_key *key = &list->keys->items[i];
		char until[CLOCK_TEXT_SIZE] = "";
		if (key->not_after)
			clock_text_seconds(key->not_after, until);
		sealing_say("key %s (%.12s): %zu value%s%s%.10s%s", key->source, key->fingerprint,
			list->used[i], list->used[i] == 1 ? "" : "s", *until ? ", certificate until " : "",
			until, key->foreign_certificate ? ", its tls.crt belongs to another key" : "");
	}
	sealing_say("%zu value%s, %zu cannot be opened", list->values, list->values == 1 ? "" : "s",
		list->closed);
}

static bool list_all(struct key_list *list, const struct sealed_objects *objects, struct error *err)
{
	struct sealed_place *places = memory_alloc((objects->count + 1) * sizeof(*places));
	for (size_t i = 0; i < objects->count; i++)
		places[i] =
			(struct sealed_place){json_text_at(objects->items[i].json, "metadata.namespace", ""),
				json_text_at(objects->items[i].json, "metadata.name", "")};
	list->places = places;
	list->place_count = objects->count;
	list->used = memory_alloc((list->keys->count + 1) * sizeof(*list->used));
	bool ok = true;
	for (size_t i = 0; ok && i < objects->count; i++)
		ok = list_object(list, &objects->items[i], err);
	if (ok && list->table)
		table_print(list->table);
	if (ok)
		summarise(list);
	free(places);
	free(list->used);
	return ok;
}

static bool read_files(
	struct arena *mem, int argc, char **argv, struct sealed_objects *objects, struct error *err)
{
	for (int i = 0; i < argc; i++) {
		CLEANUP(buf_done) struct buf text = BUF(LIMIT_PATH_BYTES);
		if (!sealing_read(argv[i], &text, err) || !sealing_objects(argv[i], &text, mem, objects, err))
			return false;
	}
	return objects->count > 0 || error_set(err, ERROR_INVALID, "no SealedSecret in the given files");
}

int command_seal_keys(struct command_context *context, int argc, char **argv)
{
	static const char *const headers[] = {"SEALEDSECRET", "ITEM", "SCOPE", "STATUS", "KEY", "NOTE"};
	struct sealing_source source = {0};
	CLEANUP(sealing_objects_done) struct sealed_objects objects = {0};
	CLEANUP(sealing_keys_done) struct sealing_keys keys = {0};
	struct error err;
	sealing_protect_memory();
	if (!sealing_arguments(context, &source, &argc, &argv, NULL, 0, 1, 10000))
		return EXIT_NO_ANSWER;
	if (!read_files(context->mem, argc, argv, &objects, &err) ||
		!(source.keys.count ? sealing_keys_option(&source.keys, 0, argv, &keys, &err)
				    : sealing_cluster_keys(&source, &keys, &err)))
		return command_failed(&err);
	CLEANUP(json_done) json_t *items = command_is_document(context) ? json_array() : NULL;
	struct key_list list = {.context = context,
		.keys = &keys,
		.items = items,
		.table = items ? NULL : table_new(&context->output, headers, COUNT_OF(headers))};
	bool ok = list_all(&list, &objects, &err);
	table_free(list.table);
	if (!ok)
		return command_failed(&err);
	if (items) {
		CLEANUP(json_done) json_t *shown = json_pack("{s:O}", "items", items);
		output_document(&context->output, shown);
	}
	return list.closed ? EXIT_NO : EXIT_YES;
}
