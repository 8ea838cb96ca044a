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
	bool insecure;               /* insecure-skip-tls-verify: loud in status */
};

/* The service account's files under /var/run/secrets/kubernetes.io/serviceaccount and KUBERNETES_SERVICE_HOST/_PORT.
   ERROR_MISSING when this is no pod. The CA and token paths come from `folder` when it is not NULL (tests). */
bool kube_config_in_cluster(const char *folder, struct kube_config *config, struct error *err) MUST_CHECK;

/* A kubeconfig file; `context` NULL = current-context. Embedded data and files, token, tokenFile, client certificate.
   `exec` plugins run only when `allow_exec` (the CLI); else they are ERROR_INVALID saying so. */
bool kube_config_read(const char *path, const char *context, bool allow_exec, struct kube_config *config,
	struct error *err) MUST_CHECK;

/* `copy` is overwritten, not freed first. */
void kube_config_copy(struct kube_config *copy, const struct kube_config *config);
void kube_config_done(struct kube_config *config);
