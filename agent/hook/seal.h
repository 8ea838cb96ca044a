/*
 * seal.h - one entry of the layout sealed: edit file and certificate to users.yaml and sealed-users.yaml
 */
#pragma once

#include "agent/hook/git.h"
#include "agent/hook/layout.h"
#include "reconcile/sealed/sealed_users.h"

struct seal_run {
	const struct layout_users *files;
	struct receipts *receipts; /* NULL = none */
	const char *users_now;     /* texts to begin with: of the work tree, or of the index */
	size_t users_now_length;
	const char *sealed_now;
	size_t sealed_now_length;
	bool reseal;
	bool generate;           /* passwords of users who say so and have none sealed yet */
	bool careful;            /* refuse to remove users that this clone never knew */
	const char *certificate; /* instead of the layout's; NULL = the layout's */
};

struct seal_outcome {
	struct edit_users edit; /* wiped by seal_outcome_done() */
	struct sealed_users sealing;
	struct buf users, sealed; /* the new texts */
	size_t dropped_comments;
	int64_t days_left; /* of the certificate; -1 = none was needed */
	bool users_changed;
};

/* Reads the edit file and makes both texts; writes nothing. `mem` keeps names. False with mistakes. */
bool seal_users_make(const struct seal_run *run, struct arena *mem, struct seal_outcome *outcome,
	struct mistakes *mistakes) MUST_CHECK;
void seal_outcome_done(struct seal_outcome *outcome); /* for CLEANUP */

/* Writes both files, each atomically, the sealed one first: a users file that names a user without password is worse than
   a password without user. */
bool seal_users_write(
	const struct layout_users *files, const struct seal_outcome *outcome, struct error *err) MUST_CHECK;

/* Which of the two are there: git refuses to add a path that is not. `paths` ends with NULL. */
void seal_written(const struct layout_users *files, const char *paths[3]);

/* "sealed bob, carol; removed user-dave-secret; 18 unchanged" for people. In `mem`. */
const char *seal_users_summary(const struct seal_outcome *outcome, struct arena *mem);

/* Under which name a file's last state is noted: each worktree has its own. `checkout` NULL = outside of any repository. */
const char *seal_file_name(const struct checkout *checkout, const char *path, struct arena *mem);

/* Notes the edit file and what came out of it as the state that was sealed last. */
void seal_note(struct receipts *receipts, const struct checkout *checkout, const struct layout_users *files,
	const struct seal_outcome *outcome, struct arena *mem);

/* The receipts of this clone, or outside of any repository those of this user. */
bool seal_receipts_open(
	const struct checkout *checkout, struct receipts **receipts, struct error *err) MUST_CHECK;
