/*
 * users_base.h - the common ancestor of an edit file and of what Git has: how both stood when this clone last brought them together
 *
 * A merge of two sides needs to know where they come from. Git knows that of its own files; of the edit file, which is in no commit,
 * nobody does, so it is kept beside the receipts, for each worktree and edit file: for each user the entry as the edit file had it and
 * as Git had it, without its password; a keyed digest of the password (receipts.h) and a digest of the ciphertext; and the commit. The
 * two entries differ where something was left as it was on purpose: a user of another branch stands in the edit file alone.
 * A file has texts and their lengths; one of the first format, JSON, is read (whence the files' name).
 * No plain text of a password is in it. Losing it costs questions, never a user: what is not known is nobody's to remove.
 */
#pragma once

#include "base/digest.h"
#include "reconcile/sealed/users_parts.h"

struct base_user {
	const char *name;
	const char *edit, *git; /* the entries, as users_part.text without password; NULL = was not there */
	const char *password;   /* keyed digest of what the edit file had; "" = none, or not known */
	const char *sealed;     /* digest of Git's ciphertext; "" = none */
	bool seen; /* a commit was made here with the user in the edit file: only then may the file's lack of them mean removal */
	bool aside; /* the edit file's password is not Git's and belongs to another branch */
};

struct users_base {
	bool known;                         /* false = this clone never brought them together */
	const char *commit;                 /* "" = before the first one */
	const char *frame_edit, *frame_git; /* users_parts.frame, its digest */
	struct base_user *items;            /* sorted by name */
	size_t count;
	const char *settled; /* keyed digest of all that the last sealing read, which had nothing to do or to say; "" = none such */
	size_t kept; /* and how many passwords it kept */
};

/* `file` is one of ours; a missing or damaged one is not known. */
void users_base_read(const char *file, struct arena *mem, struct users_base *base);
bool users_base_write(const char *file, const struct users_base *base, struct error *err) MUST_CHECK;

const struct base_user *users_base_find(const struct users_base *base, const char *name);
