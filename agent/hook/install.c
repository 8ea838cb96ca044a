#include "agent/hook/install.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/hook/shim.h"
#include "agent/hook/tools.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"

#define BLOCK_BEGIN "# pgitops begin\n"
#define BLOCK_END "# pgitops end\n"

/* Where the hooks are, and what was there before. */
struct place {
	const char *folder;   /* our hooks go here */
	const char *previous; /* core.hooksPath before us; NULL = none, hooks there are renamed */
	const char *scope;    /* where it was set: "local", "worktree" or another */
};

static const char *own_folder(const struct hook *hook)
{
	return arena_printf(hook->mem, "%s/pgitops/hooks", hook->checkout.common);
}

/* "local\tPATH" */
static void find_previous(const struct hook *hook, struct place *place)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	struct error ignored;
	if (!git_ask(&out, &ignored, "config", "--show-scope", "--type=path", "--get", "core.hooksPath", NULL) ||
		!out.length)
		return;
	size_t scope = strcspn(out.data, "\t");
	place->scope = arena_copy_n(hook->mem, out.data, scope);
	place->previous = arena_copy_n(hook->mem, out.data + scope + 1, strcspn(out.data + scope + 1, "\n"));
}

static struct place find_place(const struct hook *hook)
{
	struct place place = {.folder = arena_printf(hook->mem, "%s/hooks", hook->checkout.common)};
	find_previous(hook, &place);
	if (!place.previous)
		return place;
	place.folder = own_folder(hook);
	if (strcmp(place.previous, place.folder) == 0) { /* installed before: what was there then */
		const char *before = git_config(hook->mem, "pgitops.hooksPath");
		const char *scope = git_config(hook->mem, "pgitops.hooksPathScope");
		place.previous = *before ? before : NULL;
		place.scope = *scope ? scope : "local";
	}
	return place;
}

static bool is_ours(const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF(1 << 20);
	struct error ignored;
	return file_read(path, &text, &ignored) && text.length && strstr(text.data, HOOK_MARK);
}

static bool write_hook(const struct hook *hook, const struct place *place, const char *name,
	const char *program, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(65536);
	const char *path = arena_printf(hook->mem, "%s/%s", place->folder, name);
	const char *kept = arena_printf(hook->mem, "%s" HOOK_BEFORE, path);
	if (!place->previous && access(path, F_OK) == 0 && !is_ours(path)) {
		if (access(kept, F_OK) == 0)
			return error_set(err, ERROR_CONFLICT,
				"%s is not ours, and %s is in the way: remove one of them", path, kept);
		if (rename(path, kept) != 0)
			return error_set(err, ERROR_DENIED, "cannot rename %s: %s", path, strerror(errno));
		say(stdout, "%s: the hook that was there runs first (%s)\n", name, kept);
	}
	shim_write(&text, name, program, place->previous);
	return file_replace(path, buf_string(&text), text.length, 0755, err);
}

/* Hooks of the folder that core.hooksPath named: git does not look there any more, so we do. */
static bool pass_others(const struct hook *hook, const struct place *place, struct error *err)
{
	DIR *opened = place->previous ? opendir(place->previous) : NULL;
	struct dirent *entry;
	bool ok = true;
	while (ok && opened && (entry = readdir(opened))) {
		CLEANUP(buf_done) struct buf text = BUF(65536);
		const char *theirs = arena_printf(hook->mem, "%s/%s", place->previous, entry->d_name);
		const char *ours = arena_printf(hook->mem, "%s/%s", place->folder, entry->d_name);
		if (!shim_is_hook(entry->d_name) || shim_is_ours(entry->d_name) || access(theirs, X_OK) != 0)
			continue;
		shim_pass(&text, entry->d_name, place->previous);
		ok = file_replace(ours, buf_string(&text), text.length, 0755, err);
	}
	if (opened)
		closedir(opened);
	return ok;
}

/* The file with our block replaced by `block`; an empty block takes it out. */
static bool set_block(const char *path, const char *block, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf out = BUF(2 * LIMIT_CONFIG_BYTES);
	if (!file_read(path, &text, err) && err->kind != ERROR_MISSING)
		return false;
	const char *old = buf_string(&text), *begin = strstr(old, BLOCK_BEGIN),
		   *end = begin ? strstr(begin, BLOCK_END) : NULL;
	if (!end && !*block)
		return true;
	buf_append(&out, old, begin && end ? (size_t)(begin - old) : text.length);
	if (out.length && out.data[out.length - 1] != '\n')
		buf_char(&out, '\n');
	if (*block)
		buf_printf(&out, BLOCK_BEGIN "%s" BLOCK_END, block);
	if (end)
		buf_text(&out, end + strlen(BLOCK_END));
	if (out.length == text.length && memcmp(out.data, old, out.length) == 0)
		return true;
	return file_replace(path, buf_string(&out), out.length, 0644, err);
}

