/*
 * passwords.h - where the password of a user comes from, in this order: the Secret in the cluster, the Secret in the folder of the
 * agent file, the SealedSecret of the users' path opened with our own keys (agent file: sealing.keys), where no controller runs
 *
 * A plan for a commit that is not in force (`foretold`) writes nothing, and its new SealedSecrets were never seen by the controller
 * that will open them: there, one that we cannot open counts as a password that nobody knows yet.
 *
 * A password that users.yaml says to generate is made (generate.h) where none of these has one, in a pass that writes.
 *
 * Belongs to one users pass and its thread.
 */
#pragma once

#include "agent/config/config.h"
#include "agent/users/password_looks.h"
#include "agent/users/secrets.h"
#include "agent/users/users_memory.h"
#include "base/json.h"
#include "reconcile/roles/roles.h"
#include "reconcile/sealed/open.h"
#include "store/store.h"

/* A verifier found or made to match a Secret's version. */
struct verified {
	const char *user, *verifier, *version;
};

struct passwords {
	struct arena *mem;           /* of the pass */
	const struct config *config; /* sealing.keys */
	struct secrets *secrets;
	struct store *store;
	const struct users_memory *memory; /* what the last pass found right; NULL = none */
	struct kube *kube;                 /* NULL = no cluster */
	const char *database, *namespace;
	const struct roles_policy *policy; /* of which other namespaces passwords may be read */
	const struct objects *objects;     /* of the users' path, sorted: its SealedSecrets */
	bool foretold;
	bool writes;             /* Secrets with generated passwords may be made: a pass that applies */
	struct session *session; /* by whose connection logins are tried (policy.passwordCheck); NULL = none are */
	struct password_looks *looks; /* what those said */
	const json_t *asked;          /* names of users whose password a person wants tried; NULL = none */
	const char *cannot_generate; /* why the last one could not be made: the server is asked no further; NULL = it could */

	struct sealing_keys keys; /* read when the first one is needed */
	bool keys_read;
	struct verified *verified; /* learnt in this pass, for the store */
	size_t verified_count;
	unsigned char (*right)[DIGEST_SIZE]; /* all that were right in this pass, for the next one's memory */
	size_t right_count;
};

/* The calls that the plan makes; their context is `passwords`. */
struct roles_passwords passwords_calls(struct passwords *passwords);

/* May passwords of a database be read there? `own` is the namespace of all its users' Secrets. */
bool passwords_may_be_in(const struct roles_policy *policy, const char *own, const char *namespace);

/* Version of a Secret wherever it is; "" = there is none. In `mem`. */
const char *passwords_version(struct passwords *passwords, const struct user_password *place);

void passwords_done(struct passwords *passwords);
