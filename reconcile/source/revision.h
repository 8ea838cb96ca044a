/*
 * revision.h - which commit is "main", "v1.2", "3f2a9c1", "refs/pull/7/head" or ""?
 *
 * Asked in this order: a full id names itself; "refs/..." is exactly that; then a branch, then a tag; then, if it looks
 * like one, a short id. Tags are followed to their commit.
 */
#pragma once

#include "reconcile/source/remote.h"

struct revision {
	git_oid id;
	const char *ref; /* name on the server, NULL for ids */
	bool is_short;   /* a short id: `id` is not set, see revision_find_short() */
};

bool revision_resolve(struct remote *remote, const char *text, struct arena *mem, struct revision *revision,
	struct error *err) MUST_CHECK;

/* Does it name itself, so that nobody has to be asked? */
bool revision_is_id(const char *text, git_oid *id);

/* Among the commits that are here. ERROR_MISSING: none; ERROR_INVALID: several. */
bool revision_find_short(
	const struct repository *repository, const char *text, git_oid *id, struct error *err) MUST_CHECK;
