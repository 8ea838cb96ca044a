/* pre-commit: what is refused is taken out of the index again; objects are Git's to prune. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hook/hooks.h"
#include "base/text.h"

static bool is_committed(const char *id)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	const char *option = NULL;
	char text[128];
	struct error ignored;
	snprintf(text, sizeof(text), "--find-object=%s", id);
	option = text;
	return !git_ask(&out, &ignored, "log", "--all", "--reflog", "-1", "--format=%H", option, NULL) ||
		out.length > 0;
}

/* `git add` wrote the plain text into .git/objects. It stays there until Git's own pruning: whether no other index, stash or worktree
   needs the object only Git can tell. Nothing that is not in a commit is ever pushed. */
static void tell_object(const struct guard *guard, const struct blob *blob)
{
	if (is_committed(blob->id))
		hook_say("%s: this plain text is in a commit already: change that password, and take it out of the history "
			 "(git filter-repo)",
			guard_shown(guard, blob->path));
	else
		hook_say("%s: what `git add` kept of it in .git is in no commit, is never pushed, and goes when Git prunes (at once: "
			 "`git prune --expire=now`, which takes all that nothing refers to)",
			guard_shown(guard, blob->path));
}

/* Back to what the last commit has; in `commit -a` and `commit -- PATH` git drops its prepared index by itself. */
static void unstage(const char *path)
{
	struct error ignored;
	const char *index = getenv("GIT_INDEX_FILE");
	if (index && text_ends(index, ".lock"))
		return;
	if (!git_says("--literal-pathspecs", "reset", "-q", "--", path, NULL) &&
		!git_ask(NULL, &ignored, "update-index", "--force-remove", "--", path, NULL))
		return;
}

static void clean_up(const struct guard *guard)
{
	for (size_t i = 0; i < guard->count; i++)
		if (i == 0 || guard->findings[i].blob != guard->findings[i - 1].blob)
			unstage(guard->findings[i].blob->path);
	for (size_t i = 0; i < guard->count; i++)
		if (i == 0 || guard->findings[i].blob != guard->findings[i - 1].blob)
			tell_object(guard, guard->findings[i].blob);
}

/* Edit files that were added by force are taken out of the index by hook_stage(). */
static bool tell_edits(const struct hook *hook, const struct blobs *staged, struct error *err)
{
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	struct blobs edits = {0};
	for (size_t i = 0; i < staged->count; i++)
		if (layout_of_edit(&hook->layout, staged->items[i].path)) {
			edits.items = arena_grow(hook->mem, edits.items, edits.count, sizeof(*edits.items));
			edits.items[edits.count++] = staged->items[i];
		}
	if (edits.count && !guard_scan(&guard, &edits, err))
		return false;
	for (size_t i = 0; i < guard.count; i++)
		if (i == 0 || guard.findings[i].blob != guard.findings[i - 1].blob)
			tell_object(&guard, guard.findings[i].blob);
	return true;
}

int hook_pre_commit(struct hook *hook)
{
	bool merging = hook_is_replaying(hook), amending = !merging && guard_is_amending();
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	struct blobs blobs = {0}, after = {0};
	struct error err = {0};
	if (guard_staged(hook->mem, amending, &blobs, &err)) {
		if (!hook_stage(hook))
			return 1;
		if ((!hook->staged ||
			    (tell_edits(hook, &blobs, &err) && guard_staged(hook->mem, amending, &after, &err))) &&
			guard_scan(&guard, hook->staged ? &after : &blobs, &err)) {
			if (merging)
				hook_pass_published(&guard);
			int code = hook_report(&guard, "commit");
			if (code)
				clean_up(&guard);
			return code ? 1 : 0;
		}
	}
	hook_say("%s", err.text);
	return 1;
}
