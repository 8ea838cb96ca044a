/* The edit file follows Git: after a commit, a pull, a rebase, a checkout, and before a sealing that finds HEAD elsewhere. */
#include <string.h>
#include <unistd.h>

#include "agent/hook/hooks.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_join.h"

struct following {
	const struct seal_place *place;
	const struct layout_users *files;
	const struct seal_follow *how;
	const char *head, *file; /* of the ancestor */
	struct git_side *side;
	struct buf text; /* of the edit file */
	struct edit_users edit;
	struct arena *secret;
};

static void say_all(const struct mistakes *mistakes, const char *kind)
{
	for (size_t i = 0; i < mistakes->count; i++)
		hook_say("%s%s", kind, mistake_text(&mistakes->items[i], mistakes->mem));
}

/* Nothing of the edit file waits to be sealed. */
static bool is_settled(const struct users_merge *merge)
{
	bool waits = merge->git_changes || merge->conflicts;
	for (size_t i = 0; i < merge->count && !waits; i++)
		waits = merge->items[i].choice == SEALED_ANEW && merge->items[i].given &&
			merge->items[i].given->password;
	return !waits;
}

/* A digest that no file has stands for "not settled". */
static void note_settled(const struct following *following, const struct buf *text, bool settled)
{
	const struct seal_place *place = following->place;
	if (place->receipts)
		receipts_file_note(place->receipts,
			seal_file_name(place->checkout, following->files->edit, place->mem),
			settled ? buf_string(text) : "\n", settled ? text->length : 1);
}

static bool write_all(const struct following *following, const struct users_merge *merge, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(2 * LIMIT_FILE_BYTES);
	const struct seal_place *place = following->place;
	struct users_base next;
	if (!users_merge_edit(merge, &text, err) ||
		(merge->edit_changes && !seal_edit_write(following->files, &following->text, &text, err)))
		return false;
	if (merge->edit_changes && !following->how->quiet)
		hook_say("%s now has the changes of %s that were made elsewhere", following->files->edit,
			following->files->users);
	users_merge_base(merge, following->head, following->how->committed, place->mem, &next);
	note_settled(following, &text, is_settled(merge));
	return (!place->receipts || receipts_write(place->receipts, err)) &&
		users_base_write(following->file, &next, err);
}

static bool merge_all(const struct following *following, struct error *err)
{
	struct mistakes conflicts = {.mem = following->place->mem}, notes = {.mem = following->place->mem};
	struct ancestor ancestor = {0};
	struct users_merge merge;
	if (!ancestor_find(following->file, following->head, following->files, &following->edit,
		    following->place->receipts, following->place->mem, &ancestor, err))
		return false;
	const struct users_merge_input input = {
		.edit = &following->edit,
		.git = &following->side->read,
		.sealed = &following->side->values,
		.base = &ancestor.base,
		.receipts = following->place->receipts,
		.sideways = ancestor.sideways,
	};
	if (!users_merge_make(&input, following->secret, &merge, &conflicts, err))
		return false;
	if (!following->how->quiet && !following->how->committed) {
		users_merge_notes(&merge, &notes);
		say_all(&notes, "");
		say_all(&conflicts, "conflict: ");
	}
	return write_all(following, &merge, err);
}

static bool follow(struct following *following, struct error *err)
{
	struct mistakes wrong = {.mem = following->place->mem};
	if (!file_read(following->files->edit, &following->text, err))
		return err->kind == ERROR_MISSING;
	if (!following->side->exists)
		return true;
	if (!edit_users_read(following->files->edit, buf_string(&following->text), following->text.length,
		    following->files->namespace, &following->edit, &wrong))
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&wrong.items[0], wrong.mem));
	return merge_all(following, err);
}

bool seal_follow(const struct seal_place *place, const struct layout_users *files,
	const struct seal_follow *how, struct error *err)
{
	CLEANUP(arena_wipep) struct arena *secret = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(git_side_done) struct git_side head = {0};
	struct following following = {
		.place = place,
		.files = files,
		.how = how,
		.side = how->side ? how->side : &head,
		.text = BUF(LIMIT_FILE_BYTES),
		.secret = secret,
	};
	bool ok = ancestor_file(place->checkout, files->edit, place->mem, &following.file, err);
	if (ok && how->committed && place->checkout && !how->side &&
		seal_stands_still(place, files, following.file))
		return true;
	following.head = place->checkout ? ancestor_head(place->mem) : "";
	ok = ok && (how->side || git_side_of_head(files, place->mem, &head, err)) && follow(&following, err);
	buf_wipe(&following.text);
	if (following.edit.mem)
		edit_users_done(&following.edit);
	return ok;
}

