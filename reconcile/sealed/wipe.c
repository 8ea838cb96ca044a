#include "reconcile/sealed/wipe.h"

#include <string.h>

#include "base/limits.h"
#include "reconcile/manifest/stream.h"

bool secret_tree_read(
	const char *source, const char *bytes, size_t length, struct secret_tree *tree, struct error *err)
{
	struct secret_tree read = {.mem = arena_new(LIMIT_PASS_MEMORY)};
	read.mistakes.mem = read.mem;
	manifest_stream_read(source, bytes, length, read.mem, &read.documents, &read.mistakes);
	if (read.mistakes.count) {
		error_set(err, ERROR_INVALID, "%s", mistake_text(&read.mistakes.items[0], read.mem));
		secret_tree_done(&read);
		return false;
	}
	*tree = read;
	return true;
}

void secret_tree_done(struct secret_tree *tree)
{
	arena_wipe(tree->mem);
	*tree = (struct secret_tree){0};
}

/* Depth bounded: the value was made by us or read through json_read(). */
static void wipe_json(json_t *value)
{
	const char *key;
	json_t *child;
	size_t index;
	if (json_is_string(value)) {
		union {
			const char *read;
			char *write;
		} text = {.read = json_string_value(value)}; /* jansson's own copy, const to its readers */
		explicit_bzero(text.write, json_string_length(value));
	}
	json_object_foreach (value, key, child)
		wipe_json(child);
	json_array_foreach (value, index, child)
		wipe_json(child);
}

void secret_json_done(json_t **value)
{
	wipe_json(*value);
	json_decref(*value);
	*value = NULL;
}
