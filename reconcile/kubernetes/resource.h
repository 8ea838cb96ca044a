/*
 * resource.h - discovery: which kinds the server has, under which path, namespaced or not
 *
 * One request each to /api and /apis where the server aggregates discovery (Kubernetes 1.27+), else one for each
 * group version. Cached until refreshed; an unknown kind refreshes it at most every two seconds. A group whose own server is down
 * (an aggregated API) leaves it incomplete: what is not found in that group may be there all the same.
 */
#pragma once

#include "reconcile/kubernetes/kube.h"

struct resource {
	const char *group, *version, *kind;
	const char *plural;
	bool namespaced;
	bool watchable; /* has the verbs list and watch */
};

struct resources;

struct resources *resources_new(void);
void resources_free(struct resources *resources);

bool resources_refresh(struct resources *resources, struct kube *kube, struct error *err) MUST_CHECK;

/* The groups that did not answer: "metrics.k8s.io/v1beta1, ..."; NULL = it is complete. */
const char *resources_partial(const struct resources *resources);

/* A kind of this group that is not found may be there: its version that did not answer. NULL = it is not there. */
const char *resources_away(const struct resources *resources, const char *group);

/* `version` NULL or "" = the preferred one. NULL when the server has no such kind now. Borrowed until the next refresh. */
const struct resource *resources_find(
	const struct resources *resources, const char *group, const char *version, const char *kind);

/* "/apis/apps/v1/namespaces/team/deployments/web"; `name` NULL = the collection; `namespace` "" = all or none. */
void resource_path(struct buf *out, const struct resource *resource, const char *namespace, const char *name);
