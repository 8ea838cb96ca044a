/* Every password that this clone knows. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/hooks.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/leak/comment.h"

static void add_users(struct hook *hook, const struct edit_users *edit)
{
	for (size_t i = 0; i < edit->count; i++)
		if (edit->items[i].password)
			known_add(hook->known, edit->items[i].name, edit->items[i].password,
				edit->items[i].password_length);
}

static void add_value(void *context, const char *value, size_t length)
{
	struct hook *hook = context;
	known_add(hook->known, "a comment of the edit file", value, length);
}

/* Old passwords, kept where they do not belong. */
static void add_comments(struct hook *hook, const char *text, size_t length)
{
	for (size_t at = 0; at < length;) {
		const char *line = text + at, *end = memchr(line, '\n', length - at);
		size_t size = end ? (size_t)(end - line) : length - at;
		const char *comment = memchr(line, '#', size);
		at += size + 1;
		if (comment &&
			(comment == line || comment[-1] == ' ' || comment[-1] == '\t' || comment[-1] == '#'))
			comment_values(comment, size - (size_t)(comment - line), add_value, hook);
	}
}

static void read_edit(
	struct hook *hook, const struct layout_users *files, const char *path, struct edit_users *keep)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	struct edit_users edit = {0};
	struct mistakes ignored = {.mem = hook->mem};
	struct error err;
	if (!file_read(path, &text, &err))
		return;
	add_comments(hook, buf_string(&text), text.length);
	if (!edit_users_read(path, buf_string(&text), text.length, files->namespace, &edit, &ignored))
		return;
	add_users(hook, &edit);
	if (keep)
		*keep = edit;
	else
		edit_users_done(&edit);
}

/* A file .git/worktrees/NAME/gitdir names the ".git" of each. */
static const char *worktree_root(const struct hook *hook, const char *name)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_SECRET_FILE);
	struct error ignored;
	if (!file_read(arena_printf(hook->mem, "%s/worktrees/%s/gitdir", hook->checkout.common, name), &text,
		    &ignored))
		return NULL;
	const char *path = buf_string(&text), *end = strstr(path, "/.git\n");
	return end ? arena_copy_n(hook->mem, path, (size_t)(end - path)) : NULL;
}

static void read_elsewhere(struct hook *hook, const char *root)
{
	if (!root || strcmp(root, hook->checkout.root) == 0)
		return;
	for (size_t i = 0; i < hook->layout.count; i++)
		read_edit(hook, &hook->layout.users[i],
			arena_printf(hook->mem, "%s/%s", root, hook->layout.users[i].edit), NULL);
}

static void read_worktrees(struct hook *hook)
{
	DIR *opened = opendir(arena_printf(hook->mem, "%s/worktrees", hook->checkout.common));
	struct dirent *entry;
	while (opened && (entry = readdir(opened)))
		if (entry->d_name[0] != '.')
			read_elsewhere(hook, worktree_root(hook, entry->d_name));
	if (opened)
		closedir(opened);
	if (strcmp(hook->checkout.folder, hook->checkout.common) != 0 &&
		text_ends(hook->checkout.common, "/.git"))
		read_elsewhere(hook,
			arena_copy_n(hook->mem, hook->checkout.common,
				strlen(hook->checkout.common) - strlen("/.git")));
}

void hook_read_known(struct hook *hook)
{
	hook->known = known_new();
	hook->edits = arena_array(hook->mem, hook->layout.count + 1, sizeof(*hook->edits));
	for (size_t i = 0; i < hook->layout.count; i++) {
		const struct layout_users *files = &hook->layout.users[i];
		struct edit_users edit = {0};
		read_edit(hook, files, files->edit, &edit);
		if (edit.mem)
			hook->edits[hook->edit_count++] = edit;
	}
	read_worktrees(hook);
	known_ready(hook->known);
}
