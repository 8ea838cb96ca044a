/*
 * revision.h - which commit is "main", "v1.2", "3f2a9c1", "refs/pull/7/head" or ""?
 *
 * A full id names itself; "refs/..." is exactly that; a constraint on versions ("^1.2", see semver.h) is the newest tag
 * that matches; else it is a branch, a tag or a short id. Whatever could be two of these is refused with the full
 * names of both, never chosen between. Tags are followed to their commit.
 */
#pragma once

#include "reconcile/source/remote.h"

struct revision {
	git_oid id;
	const char *ref; /* name on the server, NULL for ids */
	bool is_short; /* looks like a short id; without `ref` it is one and `id` is not set: revision_find_short() */
};

/* Of the request: its revision, which is no full id, and the tag prefix. */
bool revision_resolve(struct remote *remote, const struct source_request *request, struct arena *mem,
	struct revision *revision, struct error *err) MUST_CHECK;

/* Does it name itself, so that nobody has to be asked? */
bool revision_is_id(const char *text, git_oid *id);

/* 7 to 39 hex digits. */
bool revision_looks_short(const char *text);

/* For a name that looks like a short id: false with ERROR_INVALID when another commit that is here begins with it. */
bool revision_check_short(const struct repository *repository, const char *text,
	const struct revision *revision, struct error *err) MUST_CHECK;

/* Among the commits that are here. ERROR_MISSING: none; ERROR_INVALID: several. */
bool revision_find_short(
	const struct repository *repository, const char *text, git_oid *id, struct error *err) MUST_CHECK;
