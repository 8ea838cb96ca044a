/*
 * cluster_state.h - how the cluster fares, told to everybody: the store (`pgitops status`, the page), /readyz, metrics, the log, and
 * the conditions of the Applications, which are woken when it changes
 *
 * Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"

/* Asked at each turn: the API server answers, or since when it does not (agent_cluster_stale). */
void cluster_state_look(struct agent *agent);

/* What it is told then: news is recorded and wakes the Applications. */
void cluster_state_take(struct agent *agent, const struct cluster_health *health);

/* Writes it down: waiting, not answering, or which server and version. */
void cluster_state_record(struct agent *agent);
