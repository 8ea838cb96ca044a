/*
 * render.h - kustomize and helm as programs that are not trusted: one run, from a folder with a commit to a file with manifests
 *
 * They are the user's own programs, found on the PATH or named in the agent file. What they read is written by strangers, so each run
 * is in a child process (`pgitops render-worker`) that may read the folder and write a temporary one, has no network, no
 * environment, no file of the agent's, can start nothing, and has limits for memory, time and output (limits.h).
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "reconcile/rendering.h"

struct render_job {
	enum render_tool tool;
	const char *program; /* absolute path of the binary */
	const char *folder; /* a private folder: "tree" in it holds the commit; "output" becomes the result */
	const char *path;   /* in the tree, "" = its root */
	const char *file;   /* the file in it that makes it one for this tool: "kustomization.yaml" */
	const char *name;   /* of the Application: Helm's release, unless the options name one */
	const char *options;   /* see struct rendering; NULL = none */
	const char *namespace; /* likewise */
	const char *lock;      /* file: one run at a time among all who name it; NULL = any number */
	int64_t seconds;       /* that it may take, of time and of processor time; 0 = LIMIT_RENDER_SECONDS */
	int stop;              /* descriptor that becomes readable when the agent ends, or -1 */
};

/*
 * Blocks until the output is there. The tree is the same afterwards as it was before.
 * Errors: ERROR_INVALID (what the tool says against what it read, or a limit), ERROR_RETRY (it could not be run), ERROR_STOPPED.
 */
bool render_run(const struct render_job *job, struct error *err) MUST_CHECK;

/* "kustomize", "helm" */
const char *render_tool_name(enum render_tool tool);

/* "kustomize build team/users": what the result is called in messages. */
const char *render_title(enum render_tool tool, const char *path, struct arena *mem);

/* The tool that a folder with a file of this name is for; RENDER_NONE = none. */
enum render_tool render_tool_of(const char *file);

/* The names that render_tool_of() knows, ends with NULL. */
extern const char *const render_files[];

/* Where the binary is: the file that the agent file names, or the first on PATH; NULL = nowhere. In `mem`. */
const char *render_find(enum render_tool tool, const char *configured, struct arena *mem);
