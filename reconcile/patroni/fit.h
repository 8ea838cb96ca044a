/*
 * fit.h - may this member take over, and which of them should
 *
 * Before it stops the leader Patroni looks whether the candidate answers and has no tag against it; neither at its lag nor at its
 * timeline. A switchover to a member that receives nothing loses what was acknowledged since, and one to a member that replays nothing
 * leaves nobody who takes writes, with an answer that it succeeded. So more is asked here, of the members' own answers.
 */
#pragma once

#include "reconcile/patroni/patroni.h"

enum {
	PATRONI_FIT_LAG = 1048576
}; /* bytes behind the leader that are fine: Patroni's own maximum_lag_on_failover */

struct patroni_choice {
	const struct patroni_cluster *cluster; /* judged, and its members were asked */
	const struct patroni_cluster *before; /* the same a moment ago, by which is seen what stands still; NULL = looked once */
	int64_t lag;                          /* bytes that are fine */
	struct arena *mem;
};

/* Why it should not take over; NULL = nothing speaks against it. `lasting`: that will be so until somebody changes the configuration. */
const char *patroni_unfit(
	const struct patroni_choice *choice, const struct patroni_member *member, bool *lasting);

/* Whoever loses the least: synchronous first, then what is received, what is replayed, failover_priority, the name. NULL = nobody is fit. */
const struct patroni_member *patroni_fittest(const struct patroni_choice *choice);

/* It is behind by a little, which may be a moment or a standstill: only a second look tells. */
bool patroni_needs_second_look(const struct patroni_choice *choice, const struct patroni_member *member);
