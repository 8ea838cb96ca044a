/* Our lines in the files of husky, lefthook and pre-commit. */
#include <string.h>

#include "agent/hook/shim.h"
#include "agent/hook/tools.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "reconcile/sealed/splice.h"

static bool is_mark(const char *line, size_t length, const char *mark)
{
	size_t start = strspn(line, " ");
	return start <= length && length - start == strlen(mark) &&
		strncmp(line + start, mark, strlen(mark)) == 0;
}

bool tools_without(const char *text, struct buf *out)
{
	bool ours = false;
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n"), next = length + (line[length] == '\n');
		size_t body = length && line[length - 1] == '\r' ? length - 1 : length;
		bool begin = is_mark(line, body, TOOL_BEGIN);
		if (begin && ours)
			return false;
		ours = ours || begin;
		if (!ours)
			buf_append(out, line, next);
		else if (is_mark(line, body, TOOL_END))
			ours = false;
		line += next;
	}
	return !ours;
}

/* A push is told by a name of its own: what git feeds to pre-push belongs to the other hooks. */
static const char *run_name(const char *name)
{
	return strcmp(name, "pre-push") == 0 ? "push" : name;
}

/* Behind "#!", and behind the line with which husky 4 to 8 starts the script once more. */
static size_t husky_start(const char *text)
{
	const char *header = strstr(text, "husky.sh");
	const char *at = header ? header : strncmp(text, "#!", 2) == 0 ? text : NULL;
	if (!at)
		return 0;
	size_t length = strcspn(at, "\n");
	return (size_t)(at - text) + length + (at[length] == '\n');
}

void tools_husky(const char *text, const char *name, struct buf *out)
{
	size_t start = husky_start(text);
	if (!*text)
		buf_text(out, "#!/bin/sh\n");
	buf_append(out, text, start);
	if (start && text[start - 1] != '\n')
		buf_char(out, '\n');
	buf_text(out, TOOL_BEGIN "\n");
	if (text_starts(name, "post-"))
		buf_printf(out,
			"if command -v pgitops >/dev/null; then pgitops hook run %s -- \"$@\" </dev/null || :; fi\n",
			run_name(name));
	else
		buf_printf(out,
			"command -v pgitops >/dev/null || { echo 'pgitops is not installed, so nothing looks for plain passwords: "
			"install it' >&2; exit 1; }\n"
			"pgitops hook run %s -- \"$@\" </dev/null || exit\n",
			run_name(name));
	buf_text(out, TOOL_END "\n");
	buf_text(out, text + start);
}

/* ---- YAML ---- */

struct editing {
	const char *file;
	const struct buf *text;
	struct arena *mem;
	const struct yaml_node *root; /* NULL = an empty file */
	struct splice places;
};

static bool open_yaml(struct editing *editing, struct error *err)
{
	struct yaml_documents documents = {0};
	struct mistakes wrong = {.mem = editing->mem};
	const struct buf *text = editing->text;
	yaml_read(editing->file, buf_string(text), text->length, editing->mem, &documents, &wrong);
	if (wrong.count)
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&wrong.items[0], editing->mem));
	if (documents.count > 1 || (documents.count && documents.items[0]->kind != YAML_MAP))
		return error_set(err, ERROR_INVALID, "%s is not one document with keys", editing->file);
	editing->root = documents.count ? documents.items[0] : NULL;
	editing->places = splice_index(buf_string(text), text->length, editing->mem);
	return true;
}

static const struct yaml_pair *find_pair(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return &map->pairs[i];
	return NULL;
}

/* Where the lines below a key begin, and how far in they stand. False for braces, and for what is empty. */
static bool below(const struct editing *editing, const struct yaml_pair *pair, size_t *at, int *indent)
{
	const struct yaml_node *value = pair->value;
	bool list = value->kind == YAML_LIST;
	if ((!list && value->kind != YAML_MAP) || !value->count)
		return false;
	int line = list ? value->items[0]->line : value->pairs[0].line;
	size_t key = splice_offset(&editing->places, pair->line, pair->column);
	if (line <= pair->line || splice_is_flow(editing->places.text, key))
		return false;
	const char *first = editing->places.text + splice_offset(&editing->places, line, 1);
	*indent = (int)strspn(first, " ");
	*at = splice_line_end(editing->places.text, editing->places.length, key);
	return list ? first[*indent] == '-' && first[*indent + 1] == ' '
		    : *indent == value->pairs[0].column - 1;
}

/* Lines between our marks, each `indent` further in. */
static void put_lines(struct buf *out, int indent, const char *lines)
{
	buf_printf(out, "%*s" TOOL_BEGIN "\n", indent, "");
	for (const char *line = lines; *line;) {
		size_t length = strcspn(line, "\n");
		buf_printf(out, "%*s%.*s\n", indent, "", (int)length, line);
		line += length + (line[length] == '\n');
	}
	buf_printf(out, "%*s" TOOL_END "\n", indent, "");
}

static void put_at(const struct buf *text, size_t at, int indent, const char *lines, struct buf *out)
{
	buf_append(out, buf_string(text), at);
	if (out->length && out->data[out->length - 1] != '\n')
		buf_char(out, '\n');
	put_lines(out, indent, lines);
	buf_text(out, buf_string(text) + at);
}

