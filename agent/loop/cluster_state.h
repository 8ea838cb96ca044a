/*
 * cluster_state.h - how the cluster fares, told to everybody: the store (`pgitops status`, the page), /readyz, metrics, the log, and
 * the conditions of the Applications, which are woken when it changes
 *
 * Reconciler thread, but for cluster_state_heard().
 */
#pragma once

#include "agent/agent.h"

/* Asked at each turn: the API server answers, or since when it does not (agent_cluster_stale). */
void cluster_state_look(struct agent *agent);

/* Writes it down: waiting, not answering, or which server and version. */
void cluster_state_record(struct agent *agent);

/* From the watch thread: a watch is interrupted, or works again (NULL). */
void cluster_state_heard(struct agent *agent, const struct error *err);
