#include "reconcile/patroni/fit.h"

#include <strings.h>

#include "base/text.h"
#include "reconcile/patroni/internal.h"

struct question {
	const struct patroni_choice *choice;
	const struct patroni_member *member, *leader, *before; /* before: the member, the last time */
	struct arena *mem;
};

/* ---- what speaks against it: the first of the table that does is told ---- */

static const char *leads(const struct question *question)
{
	return question->member == question->leader ? "it is the leader" : NULL;
}

static const char *is_tagged(const struct question *question)
{
	const json_t *no = json_object_get(question->member->tags, "nofailover");
	const json_t *priority = json_object_get(question->member->tags, "failover_priority");
	if (json_is_true(no) || (json_is_string(no) && strcasecmp(json_string_value(no), "true") == 0))
		return "it has the tag nofailover";
	/* Patroni takes nofailover: false for stronger. */
	if (!no && json_is_integer(priority) && json_integer_value(priority) <= 0)
		return "it has the tag failover_priority: 0";
	return NULL;
}

static const char *is_silent(const struct question *question)
{
	const struct patroni_member *member = question->member;
	if (member->contact == PATRONI_ANSWERED)
		return NULL;
	if (member->pod_trouble)
		return arena_printf(question->mem, "its pod does not run: %s", member->pod_trouble);
	return member->silence ? arena_printf(question->mem, "it does not answer: %s", member->silence)
			       : "it was not asked: it says no address of its REST API";
}

static const char *is_leaving(const struct question *question)
{
	return question->member->leaving ? "its pod is being deleted" : NULL;
}

static const char *does_not_run(const struct question *question)
{
	const char *state = question->member->state;
	if (text_equal(state, "running"))
		return NULL;
	return arena_printf(question->mem, "it is %s", state ? state : "without a state");
}

static const char *takes_writes(const struct question *question)
{
	return question->member->in_recovery ? NULL : "it takes writes itself: it is no replica";
}

static const char *is_elsewhere(const struct question *question)
{
	long long its = (long long)question->member->timeline;
	long long theirs = (long long)question->choice->cluster->timeline;
	if (!its || !theirs || its == theirs)
		return NULL;
	return arena_printf(question->mem, "it is on timeline %lld, the leader on %lld", its, theirs);
}

static const char *is_paused(const struct question *question)
{
	return question->member->replay_paused
		? "its replay is paused: SELECT pg_wal_replay_resume() there goes on"
		: NULL;
}

static const char *does_not_stream(const struct question *question)
{
	return patroni_streams(question->choice->cluster, question->member)
		? NULL
		: "it does not stream: what is written now does not reach it";
}

/* Patroni refuses it, too; in quorum mode it decides by positions. */
static const char *is_not_the_standby(const struct question *question)
{
	const struct patroni_cluster *cluster = question->choice->cluster;
	if (patroni_synchronous(cluster) != PATRONI_SYNCHRONOUS ||
		question->member->role == PATRONI_SYNC_STANDBY)
		return NULL;
	return cluster->sync_standby
		? arena_printf(question->mem, "synchronous_mode is on, and the synchronous standby is %s",
			  cluster->sync_standby)
		: "synchronous_mode is on, and there is no synchronous standby now";
}

static const char *lags(const struct question *question)
{
	const struct patroni_member *member = question->member;
	long long limit = (long long)question->choice->lag;
	if (member->receive_lag > question->choice->lag)
		return arena_printf(question->mem,
			"it is %lld bytes behind in receiving, more than %lld: they would be lost",
			(long long)member->receive_lag, limit);
	if (member->replay_lag > question->choice->lag)
		return arena_printf(question->mem,
			"it is %lld bytes behind in replay, more than %lld: it would take no writes before that is done",
			(long long)member->replay_lag, limit);
	return NULL;
}

/* A position that is the same as a moment ago, and is behind what the leader had written then. */
static bool stood(int64_t now, int64_t then, int64_t leader_then)
{
	return now != PATRONI_UNKNOWN && now == then && leader_then > now;
}

static const char *stands_still(const struct question *question)
{
	const struct patroni_cluster *before = question->choice->before;
	const struct patroni_member *leader = before ? patroni_member(before, before->leader) : NULL;
	if (!leader || !question->before || leader->contact != PATRONI_ANSWERED)
		return NULL;
	if (stood(question->member->received, question->before->received, leader->location))
		return arena_printf(question->mem,
			"it receives nothing: it stays at %s while the leader goes on",
			patroni_position(question->member->received, question->mem));
	if (stood(question->member->replayed, question->before->replayed, leader->location))
		return arena_printf(question->mem,
			"its replay stands still at %s: as the leader it would take no writes",
			patroni_position(question->member->replayed, question->mem));
	return NULL;
}

static const struct {
	const char *(*why)(const struct question *question);
	bool lasting;
} against[] = {{leads, true}, {is_tagged, true}, {is_silent, false}, {is_leaving, false},
	{does_not_run, false}, {takes_writes, false}, {is_elsewhere, false}, {is_paused, false},
	{does_not_stream, false}, {is_not_the_standby, false}, {lags, false}, {stands_still, false}};

const char *patroni_unfit(
	const struct patroni_choice *choice, const struct patroni_member *member, bool *lasting)
{
	struct question *question = arena_alloc(choice->mem, sizeof(*question));
	*question = (struct question){.choice = choice,
		.member = member,
		.leader = patroni_member(choice->cluster, choice->cluster->leader),
		.before = choice->before ? patroni_member(choice->before, member->name) : NULL,
		.mem = choice->mem};
	*lasting = false;
	for (size_t i = 0; i < COUNT_OF(against); i++) {
		const char *why = against[i].why(question);
		*lasting = why && against[i].lasting;
		if (why)
			return why;
	}
	return NULL;
}

/* ---- the best of them ---- */

static int64_t known(int64_t lag)
{
	return lag == PATRONI_UNKNOWN ? INT64_MAX : lag;
}

static int64_t priority(const struct patroni_member *member)
{
	const json_t *tag = json_object_get(member->tags, "failover_priority");
	return json_is_integer(tag) ? json_integer_value(tag) : 1;
}

static bool is_better(const struct patroni_member *a, const struct patroni_member *b)
{
	bool sync_a = a->role == PATRONI_SYNC_STANDBY || a->role == PATRONI_QUORUM_STANDBY;
	bool sync_b = b->role == PATRONI_SYNC_STANDBY || b->role == PATRONI_QUORUM_STANDBY;
	if (sync_a != sync_b)
		return sync_a;
	if (known(a->receive_lag) != known(b->receive_lag))
		return known(a->receive_lag) < known(b->receive_lag);
	if (known(a->replay_lag) != known(b->replay_lag))
		return known(a->replay_lag) < known(b->replay_lag);
	return priority(a) > priority(b); /* by name they come already */
}

const struct patroni_member *patroni_fittest(const struct patroni_choice *choice)
{
	const struct patroni_member *best = NULL;
	bool lasting;
	for (size_t i = 0; i < choice->cluster->member_count; i++) {
		const struct patroni_member *member = &choice->cluster->members[i];
		if (!patroni_unfit(choice, member, &lasting) && (!best || is_better(member, best)))
			best = member;
	}
	return best;
}

bool patroni_needs_second_look(const struct patroni_choice *choice, const struct patroni_member *member)
{
	return !choice->before && (member->receive_lag != 0 || member->replay_lag != 0);
}
