/*
 * generate.h - a Secret with a new password, for a user that users.yaml says to generate one for
 *
 * A Secret is made and never changed: one that is there, whoever made it, is the password. Where a cluster is known it is an object of the
 * cluster (the ServiceAccount needs create on Secrets of the namespace), else a manifest in the folder of the agent file, mode 0600.
 * It is there before the server gets its verifier, so that a kill between the two loses nothing: the next pass finds it.
 */
#pragma once

#include "agent/users/secrets.h"
#include "reconcile/roles/users.h"

/* `version` as secrets_version() would give it. ERROR_CONFLICT = one is there by now. */
bool generate_secret(struct secrets *secrets, struct kube *kube, const char *namespace,
	const struct user_password *place, struct secret *password, struct arena *mem, const char **version,
	struct error *err) MUST_CHECK;
