/*
 * rest.c - what Patroni's REST API answers (api.py): GET /patroni of one member, GET /cluster as one member sees all
 */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/internal.h"

/* A replica has received_location and replayed_location, a primary location. */
static void take_positions(struct patroni_member *member, const json_t *xlog)
{
	member->location = patroni_number(xlog, "location", PATRONI_UNKNOWN);
	member->received = patroni_number(xlog, "received_location", PATRONI_UNKNOWN);
	member->replayed = patroni_number(xlog, "replayed_location", PATRONI_UNKNOWN);
	member->replay_paused = json_is_true(json_object_get(xlog, "paused"));
	if (member->location == PATRONI_UNKNOWN)
		member->location = member->received > member->replayed ? member->received : member->replayed;
}

/* Its word stays where the answer is of a server that does not run: then neither position nor timeline are in it. */
void patroni_take_answer(struct patroni_set *set, struct patroni_member *member, json_t *answer)
{
	const json_t *xlog = json_object_get(answer, "xlog"), *patroni = json_object_get(answer, "patroni");
	json_t *replication = json_object_get(answer, "replication");
	const char *role = json_text_at(answer, "role", "");
	member->contact = PATRONI_ANSWERED;
	member->unreadable = NULL;
	member->heard = 0;
	patroni_take_common(set, member, answer);
	take_positions(member, xlog);
	member->in_recovery = json_object_get(xlog, "received_location") ||
		json_object_get(xlog, "replayed_location") || text_equal(role, "replica") ||
		text_equal(role, "standby_leader");
	member->unlocked = json_is_true(json_object_get(answer, "cluster_unlocked"));
	member->failsafe = json_is_true(json_object_get(answer, "failsafe_mode_is_active"));
	member->store_seen = patroni_number(answer, "dcs_last_seen", 0) * 1000000;
	member->replication = json_array_size(replication) ? patroni_keep(set, replication) : NULL;
	member->system = patroni_text(set, answer, "database_system_identifier");
	member->started = patroni_text(set, answer, "postmaster_start_time");
	member->server_version = patroni_number(answer, "server_version", 0);
	if (patroni_text(set, patroni, "version"))
		member->version = patroni_text(set, patroni, "version");
}

/* A lag is said against the picture's own leader, whose position is not in it: a base makes positions of lags. */
static void take_listed(struct patroni_set *set, struct patroni_cluster *cluster, json_t *item, const char *role)
{
	struct patroni_member *member = patroni_member_of(set, cluster, json_text_at(item, "name", "?"));
	member->host = patroni_text(set, item, "host");
	member->port = patroni_number(item, "port", 0);
	member->api_url = patroni_text(set, item, "api_url");
	patroni_take_common(set, member, item);
	const char *received = json_text_at(item, "receive_lsn", json_text_at(item, "lsn", ""));
	member->received = member->location = patroni_position_read(received);
	member->replayed = patroni_position_read(json_text_at(item, "replay_lsn", ""));
	int64_t lag = patroni_number(item, "receive_lag", patroni_number(item, "lag", PATRONI_UNKNOWN));
	if (lag != PATRONI_UNKNOWN && member->received != PATRONI_UNKNOWN)
		cluster->optime = member->received + lag;
	if (text_equal(role, "leader") || text_equal(role, "standby_leader"))
		cluster->leader = member->name;
	if (text_equal(role, "sync_standby") || text_equal(role, "quorum_standby"))
		cluster->sync_standby = arena_join(set->mem, cluster->sync_standby, ",", member->name);
}

/* What config would say of these: GET /cluster has no config in it. */
static json_t *config_of(json_t *answer)
{
	json_t *config = json_object(), *item;
	size_t i;
	if (json_is_true(json_object_get(answer, "pause")))
		json_object_set_new(config, "pause", json_true());
	json_array_foreach (json_object_get(answer, "members"), i, item) {
		const char *role = json_text_at(item, "role", "");
		if (text_equal(role, "standby_leader"))
			json_object_set_new(config, "standby_cluster", json_pack("{s:b}", "is", 1));
		if (text_equal(role, "sync_standby"))
			json_object_set_new(config, "synchronous_mode", json_true());
		if (text_equal(role, "quorum_standby"))
			json_object_set_new(config, "synchronous_mode", json_string("quorum"));
	}
	return config;
}

struct patroni_cluster *patroni_take_cluster(struct patroni_set *set, const char *name, json_t *answer)
{
	const json_t *planned = json_object_get(answer, "scheduled_switchover");
	const char *scope = json_text_at(answer, "scope", name);
	struct patroni_cluster *cluster = patroni_cluster_of(set, "", *scope ? scope : name);
	json_t *item, *config = config_of(answer);
	size_t i;
	json_array_foreach (json_object_get(answer, "members"), i, item)
		take_listed(set, cluster, item, json_text_at(item, "role", ""));
	cluster->entry = arena_copy(set->mem, name);
	cluster->silence = NULL;
	cluster->config = patroni_keep(set, config);
	json_decref(config);
	cluster->switchover_at = patroni_text(set, planned, "at");
	cluster->switchover_from = patroni_text(set, planned, "from");
	cluster->switchover_to = patroni_text(set, planned, "to");
	return cluster;
}

void patroni_take_config(struct patroni_set *set, struct patroni_cluster *cluster, json_t *answer)
{
	cluster->config = patroni_keep(set, answer);
	cluster->config_known = true;
}

/* [[timeline that ended, position, reason, time, new leader], ...]: the time since Patroni 1.6, the leader since 2.1; neither of a timeline
   that is older than its Patroni. */
void patroni_take_history(struct patroni_set *set, struct patroni_cluster *cluster, const json_t *history)
{
	const json_t *last = json_array_get(history, json_array_size(history) - 1);
	const json_t *time = json_array_get(last, 3);
	const char *leader = json_string_value(json_array_get(last, 4)), *text = json_string_value(time);
	bool empty = json_is_array(history) && !json_array_size(history);
	bool good = text && clock_parse(text, &cluster->failed_over);
	cluster->failed_over = good ? cluster->failed_over : 0;
	cluster->failed_over_to = good && leader && *leader ? arena_copy(set->mem, leader) : NULL;
	cluster->history_unknown = good || empty || (json_is_array(last) && !time)
		? NULL
		: "its history is not what Patroni writes";
}

void patroni_take_silence(struct patroni_set *set, const char *name, const char *why)
{
	patroni_cluster_of(set, "", name)->silence = why;
}

/* In failsafe mode one leads by the word of all others, which is as good as the store's; two that say so are none. */
static const char *leader_alone(const struct patroni_cluster *cluster)
{
	const char *leader = NULL;
	for (size_t i = 0; i < cluster->member_count; i++) {
		const struct patroni_member *member = &cluster->members[i];
		if (!member->failsafe || !patroni_takes_writes(member))
			continue;
		if (leader)
			return NULL;
		leader = member->name;
	}
	return leader;
}

bool patroni_take_alone(
	struct patroni_set *set, const char *name, const char *url, json_t *answer, const char *why)
{
	const char *called = json_text_at(answer, "patroni.name", "");
	const char *scope = json_text_at(answer, "patroni.scope", name);
	if (!*called)
		return false;
	struct patroni_cluster *cluster = patroni_cluster_of(set, "", *scope ? scope : name);
	struct patroni_member *member = patroni_member_of(set, cluster, called);
	cluster->entry = arena_copy(set->mem, name);
	member->api_url = arena_copy(set->mem, url);
	patroni_take_answer(set, member, answer);
	cluster->leader = leader_alone(cluster);
	cluster->silence = why;
	return true;
}
