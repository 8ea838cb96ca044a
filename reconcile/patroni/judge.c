/*
 * judge.c - what role each member has, how far behind it is, and what is wrong with the cluster
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/internal.h"

/* The seconds as in Patroni's DEFAULT_CONFIG (patroni/config.py). */
enum { DEFAULT_TTL = 30, DEFAULT_LOOP_WAIT = 10, DEFAULT_RETRY_TIMEOUT = 10, MICROSECONDS = 1000000 };

struct judging {
	struct arena *mem;
	struct patroni_cluster *cluster;
	struct patroni_member *leader; /* whom the record names; NULL = nobody, or none of the members */
	int64_t now;
};

/* The worst stand first, each kind in the order in which it was found. */
static void add(struct judging *judging, bool bad, const char *text)
{
	struct patroni_cluster *cluster = judging->cluster;
	size_t at = cluster->problem_count;
	cluster->problems = arena_grow(
		judging->mem, cluster->problems, cluster->problem_count, sizeof(*cluster->problems));
	for (; bad && at > 0 && !cluster->problems[at - 1].bad; at--)
		cluster->problems[at] = cluster->problems[at - 1];
	cluster->problems[at] = (struct patroni_problem){.bad = bad, .text = text};
	cluster->problem_count++;
	cluster->bad |= bad;
}

enum { TEXT_SIZE = 1024 };

/* `bad`: the cluster is not well; else only told. */
static void PRINTF_LIKE(3, 4) tell(struct judging *judging, bool bad, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add(judging, bad, arena_copy(judging->mem, text));
}

static const char *ago(const struct judging *judging, int64_t then)
{
	char text[16];
	duration_text((judging->now > then ? judging->now - then : 0) / 1000, text);
	return arena_copy(judging->mem, text);
}

static int64_t ttl_of(const struct judging *judging)
{
	int64_t ttl = judging->cluster->ttl;
	return (ttl ? ttl : patroni_number(judging->cluster->config, "ttl", DEFAULT_TTL)) * MICROSECONDS;
}

bool patroni_settings(const struct patroni_cluster *cluster, struct patroni_settings *settings)
{
	settings->ttl = patroni_number(cluster->config, "ttl", DEFAULT_TTL);
	settings->loop_wait = patroni_number(cluster->config, "loop_wait", DEFAULT_LOOP_WAIT);
	settings->retry_timeout = patroni_number(cluster->config, "retry_timeout", DEFAULT_RETRY_TIMEOUT);
	return cluster->config_known;
}

enum patroni_synchronous patroni_synchronous(const struct patroni_cluster *cluster)
{
	const json_t *mode = json_object_get(cluster->config, "synchronous_mode");
	const char *word = json_is_string(mode) ? json_string_value(mode) : "";
	if (strcasecmp(word, "quorum") == 0)
		return PATRONI_QUORUM;
	return json_is_true(mode) || strcasecmp(word, "on") == 0 || strcasecmp(word, "true") == 0
		? PATRONI_SYNCHRONOUS
		: PATRONI_ASYNCHRONOUS;
}

bool patroni_is_standby_cluster(const struct patroni_cluster *cluster)
{
	return json_object_size(json_object_get(cluster->config, "standby_cluster"));
}

/* ---- roles and lag, as patronictl has them ---- */

static bool is_synchronous(const struct patroni_cluster *cluster, const char *name)
{
	const char *at = cluster->sync_standby;
	for (size_t length; at && *at; at += length + (at[length] == ',')) {
		length = strcspn(at, ",");
		if (strlen(name) == length && strncasecmp(at, name, length) == 0)
			return true;
	}
	return false;
}

static enum patroni_role role_of(const struct patroni_cluster *cluster, const struct patroni_member *member)
{
	enum patroni_synchronous mode = patroni_synchronous(cluster);
	if (text_equal(cluster->leader, member->name))
		return patroni_is_standby_cluster(cluster) ? PATRONI_STANDBY_LEADER : PATRONI_LEADER;
	if (mode != PATRONI_ASYNCHRONOUS && is_synchronous(cluster, member->name))
		return mode == PATRONI_QUORUM ? PATRONI_QUORUM_STANDBY : PATRONI_SYNC_STANDBY;
	return PATRONI_REPLICA;
}

