/*
 * cluster_drill.h - a drill of `cluster failover-drill`, and its report
 */
#pragma once

#include "agent/commands/cluster_act.h"
#include "reconcile/patroni/drill.h"

struct drilling {
	struct cluster_act *act;
	const char *to;
	bool again, kill;
	struct cluster_switch chosen;
	struct session_target target; /* of the `databases` entry, which owns the password */
	struct drill_member *members;
	struct session_target *ways; /* the same, to a database that was there before */
	size_t count;
	struct patroni_settings settings;
	bool settings_known;
	enum patroni_synchronous synchronous;
	struct drill_figures figures;
	bool handed_over, measured;
	size_t clients; /* sessions that the old leader has afterwards */
	bool clients_known;
	const char *users;   /* what a pass over the users said afterwards; NULL = none was asked for */
	int64_t users_after; /* milliseconds after the order; -1 = they are not as Git says */
	const char *trouble; /* why it is not whole; NULL = it is */
	const char *left;    /* why its database is still there; NULL = it is not */
};

/* Shows what was measured, and says how it ended. The exit code. */
int cluster_drill_report(struct drilling *drilling);
