#include "reconcile/sealed/users_base.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* Text and lengths: JSON of a thousand users took a fifth of a sealing. The first format was JSON, and is read. */
#define HEADER "pgitops ancestor 2"
#define END "end\n"
#define FORMAT 1

enum { NONE = -1, AS_EDIT = -2 }; /* instead of a length: not there; the same text as the edit file's */

static const char *text_of(const json_t *value, const char *key, struct arena *mem)
{
	return arena_copy(mem, json_string_value(json_object_get(value, key)));
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct base_user *)a)->name, ((const struct base_user *)b)->name);
}

static void add_user(const char *name, const json_t *value, struct arena *mem, struct users_base *base)
{
	base->items[base->count++] = (struct base_user){
		.name = arena_copy(mem, name),
		.edit = text_of(value, "edit", mem),
		.git = text_of(value, "git", mem),
		.password = or_empty(text_of(value, "password", mem)),
		.sealed = or_empty(text_of(value, "sealed", mem)),
		.seen = json_is_true(json_object_get(value, "seen")),
		.aside = json_is_true(json_object_get(value, "aside")),
	};
}

static bool read_json(const struct buf *text, struct arena *mem, struct users_base *base)
{
	CLEANUP(json_done) json_t *value = NULL;
	struct error ignored;
	const char *name;
	json_t *user;
	if (!json_read(buf_string(text), text->length, &value, &ignored) ||
		json_number_at(value, "version", 0) != FORMAT)
		return false;
	json_t *users = json_object_get(value, "users");
	base->commit = or_empty(text_of(value, "commit", mem));
	base->frame_edit = or_empty(text_of(value, "frameEdit", mem));
	base->frame_git = or_empty(text_of(value, "frameGit", mem));
	base->settled = or_empty(text_of(value, "settled", mem));
	base->kept = (size_t)json_number_at(value, "kept", 0);
	base->items = arena_array(mem, json_object_size(users) + 1, sizeof(*base->items));
	json_object_foreach (users, name, user)
		add_user(name, user, mem, base);
	return true;
}

/* Pieces of a text of our own, each ended where its line end was. */
struct cursor {
	char *at, *end;
	bool wrong;
};

static char *cut(struct cursor *cursor, long length)
{
	char *piece = cursor->at;
	if (length == NONE)
		return NULL;
	if (length < 0 || length >= cursor->end - piece || piece[length] != '\n') {
		cursor->wrong = true;
		return NULL;
	}
	piece[length] = '\0';
	cursor->at += length + 1;
	return piece;
}

static const char *cut_line(struct cursor *cursor)
{
	const char *end = memchr(cursor->at, '\n', (size_t)(cursor->end - cursor->at));
	return or_empty(cut(cursor, end ? (long)(end - cursor->at) : AS_EDIT));
}

static const char *next_word(char **rest)
{
	char *word = *rest, *end = strchr(word, ' ');
	*rest = end ? end + 1 : word + strlen(word);
	if (end)
		*end = '\0';
	return word;
}

/* "sa LENGTH LENGTH LENGTH PASSWORD SEALED", then name, edit and git; a digest that there is none of is empty. */
static void read_user(struct cursor *cursor, struct base_user *user)
{
	char none[] = "", *line = cut(cursor, (long)strcspn(cursor->at, "\n")), *rest = line ? line : none;
	const char *flags = next_word(&rest);
	long name = strtol(next_word(&rest), NULL, 10), edit = strtol(next_word(&rest), NULL, 10),
	     git = strtol(next_word(&rest), NULL, 10);
	*user = (struct base_user){.seen = strchr(flags, 's') != NULL, .aside = strchr(flags, 'a') != NULL};
	user->password = next_word(&rest);
	user->sealed = next_word(&rest);
	user->name = cut(cursor, name);
	user->edit = cut(cursor, edit);
	user->git = git == AS_EDIT ? user->edit : cut(cursor, git);
	cursor->wrong = cursor->wrong || !line || !user->name || strcspn(flags, "sa-") > 0;
}

static bool read_text(const struct buf *text, struct arena *mem, struct users_base *base)
{
	char *copy = arena_copy_n(mem, text->data, text->length);
	struct cursor cursor = {.at = copy, .end = copy + text->length};
	if (strcmp(cut_line(&cursor), HEADER) != 0)
		return false;
	base->commit = cut_line(&cursor);
	base->frame_edit = cut_line(&cursor);
	base->frame_git = cut_line(&cursor);
	base->settled = cut_line(&cursor);
	base->kept = strtoul(cut_line(&cursor), NULL, 10);
	while (!cursor.wrong && strcmp(cursor.at, END) != 0) {
		base->items = arena_grow(mem, base->items, base->count, sizeof(*base->items));
		read_user(&cursor, &base->items[base->count++]);
	}
	return !cursor.wrong && cursor.end - cursor.at == (long)strlen(END);
}

void users_base_read(const char *file, struct arena *mem, struct users_base *base)
{
	static const struct users_base unknown = {
		.commit = "", .frame_edit = "", .frame_git = "", .settled = ""};
	CLEANUP(buf_done) struct buf text = BUF(4 * LIMIT_FILE_BYTES);
	struct error ignored;
	*base = unknown;
	if (!file_read(file, &text, &ignored) || !text.length)
		return;
	base->known = *text.data == '{' ? read_json(&text, mem, base) : read_text(&text, mem, base);
	if (!base->known)
		*base = unknown;
	else if (base->count)
		qsort(base->items, base->count, sizeof(*base->items), by_name);
}

static long length_of(const char *text)
{
	return text ? (long)strlen(text) : NONE;
}

static void write_user(const struct base_user *user, struct buf *out)
{
	bool same = user->edit && text_equal(user->edit, user->git);
	buf_printf(out, "%c%c %zu %ld %ld %s %s\n%s\n", user->seen ? 's' : '-', user->aside ? 'a' : '-',
		strlen(user->name), length_of(user->edit), same ? AS_EDIT : length_of(user->git),
		user->password, user->sealed, user->name);
	const char *const texts[] = {user->edit, same ? NULL : user->git};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (texts[i]) {
			buf_text(out, texts[i]);
			buf_char(out, '\n');
		}
}

bool users_base_write(const char *file, const struct users_base *base, struct error *err)
{
	CLEANUP(memory_freep) char *folder = memory_copy(file);
	CLEANUP(buf_done) struct buf text = BUF(4 * LIMIT_FILE_BYTES);
	buf_printf(&text, HEADER "\n%s\n%s\n%s\n%s\n%zu\n", base->commit, base->frame_edit, base->frame_git,
		or_empty(base->settled), base->kept);
	for (size_t i = 0; i < base->count; i++)
		write_user(&base->items[i], &text);
	buf_text(&text, END);
	if (buf_failed(&text))
		return error_set(
			err, ERROR_INVALID, "%s would be larger than %ld bytes", file, 4 * LIMIT_FILE_BYTES);
	*strrchr(folder, '/') = '\0';
	return file_make_folder(folder, err) && file_replace(file, buf_string(&text), text.length, 0600, err);
}

const struct base_user *users_base_find(const struct users_base *base, const char *name)
{
	const struct base_user key = {.name = name};
	return base->count ? bsearch(&key, base->items, base->count, sizeof(*base->items), by_name) : NULL;
}
