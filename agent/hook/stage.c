/* pre-commit: seals what changed in the edit files and puts the result into the index that becomes the commit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/hooks.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/*
 * Which index this commit is made of (GIT_INDEX_FILE), as git 2.39 does it:
 *   git commit           index
 *   git commit -a, -i    index.lock, renamed to index afterwards
 *   git commit -- PATH   next-index-PID.lock for the commit; what the index becomes is in index.lock
 */
enum index_mode { INDEX_PLAIN, INDEX_ALL, INDEX_PARTIAL };

struct staging {
	struct hook *hook;
	enum index_mode mode;
	bool staged;    /* by us */
	bool was_empty; /* nothing else was: git has looked already, and will say so */
};

static const char *name_of(const struct staging *staging, const char *path)
{
	return seal_file_name(&staging->hook->checkout, path, staging->hook->mem);
}

static enum index_mode mode_of_index(void)
{
	const char *index = getenv("GIT_INDEX_FILE"), *slash = index ? strrchr(index, '/') : NULL;
	const char *name = slash ? slash + 1 : index ? index : "index";
	if (strcmp(name, "index.lock") == 0)
		return INDEX_ALL;
	return text_starts(name, "next-index-") ? INDEX_PARTIAL : INDEX_PLAIN;
}

/* How a file of an entry stands in the index, by one question for all three. */
enum path_state { PATH_UNTRACKED, PATH_STAGED, PATH_MODIFIED /* the work tree differs from it */ };

struct states {
	enum path_state edit, users, sealed;
};

/* "H 100644 ID 0\tPATH" for what is in the index, "C ..." once more for what differs or is deleted. */
static bool read_states(const struct layout_users *files, struct states *states, struct error *err)
{
	CLEANUP(buf_done) struct buf out = BUF(1024 * 1024);
	struct states found = {PATH_UNTRACKED, PATH_UNTRACKED, PATH_UNTRACKED};
	if (!git_ask(&out, err, "--literal-pathspecs", "ls-files", "-z", "-t", "-c", "-m", "-s", "--",
		    files->edit, files->users, files->sealed, NULL))
		return false;
	for (size_t at = 0; at < out.length; at += strlen(out.data + at) + 1) {
		const char *line = out.data + at, *path = strchr(line, '\t');
		enum path_state *state = !path                 ? NULL
			: strcmp(path + 1, files->edit) == 0   ? &found.edit
			: strcmp(path + 1, files->users) == 0  ? &found.users
			: strcmp(path + 1, files->sealed) == 0 ? &found.sealed
							       : NULL;
		if (state)
			*state = *line == 'C' || *state == PATH_MODIFIED ? PATH_MODIFIED : PATH_STAGED;
	}
	*states = found;
	return true;
}

/* What stands under the path in the index; empty when nothing does. */
static bool read_staged(const char *path, enum path_state state, struct buf *out, struct error *err)
{
	char name[4200];
	int length = snprintf(name, sizeof(name), ":%s", path);
	if (state == PATH_UNTRACKED)
		return true;
	if (length < 0 || (size_t)length >= sizeof(name))
		return error_set(err, ERROR_INVALID, "the path %.100s... is too long", path);
	return git_ask(out, err, "cat-file", "blob", name, NULL);
}

static bool read_file(const char *path, struct buf *out, struct error *err)
{
	return file_read(path, out, err) || err->kind == ERROR_MISSING;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->length == b->length && (!a->length || memcmp(a->data, b->data, a->length) == 0);
}

/* Both texts of an entry, in the index and in the work tree. */
struct texts {
	struct buf users_staged, sealed_staged, users_here, sealed_here;
};

static void texts_done(struct texts *texts)
{
	buf_done(&texts->users_staged);
	buf_done(&texts->sealed_staged);
	buf_done(&texts->users_here);
	buf_done(&texts->sealed_here);
}