/* Is the new text the old one with `meant` made of it? */
static bool says(const struct editing *editing, const struct buf *out, const json_t *meant)
{
	struct yaml_documents documents = {0};
	struct mistakes wrong = {.mem = editing->mem};
	yaml_read(editing->file, buf_string(out), out->length, editing->mem, &documents, &wrong);
	if (wrong.count || documents.count != 1)
		return false;
	CLEANUP(json_done) json_t *written = yaml_to_json(documents.items[0]);
	return json_equal(written, meant);
}

static json_t *object_of(json_t *map, const char *key)
{
	json_t *value = json_object_get(map, key);
	if (json_is_object(value))
		return value;
	json_object_set_new(map, key, json_object());
	return json_object_get(map, key);
}

/* One hook into lefthook's file. */
static bool add_lefthook(
	const char *file, const struct buf *text, const char *name, struct buf *out, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct editing editing = {.file = file, .text = text, .mem = mem};
	const char *run = arena_printf(mem, "pgitops hook run %s -- {0}", run_name(name));
	const char *entry = arena_printf(mem, "pgitops:\n  run: %s\n", run);
	size_t at = text->length;
	int indent = 0;
	if (!open_yaml(&editing, err))
		return false;
	const struct yaml_pair *hook = find_pair(editing.root, name);
	const struct yaml_pair *commands = hook ? find_pair(hook->value, "commands") : NULL;
	if (commands ? !below(&editing, commands, &at, &indent) : hook && !below(&editing, hook, &at, &indent))
		return error_set(err, ERROR_INVALID,
			"%s:%d: \"%s\" stands in braces or is empty: write it on lines of its own, or put in yourself: %s: {commands: "
			"{pgitops: {run: '%s'}}}",
			file, (commands ? commands : hook)->line, name, name, run);
	if (!commands)
		entry = arena_printf(mem, "commands:\n  pgitops:\n    run: %s\n", run);
	if (!hook)
		entry = arena_printf(mem, "%s:\n  commands:\n    pgitops:\n      run: %s\n", name, run);
	CLEANUP(json_done) json_t *meant = editing.root ? yaml_to_json(editing.root) : json_object();
	json_object_set_new(
		object_of(object_of(meant, name), "commands"), "pgitops", json_pack("{s:s}", "run", run));
	put_at(text, at, indent, entry, out);
	return says(&editing, out, meant) ||
		error_set(err, ERROR_INVALID,
			"%s: \"%s\" cannot be put into this layout: put in yourself: %s", file, name, entry);
}

bool tools_lefthook(const char *file, const struct buf *text, struct buf *out, struct error *err)
{
	CLEANUP(buf_done) struct buf now = BUF(2 * LIMIT_CONFIG_BYTES);
	buf_append(&now, buf_string(text), text->length);
	for (size_t i = 0; i < shim_count; i++) {
		CLEANUP(buf_done) struct buf next = BUF(2 * LIMIT_CONFIG_BYTES);
		if (!add_lefthook(file, &now, shim_names[i], &next, err))
			return false;
		buf_clear(&now);
		buf_append(&now, buf_string(&next), next.length);
	}
	buf_append(out, buf_string(&now), now.length);
	return !buf_failed(out) || error_set(err, ERROR_INVALID, "%s is too large", file);
}

/* Of commit-msg the message's file is the one file name. */
static bool takes_file(const char *name)
{
	return strcmp(name, "commit-msg") == 0;
}

/* One stage of the framework as an entry; it gives no arguments, but variables (hooks.c). */
static json_t *stage_entry(const char *name, struct arena *mem)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:[s], s:b, s:b, s:b}", "id",
		arena_printf(mem, "pgitops-%s", name), "name", "pgitops", "entry",
		arena_printf(mem, "pgitops hook run %s", run_name(name)), "language", "system", "stages",
		name, "always_run", true, "pass_filenames", takes_file(name), "verbose", true);
}

bool tools_precommit(const char *file, const struct buf *text, struct buf *out, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(buf_done) struct buf lines = BUF(65536);
	struct editing editing = {.file = file, .text = text, .mem = mem};
	size_t at;
	int indent;
	if (!open_yaml(&editing, err))
		return false;
	const struct yaml_pair *repos = find_pair(editing.root, "repos");
	if (!repos || !below(&editing, repos, &at, &indent))
		return error_set(err, ERROR_INVALID,
			"%s: \"repos\" is missing, empty or in brackets: write it as a list with \"- repo: ...\" on lines of their own",
			file);
	CLEANUP(json_done) json_t *meant = yaml_to_json(editing.root);
	CLEANUP(json_done) json_t *hooks = json_array();
	buf_text(&lines, "- repo: local\n  hooks:\n");
	for (size_t i = 0; i < shim_count; i++) {
		buf_printf(&lines,
			"  - id: pgitops-%s\n    name: pgitops\n    entry: pgitops hook run %s\n    language: system\n"
			"    stages: [%s]\n    always_run: true\n    pass_filenames: %s\n    verbose: true\n",
			shim_names[i], run_name(shim_names[i]), shim_names[i],
			takes_file(shim_names[i]) ? "true" : "false");
		json_array_append_new(hooks, stage_entry(shim_names[i], mem));
	}
	json_array_insert_new(
		json_object_get(meant, "repos"), 0, json_pack("{s:s, s:O}", "repo", "local", "hooks", hooks));
	put_at(text, at, indent, buf_string(&lines), out);
	return says(&editing, out, meant) ||
		error_set(err, ERROR_INVALID, "%s: our hooks cannot be put into this layout", file);
}
