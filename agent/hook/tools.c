#include "agent/hook/tools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/hook/shim.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"

struct tool {
	const char *name;
	const char *const *files; /* the first one that is there is its file; NULL at the end */
	const char *mark;         /* in the scripts that it gives to git */
	bool (*put)(const char *file, const struct buf *text, struct buf *out, struct error *err);
	const char *next; /* what a person has to run so that git asks the tool at each of our hooks */
};

static const char *const lefthook_files[] = {"lefthook.yml", "lefthook.yaml", ".lefthook.yml",
	".lefthook.yaml", ".config/lefthook.yml", ".config/lefthook.yaml", NULL};
static const char *const precommit_files[] = {".pre-commit-config.yaml", NULL};

static const struct tool tools[] = {
	{"lefthook", lefthook_files, "call_lefthook", tools_lefthook, "lefthook install"},
	{"pre-commit", precommit_files, "pre-commit.com", tools_precommit,
		"pre-commit install -t pre-commit -t pre-merge-commit -t commit-msg -t post-commit -t post-checkout -t post-merge -t post-rewrite -t "
		"pre-push"},
};

static const char *file_of(const struct tool *tool)
{
	for (size_t i = 0; tool->files[i]; i++)
		if (access(tool->files[i], F_OK) == 0)
			return tool->files[i];
	return NULL;
}

bool tools_is_husky(const struct hook *hook, const char *hooks_path)
{
	const char *root = arena_printf(hook->mem, "%s/", hook->checkout.root);
	const char *path = text_starts(hooks_path, root) ? hooks_path + strlen(root) : hooks_path;
	path = text_starts(path, "./") ? path + 2 : path;
	size_t length = strlen(path);
	while (length && path[length - 1] == '/')
		length--;
	return ((length == 6 && strncmp(path, ".husky", 6) == 0) ||
		       (length == 8 && strncmp(path, ".husky/_", 8) == 0)) &&
		(access(".husky/_/h", F_OK) == 0 || access(".husky/_/husky.sh", F_OK) == 0);
}

/* The file's text without our lines; "" for one that is not there. */
static bool read_bare(const char *file, struct buf *text, struct buf *bare, struct error *err)
{
	if (!file_read(file, text, err) && err->kind != ERROR_MISSING)
		return false;
	return tools_without(buf_string(text), bare) ||
		error_set(err, ERROR_INVALID,
			"%s: \"" TOOL_BEGIN "\" without \"" TOOL_END "\": mend it by hand", file);
}

static bool write_text(
	const char *file, const struct buf *before, const struct buf *now, unsigned mode, struct error *err)
{
	if (now->length == before->length && memcmp(buf_string(now), buf_string(before), now->length) == 0)
		return true;
	if (!file_update(file, buf_string(now), now->length, mode, err))
		return false;
	say(stdout, "%s was changed: commit it, then it serves everybody who has pgitops\n", file);
	return true;
}

static bool put_husky(const struct hook *hook, const char *name, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf bare = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf now = BUF(2 * LIMIT_CONFIG_BYTES);
	const char *file = arena_printf(hook->mem, ".husky/%s", name);
	if (!read_bare(file, &text, &bare, err))
		return false;
	tools_husky(buf_string(&bare), name, &now);
	return write_text(file, &text, &now, 0755, err);
}

static bool put_tool(const struct tool *tool, const char *file, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf bare = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf now = BUF(2 * LIMIT_CONFIG_BYTES);
	if (!read_bare(file, &text, &bare, err) || !tool->put(file, &bare, &now, err) ||
		!write_text(file, &text, &now, 0644, err))
		return false;
	say(stdout,
		"%s runs our hooks from %s where git asks it: `%s` sees to that, until then they are beside it\n",
		tool->name, file, tool->next);
	return true;
}

bool tools_install(const struct hook *hook, bool husky, struct error *err)
{
	for (size_t i = 0; husky && i < shim_count; i++)
		if (!put_husky(hook, shim_names[i], err))
			return false;
	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		const char *file = file_of(&tools[i]);
		if (file && !put_tool(&tools[i], file, err))
			return false;
	}
	return true;
}

/* A script of husky's that we made goes as a whole. */
static bool take_out(const char *file, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	CLEANUP(buf_done) struct buf bare = BUF(LIMIT_CONFIG_BYTES);
	if (!read_bare(file, &text, &bare, err))
		return false;
	if (bare.length == text.length || strcmp(buf_string(&bare), "#!/bin/sh\n") != 0)
		return write_text(file, &text, &bare, 0644, err);
	if (unlink(file) != 0)
		return error_set(err, ERROR_DENIED, "cannot remove %s: %s", file, strerror(errno));
	say(stdout, "%s was ours and is gone: commit that\n", file);
	return true;
}

bool tools_uninstall(const struct hook *hook, struct error *err)
{
	for (size_t i = 0; i < shim_count; i++) {
		const char *file = arena_printf(hook->mem, ".husky/%s", shim_names[i]);
		if (access(file, F_OK) == 0 && !take_out(file, err))
			return false;
	}
	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		const char *file = file_of(&tools[i]);
		if (file && !take_out(file, err))
			return false;
	}
	return true;
}

static bool has_lines(const char *file, const char *name)
{
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES);
	struct error ignored;
	char run[128];
	snprintf(run, sizeof(run), "pgitops hook run %s", strcmp(name, "pre-push") == 0 ? "push" : name);
	return file_read(file, &text, &ignored) && text.length && strstr(text.data, TOOL_BEGIN) &&
		strstr(text.data, run);
}

const char *tools_run(const struct hook *hook, const char *name, const char *text)
{
	const char *script = arena_printf(hook->mem, ".husky/%s", name);
	bool husky = tools_is_husky(hook, git_config(hook->mem, "core.hooksPath"));
	if (husky && has_lines(script, name))
		return arena_printf(hook->mem, "husky, %s", script);
	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		const char *file = file_of(&tools[i]);
		if (file && strstr(text, tools[i].mark) && has_lines(file, name))
			return arena_printf(hook->mem, "%s, %s", tools[i].name, file);
	}
	return NULL;
}
