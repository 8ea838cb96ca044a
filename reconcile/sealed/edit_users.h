/*
 * edit_users.h - the users file that people edit: users with plain passwords, never in Git
 *
 * The predecessor's format and version 2: a ConfigMap whose data["users.yaml"] holds the list, or the list itself. What goes
 * into Git is the same text without the passwords, so comments, order and layout stay, and a missing edit file can be made
 * again from it. The schema is closed: a key that is not known could hold a password under another name.
 */
#pragma once

#include "reconcile/sealed/wipe.h"

#include "base/buf.h"

#define EDIT_USERS_NAMESPACE "postgres"

struct edit_user {
	const char *name;
	const char *secret;   /* name of its Secret: user-<name with _ -> ->-secret, or as version 2 says */
	const char *password; /* NULL = not given */
	size_t password_length;
	bool sealed; /* its password is a SealedSecret of ours; false = Secret of somebody else, disabled, ... */
	bool generate;            /* version 2: password: {generate: true} */
	const char *renamed_from; /* version 2; NULL = not renamed */
	int line;                 /* in the file */
};

struct edit_users {
	struct arena *mem; /* everything below; wiped at the end */
	const char *file;
	const char *text; /* the whole file */
	size_t length;
	const char *namespace;   /* of the Secrets */
	const char *item;        /* "password" */
	const char *template;    /* of the Secrets' names: "user-{name}-secret" */
	struct edit_user *items; /* in the order of the file; one entry for each Secret */
	size_t count;
	const struct yaml_node *list; /* the users' list, with places relative to `inner` */
	const struct yaml_node *root; /* of the inner document */
	const struct yaml_node *block; /* the scalar of a ConfigMap that holds the inner text; NULL = the file is the list */
	const struct yaml_node *outer; /* the ConfigMap, or `root` */
	const char *inner;
	size_t inner_length;
	int block_column; /* of the key whose value `block` is */
};

/* `namespace` is where the Secrets are when the file does not say; NULL = EDIT_USERS_NAMESPACE. False with mistakes (file:line,
   never a password). */
bool edit_users_read(const char *file, const char *bytes, size_t length, const char *namespace,
	struct edit_users *users, struct mistakes *mistakes) MUST_CHECK;
void edit_users_done(struct edit_users *users); /* for CLEANUP */

/* The text for Git. */
struct edit_users_bare {
	const struct edit_users *known; /* a text that may well be the same, read already; NULL = none. Given. */
	size_t dropped;                 /* comments left out: they name a password or hold one */
	bool is_known;                  /* the text is that of `known` */
	struct edit_users read;         /* else as it is read; done by the caller */
};

/* Appends it to `out`. */
bool edit_users_public(const struct edit_users *users, struct buf *out, struct edit_users_bare *bare,
	struct error *err) MUST_CHECK;

/* `inner`, the text of a users list, in the ConfigMap of `users`; alone where that is none. */
void edit_users_wrap(const struct edit_users *users, const char *inner, size_t length, struct buf *out);

/* Does the file hold a plain password at all? For a text that may be anything. */
bool edit_users_has_password(const struct edit_users *users);
