#include "agent/hook/install.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define STDIN_BYTES (4L * 1024 * 1024)

void hook_say(const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *at = text; *at;
		at++) /* paths are foreign: no line break or escape of theirs reaches the terminal */
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	fprintf(stderr, "pgitops: %s\n", text);
}

static bool read_stdin(struct buf *out)
{
	char chunk[16384];
	ssize_t got;
	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		buf_append(out, chunk, (size_t)got);
		explicit_bzero(chunk, (size_t)got);
	}
	return !buf_failed(out);
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
	return (struct guard){.mem = hook->mem,
		.layout = &hook->layout,
		.known = hook->known,
		.known_count = hook->known_count};
}

static void print_finding(const struct finding *finding)
{
	char line[16] = "";
	if (finding->line)
		snprintf(line, sizeof(line), ":%d", finding->line);
	hook_say("%s%s%s%.12s%s: %s", finding->blob->path, line, finding->blob->commit ? " in commit " : "",
		finding->blob->commit ? finding->blob->commit : "", "", finding->text);
}

int hook_report(const struct guard *guard, const char *what)
{
	for (size_t i = 0; i < guard->count; i++)
		print_finding(&guard->findings[i]);
	for (size_t i = 0; i < guard->unsure_count; i++)
		print_finding(&guard->unsure[i]);
	if (guard->count)
		hook_say("%s refused: %zu plain value%s", what, guard->count, guard->count == 1 ? "" : "s");
	else if (guard->unsure_count)
		hook_say("%s refused: %zu file%s could not be judged", what, guard->unsure_count,
			guard->unsure_count == 1 ? "" : "s");
	return guard->count ? 1 : guard->unsure_count ? 2 : 0;
}

static int failed(const struct error *err)
{
	hook_say("%s", err->text);
	return 2;
}

static bool is_published(const struct blob *blob)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	char option[128];
	struct error ignored;
	snprintf(option, sizeof(option), "--find-object=%s", blob->id);
	return git_ask(&out, &ignored, "log", "--remotes", "-1", "--format=%H", option, NULL) && out.length > 0;
}

/* What a server has already is not kept from it by refusing a merge: one leak that was pushed would stop everybody. */
static size_t without_published(struct finding *findings, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_published(findings[i].blob)) {
			findings[kept++] = findings[i];
			continue;
		}
		print_finding(&findings[i]);
		hook_say("warning: this is on a server already: change that password, and take the file out");
	}
	return kept;
}

void hook_pass_published(struct guard *guard)
{
	guard->count = without_published(guard->findings, guard->count);
	guard->unsure_count = without_published(guard->unsure, guard->unsure_count);
}

int hook_pre_merge_commit(struct hook *hook)
{
	struct guard guard = hook_guard(hook);
	struct blobs blobs = {0};
	struct error err;
	if (!guard_staged(hook->mem, true, &blobs, &err) || !guard_scan(&guard, &blobs, &err))
		return failed(&err);
	hook_pass_published(&guard);
	return hook_report(&guard, "merge");
}

/* "LOCAL-REF LOCAL-ID REMOTE-REF REMOTE-ID" lines; an ID of zeros is a ref that does not exist. */
static bool is_zero(const char *id)
{
	return id[strspn(id, "0")] == '\0';
}

int hook_pre_push(struct hook *hook, const char *remote)
{
	CLEANUP(buf_done) struct buf lines = BUF(STDIN_BYTES);
	CLEANUP(buf_done) struct buf revisions = BUF(STDIN_BYTES);
	const char *of_remote = arena_printf(hook->mem, "--remotes=%s", remote);
	const char *const list[] = {"rev-list", "--stdin", "--not", of_remote, NULL};
	struct guard guard = hook_guard(hook);
	struct blobs blobs = {0};
	struct error err = {0};
	char *rest = NULL;
	if (!read_stdin(&lines))
		return 2;
	for (char *line = lines.length ? strtok_r(lines.data, "\n", &rest) : NULL; line;
		line = strtok_r(NULL, "\n", &rest)) {
		char *words = NULL;
		strtok_r(line, " ", &words);
		const char *local = strtok_r(NULL, " ", &words);
		strtok_r(NULL, " ", &words);
		const char *there = strtok_r(NULL, " ", &words);
		if (!local || !there || is_zero(local))
			continue;
		buf_printf(&revisions, "%s\n", local);
		/* What the server has may not be here: then its refs that are known here say what is new. */
		if (!is_zero(there) &&
			git_says("cat-file", "-e", arena_printf(hook->mem, "%s^{commit}", there), NULL))
			buf_printf(&revisions, "^%s\n", there);
	}
	if (!revisions.length)
		return 0;
	if (!guard_commits(hook->mem, list, buf_string(&revisions), &blobs, &err) ||
		!guard_scan(&guard, &blobs, &err))
		return failed(&err);
	int code = hook_report(&guard, "push");
	if (code)
		hook_say("the commits stay here: rewrite them (git commit --amend, git rebase -i), and change a password that was "
			 "pushed before");
	return code ? 1 : 0;
}

/* What the repository allows to be plain stands in the .pgitops.yaml of the commit that is judged: a server has no work
   tree. One that cannot be read allows nothing. */
static void take_layout_of(struct hook *hook, const char *commit)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	const char *file = arena_printf(hook->mem, "%s:" LAYOUT_FILE, commit);
	struct mistakes ignored = {.mem = hook->mem};
	struct layout layout;
	struct error err;
	if (git_says("cat-file", "-e", file, NULL) && git_ask(&text, &err, "cat-file", "blob", file, NULL) &&
		layout_parse(buf_string(&text), text.length, hook->mem, &layout, &ignored))
		hook->layout = layout;
}

