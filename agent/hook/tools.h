/*
 * tools.h - inside of husky, lefthook and pre-commit: our hooks as entries of their files
 *
 * Each of these tools puts its own hooks back whenever it is installed, so what was put beside them is gone with the next `npm install`.
 * What stands in its file stays, and comes to everybody who clones: a few lines between the marks "# pgitops begin" and "# pgitops end",
 * all other bytes as they are. They come first, because what a tool runs before them may end it (`exit`), and read no stdin, which
 * belongs to the others (Git LFS): so a push is judged by what the remote has not, not by the list that git feeds. In the files of a team the
 * program has no path, but a name; where it is missing, commit and push are refused and say so.
 *
 *   husky        .husky/NAME                where core.hooksPath is husky's
 *   lefthook     lefthook.yml and its other names, NAME.commands.pgitops
 *   pre-commit   .pre-commit-config.yaml, a `repo: local` with one hook for each stage
 */
#pragma once

#include "agent/hook/install.h"

#define TOOL_BEGIN "# pgitops begin"
#define TOOL_END "# pgitops end"

/* Is the folder that core.hooksPath names husky's? Then our hooks are in .husky, and core.hooksPath is left alone. */
bool tools_is_husky(const struct hook *hook, const char *hooks_path);

/* Writes the entries, or takes them out. Says which files changed: they are to be committed. */
bool tools_install(const struct hook *hook, bool husky, struct error *err) MUST_CHECK;
bool tools_uninstall(const struct hook *hook, struct error *err) MUST_CHECK;

/* Does the file that git runs for NAME belong to a tool that has our entry? The tool's name and file, NULL = no. `text` is what git runs. */
const char *tools_run(const struct hook *hook, const char *name, const char *text);

/* ---- the text of their files; pure ---- */

/* Without our lines. False when a mark has no end. */
bool tools_without(const char *text, struct buf *out) MUST_CHECK;

/* With our hook `name` in husky's script; "" makes a new one. */
void tools_husky(const char *text, const char *name, struct buf *out);

/* With all our hooks in a lefthook or pre-commit file, which is read again and compared. An error says what to write by hand. */
bool tools_lefthook(const char *file, const struct buf *text, struct buf *out, struct error *err) MUST_CHECK;
bool tools_precommit(const char *file, const struct buf *text, struct buf *out, struct error *err) MUST_CHECK;
