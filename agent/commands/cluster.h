/*
 * cluster.h - what the cluster commands share: where a cluster is read from, what is shown of it
 *
 * They ask Kubernetes and the members themselves and need no agent: whoever looks at a failover wants what is so now. The agent file, where
 * there is one, says which Kubernetes that is and names clusters outside of it (databases[].patroni).
 */
#pragma once

#include "agent/commands/common.h"
#include "agent/config/config.h"
#include "reconcile/kubernetes/config.h"
#include "reconcile/patroni/ask.h"
#include "reconcile/patroni/patroni.h"

/* To the API server. */
struct cluster_connection {
	struct kube_config config;
	struct kube *kube; /* NULL = there is none yet */
};

struct cluster_source {
	const char *kubeconfig, *kube_context; /* --kubeconfig, --context */
	const char *namespace;                 /* --namespace; NULL = all */
	bool words_only;                       /* --no-ask: what Kubernetes has, no member is asked */
	struct config config;                  /* of the agent file */
	bool configured;                       /* there is one */
	bool acting;                     /* something is to be changed: passwords of REST APIs are read */
	struct patroni_access *accesses; /* of each of config.databases */
	const char **troubles;           /* why that cannot be had; NULL = it can */
	struct cluster_connection *kept; /* of who reads again and again, else NULL: opened by the first reading, and anew after one that failed */
};

/* Reads the agent file, where there is one, and the files that it names for the REST APIs. Closed also after false. */
bool cluster_source_open(
	const struct command_context *context, struct cluster_source *source, struct error *err) MUST_CHECK;
void cluster_source_close(struct cluster_source *source);

/* Of a source whose `config` is set: reads the files that it names for the REST APIs, and notes which cannot be read. */
void cluster_source_accesses(struct cluster_source *source, struct arena *mem);

/* Are --namespace and NAMESPACE/NAME ones that can be, and is nobody else's agent to be asked? False after it has said what is wrong. */
bool cluster_arguments_good(const struct command_context *context, const struct cluster_source *source,
	const char *name) MUST_CHECK;

/* The `databases` entry of the cluster: its `postgresql`, or a `patroni` that names one of its members; NULL = none. */
const struct database_config *cluster_entry(
	const struct cluster_source *source, const struct patroni_cluster *cluster);

/* The cluster that is called so: NAME is enough where it is only one. */
struct patroni_cluster *cluster_pick(struct patroni_set *set, const char *name, struct error *err);

/* What is known now, judged. `note` is what could not be had and does not matter to everything, one line each; NULL = nothing. With
   `name` (NAME or NAMESPACE/NAME) only that one is asked for. Each kind costs the API server one request for each 500 objects.
   ERROR_MISSING: no cluster is there to be read from. */
bool cluster_read(const struct command_context *context, const struct cluster_source *source,
	const char *name, struct patroni_set *set, const char **note, struct error *err) MUST_CHECK;

/* The same for the one cluster that this `databases` entry is about, by its `postgresql` or else its `patroni`; nobody else's members are asked.
   NULL: it is not there, or nothing is known of it. */
struct patroni_cluster *cluster_read_entry(const struct command_context *context,
	const struct cluster_source *source, const struct database_config *database, struct patroni_set *set,
	const char **note, struct error *err) MUST_CHECK;

/* The API server: by the options, else the agent file's, else as kubectl finds it. ERROR_MISSING: there is none. */
bool cluster_find_server(
	const struct cluster_source *source, struct kube_config *config, struct error *err) MUST_CHECK;

/* The same, and ready to be asked: the one that the source keeps, else `own`. NULL: `err` says why there is none. */
struct cluster_connection *cluster_connect(
	const struct cluster_source *source, struct cluster_connection *own, struct error *err) MUST_CHECK;
void cluster_disconnect(struct cluster_connection *connection); /* it may be opened again */

/* How the primary is reached by this entry; the caller has the password wiped, also after false. */
struct session_target;
bool cluster_target(const struct command_context *context, const struct cluster_source *source,
	const struct database_config *database, struct session_target *target, struct error *err) MUST_CHECK;

/* What the primary says in SQL (reconcile/patroni/server.h), a new reference; NULL where it cannot be asked, which `why` tells. */
json_t *cluster_server(const struct command_context *context, const struct cluster_source *source,
	const struct patroni_cluster *cluster, const char **why);
void cluster_show_server(const struct command_context *context, const json_t *server, const char *why);

/* {"items": [...]}: the documents of `cluster list`. A new reference. */
json_t *cluster_list_document(const struct patroni_set *set, struct arena *mem);
json_t *cluster_document(const struct patroni_cluster *cluster, struct arena *mem);
/* `server` is of cluster_server(): its members become the document's. */
void cluster_document_add(json_t *document, json_t *server, const char *why);

/* The members of clusters as a table, what is wrong in front of it, what else is to be known below. */
void cluster_show_list(const struct command_context *context, const struct patroni_set *set);
void cluster_show(
	const struct command_context *context, const struct patroni_cluster *cluster, const json_t *server);

/* "0", "512 B", "12 KiB", "54 MiB", "1.5 GiB"; "-" = not known. */
const char *cluster_bytes(int64_t bytes, struct arena *mem);

/* "10.2.0.7", or with the port where that tells something. */
const char *cluster_host(
	const struct patroni_cluster *cluster, const struct patroni_member *member, struct arena *mem);

/* "max_connections: 40->50", "*" where Patroni gives no reason; NULL = no restart is pending. */
const char *cluster_restart(const struct patroni_member *member, struct arena *mem);

/* As patronictl: of a replica what its replication is, of anybody else its state. NULL = not said. */
const char *cluster_state(const struct patroni_member *member);
