#include "reconcile/sealed/users_parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/splice.h"

struct cutting {
	const struct edit_users *users;
	struct arena *mem;
	struct splice places;
	struct span *spans; /* of the entries, with their comments; NULL = the list is in braces */
	const char **names; /* of the entries */
	size_t count;
};

/* The line of the dash in front of an entry; false in flow style. */
static bool find_dash(const struct cutting *cutting, const struct yaml_node *entry, size_t *line, int *indent)
{
	const char *text = cutting->places.text;
	for (int at = entry->line; at >= 1; at--) {
		size_t start = cutting->places.lines[at - 1], dash = start + strspn(text + start, " ");
		if (text[dash] == '-') {
			*line = (size_t)at - 1;
			*indent = (int)(dash - start);
			return strspn(text + dash + 1, " \t") > 0 || strchr("\r\n", text[dash + 1]);
		}
		if (at != entry->line && text[dash] != '#' && !strchr("\r\n", text[dash]))
			return false;
		if (at == entry->line && text[dash] && !entry->count)
			return false;
	}
	return false;
}

/* Blank lines and comments that are indented no deeper than the dash belong to what follows. */
static bool leads(const struct cutting *cutting, size_t line, int indent)
{
	const char *text = cutting->places.text + cutting->places.lines[line];
	size_t spaces = strspn(text, " ");
	return strchr("\r\n", text[spaces]) || (text[spaces] == '#' && spaces <= (size_t)indent);
}

static size_t first_leading(const struct cutting *cutting, size_t line, size_t above, int indent)
{
	while (line > above + 1 && leads(cutting, line - 1, indent))
		line--;
	return line;
}

static size_t offset(const struct cutting *cutting, size_t line)
{
	return line < cutting->places.line_count ? cutting->places.lines[line] : cutting->places.length;
}

static const struct yaml_pair *find_key(const struct yaml_node *root)
{
	for (size_t i = 0; i < root->count; i++)
		if (strcmp(root->pairs[i].key, "users") == 0)
			return &root->pairs[i];
	return NULL;
}

/* The line behind the list: of the next key, or the end. */
static size_t line_behind(const struct cutting *cutting, const struct yaml_pair *key)
{
	const struct yaml_node *root = cutting->users->root;
	size_t end = cutting->places.line_count;
	for (size_t i = 0; i < root->count; i++)
		if (root->pairs[i].line > key->line && (size_t)root->pairs[i].line - 1 < end)
			end = (size_t)root->pairs[i].line - 1;
	return end;
}

static bool cut(struct cutting *cutting, const struct yaml_pair *key, struct users_parts *parts)
{
	const struct yaml_node *list = cutting->users->list;
	size_t previous = (size_t)key->line - 1, line = 0;
	cutting->spans = arena_array(cutting->mem, list->count + 1, sizeof(*cutting->spans));
	for (size_t i = 0; i < list->count; i++) {
		if (!find_dash(cutting, list->items[i], &line, &parts->indent) || line <= previous)
			return false;
		size_t start = i ? first_leading(cutting, line, previous, parts->indent) : line;
		cutting->spans[i].start = offset(cutting, start);
		if (i)
			cutting->spans[i - 1].end = cutting->spans[i].start;
		previous = line;
	}
	size_t end = first_leading(cutting, line_behind(cutting, key), previous, parts->indent);
	cutting->spans[list->count - 1].end = offset(cutting, end);
	return true;
}

/* Lines at column 0, with a line break behind the last. */
static void add_lines(const char *text, size_t length, int indent, struct buf *out)
{
	for (size_t at = 0; at < length;) {
		size_t next = splice_line_end(text, length, at), end = next;
		for (int i = 0; i < indent && at < end && text[at] == ' '; i++)
			at++;
		while (end > at && (text[end - 1] == '\n' || text[end - 1] == '\r'))
			end--;
		buf_append(out, text + at, end - at);
		buf_char(out, '\n');
		at = next;
	}
}

static const char *meaning_of(const json_t *value, struct arena *mem)
{
	CLEANUP(memory_freep) char *text = json_canonical(value);
	return arena_copy(mem, text);
}

