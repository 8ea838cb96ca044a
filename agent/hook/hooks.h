/*
 * hooks.h - what the Git hooks do
 *
 * pre-commit       seals changed edit files, stages what came out, and refuses plain passwords
 * pre-merge-commit refuses plain passwords in the merge
 * post-commit, post-checkout, post-merge, post-rewrite   bring what others changed in users.yaml into the edit file, user by user
 *                  (users_merge.h), and make a missing one
 * commit-msg       refuses plain passwords in the message
 * pre-push         refuses a push with plain passwords in any of its commits, their messages, its tags
 * clean            the filter of edit files: refuses to add one with passwords at all
 *
 * Each returns the hook's exit code and says on stderr what it did or why it refused.
 */
#pragma once

#include "agent/hook/guard.h"
#include "agent/hook/seal.h"
#include "base/json.h"

struct hook {
	struct arena *mem;
	struct checkout checkout;
	struct layout layout;
	struct receipts *receipts;
	struct known *known; /* what must not appear anywhere: passwords of this clone's edit files, and of its other worktrees' */
	struct edit_users *edits;
	size_t edit_count;
	bool staged; /* hook_stage() changed the index */
};

/* `arguments` are the hook's own. */
int hook_run(const char *name, int argc, char **argv, struct arena *mem);

int hook_pre_commit(struct hook *hook);
int hook_pre_merge_commit(struct hook *hook);
int hook_commit_msg(struct hook *hook, const char *file);
int hook_pre_push(struct hook *hook, const char *remote);
int hook_push(struct hook *hook, const char *remote); /* pre-push where a tool has the list of refs */
int hook_pre_receive(struct hook *hook);
int hook_after_checkout(struct hook *hook, bool rewritten); /* `rewritten`: by a rebase that is about to end */
int hook_post_commit(struct hook *hook);
int hook_clean(const char *path, struct arena *mem);

/* `pgitops check --secrets`: the index or HEAD when `range` is NULL. 0 clean, 1 plain passwords, 2 no answer. All findings become `items`
   (a JSON list); NULL = they are printed. */
int hook_check(struct hook *hook, const char *range, json_t *items);

/* The seal-and-stage half of pre-commit; false when the commit must not go on. stage.c */
bool hook_stage(struct hook *hook);

/* A merge, rebase, cherry-pick or revert is going on: what it makes is not ours to change. */
bool hook_is_replaying(const struct hook *hook);

/* Fills hook->known. An edit file that cannot be read is reported by whoever seals it. known.c */
void hook_read_known(struct hook *hook);

/* All of stdin; false when it cannot be read or is larger than `out`. */
bool hook_read_stdin(struct buf *out) MUST_CHECK;

/* In a merge: takes out findings that a server has already, with a warning for each. */
void hook_pass_published(struct guard *guard);

/* Prints what the guard found, and the command that allows it. Returns 0, or 1 when there is more than warnings. */
int hook_report(const struct guard *guard, const char *what);

/* The guard for this hook's layout and known passwords. */
struct guard hook_guard(const struct hook *hook);

void hook_say(const char *format, ...) PRINTF_LIKE(1, 2);

/* `words` may be long, and are printed as they are. */
void hook_say_long(const char *text, const char *words);
