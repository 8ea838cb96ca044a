/*
 * server.h - what the primary of a cluster says in SQL: who streams and how far behind, slots and the WAL they hold, sizes, connections
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "reconcile/postgres/connect.h"

/*
 * {connections, maxConnections, commitsWaiting (for a synchronous standby), walBytes, failoverDrill: "running" or "left", databases: [{name, bytes}], slots: [{name, type, active, heldBytes, status, safeBytes}], replication: [{name,
 * client, state, sync, sentLagBytes, flushLagBytes, replayLagBytes, lagSeconds}]}: one statement and one for `walBytes`, without the lock of a pass and
 * without a change. `lagSeconds` is PostgreSQL's replay_lag, or how long ago a standby that is behind replied last, where that is overdue. What this user may not see is not in it (the size of a database without CONNECT; replication and the size of pg_wal without
 * pg_monitor). Errors as of session_connect(). `answer` is a new reference.
 */
bool patroni_server_read(const struct session_target *target, json_t **answer, struct error *err) MUST_CHECK;