static json_t *without_password(const struct yaml_node *entry)
{
	json_t *value = yaml_to_json(entry);
	json_t *password = json_object_get(value, "password");
	if (password && !json_is_object(password)) {
		json_incref(password);
		json_object_del(value, "password");
		secret_json_done(&password);
	}
	return value;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		(*(const struct users_part *const *)a)->name, (*(const struct users_part *const *)b)->name);
}

/* An entry's name beside its place, to bring those of one user together. */
struct named {
	const char *name;
	size_t entry;
};

static int by_name_and_place(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : left->entry < right->entry ? -1 : 1;
}

static int by_place(const void *a, const void *b)
{
	const struct users_part *left = a, *right = b;
	return left->line < right->line ? -1 : left->line > right->line;
}

/* An entry in braces is written anew. */
static void add_entry(const struct cutting *cutting, size_t at, int indent, struct buf *out)
{
	if (cutting->spans) {
		struct span span = cutting->spans[at];
		add_lines(cutting->places.text + span.start, span.end - span.start, indent, out);
		return;
	}
	CLEANUP(secret_json_done) json_t *entry = yaml_to_json(cutting->users->list->items[at]);
	CLEANUP(json_done) json_t *list = json_array();
	json_array_append(list, entry);
	yaml_write(list, YAML_AS_GIVEN, out);
	json_array_clear(list);
}

static bool is_repeated(const struct cutting *cutting, const struct named *entries, size_t at)
{
	const struct yaml_node *const *list = (const struct yaml_node *const *)cutting->users->list->items;
	const struct yaml_node *database = yaml_get(list[entries[at].entry], "database");
	for (size_t i = 0; i < at; i++) {
		const struct yaml_node *other = yaml_get(list[entries[i].entry], "database");
		if (text_equal(database ? database->text : NULL, other ? other->text : NULL))
			return true;
	}
	return false;
}

/* An entry that says what one before it says ("keep both" of a merge) is left out. */
static bool is_listed(const json_t *all, const json_t *entry)
{
	for (size_t i = 0; i < json_array_size(all); i++)
		if (json_equal(json_array_get(all, i), entry))
			return true;
	return false;
}

static void add_part(const struct cutting *cutting, const struct named *entries, size_t count, int indent,
	struct users_parts *parts)
{
	const struct edit_users *users = cutting->users;
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	CLEANUP(json_done) json_t *all = json_array();
	bool repeated = false;
	for (size_t i = 0; i < count; i++) {
		CLEANUP(json_done) json_t *entry = without_password(users->list->items[entries[i].entry]);
		repeated = repeated || is_repeated(cutting, entries, i);
		if (is_listed(all, entry))
			continue;
		add_entry(cutting, entries[i].entry, indent, &text);
		json_array_append(all, entry);
	}
	parts->items[parts->count++] = (struct users_part){
		.name = arena_copy(cutting->mem, entries->name),
		.text = arena_copy(cutting->mem, buf_string(&text)),
		.meaning = meaning_of(all, cutting->mem),
		.line = users->list->items[entries->entry]->line,
		.repeated = repeated,
	};
}

static void group(const struct cutting *cutting, struct users_parts *parts)
{
	struct named *named = arena_array(cutting->mem, cutting->count + 1, sizeof(*named));
	parts->items = arena_array(cutting->mem, cutting->count + 1, sizeof(*parts->items));
	parts->by_name = arena_array(cutting->mem, cutting->count + 1, sizeof(*parts->by_name));
	for (size_t i = 0; i < cutting->count; i++)
		named[i] = (struct named){yaml_get(cutting->users->list->items[i], "username")->text, i};
	qsort(named, cutting->count, sizeof(*named), by_name_and_place);
	for (size_t i = 0, next; i < cutting->count; i = next) {
		for (next = i + 1; next < cutting->count && strcmp(named[i].name, named[next].name) == 0; next++)
			continue;
		add_part(cutting, named + i, next - i, parts->indent, parts);
	}
	qsort(parts->items, parts->count, sizeof(*parts->items), by_place);
	for (size_t i = 0; i < parts->count; i++)
		parts->by_name[i] = &parts->items[i];
	qsort(parts->by_name, parts->count, sizeof(*parts->by_name), by_name);
}

