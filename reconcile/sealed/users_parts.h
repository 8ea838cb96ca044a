/*
 * users_parts.h - a users file taken apart by user, and put together again
 *
 * So that one user's lines can be taken over from one file into another while all other bytes stay: what stands before the list, each
 * user's entries with the comments above them, what stands behind. A user who stands there several times (one entry for each database)
 * is one part. Whoever puts a file together reads it again and compares (users_merge.c), so a layout that these rules do not
 * understand is an error and never a wrong file.
 */
#pragma once

#include "reconcile/sealed/edit_users.h"

struct users_part {
	const char *name;
	const char *text; /* its lines at column 0, line breaks as LF; passwords stay, so the arena is one that is wiped */
	const char *meaning; /* its entries as canonical JSON, without plain passwords, comments and layout */
	int line;            /* in the list's text, from 1 */
	bool repeated;       /* one database stands there twice: a merge with "keep both" */
};

struct users_parts {
	const struct edit_users *users;
	const char *head, *tail; /* of the inner text */
	size_t key_end;          /* in `head`: behind "users:" */
	int indent;              /* of the list's "- " */
	const char *frame; /* everything but the users, as canonical JSON; `timestamp` of the predecessor does not count */
	struct users_part *items; /* in the order of the file */
	size_t count;
	const struct users_part **by_name;
};

/* Borrows `users`. A list in braces is written anew, a user a piece. False where "users" itself stands in braces. */
bool users_parts_read(const struct edit_users *users, struct arena *mem, struct users_parts *parts,
	struct error *err) MUST_CHECK;

/* NULL = not there. */
const struct users_part *users_parts_find(const struct users_parts *parts, const char *name);

/* The file of `frame` with these texts (as in users_part) in its list. */
void users_parts_write(
	const struct users_parts *frame, const char *const *texts, size_t count, struct buf *out);
