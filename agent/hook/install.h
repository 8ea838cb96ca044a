/*
 * install.h - the hooks in the user's repository: put in beside what is there, and taken out without a trace
 *
 * Without core.hooksPath they go into the repository's hooks folder, an existing hook is kept as NAME.before-pgitops and runs
 * first. Where husky, lefthook or pre-commit are in use they are entries of those tools' files (tools.h). With core.hooksPath (a company-wide folder) nothing of that folder is touched: a folder of our own takes its place in this
 * repository's configuration and runs that folder's hooks first, all of them. Both serve linked worktrees and submodules, since
 * git says itself where its folders are.
 */
#pragma once

#include "agent/hook/hooks.h"

#define HOOK_MARK "# pgitops hook"
#define HOOK_BEFORE ".before-pgitops"

/* What install did, for people. False with `err`; what was done until then stays and is done again by the next install. */
bool hook_install(struct hook *hook, const char *program, struct error *err) MUST_CHECK;
bool hook_uninstall(struct hook *hook, struct error *err) MUST_CHECK;

/* ---- what is in order and what is not: for `hook status` and the doctor ---- */

enum row_state { ROW_GOOD, ROW_WARNING, ROW_BAD };

struct row {
	enum row_state state;
	const char *what; /* "hook pre-commit", "certificate", ... */
	const char *found;
	const char *remedy; /* "" = none needed */
};

struct rows {
	struct row *items;
	size_t count;
};

/* Hooks, filter, edit files that Git ignores. */
void hook_rows(struct hook *hook, struct rows *rows);

/* Why git does not run the hooks of this clone, and what to do; NULL = it runs them. Other tools (husky, lefthook) set core.hooksPath back
   with each of their installs. */
const char *hook_off(const struct hook *hook);

/* Certificates of the layout: readable, dates, one for all. `fingerprints` of them go into the rows. */
void certificate_rows(struct hook *hook, struct rows *rows);

/* Plain passwords in any commit of any branch: commit, path and the cure. Reads the whole history. */
void history_rows(struct hook *hook, struct rows *rows);

/* Opens the current folder's repository for these questions; false outside of one. */
bool hook_open(struct arena *mem, struct hook *hook, struct error *err) MUST_CHECK;
void hook_close(struct hook *hook); /* for CLEANUP */
