/*
 * ignored.h - ignoreDifferences where the cluster is compared and written (internal to the room)
 *
 * Each call does nothing for a write without rules about its object. `live` is the object as the server has it, managedFields included.
 * One jq process serves all writes of a call: ignored_rest() after the last.
 */
#pragma once

#include "reconcile/kubernetes/cluster_parts.h"

/* RespectIgnoreDifferences=true: what is live must be known before the object is written. */
bool ignored_needs_live(const struct cluster_write *write);

/* Before diff_objects(): takes the ignored places from both. ERROR_RETRY: nobody knows whether they differ. */
bool ignored_remove(struct cluster *cluster, const struct cluster_write *write, json_t *wanted, json_t *live,
	struct error *err) MUST_CHECK;

/* Before `object` is sent: with RespectIgnoreDifferences=true its ignored places become what is live. */
bool ignored_keep_live(struct cluster *cluster, const struct cluster_write *write, json_t *object,
	const json_t *live, struct error *err) MUST_CHECK;

void ignored_rest(struct cluster *cluster);