/* Everything but the users. */
static const char *frame_of(const struct edit_users *users, struct arena *mem)
{
	CLEANUP(json_done) json_t *frame = json_object();
	json_t *inner = json_object(), *outer = users->block ? yaml_to_json(users->outer) : json_null();
	for (size_t i = 0; i < users->root->count; i++) {
		const struct yaml_pair *pair = &users->root->pairs[i];
		if (strcmp(pair->key, "users") != 0 && strcmp(pair->key, "timestamp") != 0)
			json_object_set_new(inner, pair->key, yaml_to_json(pair->value));
	}
	json_object_del(json_object_get(outer, "data"), "users.yaml");
	json_object_set_new(frame, "inner", inner);
	json_object_set_new(frame, "outer", outer);
	return meaning_of(frame, mem);
}

/* "users:" without entries, or with all of them in braces: what stands behind the colon goes, a comment stays. */
static void cut_value(const struct cutting *cutting, const struct yaml_pair *key, struct users_parts *parts)
{
	const char *text = cutting->places.text;
	size_t colon = parts->key_end, next = splice_line_end(text, cutting->places.length, colon), at = colon;
	while (at < next && !(text[at] == '#' && at > colon && text[at - 1] == ' '))
		at++;
	bool comment = at < next && cutting->count == 0;
	parts->head = arena_printf(cutting->mem, "%.*s%s%.*s", (int)colon, text, comment ? " " : "\n",
		comment ? (int)(next - at) : 0, text + at);
	size_t behind = cutting->count ? offset(cutting, line_behind(cutting, key)) : next;
	parts->tail = arena_copy_n(cutting->mem, text + behind, cutting->places.length - behind);
	parts->indent = key->column + 1;
}

bool users_parts_read(
	const struct edit_users *users, struct arena *mem, struct users_parts *parts, struct error *err)
{
	struct cutting cutting = {.users = users, .mem = mem};
	struct users_parts read = {.users = users};
	const struct yaml_pair *key = find_key(users->root);
	cutting.places = splice_index(users->inner, users->inner_length, mem);
	size_t at = splice_offset(&cutting.places, key->line, key->column);
	const char *colon = memchr(users->inner + at, ':', users->inner_length - at);
	if (!colon || splice_is_flow(users->inner, at))
		return error_set(err, ERROR_INVALID,
			"%s: \"users\" must begin a line to be brought together with Git", users->file);
	read.key_end = (size_t)(colon - users->inner) + 1;
	cutting.count = users->list ? users->list->count : 0;
	if (cutting.count && cut(&cutting, key, &read)) {
		size_t end = cutting.spans[cutting.count - 1].end;
		read.head = arena_copy_n(mem, users->inner, cutting.spans[0].start);
		read.tail = arena_copy_n(mem, users->inner + end, users->inner_length - end);
	} else {
		cutting.spans = NULL;
		cut_value(&cutting, key, &read);
	}
	group(&cutting, &read);
	read.frame = frame_of(users, mem);
	*parts = read;
	return true;
}

const struct users_part *users_parts_find(const struct users_parts *parts, const char *name)
{
	const struct users_part key = {.name = name}, *at = &key;
	const struct users_part **found = parts->count
		? bsearch(&at, parts->by_name, parts->count, sizeof(*parts->by_name), by_name)
		: NULL;
	return found ? *found : NULL;
}

static void add_indented(const char *text, int indent, struct buf *out)
{
	for (size_t at = 0, length = strlen(text); at < length;) {
		size_t next = splice_line_end(text, length, at);
		for (int i = 0; i < indent && text[at] != '\n'; i++)
			buf_char(out, ' ');
		buf_append(out, text + at, next - at);
		at = next;
	}
}

void users_parts_write(const struct users_parts *frame, const char *const *texts, size_t count, struct buf *out)
{
	CLEANUP(buf_wipe) struct buf inner = BUF(LIMIT_FILE_BYTES);
	buf_append(&inner, frame->head, frame->key_end);
	buf_text(&inner, count ? "" : " []");
	buf_text(&inner, frame->head + frame->key_end);
	if (inner.length && inner.data[inner.length - 1] != '\n')
		buf_char(&inner, '\n');
	for (size_t i = 0; i < count; i++)
		add_indented(texts[i], frame->indent, &inner);
	buf_text(&inner, frame->tail);
	edit_users_wrap(frame->users, buf_string(&inner), inner.length, out);
	out->failed = out->failed || buf_failed(&inner);
}
