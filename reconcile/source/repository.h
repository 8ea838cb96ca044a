/*
 * repository.h - the bare repository of one URL: a cache, and treated as one
 *
 * Its place is a folder made from the URL with `repository.git`, `server.json` (what is remembered of the server) and
 * `lock` inside. One process at a time works in it, so what looks unfinished at the start is a leftover of a killed
 * one. It has no branches: each revision that was read is a ref `refs/revisions/HASH`, so that the server can be told
 * what is here. Only the newest commits are in it ("shallow" in Git's words).
 */
#pragma once

#include <git2.h>

#include "base/arena.h"
#include "base/error.h"
#include "reconcile/source/url.h"

struct repository {
	const char *place;
	const char *path; /* place/repository.git, or place/fresh.git while it is made anew */
	struct arena *mem;
	int lock;
	git_repository *git; /* NULL until opened */
	git_odb *odb;
	unsigned generation; /* grows whenever `git` becomes another one */
	bool started; /* libgit2, which costs some milliseconds and is not needed where nothing changed */
	bool suspect; /* what failed last may be its own fault */
};

struct repository_ids {
	git_oid *items;
	size_t count;
};

/* Where the repository of a URL is below `folder`. */
const char *repository_place(const char *folder, const struct url *url, struct arena *mem);

/* Makes the folder if needed. Nothing of Git is touched yet. */
bool repository_prepare(const char *folder, const struct url *url, struct arena *mem,
	struct repository *repository, struct error *err) MUST_CHECK;

/* Waits until no other process works in it. */
bool repository_lock(struct repository *repository, struct error *err) MUST_CHECK;

/* Starts libgit2; removes leftovers; makes the repository when there is none or when it cannot be opened. */
bool repository_open(struct repository *repository, struct error *err) MUST_CHECK;
void repository_close(struct repository *repository); /* for CLEANUP too; gives the lock back */

/* Throws everything away and begins with an empty one. */
bool repository_discard(struct repository *repository, struct error *err) MUST_CHECK;

/* Has it become slow? libgit2 never packs anew. */
bool repository_is_worn(const struct repository *repository);

/* Goes on with an empty one beside the old one, which stays until repository_settle(). */
bool repository_begin_fresh(struct repository *repository, struct error *err) MUST_CHECK;
bool repository_settle(struct repository *repository, struct error *err) MUST_CHECK;

/* Is the tree, commit or tag not larger than LIMIT_GIT_NODE? True also when it is not here. */
bool repository_fits(const struct repository *repository, const git_oid *id);

/* The commit's own object and its root tree are there. */
bool repository_has_commit(const struct repository *repository, const git_oid *id);

/* Follows tags to the commit. ERROR_MISSING: not here; ERROR_INVALID: it is no commit; ERROR_RETRY: damaged. */
bool repository_peel(const struct repository *repository, const git_oid *id, git_oid *commit,
	struct error *err) MUST_CHECK;

/* Commits that revisions pointed to and that are complete here, each once. */
bool repository_tips(
	const struct repository *repository, struct repository_ids *ids, struct error *err) MUST_CHECK;
bool repository_remember(struct repository *repository, const char *revision, const git_oid *commit,
	struct error *err) MUST_CHECK;
/* What was remembered last; false = nothing. */
bool repository_recall(const struct repository *repository, const char *revision, git_oid *commit);

/* Commits whose parents are not here. */
bool repository_shallow(
	const struct repository *repository, struct repository_ids *ids, struct error *err) MUST_CHECK;
bool repository_set_shallow(
	struct repository *repository, const struct repository_ids *ids, struct error *err) MUST_CHECK;

/* 40 hex digits, whatever follows. Unlike libgit2's own functions it may be called before libgit2 was started. */
bool repository_read_id(const char *hex, git_oid *id);

void repository_ids_add(struct repository_ids *ids, const git_oid *id, struct arena *mem);
void repository_ids_remove(struct repository_ids *ids, const git_oid *id);
bool repository_ids_have(const struct repository_ids *ids, const git_oid *id);

/* For the agent, after the Git process crashed: libgit2 may do so on a damaged file. A repository that another process
   works in is left alone. */
bool repository_remove(
	const char *folder, const struct url *url, struct arena *mem, struct error *err) MUST_CHECK;

/* See source_sweep(). */
bool repository_sweep_all(const char *folder, struct error *err) MUST_CHECK;

/* libgit2 refused an object for its size, or had no memory for it: says so with the number, and is true. */
bool repository_too_large(struct error *err);

/* "what: libgit2's message". Returns false. */
bool repository_error(struct error *err, enum error_kind kind, const char *what);
