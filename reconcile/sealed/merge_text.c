#include "reconcile/sealed/merge_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/splice.h"

/* A piece of text in the place of a span; an insertion has an empty one. */
struct edit {
	struct span at;
	const char *text;
};

struct merging {
	struct arena *mem;
	struct splice places;
	const struct yaml_node *values; /* spec.encryptedData */
	struct edit *edits;
	size_t count;
};

static void add_edit(struct merging *merging, struct span at, const char *text)
{
	merging->edits = arena_grow(merging->mem, merging->edits, merging->count, sizeof(*merging->edits));
	merging->edits[merging->count++] = (struct edit){at, text};
}

/* Behind the last value, on a line of its own, as far in as its neighbours. */
static void insert_item(struct merging *merging, const char *name, const char *sealed)
{
	const struct yaml_pair *last = &merging->values->pairs[merging->values->count - 1];
	struct span scalar = splice_scalar(&merging->places, last->value, last->column);
	size_t at = splice_line_end(merging->places.text, merging->places.length, scalar.end);
	CLEANUP(buf_done) struct buf key = BUF(1024);
	yaml_write_text(name, strlen(name), &key);
	add_edit(merging, (struct span){at, at},
		arena_printf(merging->mem, "%*s%s: %s\n", last->column - 1, "", buf_string(&key), sealed));
}

static void set_item(struct merging *merging, const char *name, const char *sealed)
{
	for (size_t i = 0; i < merging->values->count; i++) {
		const struct yaml_pair *pair = &merging->values->pairs[i];
		if (strcmp(pair->key, name) == 0) {
			add_edit(merging, splice_scalar(&merging->places, pair->value, pair->column), sealed);
			return;
		}
	}
	insert_item(merging, name, sealed);
}

static int by_place(const void *a, const void *b)
{
	const struct edit *left = a, *right = b;
	return left->at.start < right->at.start ? -1 : left->at.start > right->at.start;
}

static void apply(struct merging *merging, struct buf *out)
{
	size_t copied = 0;
	qsort(merging->edits, merging->count, sizeof(*merging->edits), by_place);
	for (size_t i = 0; i < merging->count; i++) {
		const struct edit *edit = &merging->edits[i];
		buf_append(out, merging->places.text + copied, edit->at.start - copied);
		if (edit->at.start == edit->at.end && out->length && out->data[out->length - 1] != '\n')
			buf_char(out, '\n');
		buf_text(out, edit->text);
		copied = edit->at.end;
	}
	buf_append(out, merging->places.text + copied, merging->places.length - copied);
}

static bool reads_as(const char *text, size_t length, const json_t *meant, struct arena *mem)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = mem};
	yaml_read("", text, length, mem, &documents, &mistakes);
	if (mistakes.count || documents.count != 1)
		return false;
	CLEANUP(json_done) json_t *read = yaml_to_json(documents.items[0]);
	return json_equal(read, meant);
}

static bool merge(struct merging *merging, const json_t *items, const json_t *meant, struct buf *out)
{
	CLEANUP(buf_done) struct buf merged = BUF(LIMIT_PATH_BYTES);
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = merging->mem};
	yaml_read("", merging->places.text, merging->places.length, merging->mem, &documents, &mistakes);
	if (mistakes.count || documents.count != 1)
		return false;
	merging->values = yaml_get(yaml_get(documents.items[0], "spec"), "encryptedData");
	if (!merging->values || merging->values->kind != YAML_MAP || !merging->values->count)
		return false;
	json_t *every = json_incref((json_t *)(uintptr_t)items), *value;
	const char *name;
	json_object_foreach (every, name, value)
		set_item(merging, name, json_string_value(value));
	json_decref(every);
	apply(merging, &merged);
	if (buf_failed(&merged) || !reads_as(buf_string(&merged), merged.length, meant, merging->mem))
		return false;
	buf_append(out, buf_string(&merged), merged.length);
	return !buf_failed(out);
}

bool merge_text(const char *text, size_t length, const json_t *items, const json_t *meant, struct buf *out)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct merging merging = {.mem = mem, .places = splice_index(text, length, mem)};
	return merge(&merging, items, meant, out);
}