static int64_t lag(int64_t of, int64_t position)
{
	if (of == PATRONI_UNKNOWN || position == PATRONI_UNKNOWN)
		return PATRONI_UNKNOWN;
	return of > position ? of - position : 0;
}

/* The leader's own answer is newer than what it wrote into its record. */
static void place(struct judging *judging)
{
	struct patroni_cluster *cluster = judging->cluster;
	int64_t of = cluster->optime;
	judging->leader = patroni_member(cluster, cluster->leader);
	if (judging->leader && judging->leader->contact == PATRONI_ANSWERED && judging->leader->location > of)
		of = judging->leader->location;
	cluster->timeline = judging->leader ? judging->leader->timeline : 0;
	if (judging->leader && judging->leader->heard < cluster->renewed)
		judging->leader->heard = cluster->renewed; /* that was a word of its own, too */
	for (size_t i = 0; i < cluster->member_count; i++) {
		struct patroni_member *member = &cluster->members[i];
		member->role = role_of(cluster, member);
		bool leads = member == judging->leader;
		member->receive_lag = leads ? PATRONI_UNKNOWN : lag(of, member->received);
		member->replay_lag = leads ? PATRONI_UNKNOWN : lag(of, member->replayed);
		if (!judging->leader && member->timeline > cluster->timeline)
			cluster->timeline = member->timeline;
	}
}

/* ---- one primary that takes writes ---- */

bool patroni_takes_writes(const struct patroni_member *member)
{
	return member->contact == PATRONI_ANSWERED && !member->in_recovery &&
		text_equal(member->state, "running");
}

static const json_t *sender_of(const struct patroni_member *leader, const struct patroni_member *member)
{
	json_t *sender;
	size_t i;
	json_array_foreach (leader->replication, i, sender)
		if (text_equal(json_text_at(sender, "application_name", ""), member->name))
			return sender;
	return NULL;
}

bool patroni_streams(const struct patroni_cluster *cluster, const struct patroni_member *member)
{
	const struct patroni_member *leader = patroni_member(cluster, cluster->leader);
	const json_t *sender = leader && leader->contact == PATRONI_ANSWERED ? sender_of(leader, member) : NULL;
	if (member->contact != PATRONI_ANSWERED || !text_equal(member->state, "running") || !member->in_recovery)
		return false;
	return sender ? text_equal(json_text_at(sender, "state", ""), "streaming")
		      : text_equal(member->replication_state, "streaming");
}

static bool is_labelled(const struct patroni_member *member)
{
	return member->labelled_primary;
}

static const char *those(
	const struct judging *judging, bool (*is)(const struct patroni_member *member), size_t *count)
{
	const char *names = NULL;
	*count = 0;
	for (size_t i = 0; i < judging->cluster->member_count; i++)
		if (is(&judging->cluster->members[i])) {
			names = arena_join(judging->mem, names, ", ", judging->cluster->members[i].name);
			++*count;
		}
	return names;
}

/* The worst that can be: what is written to one of them is lost. */
static void judge_two(struct judging *judging)
{
	size_t writers, labelled;
	const char *leader = judging->cluster->leader ? judging->cluster->leader : "nobody";
	const char *names = those(judging, patroni_takes_writes, &writers);
	if (writers > 1)
		tell(judging, true,
			"two primaries take writes: %s; the leader's record names %s: what is written to the others is lost",
			names, leader);
	names = those(judging, is_labelled, &labelled);
	if (labelled > 1)
		tell(judging, true, "two pods are labelled as primary: %s; the leader's record names %s",
			names, leader);
}

/* By the record's age alone: no member could be asked. */
static void judge_record(struct judging *judging)
{
	const struct patroni_cluster *cluster = judging->cluster;
	bool failsafe = json_is_true(json_object_get(cluster->config, "failsafe_mode"));
	if (!cluster->renewed || judging->now - cluster->renewed <= ttl_of(judging))
		return;
	const char *age = ago(judging, cluster->renewed);
	long long ttl = (long long)(ttl_of(judging) / MICROSECONDS);
	if (judging->leader->contact == PATRONI_ANSWERED)
		tell(judging, false,
			"the leader %s answers, and has not renewed its record for %s (ttl %llds): it may not reach the API "
			"server, or its clock is not ours",
			cluster->leader, age, ttl);
	else if (failsafe)
		tell(judging, false,
			"the leader %s has not renewed its record for %s (ttl %llds): in failsafe mode it may be good all the same",
			cluster->leader, age, ttl);
	else
		tell(judging, true,
			"the leader %s has not renewed its record for %s (ttl %llds): it is dead, or cut off from the API server",
			cluster->leader, age, ttl);
}

