/*
 * ancestor.h - the ancestor of an edit file and the commit that HEAD is now, and Git's side of it
 *
 * What this clone brought together last (users_base.h) is the ancestor as long as HEAD is a later state of that commit, or another branch
 * beside it. A commit that was taken back (reset, amend, a rebase) is an ancestor of nothing any more: then what both HEAD and that
 * commit come from is, and what the edit file has more is sealed once again.
 */
#pragma once

#include "agent/hook/git.h"
#include "agent/hook/layout.h"
#include "reconcile/sealed/users_merge.h"

/* Git's side of an entry: of a commit, of the index or of the work tree. */
struct git_side {
	struct buf users, sealed;
	bool exists;            /* there is a users file */
	struct edit_users read; /* of `users`; where it does not exist nothing */
	struct sealed_values values;
};

void git_side_done(struct git_side *side); /* for CLEANUP */

/* The texts as the commit has them; "" for what it has not. */
bool git_side_of_commit(const char *commit, const struct layout_users *files, struct arena *mem,
	struct git_side *side, struct error *err) MUST_CHECK;

/* Those of HEAD, read. A state that cannot be read (conflict markers were committed) is nothing to go by: it is then left out, since
   what comes after it mends it. */
bool git_side_of_head(const struct layout_users *files, struct arena *mem, struct git_side *side,
	struct error *err) MUST_CHECK;

/* Reads what `users` and `sealed` hold. False with mistakes. */
bool git_side_read(const struct layout_users *files, struct arena *mem, struct git_side *side,
	struct mistakes *mistakes) MUST_CHECK;

/* The name of HEAD's commit, "" = none yet. */
const char *ancestor_head(struct arena *mem);

/* Where the ancestor of an edit file is kept; `checkout` NULL = outside of any repository. */
bool ancestor_file(const struct checkout *checkout, const char *edit, struct arena *mem, const char **file,
	struct error *err) MUST_CHECK;

struct ancestor {
	struct users_base base;
	bool sideways; /* HEAD is another branch */
};

/* For `edit` as it is now, and `head`. `ancestor->base` is what `file` holds where that is known already, else empty. */
bool ancestor_find(const char *file, const char *head, const struct layout_users *files,
	const struct edit_users *edit, const struct receipts *receipts, struct arena *mem,
	struct ancestor *ancestor, struct error *err) MUST_CHECK;