static bool read_texts(
	const struct layout_users *files, const struct states *states, struct texts *texts, struct error *err)
{
	texts->users_staged = texts->users_here = (struct buf)BUF(2 * LIMIT_FILE_BYTES);
	texts->sealed_staged = texts->sealed_here = (struct buf)BUF(LIMIT_PATH_BYTES);
	return read_staged(files->users, states->users, &texts->users_staged, err) &&
		read_staged(files->sealed, states->sealed, &texts->sealed_staged, err) &&
		read_file(files->users, &texts->users_here, err) &&
		read_file(files->sealed, &texts->sealed_here, err);
}

/* What lies in the work tree was made by us (and is not committed yet), or is what is staged. */
static bool is_ours(
	const struct staging *staging, const char *path, const struct buf *here, const struct buf *staged)
{
	return same(here, staged) || !here->length ||
		receipts_file_match(
			staging->hook->receipts, name_of(staging, path), buf_string(here), here->length);
}

/* `git commit -- README.md` is about README.md. */
static bool is_asked_for(const struct staging *staging, const struct layout_users *files)
{
	return staging->mode != INDEX_PARTIAL ||
		!git_says("diff-index", "--cached", "--quiet", git_head(staging->hook->mem), "--",
			files->edit, files->users, files->sealed, NULL);
}

/* Into the index of the commit, and into the one that stays afterwards. */
static bool add_to_index(const struct layout_users *files, const char *index, struct error *err)
{
	const char *paths[3];
	seal_written(files, paths);
	const char *const add[] = {
		"--literal-pathspecs", "add", "--", paths[0], paths[0] ? paths[1] : NULL, NULL};
	struct git_call call = {.arguments = add, .index = index};
	return git_run(&call, NULL, NULL, err);
}

/* With nothing else to commit git gives up after this hook, and throws the prepared index of `commit -a` away: put it into
   the real one as well. Its lock is ours, or rather that of the git that waits for us. */
static bool add_to_real_index(const struct staging *staging, const struct layout_users *files, struct error *err)
{
	const char *real = arena_printf(staging->hook->mem, "%s/index", staging->hook->checkout.folder);
	const char *copy = arena_printf(staging->hook->mem, "%s/pgitops-index", staging->hook->checkout.folder);
	CLEANUP(buf_done) struct buf bytes = BUF(256L * 1024 * 1024);
	if (!read_file(real, &bytes, err) || !file_replace(copy, buf_string(&bytes), bytes.length, 0600, err))
		return false;
	bool ok = add_to_index(files, copy, err);
	if (ok && rename(copy, real) != 0)
		ok = error_set(err, ERROR_RETRY, "cannot replace %s: %s", real, strerror(errno));
	unlink(copy);
	return ok;
}

static bool stage(struct staging *staging, const struct layout_users *files, struct error *err)
{
	if (!staging->staged)
		staging->was_empty = git_says(
			"diff-index", "--cached", "--quiet", git_head(staging->hook->mem), "--", NULL);
	staging->staged = staging->hook->staged = true;
	if (!add_to_index(files, NULL, err))
		return false;
	if (staging->mode == INDEX_PARTIAL)
		return add_to_index(files,
			arena_printf(staging->hook->mem, "%s/index.lock", staging->hook->checkout.folder), err);
	return staging->mode != INDEX_ALL || !staging->was_empty || add_to_real_index(staging, files, err);
}

static void say_mistakes(const struct mistakes *mistakes)
{
	for (size_t i = 0; i < mistakes->count; i++)
		hook_say("%s", mistake_text(&mistakes->items[i], mistakes->mem));
}

/* The receipts first, the files next, the index last: a crash between them costs one reseal. */
static bool write_outcome(struct staging *staging, const struct layout_users *files,
	const struct seal_outcome *outcome, struct error *err)
{
	struct receipts *receipts = staging->hook->receipts;
	seal_note(receipts, &staging->hook->checkout, files, outcome, staging->hook->mem);
	return receipts_write(receipts, err) && seal_users_write(files, outcome, err) &&
		(outcome->users_changed || outcome->sealing.changed ? stage(staging, files, err) : true);
}

