/* What is in order and what is not: hooks, filter, edit files, certificates, history. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/hook/install.h"
#include "agent/hook/shim.h"
#include "agent/hook/tools.h"
#include "agent/hook/trust.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

#define HISTORY_COMMITS "--max-count=50000"

static void add(const struct hook *hook, struct rows *rows, enum row_state state, const char *what,
	const char *remedy, const char *format, ...) PRINTF_LIKE(6, 7);

static void add(const struct hook *hook, struct rows *rows, enum row_state state, const char *what,
	const char *remedy, const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	rows->items = arena_grow(hook->mem, rows->items, rows->count, sizeof(*rows->items));
	rows->items[rows->count++] =
		(struct row){state, arena_copy(hook->mem, what), arena_copy(hook->mem, text), remedy};
}

/* Where git looks for hooks: it knows core.hooksPath, worktrees and submodules. */
static const char *hooks_folder(const struct hook *hook)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	struct error ignored;
	if (!git_ask(&out, &ignored, "rev-parse", "--git-path", "hooks", NULL) || !out.length)
		return "";
	return arena_copy_n(hook->mem, out.data, strcspn(out.data, "\n"));
}

/* "pre-commit install" moves a hook aside as NAME.legacy and still runs it. */
static const char *state_of(const struct hook *hook, const char *folder, const char *name)
{
	static const char *const endings[] = {"", ".legacy"};
	for (size_t i = 0; i < COUNT_OF(endings); i++) {
		const char *path = arena_printf(hook->mem, "%s/%s%s", folder, name, endings[i]);
		CLEANUP(buf_done) struct buf text = BUF(1 << 20);
		struct error ignored;
		if (file_read(path, &text, &ignored) && text.length && strstr(text.data, HOOK_MARK))
			return access(path, X_OK) != 0 ? "not executable"
				: i                    ? "runs behind another hook"
						       : "runs";
		const char *tool = i == 0 && text.length ? tools_run(hook, name, buf_string(&text)) : NULL;
		if (tool)
			return access(path, X_OK) != 0 ? "not executable"
						       : arena_printf(hook->mem, "runs in %s", tool);
	}
	return NULL;
}

static bool runs(const char *state)
{
	return state && strncmp(state, "runs", 4) == 0;
}

const char *hook_off(const struct hook *hook)
{
	const char *folder = hooks_folder(hook), *path = git_config(hook->mem, "core.hooksPath");
	for (size_t i = 0; i < shim_count; i++) {
		const char *state = state_of(hook, folder, shim_names[i]);
		if (!runs(state))
			return arena_printf(hook->mem,
				"the hook %s %s%s%s: nothing looks for plain passwords in what is committed and pushed here, and the edit file "
				"does not follow Git. Run `pgitops hook install` in this clone (and `pgitops check --secrets` in CI, for those that have "
				"no hooks)",
				shim_names[i], state ? "is " : "is not installed in ", state ? state : folder,
				*path ? " (core.hooksPath, which husky and lefthook set)" : "");
	}
	return NULL;
}

static void edit_rows(struct hook *hook, struct rows *rows)
{
	for (size_t i = 0; i < hook->layout.count; i++) {
		const char *edit = hook->layout.users[i].edit;
		if (git_says("--literal-pathspecs", "ls-files", "--error-unmatch", "--", edit, NULL))
			add(hook, rows, ROW_BAD, edit, "git rm --cached it, commit, and change its passwords",
				"is tracked by Git");
		else if (!git_says("check-ignore", "-q", "--", edit, NULL))
			add(hook, rows, ROW_WARNING, edit, "pgitops hook install, or add it to .gitignore",
				"is not ignored by Git");
		else
			add(hook, rows, ROW_GOOD, edit, "", "is ignored by Git");
	}
}

