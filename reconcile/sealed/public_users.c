/* The edit file's text without its passwords. */
#include <string.h>
#include <strings.h>

#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/leak/comment.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/edit_users.h"
#include "reconcile/sealed/splice.h"

static bool is_plain_password(const struct yaml_pair *pair)
{
	return strcmp(pair->key, "password") == 0 && pair->value->kind != YAML_MAP;
}

/* Copies `text` without the spans, which are in order. */
static void copy_without(
	const char *text, size_t length, const struct span *spans, size_t count, struct buf *out)
{
	size_t at = 0;
	for (size_t i = 0; i < count; i++) {
		if (spans[i].start >= at)
			buf_append(out, text + at, spans[i].start - at);
		if (spans[i].end > at)
			at = spans[i].end;
	}
	buf_append(out, text + at, length - at);
}

static void remove_passwords(const struct edit_users *users, struct buf *out)
{
	struct splice inner = splice_index(users->inner, users->inner_length, users->mem);
	struct span *spans = NULL;
	size_t count = 0;
	for (size_t i = 0; users->list && i < users->list->count; i++) {
		const struct yaml_node *user = users->list->items[i];
		for (size_t k = 0; k < user->count; k++)
			if (is_plain_password(&user->pairs[k])) {
				spans = arena_grow(users->mem, spans, count, sizeof(*spans));
				spans[count++] = splice_pair(&inner, user, k);
			}
	}
	copy_without(users->inner, users->inner_length, spans, count, out);
}

/* A comment is dropped when it speaks of passwords or holds one: people keep the old one there. */
static bool is_telling(const struct edit_users *users, const char *comment, size_t length)
{
	static const char *const words[] = {"passw", "pwd", "passphrase", "secret:", "secret="};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		size_t size = strlen(words[i]);
		for (size_t at = 0; at + size <= length; at++)
			if (strncasecmp(comment + at, words[i], size) == 0)
				return true;
	}
	if (comment_values(comment, length, NULL, NULL))
		return true;
	for (size_t i = 0; i < users->count; i++)
		if (users->items[i].password && users->items[i].password_length >= 4 &&
			memmem(comment, length, users->items[i].password, users->items[i].password_length))
			return true;
	return false;
}

/* Where the line's comment begins, or its end. Quotes are not followed: a '#' inside a scalar that is cut changes the
   content, and the comparison at the end finds it. */
static size_t comment_start(const char *line, size_t length)
{
	size_t first = 0;
	while (first < length && (line[first] == ' ' || line[first] == '\t'))
		first++;
	if (first < length && line[first] == '#')
		return 0;
	for (size_t at = first; at + 1 < length; at++)
		if ((line[at] == ' ' || line[at] == '\t') && line[at + 1] == '#')
			return at;
	return length;
}

static void drop_comments(
	const struct edit_users *users, const char *text, size_t length, struct buf *out, size_t *dropped)
{
	for (size_t at = 0; at < length;) {
		size_t next = splice_line_end(text, length, at), size = next - at;
		size_t body = size && text[next - 1] == '\n' ? size - 1 : size;
		size_t start = comment_start(text + at, body);
		if (start < body && is_telling(users, text + at + start, body - start)) {
			++*dropped;
			buf_append(out, text + at, start);
			if (start && body < size)
				buf_char(out, '\n');
		} else {
			buf_append(out, text + at, size);
		}
		at = next;
	}
}

/* The ConfigMap's text with another inner text in its literal block. */
static void wrap_block(const struct edit_users *users, const struct splice *whole, const char *inner,
	size_t length, struct buf *out)
{
	struct span block = splice_scalar(whole, users->block, users->block_column);
	size_t content = splice_line_end(users->text, users->length, block.start), indent = 0;
	size_t first = content;
	while (first < block.end && users->text[first] == '\n')
		first++;
	while (first + indent < block.end && users->text[first + indent] == ' ')
		indent++;
	buf_append(out, users->text, content);
	for (size_t at = 0; at < length;) {
		size_t next = splice_line_end(inner, length, at);
		for (size_t i = 0; i < indent && inner[at] != '\n'; i++)
			buf_char(out, ' ');
		buf_append(out, inner + at, next - at);
		at = next;
	}
	size_t rest = splice_line_end(users->text, users->length, block.end);
	buf_append(out, users->text + rest, users->length - rest);
}

