/*
 * sealed_users.h - edit file and certificate to sealed-users.yaml, changing only what changed
 *
 * The truth is the ciphertext that is there. A user without a password keeps it; one whose password this clone has a receipt
 * for keeps it; any other password is sealed anew, in place, unless whoever asks knows better (users_merge.h); who is named as removed loses
 * the document. All other bytes of the file stay: order, comments, layout, SealedSecrets of others. Pure but for the receipts.
 */
#pragma once

#include "reconcile/sealed/edit_users.h"
#include "reconcile/sealed/receipts.h"
#include "reconcile/sealed/sealed_secret.h"

/* What becomes of a user's password. */
enum sealed_choice {
	SEALED_BY_RECEIPT, /* sealed anew unless this clone knows that it is the one that is sealed */
	SEALED_KEPT,       /* the sealed one stays, whatever is given */
	SEALED_ANEW,
	SEALED_SKIPPED, /* the user is not to be in Git at all */
};

/* A ciphertext of a sealed file. */
struct sealed_value {
	const char *secret, *text;
};

struct sealed_values {
	struct sealed_value *items; /* sorted by Secret */
	size_t count;
	const struct sealed_parse *parse; /* of the text, for one sealing of the same text; in the same arena, borrows the text */
};

struct sealed_users_input {
	const struct edit_users *users;
	const char *file; /* of the sealed text, for messages */
	const char *text; /* the sealed text as it is now; "" = none yet */
	size_t length;
	const struct sealed_parse *parse; /* of this very text, by sealed_users_values(); NULL = not read yet */
	const struct certificate *certificate; /* may be NULL while nothing has to be sealed */
	struct receipts *receipts;             /* gets the new receipts; NULL = none */
	bool reseal;                           /* every password that is given is sealed anew */
	bool generate; /* whoever needs a password, gave none and has none sealed gets one; else only the agent makes one, for who says so */
	const char *const *only; /* of these alone; NULL = of all */
	size_t only_count;
	enum sealed_choice (*choose)(const void *context, const char *user); /* NULL = by receipt, all */
	const void *context;
	const char *const *removed; /* Secrets that are to go; whatever else is there stays */
	size_t removed_count;
};

/* Names of users, in the edit file's order. */
struct name_list {
	const char **items;
	size_t count;
};

struct sealed_users {
	struct name_list sealed;    /* got a new ciphertext */
	struct name_list removed;   /* names of Secrets that went */
	struct name_list generated; /* got a password that was made here */
	struct edit_user *given; /* those of them whose edit file is to get it, with the password (free with sealed_users_done) */
	size_t given_count;
	size_t kept;
	size_t other_certificate; /* kept ones that certainly come from another certificate than the given one */
	bool changed;             /* the text differs from before */
	struct sealed_values values; /* of the new text */
};

/* Appends the new text to `out`. Names are in `mem`. False with mistakes: then the receipts must not be written. */
bool sealed_users_make(const struct sealed_users_input *input, struct arena *mem, struct sealed_users *result,
	struct buf *out, struct mistakes *mistakes) MUST_CHECK;

/* Overwrites the passwords that were made; for CLEANUP. users_password.c */
void sealed_users_done(struct sealed_users *result);

/* The ciphertexts of the users' namespace and item in a sealed text. False with mistakes. */
bool sealed_users_values(const struct sealed_users_input *input, struct arena *mem,
	struct sealed_values *values, struct mistakes *mistakes) MUST_CHECK;
const char *sealed_values_find(const struct sealed_values *values, const char *secret); /* NULL = none */
