#include "reconcile/sealed/users_base.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define FORMAT 1

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

void users_base_read(const char *file, struct arena *mem, struct users_base *base)
{
	CLEANUP(buf_done) struct buf text = BUF(4 * LIMIT_FILE_BYTES);
	CLEANUP(json_done) json_t *value = NULL;
	struct error ignored;
	const char *name;
	json_t *user;
	*base = (struct users_base){.commit = "", .frame_edit = "", .frame_git = "", .settled = ""};
	if (!file_read(file, &text, &ignored) || !json_read(buf_string(&text), text.length, &value, &ignored) ||
		json_number_at(value, "version", 0) != FORMAT)
		return;
	json_t *users = json_object_get(value, "users");
	base->known = true;
	base->commit = or_empty(text_of(value, "commit", mem));
	base->frame_edit = or_empty(text_of(value, "frameEdit", mem));
	base->frame_git = or_empty(text_of(value, "frameGit", mem));
	base->settled = or_empty(text_of(value, "settled", mem));
	base->kept = (size_t)json_number_at(value, "kept", 0);
	base->items = arena_array(mem, json_object_size(users) + 1, sizeof(*base->items));
	json_object_foreach (users, name, user)
		add_user(name, user, mem, base);
	qsort(base->items, base->count, sizeof(*base->items), by_name);
}

bool users_base_write(const char *file, const struct users_base *base, struct error *err)
{
	CLEANUP(memory_freep) char *folder = memory_copy(file);
	CLEANUP(memory_freep) char *text = NULL;
	json_t *users = json_object();
	for (size_t i = 0; i < base->count; i++) {
		const struct base_user *user = &base->items[i];
		json_object_set_new(users, user->name,
			json_pack("{s:s*, s:s*, s:s, s:s, s:b, s:b}", "edit", user->edit, "git", user->git,
				"password", user->password, "sealed", user->sealed, "seen", user->seen,
				"aside", user->aside));
	}
	CLEANUP(json_done)
	json_t *value = json_pack("{s:i, s:s, s:s, s:s, s:s*, s:I, s:o}", "version", FORMAT, "commit",
		base->commit, "frameEdit", base->frame_edit, "frameGit", base->frame_git, "settled",
		base->settled, "kept", (json_int_t)base->kept, "users", users);
	*strrchr(folder, '/') = '\0';
	text = json_canonical(value);
	return file_make_folder(folder, err) && file_replace(file, text, strlen(text), 0600, err);
}

const struct base_user *users_base_find(const struct users_base *base, const char *name)
{
	const struct base_user key = {.name = name};
	return base->count ? bsearch(&key, base->items, base->count, sizeof(*base->items), by_name) : NULL;
}