/* "unknown" is Patroni's word for a server that it takes for running, and whose state it cannot read: a full disk, say. */
static const char *is_in(const struct judging *judging, const char *state)
{
	if (text_equal(state, "unknown"))
		return "answers no query of its own Patroni: the server's log says why";
	return arena_printf(judging->mem, "is %s", state ? state : "without a state");
}

static void judge_leader_answer(struct judging *judging)
{
	const struct patroni_member *leader = judging->leader;
	if (leader->contact == PATRONI_SILENT)
		tell(judging, true, "the leader %s does not answer: %s%s%s", leader->name, leader->silence,
			judging->cluster->renewed ? "; its record was renewed " : "",
			judging->cluster->renewed
				? arena_printf(judging->mem, "%s ago", ago(judging, judging->cluster->renewed))
				: "");
	else if (!text_equal(leader->state, "running"))
		tell(judging, true, "the leader %s %s", leader->name, is_in(judging, leader->state));
	else if (leader->contact == PATRONI_ANSWERED && leader->in_recovery &&
		!patroni_is_standby_cluster(judging->cluster))
		tell(judging, true, "the leader %s is still in recovery: it takes no writes", leader->name);
}

static void judge_leader(struct judging *judging)
{
	const struct patroni_cluster *cluster = judging->cluster;
	if (cluster->silence && cluster->member_count) {
		tell(judging, true,
			"no member has a picture of the cluster, shown is what each says of itself; its log says why: %s",
			cluster->silence);
	} else if (cluster->silence) {
		tell(judging, true, "nothing is known of it: %s", cluster->silence);
	} else if (!cluster->leader) {
		if (cluster->wanted || cluster->member_count || !cluster->operated)
			tell(judging, true, "there is no leader: nobody takes writes");
	} else if (!judging->leader) {
		tell(judging, true, "the leader's record names %s, which is none of the members",
			cluster->leader);
	} else {
		judge_leader_answer(judging);
		judge_record(judging);
	}
}

/* ---- each member ---- */

/* Among the members alone: our clock may be another than theirs. */
static int64_t newest_seen(const struct patroni_cluster *cluster)
{
	int64_t newest = 0;
	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].store_seen > newest)
			newest = cluster->members[i].store_seen;
	return newest;
}

/* A living member speaks with its store once in loop_wait, and gives up after retry_timeout. With etcd its key is gone after the ttl, and it with it. */
static int64_t patience(const struct judging *judging)
{
	struct patroni_settings settings;
	(void)patroni_settings(judging->cluster, &settings);
	return (settings.loop_wait + settings.retry_timeout) * MICROSECONDS;
}

/* A member that cannot speak with its store steps down, or is fenced by nothing. That it leads is then only its own belief. */
static void judge_store(struct judging *judging, const struct patroni_member *member)
{
	bool leads = member == judging->leader;
	if (member->contact != PATRONI_ANSWERED)
		return;
	/* Patroni says it of whoever answers such a leader, too. */
	if (member->failsafe && member->in_recovery)
		tell(judging, false, "%s answers a leader in failsafe mode, which does not reach its store",
			member->name);
	if (member->failsafe && !member->in_recovery)
		tell(judging, false,
			"%s is in failsafe mode: it does not reach its store, and leads because all others answer it",
			member->name);
	else if (member->store_seen && newest_seen(judging->cluster) - member->store_seen > patience(judging))
		add(judging, leads,
			arena_printf(judging->mem, "%s has heard nothing from its store for %s, and others have",
				member->name, ago(judging, member->store_seen)));
	else if (member->store_seen && judging->now - member->store_seen > ttl_of(judging))
		tell(judging, false, "%s has heard nothing from its store for %s, or its clock is not ours",
			member->name, ago(judging, member->store_seen));
	else if (member->unlocked && leads)
		tell(judging, true, "%s does not hold the leader's lock, by its own word", member->name);
}

