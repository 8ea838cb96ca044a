/*
 * word.c - a member's word, and the clusters and members that words are about
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/patroni/internal.h"

void patroni_done(struct patroni_set *set)
{
	json_decref(set->kept);
	set->kept = NULL;
}

struct patroni_cluster *patroni_find(struct patroni_set *set, const char *namespace, const char *name)
{
	for (size_t i = 0; i < set->count; i++)
		if (text_equal(set->items[i].name, name) &&
			(!namespace || text_equal(set->items[i].namespace, namespace)))
			return &set->items[i];
	return NULL;
}

struct patroni_cluster *patroni_cluster_of(struct patroni_set *set, const char *namespace, const char *name)
{
	struct patroni_cluster *found = patroni_find(set, namespace, name);
	if (found)
		return found;
	set->items = arena_grow(set->mem, set->items, set->count, sizeof(*set->items));
	found = &set->items[set->count++];
	*found = (struct patroni_cluster){
		.namespace = arena_copy(set->mem, namespace),
		.name = arena_copy(set->mem, name),
		.optime = PATRONI_UNKNOWN,
	};
	return found;
}

struct patroni_member *patroni_member(const struct patroni_cluster *cluster, const char *name)
{
	for (size_t i = 0; name && i < cluster->member_count; i++)
		if (text_equal(cluster->members[i].name, name))
			return &cluster->members[i];
	return NULL;
}

struct patroni_member *patroni_member_of(
	struct patroni_set *set, struct patroni_cluster *cluster, const char *name)
{
	struct patroni_member *found = patroni_member(cluster, name);
	if (found)
		return found;
	cluster->members =
		arena_grow(set->mem, cluster->members, cluster->member_count, sizeof(*cluster->members));
	found = &cluster->members[cluster->member_count++];
	*found = (struct patroni_member){
		.name = arena_copy(set->mem, name),
		.location = PATRONI_UNKNOWN,
		.received = PATRONI_UNKNOWN,
		.replayed = PATRONI_UNKNOWN,
		.receive_lag = PATRONI_UNKNOWN,
		.replay_lag = PATRONI_UNKNOWN,
	};
	return found;
}

json_t *patroni_keep(struct patroni_set *set, json_t *value)
{
	if (!set->kept)
		set->kept = json_array();
	if (value)
		json_array_append(set->kept, value);
	return value;
}

json_t *patroni_parse(struct patroni_set *set, const char *text)
{
	json_t *value = NULL;
	struct error ignored;
	if (!json_read(text, strlen(text), &value, &ignored))
		return NULL;
	patroni_keep(set, value);
	json_decref(value); /* the set has it */
	return value;
}

int64_t patroni_number(const json_t *object, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);
	return json_is_integer(value) && json_integer_value(value) >= 0 ? json_integer_value(value) : fallback;
}

const char *patroni_text(struct patroni_set *set, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	return *text ? arena_copy(set->mem, text) : NULL;
}

int64_t patroni_position_read(const char *text)
{
	char *end;
	unsigned long long high = strtoull(text, &end, 16);
	if (end == text || *end != '/' || high > UINT32_MAX)
		return PATRONI_UNKNOWN;
	const char *rest = end + 1;
	unsigned long long low = strtoull(rest, &end, 16);
	if (end == rest || *end || low > UINT32_MAX || high > INT32_MAX)
		return PATRONI_UNKNOWN;
	return (int64_t)(high << 32 | low);
}

const char *patroni_position(int64_t position, struct arena *mem)
{
	return arena_printf(mem, "%llX/%llX", (unsigned long long)position >> 32,
		(unsigned long long)position & UINT32_MAX);
}

void patroni_take_address(struct patroni_set *set, struct patroni_member *member, const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;
	const char *end = host + strcspn(host, "/?");
	const char *colon = memrchr(host, ':', (size_t)(end - host));
	const char *bracket = memrchr(host, ']', (size_t)(end - host));
	if (colon && bracket && colon < bracket)
		colon = NULL;
	if (colon) {
		char *stop;
		long port = strtol(colon + 1, &stop, 10);
		member->port = stop == end && port > 0 && port <= UINT16_MAX ? port : 0;
	}
	size_t length = (size_t)((colon ? colon : end) - host);
	if (*host == '[' && length >= 2 && host[length - 1] == ']')
		member->host = arena_copy_n(set->mem, host + 1, length - 2);
	else
		member->host = length ? arena_copy_n(set->mem, host, length) : NULL;
}

void patroni_take_common(struct patroni_set *set, struct patroni_member *member, json_t *from)
{
	json_t *reason = json_object_get(from, "pending_restart_reason");
	json_t *tags = json_object_get(from, "tags");
	member->state = patroni_text(set, from, "state");
	member->said_role = patroni_text(set, from, "role");
	member->replication_state = patroni_text(set, from, "replication_state");
	member->timeline = patroni_number(from, "timeline", 0);
	member->pending_restart = json_is_true(json_object_get(from, "pending_restart"));
	member->pending_reason = json_object_size(reason) ? patroni_keep(set, reason) : NULL;
	member->tags = json_object_size(tags) ? patroni_keep(set, tags) : NULL;
	member->scheduled_restart = patroni_text(set, json_object_get(from, "scheduled_restart"), "schedule");
}

void patroni_take_word(struct patroni_set *set, struct patroni_member *member, const char *text)
{
	json_t *word = patroni_parse(set, text);
	if (!json_is_object(word)) {
		member->unreadable = "its annotation `status` is no JSON object";
		return;
	}
	const char *address = json_string_value(json_object_get(word, "conn_url"));
	if (address)
		patroni_take_address(set, member, address);
	member->api_url = patroni_text(set, word, "api_url");
	member->version = patroni_text(set, word, "version");
	patroni_take_common(set, member, word);
	member->location = patroni_number(word, "xlog_location", PATRONI_UNKNOWN);
	member->received = patroni_number(word, "receive_lsn", member->location);
	member->replayed = patroni_number(word, "replay_lsn", PATRONI_UNKNOWN);
	if (!member->state)
		member->unreadable = "its annotation `status` names no state";
}

const char *patroni_role_word(enum patroni_role role)
{
	static const char *const words[] = {[PATRONI_REPLICA] = "replica",
		[PATRONI_LEADER] = "leader",
		[PATRONI_STANDBY_LEADER] = "standby_leader",
		[PATRONI_SYNC_STANDBY] = "sync_standby",
		[PATRONI_QUORUM_STANDBY] = "quorum_standby"};
	return words[role];
}

const char *patroni_role_title(enum patroni_role role)
{
	static const char *const words[] = {[PATRONI_REPLICA] = "Replica",
		[PATRONI_LEADER] = "Leader",
		[PATRONI_STANDBY_LEADER] = "Standby Leader",
		[PATRONI_SYNC_STANDBY] = "Sync Standby",
		[PATRONI_QUORUM_STANDBY] = "Quorum Standby"};
	return words[role];
}