static bool refuse(const struct layout_users *files, const char *why)
{
	hook_say("%s: %s", files->edit, why);
	return false;
}

/* The users file on this branch is neither what this clone sealed last nor what the edit file says: somebody else changed it.
   What only they changed is taken over; what both changed is a person's decision. */
static bool follow_others(
	const struct staging *staging, const struct layout_users *files, const struct buf *users)
{
	struct receipts *receipts = staging->hook->receipts;
	if (!users->length || !receipts_file_known(receipts, name_of(staging, files->users)) ||
		receipts_file_match(receipts, name_of(staging, files->users), buf_string(users), users->length))
		return true;
	return hook_refresh(staging->hook, files, users) ||
		refuse(files,
			"users.yaml was changed elsewhere since this clone sealed last, and so was this file: bring their changes "
			"into it (git log -p -- users.yaml), then run `pgitops seal users` and commit");
}

static bool seal_entry(struct staging *staging, const struct layout_users *files, const struct texts *texts)
{
	struct hook *hook = staging->hook;
	CLEANUP(seal_outcome_done) struct seal_outcome outcome = {0};
	struct mistakes mistakes = {.mem = hook->mem};
	struct error err;
	bool ours = is_ours(staging, files->users, &texts->users_here, &texts->users_staged) &&
		is_ours(staging, files->sealed, &texts->sealed_here, &texts->sealed_staged);
	if (!ours)
		return refuse(files,
			"users.yaml or sealed-users.yaml has changes of its own that are not staged: stage or discard them "
			"first, nothing was sealed");
	const struct buf *users = texts->users_here.length ? &texts->users_here : &texts->users_staged;
	const struct buf *sealed = texts->sealed_here.length ? &texts->sealed_here : &texts->sealed_staged;
	if (!follow_others(staging, files, &texts->users_staged))
		return false;
	struct seal_run run = {
		.files = files,
		.receipts = hook->receipts,
		.users_now = buf_string(&texts->users_staged),
		.users_now_length = texts->users_staged.length,
		.sealed_now = buf_string(sealed),
		.sealed_now_length = sealed->length,
		.careful = users->length > 0 &&
			!receipts_file_known(hook->receipts, name_of(staging, files->edit)),
	};
	if (!seal_users_make(&run, hook->mem, &outcome, &mistakes)) {
		say_mistakes(&mistakes);
		return refuse(files, "nothing was sealed, nothing is committed");
	}
	/* Compared with the index: what was sealed before and never staged counts as a change. */
	outcome.sealing.changed = outcome.sealed.length != texts->sealed_staged.length ||
		!same(&outcome.sealed, &texts->sealed_staged);
	if (!write_outcome(staging, files, &outcome, &err)) {
		hook_say("%s", err.text);
		return false;
	}
	if (outcome.users_changed || outcome.sealing.changed)
		hook_say("%s: %s; staged %s and %s", files->edit, seal_users_summary(&outcome, hook->mem),
			files->users, files->sealed);
	if (outcome.sealing.sealed.count && outcome.days_left >= 0 && outcome.days_left < CERTIFICATE_DAYS_WARN)
		hook_say("warning: the certificate expires in %lld days: `pgitops seal cert` fetches the current one",
			(long long)outcome.days_left);
	return true;
}

/* Nothing to do: the edit file is as it was sealed last, and what came out is staged. */
static bool is_settled(const struct staging *staging, const struct layout_users *files,
	const struct buf *edit, const struct states *states)
{
	return states->users == PATH_STAGED && states->sealed == PATH_STAGED &&
		receipts_file_match(staging->hook->receipts, name_of(staging, files->edit), buf_string(edit),
			edit->length);
}

/* The edit file never stays in the index: its content would have to go without passwords, and then it says nothing that
   users.yaml does not. */
