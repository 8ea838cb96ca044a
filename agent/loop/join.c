#include "agent/loop/join.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/loop/cluster_state.h"
#include "agent/loop/inbox.h"
#include "agent/loop/apps.h"
#include "agent/loop/projects.h"
#include "agent/users/users_pass.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { JOIN_WAIT = 2000, FOLLOW_WAIT = 5000 }; /* milliseconds between two tries */

#define SERVICE_ACCOUNT_TOKEN "/var/run/secrets/kubernetes.io/serviceaccount/token"
#define APPLICATIONS "applications"
#define REPOSITORIES "repositories"
#define SSH_HOSTS "ssh-hosts"
#define AUTHORITIES "tls-authorities"
#define SECRETS "secrets/"

/* What the listener needs; lives as long as the agent. */
struct ears {
	struct agent *agent;
	struct credentials *credentials;
	char slot[64];
};

bool join_is_wanted(const struct config *config)
{
	return !config->kubernetes_off && (config->kubeconfig || access(SERVICE_ACCOUNT_TOKEN, F_OK) == 0);
}

/* ---- the watch thread's calls ---- */

static void heard_change(void *context, const struct object_key *key, const char *application)
{
	struct ears *ears = context;
	(void)key;
	queue_push(ears->agent->queue, EVENT_OBJECT, application);
}

static void heard_followed(void *context, const char *collection, const json_t *object, bool gone)
{
	struct ears *ears = context;
	if (strcmp(collection, APPLICATIONS) == 0) {
		inbox_put(ears->agent->inbox, object, gone);
		queue_push(ears->agent->queue, EVENT_APPLICATION, "");
	} else if (strcmp(collection, PROJECTS) == 0) {
		inbox_put(ears->agent->project_inbox, object, gone);
		queue_push(ears->agent->queue, EVENT_PROJECT, "");
	} else if (strcmp(collection, REPOSITORIES) == 0) {
		credentials_seen(ears->credentials, object, gone);
		queue_push(ears->agent->queue, EVENT_CREDENTIALS, "");
	} else if (strcmp(collection, SSH_HOSTS) == 0 || strcmp(collection, AUTHORITIES) == 0) {
		credentials_hosts_seen(ears->credentials, object, gone);
		queue_push(ears->agent->queue, EVENT_CREDENTIALS, "");
	} else {
		secrets_seen(ears->agent->secrets, object, gone);
		queue_push(ears->agent->queue, EVENT_SECRET, collection + strlen(SECRETS));
	}
}

static void heard_trouble(void *context, const char *collection, const struct error *err)
{
	struct ears *ears = context;
	CLEANUP(memory_freep) char *text = err ? memory_printf("%s: %s", collection, err->text) : NULL;
	if (err && log_changed(ears->slot, text))
		log_warning("watch is interrupted", "collection", collection, "error", err->text, NULL);
	if (!err && ears->slot[0]) {
		ears->slot[0] = '\0';
		log_info("watch works again", "collection", collection, NULL);
		queue_push(ears->agent->queue, EVENT_RECOVERED, "");
	}
}

/* A pass was told that the collection was still being listed: what waits for that may go on. */
static void heard_listed(void *context, const char *collection)
{
	struct ears *ears = context;
	(void)collection;
	queue_push(ears->agent->queue, EVENT_RECOVERED, "");
}

/* ---- joining ---- */

bool join_config(const struct config *config, struct kube_config *kube, struct error *err)
{
	if (!config->kubeconfig)
		return kube_config_in_cluster(NULL, kube, err);
	if (access(config->kubeconfig, F_OK) != 0)
		return error_set(err, ERROR_RETRY, "%s is not there yet", config->kubeconfig);
	return kube_config_read(config->kubeconfig, config->kube_context, false, kube, err);
}

/* Argo CD's credentials for repositories, read where they are. They may all stand in the agent file instead: without the right to
   read them the agent works from there alone. */
static bool follow_credentials(struct agent *agent, struct error *err)
{
	static const struct {
		const char *collection, *resource, *query, *selector;
	} parts[] = {
		{REPOSITORIES, "secrets", "", "argocd.argoproj.io/secret-type in (repository,repo-creds)"},
		{SSH_HOSTS, "configmaps", "?fieldSelector=metadata.name%3Dargocd-ssh-known-hosts-cm", NULL},
		{AUTHORITIES, "configmaps", "?fieldSelector=metadata.name%3Dargocd-tls-certs-cm", NULL},
	};
	const char *namespace = agent->config->namespace;

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		CLEANUP(memory_freep)
		char *path = memory_printf(
			"/api/v1/namespaces/%s/%s%s", namespace, parts[i].resource, parts[i].query);
		if (cluster_follow(agent->cluster, parts[i].collection, path, parts[i].selector, err))
			continue;
		if (err->kind != ERROR_DENIED)
			return false;
		log_warning("credentials in the cluster cannot be read", "namespace", namespace, "what",
			parts[i].collection, "error", err->text, NULL);
	}
	return true;
}

