/*
 * cluster_parts.h - what the files of the cluster share (internal to the room)
 *
 * cluster.c has discovery and the small calls, track.c the kinds that are tracked, follow.c the collections that are followed, write.c the writes.
 */
#pragma once

#include <stdatomic.h>

#include "reconcile/kubernetes/cluster.h"
#include "reconcile/kubernetes/live.h"
#include "reconcile/kubernetes/watch.h"

enum {
	PATH_BYTES = 4096,
	WAIT_MILLISECONDS = 2000, /* for first lists; then the caller comes back */
};

struct followed;

struct cluster {
	struct kube *kube;           /* the reconciler's */
	struct resources *resources; /* the same */
	struct live_cache *live;
	struct watches *watches;
	struct cluster_listener listener;
	struct followed *followed; /* what cluster_follow() follows */
	struct jq *jq;             /* follows the jq expressions of rules; NULL = there were none */
	atomic_bool stopped;
	char version[64]; /* of the server */
	bool discovered;
	size_t write_room; /* how many writes at once their answers allowed last; 0 = nothing was written yet */
	int64_t refreshed;         /* steady clock: the last discovery, well or not; 0 = none yet */
	struct error undiscovered; /* why the last one failed; ERROR_NONE = it did not */
};

/* The kind, asking the server anew when it is not known (at most every two seconds). NULL when there is none. */
const struct resource *cluster_find(
	struct cluster *cluster, const char *group, const char *version, const char *kind);

/* The server answers, as far as the watches know; a request to one that does not would only hold up the reconciler. */
bool cluster_reachable(struct cluster *cluster, struct error *err);

/* What is known of the collection has become doubtful: it is listed anew. */
void cluster_doubt(struct cluster *cluster, const struct live_collection *collection);

void followed_free(struct cluster *cluster);
