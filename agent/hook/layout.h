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
 *     allow:                             # plain values that are meant to be public (`pgitops check --secrets --allow` writes it)
 *       - {path: tests/secret.yaml, rule: secret, fingerprint: 1a2b3}
 *
 * Without a list: each folder with an edit-users.yaml, and pub-cert.pem beside it or in a folder above. All paths are relative to
 * the root.
 */
#pragma once

#include "reconcile/leak/leak.h"
#include "reconcile/mistake.h"

#define LAYOUT_FILE ".pgitops.yaml"
#define LAYOUT_EDIT "edit-users.yaml"
#define LAYOUT_USERS "users.yaml"
#define LAYOUT_SEALED "sealed-users.yaml"
#define LAYOUT_CERTIFICATE "pub-cert.pem"

struct layout_users {
	const char *edit, *users, *sealed;
	const char *certificate;         /* NULL = none was found */
	bool certificate_found;          /* it is the nearest pub-cert.pem; false = it was named */
	const char *certificate_general; /* the one that is named for the whole repository; NULL = none is */
	const char *namespace;           /* NULL = what the edit file says */
};

struct layout_allowed {
	const char *path;
	enum leak_rule rule; /* LEAK_RULES = an entry of an earlier version, a whole file by its sha256, which allows nothing any more */
	const char *fingerprint; /* of the value (leak.h) */
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

/* The entry of sealing.allow (or of the clone's own list) as `node` has it. False with a mistake. */
struct yaml_node;
bool layout_read_allowed(const char *file, const struct yaml_node *node, struct arena *mem,
	struct layout *layout, struct mistakes *mistakes) MUST_CHECK;