static bool follow_configuration(struct agent *agent, struct error *err)
{
	CLEANUP(memory_freep)
	char *applications = memory_printf(
		"/apis/argoproj.io/v1alpha1/namespaces/%s/applications", agent->config->namespace);

	if (!follow_credentials(agent, err))
		return false;
	if (agent->config->applications)
		return true;
	if (cluster_follow(agent->cluster, APPLICATIONS, applications, agent->config->selector, err)) {
		queue_push(agent->queue, EVENT_LISTED, "");
		return true;
	}
	if (err->kind == ERROR_MISSING)
		error_prefix(err, "the cluster has no Applications: apply manifests/crds/application.yaml");
	return false;
}

/* Main may be stopping everything at this very moment: then the new cluster is stopped too. */
static void publish(struct agent *agent, struct cluster *cluster)
{
	pthread_mutex_lock(&agent->lock);
	agent->cluster = cluster;
	if (agent->stopping)
		cluster_stop(cluster);
	pthread_mutex_unlock(&agent->lock);
}

static bool open_cluster(struct agent *agent, struct credentials *credentials, struct error *err)
{
	struct cluster *cluster;
	struct ears *ears = memory_alloc(sizeof(*ears));
	*ears = (struct ears){.agent = agent, .credentials = credentials};
	const struct cluster_listener listener = {
		ears, heard_change, heard_followed, heard_trouble, heard_listed};

	if (!join_config(agent->config, &agent->kube, err) ||
		!cluster_open(&agent->kube, &listener, &cluster, err)) {
		free(ears);
		return false;
	}
	agent->ears = ears;
	publish(agent, cluster);
	return true;
}

/* The watches' thread asks a silent server whether it is back: to wait for an answer here would hold up everything else. */
static bool is_not_silent(struct cluster *cluster, struct error *err)
{
	struct cluster_health health;
	cluster_health(cluster, &health);
	return health.well || !*health.why || error_set(err, ERROR_RETRY, "%s", health.why);
}

static bool join(struct agent *agent, struct credentials *credentials, struct error *err)
{
	if (!agent->cluster && !open_cluster(agent, credentials, err))
		return false;
	if (!is_not_silent(agent->cluster, err) || !cluster_ready(agent->cluster, err))
		return false;
	return agent->cluster_joined || follow_configuration(agent, err);
}

/* Kinds may turn out cluster-scoped now, and everything waits for its first comparison. */
static void wake_everything(struct agent *agent)
{
	for (size_t i = 0; i < agent->repository_count; i++) {
		agent->repositories[i]->paths_changed = true;
		agent->repositories[i]->next_poll = 0;
	}
	agent_wake(agent, "");
	for (size_t i = 0; i < agent->database_count; i++)
		agent->databases[i]->dirty = true;
}

void join_try(struct agent *agent, struct credentials *credentials)
{
	struct error err;

	if (!agent->cluster_on || (agent->cluster_joined && !*agent->cluster_trouble) ||
		clock_steady() < agent->next_join)
		return;
	bool joined = join(agent, credentials, &err);
	agent->next_join = clock_steady() + JOIN_WAIT; /* the end of it: a silent server takes its time */
	if (!joined) {
		bool changed = strcmp(agent->cluster_trouble, err.text) != 0;
		snprintf(agent->cluster_trouble, sizeof(agent->cluster_trouble), "%s", err.text);
		if (changed) {
			cluster_state_record(agent);
			agent_wake(agent, "");
		}
		if (log_changed(agent->cluster_slot, err.text))
			log_warning("waiting for the cluster", "reason", err.text, NULL);
		return;
	}
	agent->cluster_trouble[0] = '\0';
	agent->cluster_slot[0] = '\0';
	cluster_state_record(agent);
	log_info("connected to the cluster", "server", agent->kube.server, "version",
		cluster_version(agent->cluster), NULL);
	if (!agent->cluster_joined)
		wake_everything(agent);
	agent->cluster_joined = true;
}

/* Where passwords of this database are looked for, one after the other: where all are, then what the policy allows; NULL = no more. */
static const char *password_namespace(const struct database *database, size_t number)
{
	const struct roles_policy *policy = &database->config->policy;
	if (number == 0)
		return database->namespace;
	return number <= policy->secret_namespace_count ? policy->secret_namespaces[number - 1] : NULL;
}

/* False when the server takes its time: then the others wait, too. */
static bool follow_namespace(struct agent *agent, struct database *database, const char *namespace)
{
	CLEANUP(memory_freep) char *collection = memory_printf(SECRETS "%s", namespace);
	CLEANUP(memory_freep) char *path = memory_printf("/api/v1/namespaces/%s/secrets", namespace);
	struct error err;
	if (cluster_follow(agent->cluster, collection, path, NULL, &err)) {
		secrets_follow(agent->secrets, namespace);
		database->dirty = true;
		return true;
	}
	log_error("the users' Secrets cannot be watched", "namespace", namespace, "error", err.text, NULL);
	return err.kind == ERROR_DENIED;
}

void join_follow_users(struct agent *agent)
{
	if (!agent->cluster_joined || *agent->cluster_trouble || *agent->cluster_stale ||
		clock_steady() < agent->next_follow)
		return;
	for (size_t i = 0; i < agent->database_count; i++) {
		struct database *database = agent->databases[i];
		if (!database->namespace || !*database->namespace)
			continue;
		for (const char *namespace; (namespace = password_namespace(database, database->followed));
			database->followed++)
			if (!follow_namespace(agent, database, namespace)) {
				agent->next_follow = clock_steady() + FOLLOW_WAIT;
				return;
			}
	}
}
