#include "reconcile/sealed/merge_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/splice.h"

enum { DEPTH_MAX = 16 }; /* a SealedSecret has five */

/* A piece of text in the place of a span; an insertion has an empty one. */
struct edit {
	struct span at;
	const char *text;
	size_t order; /* of insertions at one place */
};

struct merging {
	struct arena *mem;
	struct splice places;
	struct edit *edits;
	size_t count;
};

static void add_edit(struct merging *merging, struct span at, const char *text)
{
	merging->edits = arena_grow(merging->mem, merging->edits, merging->count, sizeof(*merging->edits));
	merging->edits[merging->count] = (struct edit){at, text, merging->count};
	merging->count++;
}

/* As a line of a block, or as JSON, which is what braces hold. */
static const char *scalar_text(const struct merging *merging, const json_t *value, bool flow)
{
	CLEANUP(buf_done) struct buf out = BUF(LIMIT_FILE_BYTES);
	if (flow || !json_is_string(value)) {
		CLEANUP(memory_freep) char *json = json_dumps(value, JSON_ENCODE_ANY);
		return arena_copy(merging->mem, json ? json : "null");
	}
	yaml_write_text(json_string_value(value), json_string_length(value), &out);
	return arena_copy(merging->mem, buf_string(&out));
}

/* In braces a plain scalar ends at a comma or bracket. */
static struct span value_span(const struct splice *places, const struct yaml_pair *pair, bool flow)
{
	struct span span = splice_scalar(places, pair->value, pair->column);
	const char *text = places->text + span.start;
	if (!flow || pair->value->quoted)
		return span;
	size_t length = strcspn(text, ",]}\n");
	while (length && text[length - 1] == ' ')
		length--;
	return (struct span){span.start, span.start + length};
}

/* `key` and its value as lines, each `indent` further in. */
static const char *pair_lines(const struct merging *merging, const char *key, const json_t *value, int indent)
{
	CLEANUP(buf_done) struct buf plain = BUF(LIMIT_FILE_BYTES);
	CLEANUP(buf_done) struct buf out = BUF(LIMIT_FILE_BYTES);
	CLEANUP(json_done) json_t *pair = json_pack("{s:O}", key, value);
	yaml_write(pair, YAML_AS_GIVEN, &plain);
	for (const char *line = buf_string(&plain); *line;) {
		size_t length = strcspn(line, "\n");
		buf_printf(&out, "%*s%.*s\n", indent, "", (int)length, line);
		line += length + (line[length] == '\n');
	}
	return arena_copy(merging->mem, buf_string(&out));
}

/* Behind the last pair: on lines of its own as far in as its neighbours, or in their braces. False for a map without any. */
static bool insert(struct merging *merging, const struct yaml_node *map, const char *key, const json_t *value)
{
	const struct splice *places = &merging->places;
	if (!map->count) {
		size_t brace = splice_offset(places, map->line, map->column);
		CLEANUP(json_done) json_t *pair = json_pack("{s:O}", key, value);
		CLEANUP(memory_freep) char *json = json_dumps(pair, 0);
		if (brace >= places->length || places->text[brace] != '{' || !json || merging->count)
			return false;
		const char *inside = arena_copy_n(merging->mem, json + 1, strlen(json) - 2);
		add_edit(merging, (struct span){brace + 1, brace + 1}, inside);
		return true;
	}
	const struct yaml_pair *last = &map->pairs[map->count - 1];
	if (splice_is_flow(places->text, splice_offset(places, last->line, last->column))) {
		CLEANUP(json_done) json_t *name = json_string(key);
		size_t end = value_span(places, last, true).end;
		const char *text = arena_printf(merging->mem, ", %s: %s", scalar_text(merging, name, true),
			scalar_text(merging, value, true));
		if (last->value->kind == YAML_MAP || last->value->kind == YAML_LIST)
			return false;
		add_edit(merging, (struct span){end, end}, text);
		return true;
	}
	size_t end = splice_pair(places, map, map->count - 1).end;
	add_edit(merging, (struct span){end, end}, pair_lines(merging, key, value, last->column - 1));
	return true;
}

/* What `meant` has more or other than the text. What it lacks is found by whoever reads the result. */
static bool change(struct merging *merging, const struct yaml_node *map, const json_t *meant, int depth)
{
	json_t *every = (json_t *)(uintptr_t)meant, *value;
	const char *key;
	if (map->kind != YAML_MAP || !json_is_object(meant) || depth == DEPTH_MAX)
		return false;
	json_object_foreach (every, key, value) {
		const struct yaml_pair *pair = NULL;
		for (size_t i = 0; i < map->count && !pair; i++)
			pair = strcmp(map->pairs[i].key, key) == 0 ? &map->pairs[i] : NULL;
		if (!pair) {
			if (!insert(merging, map, key, value))
				return false;
			continue;
		}
		CLEANUP(json_done) json_t *now = yaml_to_json(pair->value);
		if (json_equal(now, value))
			continue;
		if (json_is_object(value) && !change(merging, pair->value, value, depth + 1))
			return false;
		if (json_is_object(value))
			continue;
		size_t at = splice_offset(&merging->places, pair->line, pair->column);
		bool flow = splice_is_flow(merging->places.text, at);
		add_edit(merging, value_span(&merging->places, pair, flow), scalar_text(merging, value, flow));
	}
	return true;
}

static int by_place(const void *a, const void *b)
{
	const struct edit *left = a, *right = b;
	if (left->at.start != right->at.start)
		return left->at.start < right->at.start ? -1 : 1;
	return left->order < right->order ? -1 : left->order > right->order;
}

static void apply(struct merging *merging, struct buf *out)
{
	size_t copied = 0;
	qsort(merging->edits, merging->count, sizeof(*merging->edits), by_place);
	for (size_t i = 0; i < merging->count; i++) {
		const struct edit *edit = &merging->edits[i];
		size_t length = strlen(edit->text);
		bool lines = length && edit->text[length - 1] == '\n';
		buf_append(out, merging->places.text + copied, edit->at.start - copied);
		if (lines && edit->at.start == edit->at.end && out->length && out->data[out->length - 1] != '\n')
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

bool merge_text(const char *text, size_t length, const json_t *meant, struct buf *out)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(buf_done) struct buf merged = BUF(LIMIT_PATH_BYTES);
	struct merging merging = {.mem = mem, .places = splice_index(text, length, mem)};
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = mem};
	yaml_read("", text, length, mem, &documents, &mistakes);
	if (mistakes.count || documents.count != 1 || !change(&merging, documents.items[0], meant, 0))
		return false;
	apply(&merging, &merged);
	if (buf_failed(&merged) || !reads_as(buf_string(&merged), merged.length, meant, mem))
		return false;
	buf_append(out, buf_string(&merged), merged.length);
	return !buf_failed(out);
}
