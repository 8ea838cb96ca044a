#include "reconcile/kubernetes/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/masked.h"

enum { DEPTH_MAXIMUM = LIMIT_YAML_DEPTH, VALUE_BYTES = 200 };

struct diff {
	const struct diff_input *input;
	const json_t *managed;
	struct arena *mem;
	struct difference *items;
	size_t count;
	struct field_step steps[DEPTH_MAXIMUM];
	size_t depth;
	struct field_index index; /* of `managed` */
};

/* Compact JSON of at most 200 bytes, cut between characters. */
static const char *show(const struct diff *diff, const json_t *value, bool open)
{
	if (!value)
		return "";
	if (!open)
		return "<hidden>";
	char *text = json_canonical(value);
	size_t length = strlen(text);
	if (length > VALUE_BYTES) {
		length = VALUE_BYTES - strlen("...");
		while (length && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
		memcpy(text + length, "...", sizeof("..."));
	}
	const char *kept = arena_copy(diff->mem, text);
	free(text);
	return kept;
}

static const char *path_text(const struct diff *diff)
{
	CLEANUP(buf_done) struct buf text = BUF(4096);
	for (size_t i = 0; i < diff->depth; i++) {
		const struct field_step *step = &diff->steps[i];
		const char *name = json_text_at(step->element, "name", NULL);
		if (step->key)
			buf_printf(&text, "%s%s", i ? "." : "", step->key);
		else if (name)
			buf_printf(&text, "[%s]", name);
		else
			buf_printf(&text, "[%zu]", step->index);
	}
	return arena_copy(diff->mem, buf_string(&text));
}

/* Data of a Secret is hidden; its labels, annotations and type are not, but for copies of the whole. */
static bool hidden(const struct diff *diff)
{
	const struct field_step *steps = diff->steps;
	if (!diff->depth || !steps[0].key)
		return true;
	if (strcmp(steps[0].key, "metadata") == 0)
		return diff->depth > 2 && masked_annotation(steps[2].key ? steps[2].key : "");
	return strcmp(steps[0].key, "type") != 0 && strcmp(steps[0].key, "immutable") != 0;
}

static bool repeats_data(const struct diff *diff, const json_t *value)
{
	return value &&
		(masked_repeats(diff->input->wanted, value) || masked_repeats(diff->input->found, value));
}

static void report(struct diff *diff, const json_t *wanted, const json_t *found)
{
	if (diff->count == LIMIT_DIFFERENCES)
		return;
	struct manager_author author = {.manager = ""};
	if (found)
		author = manager_author_of(&diff->index, diff->managed, diff->steps, diff->depth);
	bool open = !diff->input->secret ||
		(!hidden(diff) && !repeats_data(diff, wanted) && !repeats_data(diff, found));
	diff->items = arena_grow(diff->mem, diff->items, diff->count, sizeof(*diff->items));
	diff->items[diff->count++] = (struct difference){
		.path = path_text(diff),
		.wanted = show(diff, wanted, open),
		.found = show(diff, found, open),
		.by = arena_copy(diff->mem, author.manager),
		.when = author.when,
	};
}

static bool empty(const json_t *value)
{
	return !value || json_is_null(value) || (json_is_object(value) && !json_object_size(value)) ||
		(json_is_array(value) && !json_array_size(value));
}

/* What the server or a controller keeps: no difference there is anybody's wish. */
static bool kept_by_server(const struct diff *diff, const char *key)
{
	if (diff->depth == 0)
		return strcmp(key, "status") == 0;
	return diff->depth == 1 && text_equal(diff->steps[0].key, "metadata") && object_is_server_metadata(key);
}

static void compare(struct diff *diff, const json_t *wanted, const json_t *found);

static void step_into(struct diff *diff, struct field_step step, const json_t *wanted, const json_t *found)
{
	diff->steps[diff->depth++] = step;
	compare(diff, wanted, found);
	diff->depth--;
}

static void compare_maps(struct diff *diff, const json_t *wanted, const json_t *found)
{
	const char *key;
	json_t *value;
	void *rest;
	json_t *left = (json_t *)(uintptr_t)wanted;
	json_t *right = (json_t *)(uintptr_t)found;
	json_object_foreach_safe (left, rest, key, value)
		if (!kept_by_server(diff, key))
			step_into(diff, (struct field_step){.key = key}, value, json_object_get(found, key));
	json_object_foreach_safe (right, rest, key, value)
		if (!json_object_get(wanted, key) && !kept_by_server(diff, key))
			step_into(diff, (struct field_step){.key = key}, NULL, value);
}

static void compare_lists(struct diff *diff, const json_t *wanted, const json_t *found)
{
	size_t index;
	const json_t *value;
	if (json_array_size(wanted) != json_array_size(found)) {
		report(diff, wanted, found);
		return;
	}
	json_array_foreach (wanted, index, value) {
		const json_t *other = json_array_get(found, index);
		step_into(diff, (struct field_step){.element = other, .index = index}, value, other);
	}
}

static void compare(struct diff *diff, const json_t *wanted, const json_t *found)
{
	bool deeper = diff->depth < DEPTH_MAXIMUM;
	/* "data" or "metadata.annotations" came as a whole: still one line for each key. */
	bool is_split = deeper &&
		(diff->depth == 1 || (diff->depth == 2 && text_equal(diff->steps[0].key, "metadata")));
	if (json_equal(wanted, found) || (diff->input->loose && empty(wanted) && empty(found)))
		return;
	if (json_is_object(wanted) && json_is_object(found) && deeper)
		compare_maps(diff, wanted, found);
	else if (json_is_array(wanted) && json_is_array(found) && deeper)
		compare_lists(diff, wanted, found);
	else if (!diff->depth)
		report(diff, wanted, found);
	else if (is_split && json_object_size(wanted) && !found)
		compare_maps(diff, wanted, NULL);
	else if (is_split && json_object_size(found) && !wanted)
		compare_maps(diff, NULL, found);
	else
		report(diff, wanted, found);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct difference *)a)->path, ((const struct difference *)b)->path);
}

struct difference *diff_objects(const struct diff_input *input, struct arena *mem, size_t *count)
{
	struct diff diff = {
		.input = input, .managed = json_at(input->found, "metadata.managedFields"), .mem = mem};
	compare(&diff, input->wanted, input->found);
	field_index_done(&diff.index);
	if (diff.count)
		qsort(diff.items, diff.count, sizeof(*diff.items), by_path);
	*count = diff.count;
	return diff.items;
}
