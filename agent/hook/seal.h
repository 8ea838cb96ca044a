/*
 * seal.h - one entry of the layout sealed: edit file and Git's side brought together, then users.yaml and sealed-users.yaml
 */
#pragma once

#include "agent/hook/ancestor.h"

/* Where a person works: a clone's checkout, or a folder outside of any repository. */
struct seal_place {
	const struct checkout *checkout; /* NULL = outside */
	struct receipts *receipts;       /* NULL = none */
	struct arena *mem;
};

struct seal_run {
	const struct seal_place *place;
	const struct layout_users *files;
	const struct git_side *git; /* what is to be changed: the index, or the files */
	const struct git_side *head; /* of the commit, for users that an index lacks; NULL = `git` is no index */
	bool users_stale,
		sealed_stale; /* the work tree's file is another than `git`, made by us: written in any case */
	bool reseal;
	bool generate; /* make passwords of who has none; the edit file gets them (sealed_users.h) */
	const char *const *only; /* of these users alone; NULL = of all */
	size_t only_count;
	bool mine;               /* --resolve: of a conflict the edit file's side */
	const char *certificate; /* instead of the layout's; NULL = the layout's */
	const struct error *doubt; /* why that certificate takes no password; NULL = this clone is asked (trust.h) */
	struct users_base base; /* as seal_has_nothing_to_do() read it; unknown = to be read */
};

struct seal_outcome {
	struct buf edit_before, edit_text; /* of the edit file: as it was read, and with what came from Git */
	struct edit_users edit;            /* of `edit_text` where it changed; wiped by seal_outcome_done() */
	struct sealed_users sealing;
	struct buf users, sealed; /* the new texts */
	struct mistakes notes;    /* what a person should know, nothing wrong with it */
	struct users_base base;   /* to be written with the files */
	bool even; /* outside of a repository: `base` is the next ancestor already, nothing has to be read again for it */
	size_t dropped_comments;
	int64_t days_left;                 /* of the certificate; -1 = none was needed */
	char fingerprint[DIGEST_HEX_SIZE]; /* its key's */
	bool users_changed, edit_changed;
};

/* Reads the edit file and makes all texts; writes nothing. False with mistakes, conflicts among them. */
bool seal_users_make(
	const struct seal_run *run, struct seal_outcome *outcome, struct mistakes *mistakes) MUST_CHECK;
void seal_outcome_done(struct seal_outcome *outcome); /* for CLEANUP */

/* Writes what changed, each file atomically: the receipts, the edit file, the sealed one, the users file. A crash in between costs one
   reseal; a users file that names a user without password is worse than a password without user. */
bool seal_users_write(
	const struct seal_run *run, const struct seal_outcome *outcome, struct error *err) MUST_CHECK;

/* Writes the edit file if it is still as it was read. */
bool seal_edit_write(const struct layout_users *files, const struct buf *before, const struct buf *text,
	struct error *err) MUST_CHECK;

/*
 * Which text is Git's side of a file: the one of the index. Line ends and filters are git's to judge; what lies in the work tree and was
 * made by us is stale. Only what a person wrote there is more than the index has.
 */
enum seal_state { SEAL_UNTRACKED, SEAL_STAGED, SEAL_MODIFIED /* the work tree differs from the index */ };
struct seal_states {
	enum seal_state edit, users, sealed;
};
bool seal_states(const struct layout_users *files, struct seal_states *states, struct error *err) MUST_CHECK;

/* What stands under both paths in the index is appended to `side`; nothing when nothing does. */
bool seal_staged(const struct layout_users *files, const struct seal_states *states, struct git_side *side,
	struct arena *mem, struct error *err) MUST_CHECK;

/* The work tree's file is as in the index, is not there, or was made by us. */
bool seal_is_ours(const struct seal_place *place, const char *path, enum seal_state state);

/* Which of the two are there: git refuses to add a path that is not. `paths` ends with NULL. */
void seal_written(const struct layout_users *files, const char *paths[3]);

/* "sealed bob, carol; removed user-dave-secret; 18 unchanged" for people. In `mem`. */
const char *seal_users_summary(const struct seal_outcome *outcome, struct arena *mem);

/* Under which name a file's last state is noted: each worktree has its own. `checkout` NULL = outside of any repository. */
const char *seal_file_name(const struct checkout *checkout, const char *path, struct arena *mem);

/* Where this clone, or outside of any repository this user, keeps what was sealed. In `mem`. */
bool seal_state_folder(const struct checkout *checkout, struct arena *mem, const char **folder,
	struct error *err) MUST_CHECK;

/* The receipts there. */
bool seal_receipts_open(
	const struct checkout *checkout, struct receipts **receipts, struct error *err) MUST_CHECK;

/*
 * The edit file follows Git: it gets what others changed, and how both stand now is the ancestor of the next merge. `committed`: by this
 * clone just now. `side` is Git's, NULL = HEAD's. Conflicts stay for the next sealing and are said on stderr unless `quiet`. follow.c
 */
struct seal_follow {
	bool committed, quiet;
	struct git_side *side;
};
bool seal_follow(const struct seal_place *place, const struct layout_users *files,
	const struct seal_follow *how, struct error *err) MUST_CHECK;

/* Nothing to do: HEAD is what the edit file followed last, which left nothing to be sealed in `edit`, its text, and the index has no more
   than HEAD. settled.c */
bool seal_is_settled(const struct seal_place *place, const struct layout_users *files, const struct buf *edit);

/*
 * The keyed digest of all that sealing reads, "" without receipts: the edit file's text, both of Git's, the certificate. With the one
 * that the ancestor notes (users_base.settled) there is nothing to do, and `kept` is how many passwords stay. settled.c
 */
const char *seal_digest(const struct seal_run *run, const struct buf *edit, const struct buf *users,
	const struct buf *sealed);
bool seal_has_nothing_to_do(struct seal_run *run, size_t *kept);

/* Notes it in the outcome's ancestor, where the next sealing would say nothing but what stays. settled.c */
void seal_note_settled(const struct seal_run *run, struct seal_outcome *outcome);

/* HEAD's two files are those of the ancestor in `file`, and nothing waits in the edit file: HEAD is noted as what it followed last, and
   that is all. settled.c */
bool seal_stands_still(const struct seal_place *place, const struct layout_users *files, const char *file);

/* HEAD moved since the edit file followed it last. */
bool seal_is_behind(const struct seal_place *place, const struct layout_users *files);