/* A path as a pattern of exclude or attributes: from the root, its special characters meant as they are. */
static void pattern(struct buf *out, const char *path, bool attributes)
{
	buf_text(out, attributes ? "\"/" : "/");
	for (const char *at = path; *at; at++) {
		if (strchr("*?[\\", *at))
			buf_text(out, attributes ? "\\\\" : "\\");
		else if (*at == '"' && attributes)
			buf_char(out, '\\');
		else if (*at == ' ' && !at[1] && !attributes)
			buf_char(out, '\\');
		buf_char(out, *at);
	}
	buf_text(out, attributes ? "\"" : "");
}

static bool set_blocks(const struct hook *hook, bool install, struct error *err)
{
	CLEANUP(buf_done) struct buf ignored = BUF(65536);
	CLEANUP(buf_done) struct buf filtered = BUF(65536);
	const char *folder = arena_printf(hook->mem, "%s/info", hook->checkout.common);
	if (install) {
		buf_text(&ignored, LAYOUT_EDIT "\n");
		buf_text(&filtered, LAYOUT_EDIT " filter=pgitops\n");
	}
	for (size_t i = 0; install && i < hook->layout.count; i++) {
		pattern(&ignored, hook->layout.users[i].edit, false);
		buf_char(&ignored, '\n');
		pattern(&filtered, hook->layout.users[i].edit, true);
		buf_text(&filtered, " filter=pgitops\n");
	}
	return file_make_folder(folder, err) &&
		set_block(arena_printf(hook->mem, "%s/exclude", folder), buf_string(&ignored), err) &&
		set_block(arena_printf(hook->mem, "%s/attributes", folder), buf_string(&filtered), err);
}

/* "use -f if you really want to add them" is git's advice about an ignored file: the last one to give about passwords. Where a person
   set it, it is theirs. */
static bool hide_advice(struct error *err)
{
	return git_says("config", "--get", "advice.addIgnoredFile", NULL) ||
		(git_ask(NULL, err, "config", "--local", "advice.addIgnoredFile", "false", NULL) &&
			git_ask(NULL, err, "config", "--local", "pgitops.advice", "ours", NULL));
}

static bool restore_advice(const struct hook *hook, struct error *err)
{
	return strcmp(git_config(hook->mem, "pgitops.advice"), "ours") != 0 ||
		(git_ask(NULL, err, "config", "--local", "--unset", "advice.addIgnoredFile", NULL) &&
			git_ask(NULL, err, "config", "--local", "--unset", "pgitops.advice", NULL));
}

/* git add of an edit file fails while it holds passwords; a checkout leaves such a file as it is. */
static bool set_filter(const struct hook *hook, const char *program, struct error *err)
{
	CLEANUP(buf_done) struct buf command = BUF(8192);
	(void)hook;
	shim_quote(&command, program);
	buf_text(&command, " hook run clean -- %f");
	return git_ask(NULL, err, "config", "--local", "filter.pgitops.clean", buf_string(&command), NULL) &&
		git_ask(NULL, err, "config", "--local", "filter.pgitops.smudge", "cat", NULL) &&
		git_ask(NULL, err, "config", "--local", "filter.pgitops.required", "true", NULL) &&
		hide_advice(err);
}

static bool set_hooks_path(const struct hook *hook, const struct place *place, struct error *err)
{
	const char *to = strcmp(place->scope, "worktree") == 0 ? "--worktree" : "--local";
	(void)hook;
	return git_ask(NULL, err, "config", "--local", "pgitops.hooksPath", place->previous, NULL) &&
		git_ask(NULL, err, "config", "--local", "pgitops.hooksPathScope", place->scope, NULL) &&
		git_ask(NULL, err, "config", to, "core.hooksPath", place->folder, NULL);
}

/* An edit file that Git tracks is in every commit with the passwords it had. */
static bool untrack(const struct hook *hook, struct error *err)
{
	for (size_t i = 0; i < hook->layout.count; i++) {
		const char *edit = hook->layout.users[i].edit;
		if (!git_says("--literal-pathspecs", "ls-files", "--error-unmatch", "--", edit, NULL))
			continue;
		if (!git_ask(NULL, err, "update-index", "--force-remove", "--", edit, NULL))
			return false;
		say(stdout,
			"%s: was tracked by Git; its removal is staged, the file itself stays. Passwords of it that were ever committed "
			"are in the history: change them\n",
			edit);
	}
	return true;
}

