/*
 * sealing.h - what the seal and unseal commands share: files in and out, the certificate, the cluster
 */
#pragma once

#include "agent/commands/common.h"
#include "agent/hook/install.h"
#include "base/buf.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/sealed/format.h"

/* Where a certificate may come from, as the options say. */
struct sealing_source {
	const char *certificate; /* --cert: a file or an https URL; NULL = look for it */
	const char *ca; /* --ca: who signed the https server's certificate; NULL = the system's list */
	const char *controller_name;      /* default sealed-secrets-controller */
	const char *controller_namespace; /* default kube-system */
	const char *kubeconfig;           /* NULL = KUBECONFIG, ~/.kube/config, or in-cluster */
	struct kube_override kube;        /* kubectl's options */
	struct command_values groups;     /* --as-group */
	struct command_values keys;       /* --private-key, --recovery-private-key: each counts */
	int seconds;                      /* --request-timeout; 0 = the usual */
	bool from_cluster;                /* ask the cluster, whatever lies here */
};

/* Takes the options that all sealing commands share out of the words, kubeseal's spelling of them included, and `own`; the words
   that are left stand in *argv, in the context's memory. What kubeseal reads from SEALED_SECRETS_... is read, too. A token on the
   command line is overwritten there. False after it has said what is wrong. sealing_options.c */
bool sealing_arguments(struct command_context *context, struct sealing_source *source, int *argc,
	char ***argv, const struct command_option *own, size_t count, int least, int most) MUST_CHECK;

/* Which cluster and controller the environment names alone, for commands without those options. */
bool sealing_source_of_environment(
	const struct command_context *context, struct sealing_source *source) MUST_CHECK;

/* The kubeconfigs' paths (the option, KUBECONFIG with its colons, the home folder), NULL at the end; none when nothing says where. The cluster they lead to, with kubectl's options; the namespace
   of its context, for which nobody is asked. ERROR_MISSING: there is none. Texts belong to the caller. sealing_kubeconfig.c */
char **sealing_kubeconfigs(const struct sealing_source *source);
void sealing_kubeconfigs_done(char ***paths); /* for CLEANUP */
bool sealing_kube_config(
	const struct sealing_source *source, struct kube_config *config, struct error *err) MUST_CHECK;
bool sealing_namespace(const struct sealing_source *source, char **namespace, struct error *err) MUST_CHECK;

/* The API server that the options lead to. Closing is for CLEANUP, and takes one that was not opened. sealing_kubeconfig.c */
struct sealing_api {
	struct kube_config config;
	struct kube *kube;
};
bool sealing_api_open(
	const struct sealing_source *source, struct sealing_api *api, struct error *err) MUST_CHECK;
void sealing_api_close(struct sealing_api *api);

/* From now on this process keeps plain text: no swap where that is allowed, freed memory is overwritten. */
void sealing_protect_memory(void);

/* A file, or stdin when `path` is NULL or "-". The buffer's maximum is the input's. */
bool sealing_read(const char *path, struct buf *out, struct error *err) MUST_CHECK;

/* A file, replaced atomically, or stdout when `path` is NULL or "-". */
bool sealing_write(const char *path, const struct buf *text, unsigned mode, struct error *err) MUST_CHECK;

/* The certificate to seal with: the option, SEALED_SECRETS_CERT, the repository's, the one remembered of the cluster, the
   cluster's. What is worth knowing before sealing (few days left, a chain, not the cluster's) is said on stderr. `where` (in
   context->mem) names it. */
bool sealing_certificate(const struct command_context *context, const struct sealing_source *source,
	struct certificate *certificate, const char **where, struct error *err) MUST_CHECK;

/* "file:///x" is the file /x, as kubeseal has it; anything else is itself. */
const char *sealing_certificate_path(const char *given);

/* What somebody should know before sealing with it: few days left, a chain, not what the cluster gave last. */
void sealing_warn(
	const struct sealing_source *source, const char *where, const struct certificate *certificate);

/* May the clone that this file is of seal with it (trust.h)? The cluster's own may, as it was remembered. What may is noted. */
bool sealing_trust(const struct command_context *context, const struct sealing_source *source,
	const char *path, const char *fingerprint, struct error *err) MUST_CHECK;