void hook_rows(struct hook *hook, struct rows *rows)
{
	const char *folder = hooks_folder(hook);
	for (size_t i = 0; i < shim_count; i++) {
		const char *state = state_of(hook, folder, shim_names[i]);
		const char *what = arena_printf(hook->mem, "hook %s", shim_names[i]);
		if (!state)
			add(hook, rows, ROW_BAD, what, "pgitops hook install", "is not installed in %s",
				folder);
		else
			add(hook, rows, runs(state) ? ROW_GOOD : ROW_BAD, what,
				runs(state) ? "" : "pgitops hook install", "%s", state);
	}
	bool filter = *git_config(hook->mem, "filter.pgitops.clean") &&
		git_says("config", "--get-all", "filter.pgitops.required", NULL);
	add(hook, rows, filter ? ROW_GOOD : ROW_BAD, "filter", filter ? "" : "pgitops hook install", "%s",
		filter ? "keeps edit files with passwords out of git add" : "is not set");
	edit_rows(hook, rows);
	const char *who;
	for (size_t i = 0; (who = known_weak(hook->known, i)); i++)
		add(hook, rows, ROW_WARNING, "password",
			"another password for that user: pgitops seal users --generate makes one",
			"that of \"%s\" is too short or too common to be looked for in what is committed", who);
}

static void certificate_row(struct hook *hook, const char *path, struct rows *rows)
{
	struct certificate certificate;
	struct error err;
	char until[CLOCK_TEXT_SIZE];
	int64_t now = clock_now();
	if (!certificate_read_file(path, &certificate, &err)) {
		add(hook, rows, ROW_BAD, path, "pgitops seal cert -w " LAYOUT_CERTIFICATE, "%s", err.text);
		return;
	}
	int64_t days = certificate_days_left(&certificate, now);
	clock_text_seconds(certificate.not_after, until);
	if (!trust_check(&hook->checkout, path, certificate.fingerprint, hook->mem, &err))
		add(hook, rows, ROW_BAD, path,
			"pgitops seal cert --trust FINGERPRINT, once you have compared it", "%s", err.text);
	else if (!certificate_valid(&certificate, path, now, &err))
		add(hook, rows, ROW_BAD, path, "pgitops seal cert -w " LAYOUT_CERTIFICATE, "%s", err.text);
	else
		add(hook, rows, days < CERTIFICATE_DAYS_WARN ? ROW_WARNING : ROW_GOOD, path,
			days < CERTIFICATE_DAYS_WARN ? "pgitops seal cert -w " LAYOUT_CERTIFICATE : "",
			"RSA %d bits, valid until %.10s (%lld days), fingerprint %s", certificate.bits, until,
			(long long)days, certificate.fingerprint);
	certificate_done(&certificate);
}

void certificate_rows(struct hook *hook, struct rows *rows)
{
	const char *last = NULL;
	for (size_t i = 0; i < hook->layout.count; i++) {
		const char *path = hook->layout.users[i].certificate;
		if (!path)
			add(hook, rows, ROW_BAD, hook->layout.users[i].edit,
				"pgitops seal cert -w " LAYOUT_CERTIFICATE,
				"has no " LAYOUT_CERTIFICATE " beside it or above");
		else if (!last || strcmp(last, path) != 0)
			certificate_row(hook, path, rows);
		last = path ? path : last;
	}
}

void history_rows(struct hook *hook, struct rows *rows)
{
	static const char *const all[] = {"rev-list", "--all", HISTORY_COMMITS, NULL};
	CLEANUP(guard_done) struct guard guard = hook_guard(hook);
	CLEANUP(blobs_done) struct blobs blobs = {0};
	struct error err;
	if (!guard_commits(hook->mem, all, NULL, &blobs, &err) || !guard_scan(&guard, &blobs, &err)) {
		add(hook, rows, ROW_BAD, "history", "", "cannot be read: %s", err.text);
		return;
	}
	for (size_t i = 0; i < guard.count; i++)
		add(hook, rows, ROW_BAD, "history",
			arena_printf(hook->mem,
				"change that password now; then take the file out of the history: git filter-repo --invert-paths --path '%s'",
				guard.findings[i].blob->path),
			"%s:%d in commit %.12s: %s", guard.findings[i].blob->path, guard.findings[i].leak.line,
			guard.findings[i].blob->commit, guard.findings[i].leak.text);
	if (!guard.count)
		add(hook, rows, ROW_GOOD, "history", "", "no plain passwords in %zu versions of files",
			blobs.count);
}