/* "OLD NEW REF" lines of the server. New objects are in quarantine: git itself knows where. */
int hook_pre_receive(struct hook *hook)
{
	static const char *const list[] = {"rev-list", "--stdin", "--not", "--all", NULL};
	CLEANUP(buf_done) struct buf lines = BUF(STDIN_BYTES);
	CLEANUP(buf_done) struct buf revisions = BUF(STDIN_BYTES);
	struct blobs blobs = {0};
	struct error err = {0};
	char *rest = NULL;
	if (!read_stdin(&lines))
		return 2;
	for (char *line = lines.length ? strtok_r(lines.data, "\n", &rest) : NULL; line;
		line = strtok_r(NULL, "\n", &rest)) {
		char *words = NULL;
		strtok_r(line, " ", &words);
		const char *new = strtok_r(NULL, " ", &words);
		if (!new || is_zero(new))
			continue;
		buf_printf(&revisions, "%s\n", new);
		take_layout_of(hook, new);
	}
	if (!revisions.length)
		return 0;
	struct guard guard = hook_guard(hook);
	if (!guard_commits(hook->mem, list, buf_string(&revisions), &blobs, &err) ||
		!guard_scan(&guard, &blobs, &err))
		return failed(&err);
	return hook_report(&guard, "push");
}

int hook_check(struct hook *hook, const char *range)
{
	const char *const list[] = {"rev-list", "--end-of-options", range, "--", NULL};
	struct blobs blobs = {0};
	struct error err = {0};
	bool ok;
	if (hook->checkout.bare)
		take_layout_of(hook, "HEAD");
	struct guard guard = hook_guard(hook);
	if (range)
		ok = guard_commits(hook->mem, list, NULL, &blobs, &err);
	else if (hook->checkout.bare)
		ok = guard_tree(hook->mem, "HEAD", &blobs, &err);
	else
		ok = guard_index(hook->mem, &blobs, &err);
	if (!ok || !guard_scan(&guard, &blobs, &err))
		return failed(&err);
	int code = hook_report(&guard, "check");
	if (code == 0)
		printf("%zu file%s: no plain passwords\n", blobs.count, blobs.count == 1 ? "" : "s");
	return code;
}

/* The filter that `git add` runs for edit files. A failure is the point: the text never becomes an object. */
int hook_clean(const char *path, struct arena *mem)
{
	CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
	struct mistakes certain = {.mem = mem}, possible = {.mem = mem};
	const struct plain_scan scan = {.findings = &certain, .unsure = &possible};
	if (!read_stdin(&text)) {
		hook_say("%s is larger than %ld bytes", path, LIMIT_FILE_BYTES);
		return 1;
	}
	plain_scan(&scan, path, buf_string(&text), text.length);
	if (certain.count || possible.count) {
		hook_say("%s holds plain passwords and stays out of Git: just commit, its users are sealed and staged by themselves "
			 "(if Git tracks it: git update-index --force-remove '%s')",
			path, path);
		return 1;
	}
	return fwrite(buf_string(&text), 1, text.length, stdout) == text.length && fflush(stdout) == 0 ? 0 : 1;
}

/* The passwords of this clone, so that they are found wherever they stand. A file that cannot be read is reported by whoever
   seals it. */
static void read_known(struct hook *hook)
{
	hook->edits = arena_array(hook->mem, hook->layout.count + 1, sizeof(*hook->edits));
	for (size_t i = 0; i < hook->layout.count; i++) {
		const struct layout_users *files = &hook->layout.users[i];
		CLEANUP(buf_wipe) struct buf text = BUF(LIMIT_FILE_BYTES);
		struct edit_users *edit = &hook->edits[hook->edit_count];
		struct mistakes ignored = {.mem = hook->mem};
		struct error err;
		if (!file_read(files->edit, &text, &err) ||
			!edit_users_read(files->edit, buf_string(&text), text.length, files->namespace, edit,
				&ignored))
			continue;
		hook->edit_count++;
		for (size_t k = 0; k < edit->count; k++) {
			const struct edit_user *user = &edit->items[k];
			if (user->password_length < PLAIN_KNOWN_MIN)
				continue;
			hook->known =
				arena_grow(hook->mem, hook->known, hook->known_count, sizeof(*hook->known));
			hook->known[hook->known_count++] =
				(struct plain_known){user->password, user->password_length, user->name};
		}
	}
}

void hook_close(struct hook *hook)
{
	for (size_t i = 0; i < hook->edit_count; i++)
		edit_users_done(&hook->edits[i]);
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
	read_known(&opened);
	*hook = opened;
	return true;
}

static int dispatch(struct hook *hook, const char *name, int argc, char **argv)
{
	if (strcmp(name, "pre-commit") == 0)
		return hook_pre_commit(hook);
	if (strcmp(name, "pre-merge-commit") == 0)
		return hook_pre_merge_commit(hook);
	if (strcmp(name, "pre-push") == 0)
		return hook_pre_push(hook, argc > 0 ? argv[0] : "origin");
	if (strcmp(name, "pre-receive") == 0)
		return hook_pre_receive(hook);
	if (strcmp(name, "post-commit") == 0)
		return hook_post_commit(hook);
	if (strcmp(name, "post-merge") == 0)
		return hook_after_checkout(hook, false);
	if (strcmp(name, "post-rewrite") == 0) /* an amended commit was followed already */
		return argc > 0 && strcmp(argv[0], "rebase") == 0 ? hook_after_checkout(hook, true) : 0;
	if (strcmp(name, "post-checkout") == 0) /* OLD NEW 1 for a branch, 0 for single files */
		return argc > 2 && strcmp(argv[2], "1") == 0 ? hook_after_checkout(hook, false) : 0;
	if (strcmp(name, "check") == 0)
		return hook_check(hook, argc > 0 ? argv[0] : NULL);
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
