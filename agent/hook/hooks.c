#include "agent/hook/install.h"
#include "agent/hook/allow.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"

void hook_say(const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(stderr, "pgitops: %s\n", text); /* paths are foreign */
}

void hook_say_long(const char *text, const char *words)
{
	say(stderr, "pgitops: %s%s\n", text, words);
}

bool hook_is_replaying(const struct hook *hook)
{
	static const char *const marks[] = {
		"MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply"};
	for (size_t i = 0; i < COUNT_OF(marks); i++)
		if (access(arena_printf(hook->mem, "%s/%s", hook->checkout.folder, marks[i]), F_OK) == 0)
			return true;
	return false;
}

struct guard hook_guard(const struct hook *hook)
{
	return (struct guard){.mem = hook->mem, .layout = &hook->layout, .known = hook->known};
}

static int failed(const struct error *err)
{
	hook_say("%s", err->text);
	return 2;
}

int hook_pre_merge_commit(struct hook *hook)
{
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	struct blobs blobs = {0};
	struct error err;
	if (!guard_staged(hook->mem, false, &blobs, &err) || !guard_scan(&guard, &blobs, &err))
		return failed(&err);
	hook_pass_published(&guard);
	return hook_report(&guard, "merge");
}

/* The message as git will take it: with `commit -v` the changes stand below the scissors, and go. */
int hook_commit_msg(struct hook *hook, const char *file)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_PATH_BYTES);
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	struct error err;
	if (!file_read(file, &text, &err))
		return failed(&err);
	const char *all = buf_string(&text),
		   *scissors = strstr(all, "------------------------ >8 ------------------------");
	guard_text(&guard, GUARD_MESSAGE, NULL, all, scissors ? (size_t)(scissors - all) : text.length);
	int code = hook_report(&guard, "commit");
	if (code)
		hook_say("the message is kept in .git/COMMIT_EDITMSG: git commit -e -F \"$(git rev-parse --git-path COMMIT_EDITMSG)\"");
	return code;
}

/* The filter that `git add` runs for edit files. A failure is the point: the text never becomes an object. */
int hook_clean(const char *path, struct arena *mem)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	CLEANUP(leak_done) struct leaks leaks = {.mem = mem};
	bool plain = false;
	if (!hook_read_stdin(&text)) {
		hook_say("%s is larger than %ld bytes", path, LIMIT_FILE_BYTES);
		return 1;
	}
	/* The filter is for this path because it is edited: it is a list of users, whatever its name. */
	leak_read(NULL, LAYOUT_EDIT, buf_string(&text), text.length, &leaks);
	for (size_t i = 0; i < leaks.count; i++)
		plain = plain || leaks.items[i].rule != LEAK_LOOKS;
	if (plain) {
		hook_say("%s holds plain passwords and stays out of Git: just commit, its users are sealed and staged by themselves "
			 "(if Git tracks it: git update-index --force-remove '%s')",
			path, path);
		return 1;
	}
	return fwrite(buf_string(&text), 1, text.length, stdout) == text.length && fflush(stdout) == 0 ? 0 : 1;
}

void hook_close(struct hook *hook)
{
	for (size_t i = 0; i < hook->edit_count; i++)
		edit_users_done(&hook->edits[i]);
	known_free(hook->known);
	receipts_close(hook->receipts);
	*hook = (struct hook){0};
}

bool hook_open(struct arena *mem, struct hook *hook, struct error *err)
{
	struct hook opened = {.mem = mem};
	struct mistakes mistakes = {.mem = mem};
	if (!git_checkout(mem, &opened.checkout, err) ||
		!seal_receipts_open(&opened.checkout, &opened.receipts, err))
		return false;
	if (!opened.checkout.bare && !layout_read(mem, &opened.layout, &mistakes)) {
		hook_close(&opened);
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], mem));
	}
	hook_read_known(&opened);
	if (!allow_read(&opened, err)) {
		hook_close(&opened);
		return false;
	}
	*hook = opened;
	return true;
}

/* The framework pre-commit gives hooks no arguments but variables; "" = not there. */
static const char *word_of(int argc, char **argv, int at, const char *variable)
{
	const char *value = getenv(variable);
	return argc > at ? argv[at] : argc == 0 && value ? value : "";
}

static int dispatch(struct hook *hook, const char *name, int argc, char **argv)
{
	if (strcmp(name, "pre-commit") == 0)
		return hook_pre_commit(hook);
	if (strcmp(name, "pre-merge-commit") == 0)
		return hook_pre_merge_commit(hook);
	if (strcmp(name, "commit-msg") == 0 && argc > 0)
		return hook_commit_msg(hook, argv[0]);
	if (strcmp(name, "pre-push") == 0)
		return hook_pre_push(hook, argc > 0 ? argv[0] : "origin");
	if (strcmp(name, "push") == 0) {
		const char *remote = word_of(argc, argv, 0, "PRE_COMMIT_REMOTE_NAME");
		return hook_push(hook, *remote ? remote : "origin");
	}
	if (strcmp(name, "pre-receive") == 0)
		return hook_pre_receive(hook);
	if (strcmp(name, "post-commit") == 0)
		return hook_post_commit(hook);
	if (strcmp(name, "post-merge") == 0)
		return hook_after_checkout(hook, false);
	if (strcmp(name, "post-rewrite") == 0) /* an amended commit was followed already */
		return strcmp(word_of(argc, argv, 0, "PRE_COMMIT_REWRITE_COMMAND"), "rebase") == 0
			? hook_after_checkout(hook, true)
			: 0;
	if (strcmp(name, "post-checkout") == 0) /* OLD NEW 1 for a branch, 0 for single files */
		return strcmp(word_of(argc, argv, 2, "PRE_COMMIT_CHECKOUT_TYPE"), "1") == 0
			? hook_after_checkout(hook, false)
			: 0;
	hook_say("there is no hook \"%s\"", name);
	return 2;
}

int hook_run(const char *name, int argc, char **argv, struct arena *mem)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct error err;
	if (strcmp(name, "clean") == 0)
		return hook_clean(argc > 0 ? argv[0] : "this file", mem);
	return hook_open(mem, &hook, &err) ? dispatch(&hook, name, argc, argv) : failed(&err);
}
