/* post-checkout and post-merge: the edit file follows users.yaml where nobody can lose anything by it. */
#include <string.h>
#include <unistd.h>

#include "agent/hook/hooks.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

static const char *name_of(const struct hook *hook, const char *path)
{
	return seal_file_name(&hook->checkout, path, hook->mem);
}

/* Is everything of the edit file, its passwords aside, what this clone sealed last? */
static bool is_untouched(
	const struct hook *hook, const struct layout_users *files, const struct edit_users *edit)
{
	CLEANUP(buf_done) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct error ignored;
	size_t dropped;
	return edit_users_public(edit, &text, &dropped, &ignored) &&
		receipts_file_match(
			hook->receipts, name_of(hook, files->users), buf_string(&text), text.length);
}

/* Already what the edit file says? */
static bool says_the_same(const struct edit_users *edit, const struct buf *users)
{
	CLEANUP(buf_done) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	struct error ignored;
	size_t dropped;
	return edit_users_public(edit, &text, &dropped, &ignored) && text.length == users->length &&
		memcmp(text.data, users->data, text.length) == 0;
}

bool hook_refresh(struct hook *hook, const struct layout_users *files, const struct buf *users)
{
	CLEANUP(buf_wipe) struct buf edit_text = BUF(LIMIT_FILE_BYTES);
	CLEANUP(buf_wipe) struct buf fresh = BUF(2 * LIMIT_FILE_BYTES);
	CLEANUP(edit_users_done) struct edit_users edit = {0};
	CLEANUP(edit_users_done) struct edit_users now = {0};
	struct mistakes ignored = {.mem = hook->mem};
	struct error err;
	if (!file_read(files->edit, &edit_text, &err) ||
		!edit_users_read(files->edit, buf_string(&edit_text), edit_text.length, files->namespace,
			&edit, &ignored))
		return false;
	if (says_the_same(&edit, users))
		return true;
	if (!is_untouched(hook, files, &edit) ||
		!edit_users_read(
			files->users, buf_string(users), users->length, files->namespace, &now, &ignored) ||
		!edit_users_refresh(&edit, &now, &fresh, &err) ||
		!file_replace(files->edit, buf_string(&fresh), fresh.length, 0600, &err))
		return false;
	/* An edit file that was sealed as it was counts as sealed as it is now: only others' changes came in. */
	if (receipts_file_match(
		    hook->receipts, name_of(hook, files->edit), buf_string(&edit_text), edit_text.length))
		receipts_file_note(
			hook->receipts, name_of(hook, files->edit), buf_string(&fresh), fresh.length);
	receipts_file_note(hook->receipts, name_of(hook, files->users), buf_string(users), users->length);
	if (!receipts_write(hook->receipts, &err))
		return false;
	hook_say("%s now has the changes of %s that were made elsewhere", files->edit, files->users);
	return true;
}

/* A clone has users.yaml and no edit file: the one is the other without passwords, and a user without password keeps the sealed
   one. Only where Git ignores it. */
static bool make_missing(struct hook *hook, const struct layout_users *files, const struct buf *users)
{
	struct error err;
	if (!git_says("check-ignore", "-q", "--no-index", "--", files->edit, NULL) ||
		access(files->sealed, F_OK) != 0)
		return false;
	if (!file_replace(files->edit, buf_string(users), users->length, 0600, &err)) {
		hook_say("%s", err.text);
		return false;
	}
	receipts_file_note(hook->receipts, name_of(hook, files->edit), buf_string(users), users->length);
	receipts_file_note(hook->receipts, name_of(hook, files->users), buf_string(users), users->length);
	if (!receipts_write(hook->receipts, &err))
		hook_say("%s", err.text);
	hook_say("made %s from %s: add a user with a password, or a password to change one; all others keep theirs",
		files->edit, files->users);
	return true;
}

static void follow(struct hook *hook, const struct layout_users *files)
{
	CLEANUP(buf_done) struct buf users = BUF(2 * LIMIT_FILE_BYTES);
	struct error err;
	if (!file_read(files->users, &users, &err) || !users.length)
		return;
	if (access(files->edit, F_OK) != 0) {
		make_missing(hook, files, &users);
		return;
	}
	/* What this clone never sealed is left alone: nothing says which of the two is newer. */
	if (!receipts_file_known(hook->receipts, name_of(hook, files->users)) ||
		receipts_file_match(
			hook->receipts, name_of(hook, files->users), buf_string(&users), users.length))
		return;
	if (!hook_refresh(hook, files, &users))
		hook_say("%s was changed elsewhere, and %s has changes of its own: bring them together before the next commit",
			files->users, files->edit);
}

/* Entries whose edit file is not there yet are found by what Git has: a sealed-users.yaml. */
static bool add_missing(struct hook *hook, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(16L * 1024 * 1024);
	if (hook->layout.declared)
		return true;
	if (!git_ask(&out, err, "ls-files", "-z", "--", LAYOUT_SEALED, "*/" LAYOUT_SEALED, NULL))
		return false;
	for (size_t at = 0; at < out.length; at += strlen(out.data + at) + 1) {
		const char *sealed = out.data + at, *slash = strrchr(sealed, '/');
		const char *edit = arena_printf(
			hook->mem, "%.*s" LAYOUT_EDIT, slash ? (int)(slash - sealed) + 1 : 0, sealed);
		if (layout_of_edit(&hook->layout, edit))
			continue;
		hook->layout.users = arena_grow(
			hook->mem, hook->layout.users, hook->layout.count, sizeof(*hook->layout.users));
		hook->layout.users[hook->layout.count++] = layout_of(hook->mem, edit, &hook->layout);
	}
	return true;
}

int hook_after_checkout(struct hook *hook)
{
	struct error err;
	const char *const busy[] = {"rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD"};
	for (size_t i = 0; i < COUNT_OF(busy); i++)
		if (access(arena_printf(hook->mem, "%s/%s", hook->checkout.folder, busy[i]), F_OK) == 0)
			return 0;
	if (hook->checkout.bare)
		return 0;
	if (!add_missing(hook, &err)) {
		hook_say("%s", err.text);
		return 0;
	}
	for (size_t i = 0; i < hook->layout.count; i++)
		follow(hook, &hook->layout.users[i]);
	return 0;
}
