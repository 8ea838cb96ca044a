/*
 * cluster_troubles.h - what the operator leaves undone, of each cluster that was read (reconcile/kubernetes/postgresql.h)
 *
 * What a sentence needs beyond the lists that are read anyway (StatefulSets, StorageClasses, the operator's Pods) is asked for when there is one
 * to say, in one request for each kind. Who may not list it is told what is known without.
 */
#pragma once

#include "base/json.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/patroni/patroni.h"

struct cluster_troubled {
	const json_t *objects; /* {"pods": [...], "postgresqls": [...], "persistentvolumeclaims": [...]} */
	const char *namespace, *name; /* of the one that is asked for; NULL = all */
};

/* Sets `troubles` of the clusters in the set. */
void cluster_troubles(struct kube *kube, const struct cluster_troubled *troubled, struct patroni_set *set);
