/*
 * git.h - the user's checkout, asked through the git program
 *
 * Inside a hook the git program knows what no library does: which index this commit is made of (GIT_INDEX_FILE), its locks,
 * the linked worktree, the submodule, the quarantine of a push. So the hook asks git and reads its answers, NUL-separated
 * wherever a path can be in them.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

typedef void git_sink(void *context, const char *bytes, size_t length);

struct git_call {
	const char *const *arguments; /* behind "git"; NULL-terminated */
	const char *index;            /* GIT_INDEX_FILE of this call; NULL = as it is */
	const void *input;            /* stdin; NULL = nothing */
	size_t input_length;
	git_sink *sink; /* gets stdout piece by piece instead of `out`, however much there is; NULL = none */
	void *context;
};

/* Appends stdout to `out` (may be NULL). `code` gets the exit code; with NULL any other code than 0 is an error that carries
   git's own text. ERROR_MISSING when there is no git program. */
bool git_run(const struct git_call *call, struct buf *out, int *code, struct error *err) MUST_CHECK;

/* The same for up to eleven arguments and no input. */
bool git_ask(struct buf *out, struct error *err, const char *argument, ...) NULL_TERMINATED MUST_CHECK;

struct checkout {
	const char *root;   /* absolute; "" in a bare repository */
	const char *common; /* absolute: the folder that all worktrees share */
	const char *folder; /* absolute: of this worktree; the same as `common` where there is one */
	const char *prefix; /* of the current folder below the root, "" or with a '/' at the end, as it was when asked */
	bool bare;
};

/* The checkout of the current folder; the program then works in its root. ERROR_MISSING outside of any repository. */
bool git_checkout(struct arena *mem, struct checkout *checkout, struct error *err) MUST_CHECK;

/* The current commit's name, "" = none yet. */
const char *git_head_name(struct arena *mem);

/* The current commit's name, or the empty tree's where there is none yet. */
const char *git_head(struct arena *mem);

/* Every repository knows it; its name depends on the hash. */
const char *git_empty_tree(struct arena *mem);

/* Does `git ARGUMENTS` end with 0? For questions that it answers with its exit code. */
bool git_says(const char *argument, ...) NULL_TERMINATED;

/* The names of objects ("HEAD", "HEAD:PATH", ":PATH"), "" for what is not there, all by one question. False when git cannot be asked so.
   `index` as in git_call. settled.c */
bool git_names(const char *const *asked, size_t count, const char *index, struct arena *mem,
	const char **names) MUST_CHECK;

/* The texts of objects ("HEAD:PATH", ":1:PATH") by one question to git, each appended to its own buffer; `exists` says which are there.
   False when git cannot be asked, or one is larger than its buffer may be. */
bool git_blobs(const char *const *asked, size_t count, struct buf *const *texts, bool *exists,
	struct error *err) MUST_CHECK;

/* "" when it is not set. */
const char *git_config(struct arena *mem, const char *key);
