/*
 * cluster_place.h - one database cluster in Kubernetes, and what else is asked there about it: logins, Events, logs, a way in
 *
 * All of it is asked with the rights of whoever calls the command. What they may not ask is told with the verb and the resource that are missing.
 */
#pragma once

#include "agent/commands/cluster.h"
#include "base/secret.h"
#include "reconcile/kubernetes/kube.h"

struct cluster_place {
	struct cluster_source source;
	const char *named; /* NAME or NAMESPACE/NAME, as it was given */
	struct patroni_set set;
	struct patroni_cluster *cluster; /* NULL = it was not looked for */
	const char *namespace, *name;
	struct cluster_connection own, *server; /* NULL = the cluster is not of Kubernetes */
};

#define CLUSTER_PLACE_HELP                                                                                   \
	"  -n, --namespace NS   the cluster's namespace\n"                                                   \
	"  --kubeconfig FILE, --context NAME   which Kubernetes, instead of the agent file's\n"

/* Takes the options that all of them have, and `own`; the first argument is the cluster. `most` arguments. False after it has said what
   is wrong. */
bool cluster_place_arguments(struct command_context *context, struct cluster_place *place, int *argc,
	char **argv, const struct command_option *own, size_t own_count, int most) MUST_CHECK;

/* Finds it. Without `members` only its name and namespace have to be known, and where both were given nobody is asked. What could not be had and
   does not matter to everything is said on stderr where it is not found. */
bool cluster_place_open(struct command_context *context, struct cluster_place *place, bool members,
	struct error *err) MUST_CHECK;
void cluster_place_done(struct cluster_place *place);

/* "NAMESPACE/NAME", or NAME where it is not of Kubernetes. In `mem`. */
const char *cluster_place_title(const struct cluster_place *place, struct arena *mem);

/* ERROR_INVALID, with the reason, where it is not of Kubernetes: `what` is kept there. */
bool cluster_place_of_kubernetes(
	const struct cluster_place *place, const char *what, struct error *err) MUST_CHECK;

/* Adds to a refusal what is missing: "; the verb get on pods/log in the namespace NS is needed". `namespace` NULL = in all. Returns false. */
bool cluster_place_refused(const char *verb, const char *resource, const char *namespace, struct error *err);

/* GET PATH; a new reference. `secret`: its text is in no error. */
bool cluster_place_get(const struct cluster_place *place, const char *path, bool secret, json_t **answer,
	struct error *err) MUST_CHECK;

/* All objects of a list in one namespace. */
struct cluster_listing {
	const char *plural;
	const char *namespace; /* NULL = the cluster's */
	const char *selector;  /* of labels; NULL = all */
	bool secret;
	json_t *items;       /* an array, the caller's */
	const char *version; /* that a watch goes on from */
};
bool cluster_place_list(const struct cluster_place *place, struct cluster_listing *listing, struct arena *mem,
	struct error *err) MUST_CHECK;

/* ---- the operator's logins (cluster_logins.c) ---- */

struct cluster_login {
	const char *user, *secret;
	const char *namespace; /* of the Secret: the operator may keep it elsewhere (enable_cross_namespace_secret) */
	const char *database;     /* that it owns, or is made for; NULL = none is known */
	int64_t created, changed; /* microseconds; 0 = not known */
};

struct cluster_logins {
	struct cluster_login *items; /* by user */
	size_t count;
	const char *note; /* of which nothing or little is known, and the right that is missing; NULL = all is known */
};

/* All of them, without passwords. The rights to list Secrets are needed; where they are missing in another namespace than the cluster's, its logins
   are those of the `postgresql` object, without times. */
bool cluster_logins_read(const struct cluster_place *place, struct arena *mem, struct cluster_logins *logins,
	struct error *err) MUST_CHECK;

/* One of them with its password; the Secret that the operator names is asked for alone, and only where there is none, all of them.
   ERROR_MISSING: nobody is called so. The caller wipes the password. */
bool cluster_login_find(const struct cluster_place *place, const char *user, struct arena *mem,
	struct cluster_login *login, struct secret *password, struct error *err) MUST_CHECK;

/* Who logs in where nobody is named: `operator.superUsername` of the agent file, else postgres. */
const char *cluster_login_usual(const struct cluster_place *place);