/* A quoted or folded text becomes a literal block, the rest of the ConfigMap is written anew. */
static void wrap_anew(const struct edit_users *users, const char *inner, struct buf *out)
{
	CLEANUP(json_done) json_t *outer = yaml_to_json(users->outer);
	json_object_set_new(json_object_get(outer, "data"), "users.yaml", json_string(inner));
	yaml_write(outer, YAML_SORTED, out);
}

static void remove_from_json(json_t *root)
{
	json_t *entry;
	size_t index;
	json_array_foreach (json_object_get(root, "users"), index, entry) {
		const json_t *password = json_object_get(entry, "password");
		if (password && !json_is_object(password))
			json_object_del(entry, "password");
	}
}

/* Git has it already, mostly: then it was read. */
static const struct edit_users *read_again(
	const struct edit_users *users, const struct buf *text, struct edit_users_bare *bare)
{
	const struct edit_users *known = bare->known;
	struct mistakes ignored = {.mem = users->mem};
	bare->is_known = known && known->length == text->length &&
		memcmp(known->text, buf_string(text), text->length) == 0;
	if (bare->is_known)
		return known;
	return edit_users_read(
		       users->file, buf_string(text), text->length, users->namespace, &bare->read, &ignored)
		? &bare->read
		: NULL;
}

/* The result must say what the file says with another list in it, `meant`, whatever the edits above made of the text. */
static bool says(const struct edit_users *users, const json_t *meant, const struct edit_users *read)
{
	CLEANUP(secret_json_done) json_t *outer = NULL;
	CLEANUP(secret_json_done) json_t *written = NULL;
	CLEANUP(secret_json_done) json_t *inner = NULL;
	if (!read)
		return false;
	inner = yaml_to_json(read->root);
	if (!users->block || !read->block)
		return !users->block && !read->block && json_equal(inner, meant);
	outer = yaml_to_json(users->outer);
	written = yaml_to_json(read->outer);
	json_object_del(json_object_get(outer, "data"), "users.yaml");
	json_object_del(json_object_get(written, "data"), "users.yaml");
	return json_equal(inner, meant) && json_equal(written, outer);
}

void edit_users_wrap(const struct edit_users *users, const char *inner, size_t length, struct buf *out)
{
	struct splice whole = splice_index(users->text, users->length, users->mem);
	if (!users->block)
		buf_append(out, inner, length);
	else if (users->block->block &&
		users->text[splice_offset(&whole, users->block->line, users->block->column)] == '|')
		wrap_block(users, &whole, inner, length, out);
	else
		wrap_anew(users, inner, out);
}

bool edit_users_public(
	const struct edit_users *users, struct buf *out, struct edit_users_bare *result, struct error *err)
{
	CLEANUP(buf_wipe) struct buf bare = BUF(LIMIT_FILE_BYTES);
	CLEANUP(buf_wipe) struct buf whole = BUF(2 * LIMIT_FILE_BYTES);
	CLEANUP(buf_wipe) struct buf inner = BUF(LIMIT_FILE_BYTES);
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	CLEANUP(secret_json_done) json_t *meant = yaml_to_json(users->root);
	*result = (struct edit_users_bare){.known = result->known};
	remove_passwords(users, &bare);
	drop_comments(users, buf_string(&bare), bare.length, &inner, &result->dropped);
	edit_users_wrap(users, buf_string(&inner), inner.length, &whole);
	drop_comments(users, buf_string(&whole), whole.length, &text, &result->dropped);
	if (buf_failed(&bare) || buf_failed(&inner) || buf_failed(&whole) || buf_failed(&text))
		return error_set(err, ERROR_INVALID, "%s is too large", users->file);
	remove_from_json(meant);
	if (!says(users, meant, read_again(users, &text, result)))
		return error_set(err, ERROR_INVALID,
			"%s: the passwords cannot be taken out of this layout; put each password on "
			"a line of its own (\"password: ...\")",
			users->file);
	buf_append(out, buf_string(&text), text.length);
	return !buf_failed(out) || error_set(err, ERROR_INVALID, "%s is too large", users->file);
}
