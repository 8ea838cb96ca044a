/* cluster_document.c - what is known of a cluster as JSON: what is not known is not in it */
#include "agent/commands/cluster.h"
#include "base/clock.h"
#include "base/text.h"

static void set_number(json_t *object, const char *key, int64_t number)
{
	if (number != PATRONI_UNKNOWN)
		json_object_set_new(object, key, json_integer(number));
}

static void set_count(json_t *object, const char *key, int64_t number)
{
	if (number > 0)
		json_object_set_new(object, key, json_integer(number));
}

static void set_time(json_t *object, const char *key, int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	if (!time)
		return;
	clock_text(time, text);
	json_object_set_new(object, key, json_string(text));
}

static void set_position(json_t *object, const char *key, int64_t position, struct arena *mem)
{
	if (position != PATRONI_UNKNOWN)
		json_object_set_new(object, key, json_string(patroni_position(position, mem)));
}

static void set_value(json_t *object, const char *key, const json_t *value)
{
	if (value)
		json_object_set_new(object, key, json_deep_copy(value));
}

static json_t *member_document(
	const struct patroni_cluster *cluster, const struct patroni_member *member, struct arena *mem)
{
	static const char *const contacts[] = {
		[PATRONI_NOT_ASKED] = "notAsked", [PATRONI_ANSWERED] = "answered", [PATRONI_SILENT] = "silent"};
	json_t *out = json_pack("{s:s}", "name", member->name);
	json_set_text(out, "host", cluster_host(cluster, member, mem));
	json_set_text(out, "role", patroni_role_word(member->role));
	json_set_text(out, "state", cluster_state(member));
	set_count(out, "timeline", member->timeline);
	bool leads = text_equal(cluster->leader, member->name);
	set_number(out, "lagBytes",
		member->receive_lag > member->replay_lag ? member->receive_lag : member->replay_lag);
	set_number(out, "receiveLagBytes", member->receive_lag);
	set_number(out, "replayLagBytes", member->replay_lag);
	set_position(out, "location", leads ? member->location : PATRONI_UNKNOWN, mem);
	set_position(out, "received", leads ? PATRONI_UNKNOWN : member->received, mem);
	set_position(out, "replayed", leads ? PATRONI_UNKNOWN : member->replayed, mem);
	json_set_text(out, "contact", contacts[member->contact]);
	json_set_text(out, "silence", member->contact == PATRONI_SILENT ? member->silence : NULL);
	set_time(out, "heard", member->heard);
	if (member->contact == PATRONI_ANSWERED)
		json_object_set_new(out, "inRecovery", json_boolean(member->in_recovery));
	json_object_set_new(out, "pendingRestart", json_boolean(member->pending_restart));
	set_value(out, "pendingRestartReason", member->pending_reason);
	json_set_text(out, "scheduledRestart", member->scheduled_restart);
	set_value(out, "tags", member->tags);
	json_set_text(out, "patroniVersion", member->version);
	json_set_text(out, "pod", member->pod_trouble);
	set_value(out, "replication", member->replication);
	return out;
}

static void set_switchover(json_t *out, const struct patroni_cluster *cluster)
{
	if (!cluster->switchover_at)
		return;
	json_t *planned = json_pack("{s:s}", "at", cluster->switchover_at);
	json_set_text(planned, "from", cluster->switchover_from);
	json_set_text(planned, "to", cluster->switchover_to);
	json_object_set_new(out, "scheduledSwitchover", planned);
}

static const char *sync_mode(const struct patroni_cluster *cluster)
{
	static const char *const words[] = {
		[PATRONI_ASYNCHRONOUS] = "off", [PATRONI_SYNCHRONOUS] = "on", [PATRONI_QUORUM] = "quorum"};
	return words[patroni_synchronous(cluster)];
}

static void set_operator(json_t *out, const struct patroni_cluster *cluster)
{
	if (!cluster->operated)
		return;
	json_object_set_new(out, "instances",
		json_pack("{s:I,s:I}", "wanted", (json_int_t)cluster->wanted, "there",
			(json_int_t)cluster->member_count));
	json_t *words = json_object();
	json_set_text(words, "status", cluster->operator_status);
	json_object_set_new(out, "operator", words);
	json_set_text(out, "version", cluster->postgres_version);
}

static void set_volume(json_t *out, const struct patroni_cluster *cluster)
{
	json_t *volume = json_object();
	json_set_text(volume, "size", cluster->volume_size);
	json_set_text(volume, "capacity", cluster->volume_capacity);
	set_count(volume, "claims", (int64_t)cluster->volume_count);
	if (json_object_size(volume))
		json_object_set_new(out, "volume", volume);
	else
		json_decref(volume);
}

static void set_lists(json_t *out, const struct patroni_cluster *cluster, struct arena *mem)
{
	json_t *members = json_array(), *problems = json_array();
	for (size_t i = 0; i < cluster->member_count; i++)
		json_array_append_new(members, member_document(cluster, &cluster->members[i], mem));
	for (size_t i = 0; i < cluster->problem_count; i++)
		json_array_append_new(problems,
			json_pack("{s:s,s:s}", "severity", cluster->problems[i].bad ? "error" : "warning",
				"text", cluster->problems[i].text));
	json_object_set_new(out, "problems", problems);
	json_object_set_new(out, "members", members);
}

json_t *cluster_document(const struct patroni_cluster *cluster, struct arena *mem)
{
	json_t *out = json_pack("{s:s}", "name", cluster->name);
	json_set_text(out, "namespace", cluster->namespace);
	json_object_set_new(out, "healthy", json_boolean(!cluster->bad));
	json_set_text(out, "systemIdentifier", cluster->system);
	json_set_text(out, "leader", cluster->leader);
	set_time(out, "leaderSince", cluster->acquired);
	set_time(out, "leaderRenewed", cluster->renewed);
	set_count(out, "ttl", cluster->ttl);
	set_count(out, "timeline", cluster->timeline);
	json_object_set_new(
		out, "paused", json_boolean(json_is_true(json_object_get(cluster->config, "pause"))));
	json_set_text(out, "syncMode", cluster->config ? sync_mode(cluster) : NULL);
	set_switchover(out, cluster);
	set_time(out, "lastFailover", cluster->failed_over);
	json_set_text(out, "lastFailoverTo", cluster->failed_over_to);
	json_set_text(out, "lastFailoverUnknown", cluster->history_unknown);
	set_operator(out, cluster);
	set_volume(out, cluster);
	set_lists(out, cluster, mem);
	return out;
}

/* How long ago what a member has replayed was written: the leader knows it. */
static void set_seconds(json_t *document, const json_t *sender)
{
	json_t *member;
	size_t i;
	json_array_foreach (json_object_get(document, "members"), i, member)
		if (text_equal(json_text_at(member, "name", ""), json_text_at(sender, "name", NULL)) &&
			json_is_number(json_object_get(sender, "lagSeconds")))
			json_object_set(member, "lagSeconds", json_object_get(sender, "lagSeconds"));
}

void cluster_document_add(json_t *document, json_t *server, const char *why)
{
	const json_t *sender;
	size_t i;
	json_set_text(document, "serverError", why);
	if (!server)
		return;
	json_object_update(document, server);
	json_array_foreach (json_object_get(server, "replication"), i, sender)
		set_seconds(document, sender);
}

json_t *cluster_list_document(const struct patroni_set *set, struct arena *mem)
{
	json_t *items = json_array();
	for (size_t i = 0; i < set->count; i++)
		json_array_append_new(items, cluster_document(&set->items[i], mem));
	return json_pack("{s:o}", "items", items);
}
