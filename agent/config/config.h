/*
 * config.h - the agent file (INTERFACES 2): read, checked, never secret
 *
 * Unknown fields are errors with file:line, all mistakes at once, values never quoted. `version: 1` is required; every other
 * field has a default. Paths are absolute here: relative ones begin at the file's folder. Secrets are named by file or by
 * Kubernetes Secret and read when they are used; a connection string or URL that holds a password is refused.
 */
#pragma once

#include "agent/config/powers.h"
#include "reconcile/mistake.h"
#include "reconcile/postgres/connect.h"
#include "reconcile/rendering.h"
#include "reconcile/roles/users.h"

struct secret_reference {
	const char *file;                   /* or */
	const char *namespace, *name, *key; /* a Kubernetes Secret; all NULL = none */
};

struct repository_config {
	const char *url; /* exact or prefix */
	const char *username, *password_file, *token_file, *ssh_key_file, *known_hosts_file, *ca_file;
	const char *client_cert_file, *client_key_file, *proxy, *no_proxy;
	bool insecure;
	bool signatures;      /* signatures: is there */
	bool signed_commits;  /* signatures.required */
	const char *ssh_keys; /* signatures.sshKeys: file of allowed signers */
	const char *gpg_keys; /* signatures.gpgKeys: file or folder of public keys */
	int line;
};

/* The operator's own default. */
#define OPERATOR_SECRET_TEMPLATE "{username}.{cluster}.credentials.{tprkind}.{tprgroup}"

/* databases[].postgresql and .operator: a cluster of the Zalando operator. */
struct operator_reference {
	const char *namespace, *name; /* of the `postgresql` object; NULL = none */
	const char *superuser;        /* the operator's super_username, default postgres */
	const char *secret_template; /* its secret_name_template; OPERATOR_SECRET_TEMPLATE where the file says nothing */
};

struct database_config {
	const char *name;
	const char *connection; /* NULL = that of `cluster` */
	const char **patroni;   /* URLs of its members' REST APIs */
	size_t patroni_count;
	const char *patroni_ca_file; /* who signed their certificates; NULL = the system's list */
	const char *patroni_user, *patroni_password_file; /* for what changes something; NULL = none */
	const char *patroni_client_cert_file, *patroni_client_key_file;
	struct operator_reference cluster;
	enum session_authentication authentication; /* in which form the server is told the password */
	struct secret_reference password;
	const char *application, *config_map, *key; /* users: */
	const char *users_namespace; /* users.namespace: where the passwords' Secrets are; NULL = the Application's destination */
	const char *database; /* where CONNECT is granted by default: users.database, else the connection's dbname; NULL = neither */
	struct roles_policy policy;
	int line;
};

enum rule_answer { RULE_UNSAID, RULE_ALLOW, RULE_WARN, RULE_REFUSE };

/* rules[].postgresql: what a `postgresql` object may ask for. */
struct postgresql_rule {
	const char **superusers; /* the only users that may have the flag superuser; NULL = not said */
	size_t superuser_count;
	enum rule_answer answers[POWER_PARTS]; /* sidecars: initContainers too; env: envFrom too; superusers: unused */
};

/* One entry of `rules`, asked through rules.h. */
struct rule_config {
	const char *application;          /* glob */
	const char **namespaces, **kinds; /* globs; NULL = any */
	const char **applications;        /* globs: Applications it may write itself */
	size_t namespace_count, kind_count, application_count;
	struct postgresql_rule postgresql;
	int line;
};

/* One entry of webhook.repositories: a secret of its own. */
struct webhook_config {
	const char *url; /* exact or prefix */
	const char *secret_file;
	int line;
};

/* `lease`: of several agents with the same one, one is at work. */
struct lease_config {
	bool used;                    /* the field is there */
	const char *namespace, *name; /* of the Lease; default: the agent's namespace, pgitops */
	int64_t duration;             /* milliseconds, whole seconds; default 12 s */
};

/* A file or folder that the agent file names, in whatever field. */
struct config_path {
	const char *field; /* "tokenFile"; "connection: sslrootcert" */
	const char *path;
	int line;
};

struct config {
	const char *file;
	const char *state;        /* default /var/lib/pgitops */
	int64_t poll;             /* milliseconds, 0 = webhooks only; default 30 s */
	const char *listen;       /* default 127.0.0.1:8080; "" in the file gives NULL = none */
	const char *token_file;   /* api.tokenFile */
	const char *namespace;    /* default "argocd" */
	const char *installation; /* installationID, as Argo CD's argocd-cm has it; NULL = none */
	const char *manager; /* this agent in the databases: installationID, or the lease that agents share; NULL = by its state folder */
	const char *applications; /* folder, or NULL = objects in the cluster */
	const char *secrets;      /* folder, or NULL */
	const char *selector;     /* applicationSelector: labels of those that are this agent's; NULL = all */
	struct lease_config lease;
	bool kubernetes_off;                   /* kubernetes.none: true, or --standalone */
	const char *kubeconfig, *kube_context; /* NULL = in-cluster if its token is there, else none */
	const char *tools[RENDER_TOOLS]; /* tools.kustomize, tools.helm: their binaries; NULL = as on the PATH */
	int64_t git_deadline;            /* git.timeout, milliseconds, default 60 s */
	struct repository_config *repositories;
	size_t repository_count;
	struct database_config *databases;
	size_t database_count;
	struct rule_config *rules; /* in the order of the file */
	size_t rule_count;
	bool sealing_controller; /* sealing.controller: make Secrets of SealedSecrets, as the controller does */
	const char **sealing_keys;
	size_t sealing_key_count;
	const char *webhook_secret_file;
	struct webhook_config *webhooks; /* webhook.repositories */
	size_t webhook_count;
	const char *log_level;     /* log.level: debug, info, warning, error */
	const char *log_format;    /* log.format: text, json */
	struct config_path *paths; /* in the order of the file; defaults are not among them */
	size_t path_count;
};

/* Everything in `mem`. False with mistakes when the file cannot be used; the first is in `err` too, whose kind is ERROR_INVALID
   unless the file itself could not be read. */
bool config_read(const char *file, struct arena *mem, struct config *config, struct mistakes *mistakes,
	struct error *err) MUST_CHECK;
