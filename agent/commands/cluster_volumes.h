/*
 * cluster_volumes.h - how full a cluster's volumes are, by whoever knows it
 *
 *   kubelet      the statistics of each member's node, asked of the API server (GET nodes/NODE/proxy/stats/summary): what the file system of
 *                the claim has and holds, up to a minute old. The verb get on nodes/proxy is needed.
 *   postgresql   what the primary was asked anyhow: its databases and its WAL, which is less than what lies there.
 */
#pragma once

#include "agent/commands/cluster.h"

/* [{member, claim, usedBytes, capacityBytes, availableBytes, source: "kubelet"}] or {member, atLeastBytes, source: "postgresql"}, of those that
   are known; a new reference. `server` is of cluster_server(), or NULL. `why`: what would tell the rest, one line; NULL = nothing is missing. */
json_t *cluster_volumes(const struct command_context *context, const struct cluster_source *source,
	const struct patroni_cluster *cluster, const json_t *server, const char **why);

void cluster_show_volumes(const struct command_context *context, const json_t *volumes, const char *why);
