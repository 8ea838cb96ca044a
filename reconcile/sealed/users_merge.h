/*
 * users_merge.h - edit file and Git brought together, user by user, from their common ancestor
 *
 * Two rules stand above all others: a user with a plain password in the edit file is never taken out of it, and a user who is in Git is
 * never taken out of Git unless a sealed state of this very edit file had them. What only one side changed, the other gets. What both
 * changed differently is a conflict: nothing is guessed, the person makes both alike or says that the edit file is right (`mine`).
 *
 *   edit file   Git         what becomes of it
 *   unchanged   unchanged   nothing
 *   changed     unchanged   Git gets it
 *   unchanged   changed     the edit file gets it, its password stays
 *   unchanged   gone        the edit file loses the user; with a password there it stays, aside: Git does not get it back
 *   gone        unchanged   Git loses the user; not one that no commit of this clone had in the edit file: the edit file gets it back
 *   changed     changed     the same? then nothing, else a conflict
 *
 * Passwords have no text to compare in Git, so they are compared by what is known: the ciphertext with the one of the ancestor, the plain
 * one with the digest of the one that the edit file had then. Pure.
 */
#pragma once

#include "reconcile/sealed/receipts.h"
#include "reconcile/sealed/sealed_users.h"
#include "reconcile/sealed/users_base.h"

struct users_merge_input {
	const struct edit_users *edit;
	const struct edit_users *git;       /* NULL = Git has no users file */
	const struct sealed_values *sealed; /* of Git */
	const struct users_base *base;
	const struct receipts *receipts; /* NULL = none */
	bool mine;                       /* of a conflict the edit file's side; and what is aside is sealed */
	bool sideways; /* Git's side is another branch than the ancestor's, not a later state of it */
	bool reseal;   /* every password that is given is sealed anew */
	bool own; /* Git's users file is what this edit file gave last: its comments and order are the edit file's */
	bool staged; /* Git's side is an index: whom it lacks and the ancestor has goes only by the edit file */
};

enum merge_from {
	MERGE_KEEP,     /* both stay as they are */
	MERGE_FROM_GIT, /* the edit file gets what Git has (nothing, too) */
	MERGE_FROM_EDIT,
	MERGE_ASIDE, /* in the edit file only, and left there */
	MERGE_CONFLICT,
};

struct merge_user {
	const char *name;
	const struct users_part *edit, *git; /* NULL = not there */
	const char *bare;              /* the text of `edit` without password and comments that tell of one */
	const struct edit_user *given; /* of the edit file, NULL = not there */
	const struct base_user *base;  /* NULL = not known */
	const char *ciphertext;        /* of Git, NULL = none */
	const char *password;          /* keyed digest of the given one; "" = none, or no receipts */
	enum merge_from from;
	enum sealed_choice choice;
	bool password_conflict, outdated, put_back;
};

struct users_merge {
	struct users_merge_input input;
	struct arena *mem;                  /* of secrets */
	struct users_parts edit, git, bare; /* `bare`: of the edit file without passwords */
	const char *bare_text;
	size_t bare_dropped;      /* comments */
	struct merge_user *items; /* those of the edit file in its order, then those of Git alone in its order */
	size_t count;
	struct merge_user **by_name;
	enum merge_from frame;
	const char **removed; /* Secrets that Git loses */
	size_t removed_count;
	size_t conflicts;
	bool edit_changes, git_changes;
};

/* Decides; conflicts are mistakes, and an error only a layout that is not understood. `mem` is wiped by the caller. */
bool users_merge_make(const struct users_merge_input *input, struct arena *mem, struct users_merge *merge,
	struct mistakes *conflicts, struct error *err) MUST_CHECK;

/* The edit file's new text; its old one when nothing came from Git. Read again and compared: an error, never a wrong file. */
bool users_merge_edit(const struct users_merge *merge, struct buf *out, struct error *err) MUST_CHECK;

/* Git's new text, without passwords. `dropped` counts comments that tell of one. */
bool users_merge_public(
	const struct users_merge *merge, struct buf *out, size_t *dropped, struct error *err) MUST_CHECK;

/* The ancestor of the next merge, once the edit file was written and `commit` is what Git's side is. `committed`: by this clone just now, so
   that who is in both has been seen. In `mem`, without secrets. */
void users_merge_base(const struct users_merge *merge, const char *commit, bool committed, struct arena *mem,
	struct users_base *base);

/* The same right after a sealing that made both sides alike: `values` are those of the new sealed text, no commit is known (outside of a
   repository). False where a side has what the other has not, or Git's text was not made of the edit file's alone: then the files tell. */
bool users_merge_even(const struct users_merge *merge, const struct sealed_values *values, struct arena *mem,
	struct users_base *base);

/* What sealed_users_make() asks of each user. */
enum sealed_choice users_merge_choice(const void *merge, const char *name);

/* What a person should know: who was left aside, whose line is outdated, who was put back. In `mem`. */
void users_merge_notes(const struct users_merge *merge, struct mistakes *notes);