bool seal_is_behind(const struct seal_place *place, const struct layout_users *files)
{
	struct users_base base;
	struct error ignored;
	const char *file;
	if (!place->checkout || !ancestor_file(place->checkout, files->edit, place->mem, &file, &ignored))
		return false;
	users_base_read(file, place->mem, &base);
	return !base.known || strcmp(base.commit, ancestor_head(place->mem)) != 0;
}

/* ---- the hooks ---- */

/* A clone has users.yaml and no edit file: the one is the other without passwords, and a user without password keeps the sealed
   one. Only where Git ignores it. */
static void make_missing(const struct layout_users *files)
{
	CLEANUP(buf_done) struct buf users = BUF(2 * LIMIT_FILE_BYTES);
	struct error err;
	if (!git_says("check-ignore", "-q", "--no-index", "--", files->edit, NULL) ||
		access(files->sealed, F_OK) != 0 || !file_read(files->users, &users, &err) || !users.length ||
		conflict_line(buf_string(&users), users.length))
		return;
	if (!file_replace(files->edit, buf_string(&users), users.length, 0600, &err)) {
		hook_say("%s", err.text);
		return;
	}
	hook_say("made %s from %s: add a user with a password, or a password to change one; all others keep theirs",
		files->edit, files->users);
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

static bool is_busy(const struct hook *hook, bool rewritten)
{
	static const char *const busy[] = {"CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"};
	for (size_t i = 0; i < (rewritten ? 2 : COUNT_OF(busy)); i++)
		if (access(arena_printf(hook->mem, "%s/%s", hook->checkout.folder, busy[i]), F_OK) == 0)
			return true;
	return false;
}

static void follow_each(struct hook *hook, const struct seal_follow *how)
{
	const struct seal_place place = {&hook->checkout, hook->receipts, hook->mem};
	struct error err;
	for (size_t i = 0; i < hook->layout.count; i++) {
		const struct layout_users *files = &hook->layout.users[i];
		if (access(files->edit, F_OK) != 0)
			make_missing(files);
		if (!seal_follow(&place, files, how, &err))
			hook_say("%s stays as it is: %s", files->edit, err.text);
	}
}

int hook_after_checkout(struct hook *hook, bool rewritten)
{
	const struct seal_follow how = {0};
	struct error err;
	if (hook->checkout.bare || is_busy(hook, rewritten))
		return 0;
	if (add_missing(hook, &err))
		follow_each(hook, &how);
	else
		hook_say("%s", err.text);
	return 0;
}

/* What we made last, or before that: a commit that was given up had staged it. */
static bool is_made_by_us(const struct hook *hook, const char *path, const char *object)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_PATH_BYTES);
	struct buf *const texts[] = {&text};
	bool there[1];
	struct error ignored;
	return hook->receipts && *object && git_blobs(&object, 1, texts, there, &ignored) && there[0] &&
		receipts_file_was(hook->receipts, seal_file_name(&hook->checkout, path, hook->mem),
			buf_string(&text), text.length);
}

/* Some clients commit from an index of their own: what the pre-commit hook put into that one is not in the real one, and the next commit
   from there would take it out again. Where that still has what the commit before had, or what of ours this commit took the place of, it
   gets what HEAD has. */
static void mend_path(const struct hook *hook, const char *index, const char *path, const char *const *names)
{
	const char *staged = names[0], *head = names[1], *before = names[2];
	if (!*head || strcmp(staged, head) == 0 || strcmp(head, before) == 0 ||
		(strcmp(staged, before) != 0 && !is_made_by_us(hook, path, staged)))
		return;
	const char *const set[] = {"update-index", "--add", "--cacheinfo",
		arena_printf(hook->mem, "100644,%s,%s", head, path), NULL};
	struct git_call call = {.arguments = set, .index = index};
	struct error err;
	if (!git_run(&call, NULL, NULL, &err))
		hook_say("%s", err.text);
}

static void mend_index(const struct hook *hook, const struct layout_users *files)
{
	static const char *const sides[] = {"", "HEAD", "HEAD@{1}"};
	const char *index = arena_printf(hook->mem, "%s/index", hook->checkout.folder);
	const char *asked[6], *names[6];
	for (size_t i = 0; i < COUNT_OF(asked); i++)
		asked[i] = arena_printf(hook->mem, "%s:%s", sides[i % 3], i < 3 ? files->users : files->sealed);
	if (!git_names(asked, COUNT_OF(asked), index, hook->mem, names))
		return;
	mend_path(hook, index, files->users, names);
	mend_path(hook, index, files->sealed, names + 3);
}

int hook_post_commit(struct hook *hook)
{
	const struct seal_follow how = {.committed = true};
	if (hook->checkout.bare || is_busy(hook, false))
		return 0;
	for (size_t i = 0; i < hook->layout.count; i++)
		mend_index(hook, &hook->layout.users[i]);
	follow_each(hook, &how);
	return 0;
}
