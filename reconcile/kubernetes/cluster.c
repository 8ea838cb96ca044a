#include "reconcile/kubernetes/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/cluster_parts.h"
#include "reconcile/kubernetes/kube_list.h"

enum {
	REFRESH_MILLISECONDS = 2000, /* between two discoveries for unknown kinds */
};

static void health_changed(void *context, const struct error *err)
{
	struct cluster *cluster = context;
	if (cluster->listener.trouble)
		cluster->listener.trouble(cluster->listener.context, "the API server", err);
}

static bool is_reachable(void *context, struct error *err)
{
	const struct cluster *cluster = context;
	return !watches_silent(cluster->watches, err);
}

static void suspect(void *context)
{
	const struct cluster *cluster = context;
	watches_suspect(cluster->watches);
}

bool cluster_open(const struct kube_config *config, const struct cluster_listener *listener,
	struct cluster **cluster, struct error *err)
{
	if (!config->server)
		return error_set(err, ERROR_INVALID, "no API server is named");
	struct cluster *made = memory_alloc(sizeof(*made));
	made->listener = *listener;
	made->kube = kube_open(config);
	made->resources = resources_new();
	made->live = live_new();
	made->watches = watches_open(config, health_changed, made);
	const struct kube_guard guard = {made, is_reachable, suspect};
	kube_guard(made->kube, &guard);
	*cluster = made;
	return true;
}

void cluster_close(struct cluster *cluster)
{
	if (!cluster)
		return;
	watches_close(cluster->watches);
	followed_free(cluster);
	live_free(cluster->live);
	resources_free(cluster->resources);
	jq_close(&cluster->jq);
	kube_close(cluster->kube);
	memory_freep(&cluster);
}

void cluster_stop(struct cluster *cluster)
{
	atomic_store(&cluster->stopped, true);
	kube_stop(cluster->kube);
	watches_stop(cluster->watches);
}

void cluster_health(struct cluster *cluster, struct cluster_health *health)
{
	watches_health(cluster->watches, health);
}

bool cluster_reachable(struct cluster *cluster, struct error *err)
{
	struct cluster_health health;
	watches_health(cluster->watches, &health);
	if (health.well || !*health.why)
		return true;
	return error_set(err, ERROR_RETRY, "%s", health.why);
}

void cluster_doubt(struct cluster *cluster, const struct live_collection *collection)
{
	if (!collection->ended)
		watches_relist(cluster->watches, collection->watch);
}

/* Discovery */

bool cluster_refresh(struct cluster *cluster, struct error *err)
{
	bool good = resources_refresh(cluster->resources, cluster->kube, err);
	if (good)
		cluster->undiscovered.kind = ERROR_NONE;
	else
		cluster->undiscovered = *err;
	cluster->refreshed = clock_steady(); /* the end of it: a silent server takes its time */
	cluster->discovered = cluster->discovered || good;
	return good;
}

bool cluster_ready(struct cluster *cluster, struct error *err)
{
	if (cluster->discovered)
		return true;
	struct kube_request request = {.method = "GET", .path = "/version"};
	CLEANUP(json_done) json_t *answer = NULL;
	if (!kube_one(cluster->kube, &request, &answer, err))
		return false;
	snprintf(cluster->version, sizeof(cluster->version), "%s", json_text_at(answer, "gitVersion", ""));
	return cluster_refresh(cluster, err);
}

bool cluster_knows_group(const struct cluster *cluster, const char *group, struct error *err)
{
	const char *away = resources_away(cluster->resources, group);
	if (away)
		return error_set(err, ERROR_RETRY,
			"the API group %s does not answer: whether it has this kind, and which objects, nobody knows "
			"(kubectl get apiservices)",
			away);
	if (cluster->undiscovered.kind == ERROR_NONE)
		return true;
	*err = cluster->undiscovered;
	return false;
}

const char *cluster_version(const struct cluster *cluster)
{
	return cluster->version;
}

const struct resource *cluster_find(
	struct cluster *cluster, const char *group, const char *version, const char *kind)
{
	struct error ignored;
	const struct resource *found = resources_find(cluster->resources, group, version, kind);
	if (found || (cluster->refreshed && clock_steady() - cluster->refreshed < REFRESH_MILLISECONDS) ||
		!cluster_reachable(cluster, &ignored))
		return found;
	if (!cluster_refresh(cluster,
		    &ignored)) /* what is known stays, and whoever asks the server next gets the error */
		return NULL;
	return resources_find(cluster->resources, group, version, kind);
}

int cluster_scope(void *context, const char *group, const char *kind)
{
	const struct resource *resource = cluster_find(context, group, NULL, kind);
	if (!resource)
		return -1;
	return resource->namespaced ? 1 : 0;
}

