/*
 * config.h - where the API server is and who we are: in-cluster files or a kubeconfig
 */
#pragma once

#include "base/secret.h"
#include "reconcile/account.h"

struct kube_config {
	char *server;      /* https://host:port, no trailing '/' */
	char *ca;          /* PEM; NULL = system bundle */
	char *ca_file;     /* where `ca` came from when it may be rotated there; re-read each minute */
	char *client_cert; /* PEM, NULL = none */
	struct secret client_key;
	struct secret token;
	char *token_file; /* re-read each minute and after a 401 */
	char *tls_server_name;
	char *proxy;
	char *namespace;             /* of the service account or context; "default" when not said */
	struct kube_account account; /* what the token runs as, by its own word */
	char **impersonate; /* "Impersonate-User: name" and the like, NULL at the end; NULL = nobody else */
	bool insecure;      /* insecure-skip-tls-verify: loud in status */
};

/* What kubectl's options put in the place of what the kubeconfig says; NULL and 0 = as it has it. */
struct kube_override {
	const char *context, *cluster, *user; /* names in the kubeconfig */
	const char *server, *namespace, *tls_server_name, *proxy;
	const char *ca_file, *client_cert_file, *client_key_file;
	const char *token; /* instead of every credential of the user, whose exec plugin is not run */
	const char *as, *as_uid;
	const char *const *as_groups;
	size_t as_group_count;
	bool insecure; /* and without the kubeconfig's authority */
};

/* The service account's files under /var/run/secrets/kubernetes.io/serviceaccount and KUBERNETES_SERVICE_HOST/_PORT.
   ERROR_MISSING when this is no pod. The CA and token paths come from `folder` when it is not NULL (tests). */
bool kube_config_in_cluster(const char *folder, struct kube_config *config, struct error *err) MUST_CHECK;

/* A kubeconfig file; `context` NULL = current-context. Embedded data and files, token, tokenFile, client certificate.
   `exec` plugins run only when `allow_exec` (the CLI); else they are ERROR_INVALID saying so. */
bool kube_config_read(const char *path, const char *context, bool allow_exec, struct kube_config *config,
	struct error *err) MUST_CHECK;

/* The same, with kubectl's options, of several files (NULL at the end) as KUBECONFIG=a:b names them: the first file that has a context, cluster
   or user of a name is right about the whole entry, whose paths are relative to that file; the first that says current-context is right
   about that. Of several, those that are not there or empty are passed over; ERROR_MISSING when none is there.
   `override` is borrowed until it returns. ERROR_INVALID names the option that cannot be. */
bool kube_config_overridden(const char *const *paths, const struct kube_override *override, bool allow_exec,
	struct kube_config *config, struct error *err) MUST_CHECK;

/* The options alone, over a config that was found otherwise (in a pod). */
bool kube_config_override(
	struct kube_config *config, const struct kube_override *override, struct error *err) MUST_CHECK;

/* The name of the context (`context`, else the current one; "" = none is said) and its namespace ("default" when it says none), without asking
   anybody for credentials. Either may be NULL; only for the namespace the context has to be there. The texts belong to the caller. */
bool kube_config_context(const char *const *paths, const char *context, char **name, char **namespace,
	struct error *err) MUST_CHECK;

/* `copy` is overwritten, not freed first. */
void kube_config_copy(struct kube_config *copy, const struct kube_config *config);
void kube_config_done(struct kube_config *config);
