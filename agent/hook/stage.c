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
#include "reconcile/sealed/sealed_join.h"

/*
 * Which index this commit is made of (GIT_INDEX_FILE), as git 2.39 does it:
 *   git commit           index
 *   git commit -a, -i    index.lock, renamed to index afterwards
 *   git commit -- PATH   next-index-PID.lock for the commit; what the index becomes is in index.lock
 */
enum index_mode { INDEX_PLAIN, INDEX_ALL, INDEX_PARTIAL };

struct staging {
	struct hook *hook;
	struct seal_place place;
	enum index_mode mode;
	bool staged;    /* by us */
	bool was_empty; /* nothing else was: git has looked already, and will say so */
};

static enum index_mode mode_of_index(void)
{
	const char *index = getenv("GIT_INDEX_FILE"), *slash = index ? strrchr(index, '/') : NULL;
	const char *name = slash ? slash + 1 : index ? index : "index";
	if (strcmp(name, "index.lock") == 0)
		return INDEX_ALL;
	return text_starts(name, "next-index-") ? INDEX_PARTIAL : INDEX_PLAIN;
}

static bool read_file(const char *path, struct buf *out, struct error *err)
{
	return file_read(path, out, err) || err->kind == ERROR_MISSING;
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
static bool write_outcome(struct staging *staging, const struct seal_run *run,
	const struct seal_outcome *outcome, struct error *err)
{
	return seal_users_write(run, outcome, err) &&
		(!(outcome->users_changed || outcome->sealing.changed) || stage(staging, run->files, err));
}

static bool refuse(const struct layout_users *files, const char *why)
{
	hook_say("%s: %s", files->edit, why);
	return false;
}

static void say_outcome(
	const struct staging *staging, const struct layout_users *files, const struct seal_outcome *outcome)
{
	struct hook *hook = staging->hook;
	say_mistakes(&outcome->notes);
	if (outcome->users_changed || outcome->sealing.changed)
		hook_say("%s: %s; staged %s and %s", files->edit, seal_users_summary(outcome, hook->mem),
			files->users, files->sealed);
	if (outcome->sealing.sealed.count && outcome->days_left >= 0 &&
		outcome->days_left < CERTIFICATE_DAYS_WARN)
		hook_say("warning: the certificate expires in %lld days: `pgitops seal cert` fetches the current one",
			(long long)outcome->days_left);
}

/* What both have of the entry: the index, which becomes the commit, and HEAD. */
struct sides {
	struct git_side index, head;
};

static void sides_done(struct sides *sides)
{
	git_side_done(&sides->index);
	git_side_done(&sides->head);
}

static bool read_sides(const struct staging *staging, const struct layout_users *files,
	const struct seal_states *states, struct sides *sides, struct mistakes *mistakes)
{
	struct arena *mem = staging->hook->mem;
	struct error err;
	sides->index = (struct git_side){.users = BUF(2 * LIMIT_FILE_BYTES),
		.sealed = BUF(LIMIT_PATH_BYTES),
		.exists = states->users != SEAL_UNTRACKED};
	if (!seal_staged(files, states, &sides->index, mem, &err) ||
		!git_side_of_head(files, mem, &sides->head, &err)) {
		mistakes_add(mistakes, files->edit, 0, 0, "%s", err.text);
		return false;
	}
	return git_side_read(files, mem, &sides->index, mistakes);
}

static bool seal_entry(
	struct staging *staging, const struct layout_users *files, const struct seal_states *states)
{
	struct hook *hook = staging->hook;
	CLEANUP(seal_outcome_done) struct seal_outcome outcome = {0};
	CLEANUP(sides_done) struct sides sides = {0};
	struct mistakes mistakes = {.mem = hook->mem};
	const struct seal_follow how = {.quiet = false};
	struct error err;
	if (!seal_is_ours(&staging->place, files->users, states->users) ||
		!seal_is_ours(&staging->place, files->sealed, states->sealed))
		return refuse(files,
			"users.yaml or sealed-users.yaml has changes of its own that are not staged: stage or discard them "
			"first, nothing was sealed");
	if (seal_is_behind(&staging->place, files) && !seal_follow(&staging->place, files, &how, &err))
		return refuse(files, err.text);
	struct seal_run run = {.place = &staging->place,
		.files = files,
		.git = &sides.index,
		.head = &sides.head,
		.users_stale = states->users == SEAL_MODIFIED,
		.sealed_stale = states->sealed == SEAL_MODIFIED};
	if (!read_sides(staging, files, states, &sides, &mistakes) ||
		!seal_users_make(&run, &outcome, &mistakes)) {
		say_mistakes(&mistakes);
		return refuse(files, "nothing was sealed, nothing is committed");
	}
	if (!write_outcome(staging, &run, &outcome, &err))
		return refuse(files, err.text);
	say_outcome(staging, files, &outcome);
	return true;
}

/* Who stands twice in users.yaml, NULL = nobody. */
static const char *repeated_user(const struct staging *staging, const struct sides *sides)
{
	struct users_parts parts = {0};
	struct error ignored;
	if (!sides->index.read.mem ||
		!users_parts_read(&sides->index.read, staging->hook->mem, &parts, &ignored))
		return NULL;
	for (size_t i = 0; i < parts.count; i++)
		if (parts.items[i].repeated)
			return parts.items[i].name;
	return NULL;
}

/* A merge that somebody left half done, or ended with "keep both". */
static bool is_whole(
	const struct staging *staging, const struct layout_users *files, const struct seal_states *states)
{
	CLEANUP(sides_done) struct sides sides = {0};
	struct mistakes mistakes = {.mem = staging->hook->mem};
	const char *path = files->users;
	if (git_says("diff-index", "--cached", "--quiet", git_head(staging->hook->mem), "--", files->users,
		    files->sealed, NULL))
		return true;
	if (read_sides(staging, files, states, &sides, &mistakes) &&
		!conflict_line(buf_string(&sides.index.users), sides.index.users.length) &&
		!conflict_line(buf_string(&sides.index.sealed), sides.index.sealed.length) &&
		!repeated_user(staging, &sides))
		return true;
	int line = conflict_line(buf_string(&sides.index.users), sides.index.users.length);
	if (!line && (line = conflict_line(buf_string(&sides.index.sealed), sides.index.sealed.length)))
		path = files->sealed;
	if (line)
		hook_say("%s:%d: conflict markers of a merge stand there", path, line);
	else if (repeated_user(staging, &sides))
		hook_say("%s: user \"%s\" stands there twice for one database", path,
			repeated_user(staging, &sides));
	else
		say_mistakes(&mistakes);
	return refuse(files, "nothing is committed: `pgitops seal users --resolve` brings both sides together");
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
	struct seal_states states;
	struct error err;
	bool replaying = hook_is_replaying(staging->hook), there = file_read(files->edit, &edit, &err);
	if (!there && err.kind != ERROR_MISSING)
		return refuse(files, err.text);
	if (!seal_states(files, &states, &err))
		return refuse(files, err.text);
	if (there && states.edit != SEAL_UNTRACKED && !untrack(staging, files))
		return false;
	if (there && !replaying && states.users == SEAL_STAGED && states.sealed == SEAL_STAGED &&
		seal_is_settled(&staging->place, files, &edit))
		return true;
	if (!is_whole(staging, files, &states))
		return false;
	return !there || replaying || !is_asked_for(staging, files) || seal_entry(staging, files, &states);
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
	struct staging staging = {
		.hook = hook, .place = {&hook->checkout, hook->receipts, hook->mem}, .mode = mode_of_index()};
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