/* pre-commit moves what it finds to NAME.legacy, lefthook to NAME.old. */
static bool take_out(const struct hook *hook, const struct place *place, struct error *err)
{
	static const char *const moved[] = {"", ".legacy", ".old"};
	for (size_t i = 0; i < shim_count; i++) {
		const char *path = arena_printf(hook->mem, "%s/%s", place->folder, shim_names[i]);
		const char *kept = arena_printf(hook->mem, "%s" HOOK_BEFORE, path);
		for (size_t k = 0; k < COUNT_OF(moved); k++) {
			const char *file = arena_printf(hook->mem, "%s%s", path, moved[k]);
			if (is_ours(file) && unlink(file) != 0)
				return error_set(
					err, ERROR_DENIED, "cannot remove %s: %s", file, strerror(errno));
		}
		if (access(kept, F_OK) == 0 && access(path, F_OK) != 0 && rename(kept, path) != 0)
			return error_set(err, ERROR_DENIED, "cannot rename %s: %s", kept, strerror(errno));
	}
	return true;
}

static bool restore_hooks_path(const struct hook *hook, const struct place *place, struct error *err)
{
	const char *now = git_config(hook->mem, "core.hooksPath");
	bool ours = strcmp(now, own_folder(hook)) == 0, own = strcmp(place->scope, "worktree") == 0;
	const char *where = own ? "--worktree" : "--local";
	if (ours && (own || strcmp(place->scope, "local") == 0)) {
		if (!git_ask(NULL, err, "config", where, "core.hooksPath", place->previous, NULL))
			return false;
	} else if (ours && !git_ask(NULL, err, "config", where, "--unset", "core.hooksPath", NULL)) {
		return false;
	}
	return git_ask(NULL, err, "config", "--local", "--remove-section", "pgitops", NULL) &&
		file_remove_folder(own_folder(hook), err);
}

/* Beside what is there; not where a tool runs us from its own file. */
static bool write_beside(
	const struct hook *hook, const struct place *place, const char *program, struct error *err)
{
	if (!file_make_folder(place->folder, err) || !take_out(hook, place, err))
		return false;
	for (size_t i = 0; i < shim_count; i++) {
		CLEANUP(buf_done) struct buf text = BUF(1 << 20);
		const char *path = arena_printf(hook->mem, "%s/%s", place->folder, shim_names[i]);
		struct error ignored;
		if (file_read(path, &text, &ignored) && tools_run(hook, shim_names[i], buf_string(&text)))
			continue;
		if (!write_hook(hook, place, shim_names[i], program, err))
			return false;
	}
	if (place->previous && (!pass_others(hook, place, err) || !set_hooks_path(hook, place, err)))
		return false;
	say(stdout, "hooks are in %s\n", place->folder);
	if (place->previous)
		say(stdout, "core.hooksPath was %s: its hooks run first, all of them\n", place->previous);
	return true;
}

/* An install of before husky was known took core.hooksPath over: husky gets it back. */
static bool give_back(const struct hook *hook, const struct place *place, struct error *err)
{
	return !*git_config(hook->mem, "pgitops.hooksPath") || restore_hooks_path(hook, place, err);
}

/* Where an entry cannot be written the hooks stand beside the tool, and the error is told in the end. */
bool hook_install(struct hook *hook, const char *program, struct error *err)
{
	struct place place = find_place(hook);
	struct error why = {0};
	bool husky = place.previous && tools_is_husky(hook, place.previous);
	bool entries = tools_install(hook, husky, &why);
	husky = husky && entries;
	if (!(husky ? give_back(hook, &place, err) : write_beside(hook, &place, program, err)) ||
		!untrack(hook, err) || !set_blocks(hook, true, err) || !set_filter(hook, program, err))
		return false;
	if (husky)
		printf("husky runs our hooks from .husky\n");
	hook_after_checkout(hook, false);
	return entries ||
		error_set(err, why.kind,
			"%s (until then the hooks stand beside it, and go when the tool is installed anew)",
			why.text);
}

bool hook_uninstall(struct hook *hook, struct error *err)
{
	struct place place = find_place(hook);
	if (!restore_advice(hook, err) || !tools_uninstall(hook, err))
		return false;
	if (*git_config(hook->mem, "pgitops.hooksPath") && place.previous) {
		place.previous = git_config(hook->mem, "pgitops.hooksPath");
		place.scope = git_config(hook->mem, "pgitops.hooksPathScope");
		if (!restore_hooks_path(hook, &place, err))
			return false;
	} else {
		place.folder = arena_printf(hook->mem, "%s/hooks", hook->checkout.common);
		if (!take_out(hook, &place, err))
			return false;
	}
	if (!set_blocks(hook, false, err))
		return false;
	if (*git_config(hook->mem, "filter.pgitops.clean") &&
		!git_ask(NULL, err, "config", "--local", "--remove-section", "filter.pgitops", NULL))
		return false;
	say(stdout, "the hooks are gone; receipts stay in %s/pgitops\n", hook->checkout.common);
	return true;
}
