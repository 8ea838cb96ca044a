/*
 * guard.h - which contents are about to be committed or pushed, and whether one adds a secret
 *
 * Only what a change adds is judged: a finding counts when the same file before the change, under whatever name it had, holds it less
 * often; of a merge, when no parent has it. The files before are read only where there is a finding.
 * Which findings there are reconcile/leak says.
 */
#pragma once

#include "agent/hook/git.h"
#include "agent/hook/layout.h"
#include "reconcile/leak/known.h"
#include "reconcile/leak/leak.h"

/* One version of one file. */
struct blob {
	const char *id;
	const char *path;
	const char *commit; /* "abc123", "tag v1"; NULL = staged */
	const char *const *before; /* the contents that it replaces, one for each parent; NULL-terminated, NULL = none */
	bool is_new;               /* no file of that name was there */
};

struct blobs {
	struct blob *items;
	size_t count;
	struct buf commits; /* whose messages are judged as well, a line each; {0} = none */
};
void blobs_done(struct blobs *blobs); /* for CLEANUP */

/* What the paths of messages and names of refs are, in findings and in the allow list. */
#define GUARD_MESSAGE "message"
#define GUARD_AUTHOR "author"
#define GUARD_REF "ref"

struct finding {
	const struct blob *blob;
	struct leak leak;
};

struct guard {
	struct arena *mem;
	const struct layout *layout;
	const struct known *known;
	struct finding *findings; /* refused */
	size_t count;
	struct finding *warnings; /* looks */
	size_t warning_count;
};
void guard_done(struct guard *guard); /* for CLEANUP: forgets the digests */

/* What the index (GIT_INDEX_FILE) adds or changes, compared with the current commit; with `amending` with the one before it, so that an
   amended commit is judged as a whole. */
bool guard_staged(struct arena *mem, bool amending, struct blobs *blobs, struct error *err) MUST_CHECK;

/* Is `git commit --amend` what runs this hook? Git does not say so: its command line does (/proc). amend.c */
bool guard_is_amending(void);

/* All files of the index. */
bool guard_index(struct arena *mem, struct blobs *blobs, struct error *err) MUST_CHECK;

/* All files of a commit, for a repository without an index, or of a tree that a tag names. */
bool guard_tree(struct arena *mem, const char *revision, const char *commit, struct blobs *blobs,
	struct error *err) MUST_CHECK;

/* What the commits add or change, each compared with its parents, each content once, and their messages. `arguments` and the lines
   of `input` say which commits, as for git rev-list. */
bool guard_commits(struct arena *mem, const char *const *arguments, const char *input, struct blobs *blobs,
	struct error *err) MUST_CHECK;

void guard_add(struct arena *mem, struct blobs *blobs, struct blob blob);

/* Reads and judges them all; the findings are appended. */
bool guard_scan(struct guard *guard, const struct blobs *blobs, struct error *err) MUST_CHECK;

/* A message, or the name of a ref. */
void guard_text(struct guard *guard, const char *path, const char *commit, const char *text, size_t length);

/* For people: a name with its secret part left out. In `mem`. */
const char *guard_shown(const struct guard *guard, const char *name);
