#include "reconcile/sealed/users_password.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/sealed_users.h"
#include "reconcile/sealed/splice.h"

/* The first entry of the list that a part's text is; NULL = it is none. */
static const struct yaml_node *first_entry(const char *text, struct arena *mem)
{
	struct yaml_documents documents = {0};
	struct mistakes ignored = {.mem = mem};
	yaml_read("", text, strlen(text), mem, &documents, &ignored);
	if (ignored.count || documents.count != 1 || documents.items[0]->kind != YAML_LIST ||
		!documents.items[0]->count || documents.items[0]->items[0]->kind != YAML_MAP)
		return NULL;
	return documents.items[0]->items[0];
}

/* The place of the key in the map; its count when it is not there. */
static size_t find_pair(const struct yaml_node *map, const char *key)
{
	size_t i = 0;
	while (i < map->count && strcmp(map->pairs[i].key, key) != 0)
		i++;
	return i;
}

/* "password:" or "password: null" says that there is none: the line goes before a new one comes. */
static const char *without_empty(const char *text, const struct yaml_node *entry, struct arena *mem)
{
	size_t at = find_pair(entry, "password");
	if (at == entry->count || entry->pairs[at].value->kind != YAML_NULL || entry->count == 1)
		return text;
	struct splice places = splice_index(text, strlen(text), mem);
	struct span span = splice_pair(&places, entry, at);
	return arena_printf(mem, "%.*s%s", (int)span.start, text, text + span.end);
}

const char *users_part_with_password(const char *text, const char *password, size_t length, struct arena *mem)
{
	CLEANUP(buf_wipe) struct buf out = BUF(LIMIT_FILE_BYTES);
	const struct yaml_node *entry = first_entry(text, mem);
	const char *bare = entry ? without_empty(text, entry, mem) : text;
	if (bare != text)
		entry = first_entry(bare, mem);
	size_t name = entry ? find_pair(entry, "username") : 0;
	if (!entry || name == entry->count || yaml_get(entry, "password"))
		return text;
	const struct yaml_pair *pair = &entry->pairs[name];
	struct splice places = splice_index(bare, strlen(bare), mem);
	size_t key = splice_offset(&places, pair->line, pair->column);
	bool flow = splice_is_flow(bare, key);
	struct span scalar = splice_scalar(&places, pair->value, pair->column);
	size_t at = flow ? key : splice_line_end(bare, places.length, scalar.end);
	buf_append(&out, bare, at);
	for (int i = 1; !flow && i < pair->column; i++)
		buf_char(&out, ' ');
	buf_text(&out, "password: ");
	yaml_write_text(password, length, &out);
	buf_text(&out, flow ? ", " : "\n");
	buf_text(&out, bare + at);
	return buf_failed(&out) ? text : arena_copy(mem, buf_string(&out));
}

static const struct edit_user *find_given(const struct edit_user *given, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(given[i].name, name) == 0)
			return &given[i];
	return NULL;
}

/* Who was given a password has it, all others have what they had, and nothing else is there. */
static bool says(
	const struct edit_users *users, const struct edit_user *given, size_t count, const struct buf *text)
{
	CLEANUP(edit_users_done) struct edit_users read = {0};
	CLEANUP(arena_wipep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct mistakes ignored = {.mem = mem};
	struct users_parts before, after;
	struct error err;
	if (!edit_users_read(users->file, buf_string(text), text->length, users->namespace, &read, &ignored) ||
		read.count != users->count || !users_parts_read(users, mem, &before, &err) ||
		!users_parts_read(&read, mem, &after, &err) || before.count != after.count ||
		strcmp(before.frame, after.frame) != 0)
		return false;
	for (size_t i = 0; i < before.count; i++)
		if (strcmp(before.items[i].name, after.items[i].name) != 0 ||
			strcmp(before.items[i].meaning, after.items[i].meaning) != 0)
			return false;
	for (size_t i = 0; i < read.count; i++) {
		const struct edit_user *new = find_given(given, count, read.items[i].name);
		const char *wanted = new ? new->password : users->items[i].password;
		if (!text_equal(read.items[i].password, wanted))
			return false;
	}
	return true;
}

bool edit_users_give(const struct edit_users *users, const struct edit_user *given, size_t count,
	struct buf *out, struct error *err)
{
	CLEANUP(arena_wipep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct users_parts parts;
	if (!users_parts_read(users, mem, &parts, err))
		return false;
	const char **texts = arena_array(mem, parts.count + 1, sizeof(*texts));
	for (size_t i = 0; i < parts.count; i++) {
		const struct users_part *part = &parts.items[i];
		const struct edit_user *new = find_given(given, count, part->name);
		texts[i] = new ? users_part_with_password(part->text, new->password, new->password_length, mem)
			       : part->text;
	}
	users_parts_write(&parts, texts, parts.count, &text);
	if (buf_failed(&text) || !says(users, given, count, &text))
		return error_set(err, ERROR_INVALID,
			"%s: passwords cannot be put into this layout: write each user's fields on lines of their own",
			users->file);
	buf_append(out, buf_string(&text), text.length);
	return true;
}

void sealed_users_done(struct sealed_users *result)
{
	for (size_t i = 0; i < result->given_count; i++) {
		struct secret password = {
			(char *)(uintptr_t)result->given[i].password, result->given[i].password_length};
		secret_done(&password);
	}
	result->given_count = 0;
}