static void judge_word(struct judging *judging, const struct patroni_member *member)
{
	bool leads = member == judging->leader;
	if (member->leaving)
		tell(judging, false, "pod %s is being deleted", member->name);
	if (member->pod_trouble)
		tell(judging, false, "pod %s is not running: %s", member->name, member->pod_trouble);
	if (member->unreadable)
		tell(judging, false, "%s: %s", member->name, member->unreadable);
	else if (!member->state && !member->pod_trouble)
		tell(judging, false, "%s has said nothing yet: its pod has no annotation `status`",
			member->name);
	if (leads)
		return;
	if (member->contact == PATRONI_SILENT)
		tell(judging, false, "%s does not answer: %s%s", member->name, member->silence,
			member->role == PATRONI_SYNC_STANDBY
				? "; it is the synchronous standby: while its server is silent, too, no COMMIT returns"
				: "");
	else if (member->state && !text_equal(member->state, "running") &&
		!text_equal(member->state, "streaming") && !text_equal(member->state, "in archive recovery"))
		tell(judging, false, "%s %s", member->name, is_in(judging, member->state));
}

/* In any state: one that catches up is on its way. Patroni says what a replica's replication is since 3.0.4; before, the leader knows. */
static bool follows(const struct judging *judging, const struct patroni_member *member)
{
	return sender_of(judging->leader, member) || member->replication_state;
}

static void judge_replica(struct judging *judging, const struct patroni_member *member)
{
	const struct patroni_cluster *cluster = judging->cluster;
	int64_t most = patroni_number(cluster->config, "maximum_lag_on_failover", 1048576);
	if (member == judging->leader)
		return;
	if (judging->leader && judging->leader->contact == PATRONI_ANSWERED &&
		!judging->leader->in_recovery && member->contact == PATRONI_ANSWERED &&
		text_equal(member->state, "running") && !follows(judging, member))
		tell(judging, false,
			"%s runs and follows nobody: its log says why (a timeline that the leader does not know wants "
			"`patronictl reinit`)",
			member->name);
	if (member->replay_paused)
		tell(judging, false, "%s: replay is paused", member->name);
	if (member->timeline && cluster->timeline && member->timeline != cluster->timeline)
		tell(judging, false, "%s is on timeline %lld, the leader on %lld", member->name,
			(long long)member->timeline, (long long)cluster->timeline);
	if (member->receive_lag > most)
		tell(judging, false, "%s is %lld MiB behind in receiving: it may not take over", member->name,
			(long long)(member->receive_lag >> 20));
	if (member->replay_lag > most && member->replay_lag > member->receive_lag)
		tell(judging, false,
			"%s is %lld MiB behind in replay: as a new leader it would take no writes before that is done",
			member->name, (long long)(member->replay_lag >> 20));
}

/* ---- the cluster as the operator has it ---- */

static void judge_operator(struct judging *judging)
{
	const struct patroni_cluster *cluster = judging->cluster;
	if (cluster->leaving)
		tell(judging, false, "is being deleted");
	if (cluster->unreadable)
		tell(judging, false, "%s", cluster->unreadable);
	if (cluster->operated && cluster->wanted != (int64_t)cluster->member_count)
		tell(judging, false, "%zu of %lld instances are there", cluster->member_count,
			(long long)cluster->wanted);
	for (size_t i = 0; i < cluster->trouble_count; i++)
		add(judging, false, cluster->troubles[i]);
	if (cluster->volume_trouble)
		tell(judging, false, "%s", cluster->volume_trouble);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct patroni_member *)a)->name, ((const struct patroni_member *)b)->name);
}

static int compare_clusters(const void *a, const void *b)
{
	const struct patroni_cluster *x = a, *y = b;
	int order = strcmp(x->namespace, y->namespace);
	return order ? order : strcmp(x->name, y->name);
}

void patroni_judge(struct patroni_set *set, int64_t now)
{
	if (set->count)
		qsort(set->items, set->count, sizeof(*set->items), compare_clusters);
	for (size_t i = 0; i < set->count; i++) {
		struct patroni_cluster *cluster = &set->items[i];
		struct judging judging = {.mem = set->mem, .cluster = cluster, .now = now};
		if (cluster->member_count)
			qsort(cluster->members, cluster->member_count, sizeof(*cluster->members),
				compare_members);
		place(&judging);
		judge_two(&judging);
		judge_leader(&judging);
		judge_operator(&judging);
		for (size_t j = 0; j < cluster->member_count; j++) {
			judge_store(&judging, &cluster->members[j]);
			judge_word(&judging, &cluster->members[j]);
			judge_replica(&judging, &cluster->members[j]);
		}
	}
}