bool cluster_has_kind(const struct cluster *cluster, const char *group, const char *version, const char *kind)
{
	return resources_find(cluster->resources, group, version, kind);
}

bool cluster_kind_ready(struct cluster *cluster, const char *group, const char *kind, struct error *err)
{
	if (!cluster_refresh(cluster, err))
		return false;
	const struct resource *resource = resources_find(cluster->resources, group, NULL, kind);
	if (!resource)
		return error_set(err, ERROR_MISSING, "the API server has no kind %s%s%s", kind,
			*group ? "." : "", group);
	CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
	resource_path(&path, resource, "", NULL);
	buf_text(&path, "?limit=1");
	struct kube_request request = {
		.method = "GET", .path = buf_string(&path), .accept = ACCEPT_METADATA_LIST};
	kube_run(cluster->kube, &request, 1);
	json_decref(request.answer);
	/* 403: it is there, and that we may not list it everywhere is another matter. */
	bool usable = request.error.kind == ERROR_NONE || request.status == 403;
	if (!usable)
		*err = request.error;
	return usable;
}

/* What is there */

bool cluster_live(struct cluster *cluster, const struct object_key *key, struct arena *mem, struct live *live)
{
	return live_get(cluster->live, key, mem, live);
}

struct live *cluster_owned(struct cluster *cluster, const char *application, const char *namespace,
	struct arena *mem, size_t *count)
{
	return live_owned(cluster->live, application, namespace, mem, count);
}

void cluster_count(struct cluster *cluster, struct cluster_counts *counts)
{
	struct live_counts live;
	live_count(cluster->live, &live);
	*counts = (struct cluster_counts){.tracked = live.tracked};
	for (const struct live_collection *at = live_collections(cluster->live); at; at = at->next)
		counts->collections += at->tracked > 0;
}

bool cluster_forget(struct cluster *cluster, const struct object_key *keys, size_t count, struct error *err)
{
	if (!cluster_reachable(cluster, err) || !cluster_refresh(cluster, err))
		return false;
	for (struct live_collection *at = live_collections(cluster->live); at; at = at->next)
		at->asked = false;
	for (size_t i = 0; i < count; i++) {
		struct live_collection *at = live_find_collection(cluster->live, &keys[i]);
		if (at && at->watched && !at->ended && !at->asked)
			watches_forget(cluster->watches, at->watch);
		if (at)
			at->asked = true;
	}
	return true;
}

/* Namespaces */

static bool read_namespace(
	struct cluster *cluster, const char *path, const char *name, bool *there, struct error *err)
{
	struct kube_request get = {.method = "GET", .path = path};
	kube_run(cluster->kube, &get, 1);
	bool ending = text_equal(json_text_at(get.answer, "status.phase", ""), "Terminating");
	json_decref(get.answer);
	*there = get.error.kind == ERROR_NONE;
	if (*there && ending)
		return error_set(err, ERROR_RETRY, "namespace %s is being deleted", name);
	if (!*there && get.status != 404) {
		*err = get.error;
		return error_prefix(err, "namespace %s", name);
	}
	return true;
}

bool cluster_make_namespace(struct cluster *cluster, const char *name, bool *created, struct error *err)
{
	CLEANUP(buf_done) struct buf path = BUF(PATH_BYTES);
	bool there = false;
	if (!text_is_dns_label(name))
		return error_set(err, ERROR_INVALID, "\"%.100s\" is no name of a namespace", name);
	buf_printf(&path, "/api/v1/namespaces/%s", name);
	if (!read_namespace(cluster, buf_string(&path), name, &there, err))
		return false;
	*created = false;
	if (there)
		return true;
	CLEANUP(memory_freep)
	char *body = memory_printf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"%s\"}}", name);
	struct kube_request post = {.method = "POST",
		.path = "/api/v1/namespaces?fieldManager=pgitops",
		.body = body,
		.body_length = strlen(body)};
	kube_run(cluster->kube, &post, 1);
	json_decref(post.answer);
	if (post.error.kind == ERROR_NONE) {
		*created = true;
		return true;
	}
	/* Somebody was quicker, or the answer was lost: what counts is whether it is there now. */
	struct error ignored;
	if ((post.status == 409 || !post.status) &&
		read_namespace(cluster, buf_string(&path), name, &there, &ignored) && there) {
		*created = !post.status;
		return true;
	}
	*err = post.error;
	return error_prefix(err, "namespace %s", name);
}

uint64_t cluster_requests(const struct cluster *cluster)
{
	return kube_requests(cluster->kube) + watches_requests(cluster->watches);
}

struct kube *cluster_kube(struct cluster *cluster)
{
	return cluster->kube;
}
