/*
 * cluster_drill.h - a drill of `cluster failover-drill`, and its report
 */
#pragma once

#include <sys/types.h>

#include "agent/commands/cluster_act.h"
#include "reconcile/patroni/drill.h"

/* How the leader comes to its end. */
enum drill_way { DRILL_SWITCHOVER, DRILL_KILL, DRILL_AWAIT };

struct drilling {
	struct cluster_act *act;
	const char *to;
	bool again;
	enum drill_way way;
	struct cluster_switch chosen;
	struct session_target target; /* of the `databases` entry, which owns the password */
	struct drill_member *members;
	struct session_target *ways; /* the same, to a database that was there before */
	size_t count;
	struct patroni_settings settings;
	bool settings_known;
	enum patroni_synchronous synchronous;
	struct drill_figures figures;
	bool handed_over; /* whole: another one takes writes, or the same one again, and the old one streams */
	bool measured;
	size_t clients; /* sessions that the old leader has afterwards */
	bool clients_known;
	const char *users;   /* what a pass over the users said afterwards; NULL = none was asked for */
	int64_t users_after; /* milliseconds after the order; -1 = they are not as Git says */
	const char *trouble; /* why it is not whole; NULL = it is */
	const char *left;    /* why its database is still there; NULL = it is not */
};

/* Begun before the drill has threads. When the process ends without cluster_drill_guard_end(), however it does, the database is dropped by the guard,
   as soon as nobody is in it and a member takes writes, for `patience` milliseconds. Where no guard could be started the next drill drops it. */
struct drill_guard {
	pid_t pid; /* -1 = there is none */
	int tell;
};
struct drill_guard cluster_drill_guard(const struct drilling *drilling, int64_t patience);
void cluster_drill_guard_end(struct drill_guard *guard);

/* Drops what a drill left that was killed with its guard. The exit code. */
int cluster_drill_clean(struct drilling *drilling);

/* Shows what was measured, and says how it ended. The exit code. */
int cluster_drill_report(struct drilling *drilling);
