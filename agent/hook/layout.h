/*
 * layout.h - which file of a repository is edited, which are generated, which certificate seals
 *
 * `.pgitops.yaml` at the root says it:
 *
 *   version: 1
 *   sealing:
 *     certificate: pub-cert.pem
 *     users:
 *       - edit: team/edit-users.yaml     # the rest may be left out: users.yaml and sealed-users.yaml beside it
 *         users: team/users.yaml
 *         sealed: team/sealed-users.yaml
 *         certificate: team/pub-cert.pem
 *         namespace: postgres
 *     allow:                             # files with plain values that are meant to be public
 *       - {path: tests/secret.yaml, sha256: 0123...}
 *
 * Without a list: each folder with an edit-users.yaml, and pub-cert.pem beside it or in a folder above. All paths are relative to
 * the root.
 */
#pragma once

#include "base/digest.h"
#include "reconcile/mistake.h"

#define LAYOUT_FILE ".pgitops.yaml"
#define LAYOUT_EDIT "edit-users.yaml"
#define LAYOUT_USERS "users.yaml"
#define LAYOUT_SEALED "sealed-users.yaml"
#define LAYOUT_CERTIFICATE "pub-cert.pem"

struct layout_users {
	const char *edit, *users, *sealed;
	const char *certificate; /* NULL = none was found */
	const char *namespace;   /* NULL = what the edit file says */
};

struct layout_allowed {
	const char *path;
	const char *sha256; /* of the content that was accepted */
};

struct layout {
	struct layout_users *users;
	size_t count;
	struct layout_allowed *allowed;
	size_t allowed_count;
	const char *certificate; /* of the repository; NULL = none */
	bool declared;           /* .pgitops.yaml lists the users' files */
	bool complete;           /* the whole work tree was searched; a very large one is not */
};

/* Reads or finds it in the current folder, the root. False with mistakes in .pgitops.yaml, or an error. */
bool layout_read(struct arena *mem, struct layout *layout, struct mistakes *mistakes) MUST_CHECK;

/* The text of a .pgitops.yaml, wherever it came from. */
bool layout_parse(const char *text, size_t length, struct arena *mem, struct layout *layout,
	struct mistakes *mistakes) MUST_CHECK;

/* The entry of an edit file that is in no layout: its files beside it, its certificate beside it or above. */
struct layout_users layout_of(struct arena *mem, const char *edit, const struct layout *layout);

/* The entry whose edit file this is, or NULL. */
const struct layout_users *layout_of_edit(const struct layout *layout, const char *path);

/* Is this content of this path allowed to be plain? */
bool layout_allows(const struct layout *layout, const char *path, const void *bytes, size_t length);