/* Notes it for the clone when it is what the cluster gave last. ERROR_DENIED when it is not, and the clone has sealed with nothing yet. */
bool sealing_take_clusters(const struct sealing_source *source, const struct checkout *clone,
	const char *path, const char *fingerprint, struct arena *mem, struct error *err) MUST_CHECK;

/* The clone around takes it from now on; `cloned` = there is one. */
bool sealing_trust_named(const struct command_context *context, const char *fingerprint, bool *cloned,
	struct error *err) MUST_CHECK;

/* Said last: in a clone with edit files git does not run the hooks. The program then works in the checkout's root. */
void sealing_warn_of_hooks(const struct command_context *context);

/* JSON as kubeseal indents it, or YAML with "---" in front. */
void sealing_print(struct buf *out, const json_t *object, bool yaml);

/* YAML when -o says so, or when it says nothing and the file's name does. */
bool sealing_wants_yaml(const struct command_context *context, const char *path);

/* One line on stderr, "pgitops: ..."; foreign text in it is made visible. */
void sealing_say(const char *format, ...) PRINTF_LIKE(1, 2);
void sealing_say_mistakes(const struct mistakes *mistakes);

/* The controller of the cluster, through the API server. The PEM is checked by the caller. sealing_cluster.c */
bool sealing_cluster_certificate(
	const struct sealing_source *source, struct buf *pem, struct error *err) MUST_CHECK;
bool sealing_cluster_keys(
	const struct sealing_source *source, struct sealing_keys *keys, struct error *err) MUST_CHECK;
bool sealing_cluster_reencrypt(const struct sealing_source *source, const json_t *sealed, json_t **again,
	struct error *err) MUST_CHECK;
/* Can the controller open it? ERROR_INVALID = it cannot. */
bool sealing_cluster_validate(
	const struct sealing_source *source, const json_t *sealed, struct error *err) MUST_CHECK;
bool sealing_url_certificate(
	const struct sealing_source *source, const char *url, struct buf *pem, struct error *err) MUST_CHECK;

/* Is the repository's certificate the one that the controller seals with now? A value of an older one still opens, as long as
   the controller keeps its key. */
void sealing_cluster_row(const struct sealing_source *source, struct hook *hook, struct rows *rows);

/* The certificate that this cluster gave last, kept in the user's cache. ERROR_MISSING when none was. */
bool sealing_remembered(const struct sealing_source *source, struct buf *pem, struct error *err) MUST_CHECK;
bool sealing_remember(const struct sealing_source *source, const struct buf *pem, struct error *err) MUST_CHECK;

/* The namespace where the controller and its keys are, by the options. */
const char *sealing_controller_namespace(const struct sealing_source *source);

/* Makes a Secret that is not there yet. ERROR_CONFLICT when it is. */
bool sealing_cluster_create(
	const struct sealing_source *source, const json_t *secret, struct error *err) MUST_CHECK;

/* Comma-separated files, as often as the option was given, and further words: all private keys. sealing_keys.c */
bool sealing_keys_option(const struct command_values *given, int argc, char **argv, struct sealing_keys *keys,
	struct error *err) MUST_CHECK;

/* Every SealedSecret of a YAML or JSON text, Lists opened; other documents are passed over and counted. Objects are new
   references. */
struct sealed_object {
	json_t *json;
	const char *file;
	int line;
};
struct sealed_objects {
	struct sealed_object *items;
	size_t count;
	size_t others;
};
bool sealing_objects(const char *file, const struct buf *text, struct arena *mem,
	struct sealed_objects *objects, struct error *err) MUST_CHECK;
void sealing_objects_done(struct sealed_objects *objects); /* for CLEANUP */

/* What `pgitops unseal` and `seal cert` do, for kubeseal's --recovery-unseal and --fetch-cert; the exit code. unseal.c, seal_cert.c */
int sealing_unseal(struct command_context *context, const struct sealing_source *source, const char *input,
	const char *output, int argc, char **argv);
int sealing_show_certificate(
	struct command_context *context, const struct sealing_source *source, const char *output);

/* `pgitops check --secrets [REV..REV]`; hook.c */
int command_check_secrets(struct command_context *context, int argc, char **argv);