static bool untrack(const struct staging *staging, const struct layout_users *files)
{
	const char *const remove[] = {"update-index", "--force-remove", "--", files->edit, NULL};
	struct git_call call = {.arguments = remove};
	struct error err;
	if (!git_run(&call, NULL, NULL, &err))
		return refuse(files, err.text);
	if (staging->mode == INDEX_PARTIAL) {
		call.index = arena_printf(staging->hook->mem, "%s/index.lock", staging->hook->checkout.folder);
		if (!git_run(&call, NULL, NULL, &err))
			return refuse(files, err.text);
	}
	staging->hook->staged = true;
	hook_say("%s is no longer tracked by Git; the file itself stays. Passwords of it that were ever committed are in the "
		 "history: change them",
		files->edit);
	return true;
}

static bool stage_entry(struct staging *staging, const struct layout_users *files)
{
	CLEANUP(buf_wipe) struct buf edit = BUF(LIMIT_FILE_BYTES);
	CLEANUP(texts_done) struct texts texts = {0};
	struct states states;
	struct error err;
	bool replaying = hook_is_replaying(staging->hook);
	if (!file_read(files->edit, &edit, &err))
		return err.kind == ERROR_MISSING || refuse(files, err.text);
	if (!read_states(files, &states, &err))
		return refuse(files, err.text);
	if (states.edit != PATH_UNTRACKED && !untrack(staging, files))
		return false;
	if (replaying || is_settled(staging, files, &edit, &states) || !is_asked_for(staging, files))
		return true;
	if (!read_texts(files, &states, &texts, &err))
		return refuse(files, err.text);
	return seal_entry(staging, files, &texts);
}

/* A user of one edit file, to be compared with those of the others. */
struct owner {
	const struct edit_users *edit;
	const struct edit_user *user;
};

static int by_secret(const void *a, const void *b)
{
	const struct owner *left = a, *right = b;
	int order = strcmp(left->edit->namespace, right->edit->namespace);
	return order ? order : strcmp(left->user->secret, right->user->secret);
}

/* Two edit files must not seal for one Secret: the cluster would have the password of whichever was applied last. */
static bool are_apart(const struct hook *hook)
{
	size_t count = 0, total = 0;
	for (size_t i = 0; i < hook->edit_count; i++)
		total += hook->edits[i].count;
	struct owner *owners = arena_array(hook->mem, total + 1, sizeof(*owners));
	for (size_t i = 0; i < hook->edit_count; i++)
		for (size_t k = 0; k < hook->edits[i].count; k++)
			owners[count++] = (struct owner){&hook->edits[i], &hook->edits[i].items[k]};
	qsort(owners, count, sizeof(*owners), by_secret);
	for (size_t i = 1; i < count; i++)
		if (by_secret(&owners[i - 1], &owners[i]) == 0) {
			hook_say("%s:%d and %s:%d: users \"%s\" and \"%s\" would share the Secret %s/%s, and so one password: "
				 "name another namespace or Secret",
				owners[i - 1].edit->file, owners[i - 1].user->line, owners[i].edit->file,
				owners[i].user->line, owners[i - 1].user->name, owners[i].user->name,
				owners[i].edit->namespace, owners[i].user->secret);
			return false;
		}
	return true;
}

bool hook_stage(struct hook *hook)
{
	struct staging staging = {.hook = hook, .mode = mode_of_index()};
	if (hook->edit_count > 1 && !hook_is_replaying(hook) && !are_apart(hook))
		return false;
	if (!hook->layout.complete)
		hook_say("warning: this work tree is too large to be searched for " LAYOUT_EDIT
			 ": say in " LAYOUT_FILE " which files are edited");
	for (size_t i = 0; i < hook->layout.count; i++)
		if (!stage_entry(&staging, &hook->layout.users[i]))
			return false;
	if (staging.staged && staging.was_empty)
		hook_say("git had found nothing to commit before that: if it says so now, run the same `git commit` once more");
	return true;
}
