/*
 * documents.c - what Kubernetes has of a cluster: Pods, Patroni's records, the operator's object, volume claims
 *
 * Whose an object is its label `cluster-name` says (Patroni's scope_label, the operator's cluster_name_label); of a record also its name:
 * the Endpoints or ConfigMap NAME, NAME-leader, NAME-config, NAME-sync, NAME-failover.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/patroni/internal.h"

static json_t *annotations_of(const json_t *object)
{
	return json_at(object, "metadata.annotations");
}

static const char *annotation(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(annotations_of(object), key));
	return text ? text : "";
}

static const char *label(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(json_at(object, "metadata.labels"), key));
	return text ? text : "";
}

static struct patroni_cluster *cluster_of_label(struct patroni_set *set, const json_t *object)
{
	const char *name = label(object, "cluster-name");
	return *name ? patroni_cluster_of(set, json_text_at(object, "metadata.namespace", ""), name) : NULL;
}

/* ---- Pods ---- */

/* The time of the write that set the annotation last: the server's clock. 0 = nobody says. */
static int64_t written(const json_t *object, const char *key)
{
	char field[64];
	const json_t *entry;
	int64_t newest = 0;
	size_t i;
	snprintf(field, sizeof(field), "f:%s", key);
	json_array_foreach (json_at(object, "metadata.managedFields"), i, entry) {
		const json_t *owned = json_object_get(json_at(entry, "fieldsV1.f:metadata"), "f:annotations");
		int64_t time;
		if (json_object_get(owned, field) && clock_parse(json_text_at(entry, "time", ""), &time) &&
			time > newest)
			newest = time;
	}
	return newest;
}

/* A container that waits says why: ImagePullBackOff, CrashLoopBackOff. */
static const char *waiting(const json_t *pod)
{
	const json_t *container;
	size_t i;
	json_array_foreach (json_at(pod, "status.containerStatuses"), i, container) {
		const char *reason = json_text_at(container, "state.waiting.reason", NULL);
		if (reason)
			return reason;
	}
	return NULL;
}

static const char *unscheduled(const json_t *pod)
{
	const json_t *condition;
	size_t i;
	json_array_foreach (json_at(pod, "status.conditions"), i, condition)
		if (text_equal(json_text_at(condition, "type", ""), "PodScheduled") &&
			text_equal(json_text_at(condition, "status", ""), "False"))
			return json_text_at(condition, "message", json_text_at(condition, "reason", NULL));
	return NULL;
}

static const char *trouble_of(struct patroni_set *set, const json_t *pod)
{
	const char *phase = json_text_at(pod, "status.phase", "Unknown");
	const char *why = waiting(pod) ? waiting(pod) : unscheduled(pod);
	if (text_equal(phase, "Running") && !why)
		return NULL;
	return arena_printf(set->mem, "%s%s%s", phase, why ? ": " : "", why ? why : "");
}

bool patroni_labelled_primary(const json_t *pod)
{
	static const char *const keys[] = {"spilo-role", "role"};
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (text_equal(label(pod, keys[i]), "master") || text_equal(label(pod, keys[i]), "primary"))
			return true;
	return false;
}

void patroni_take_pod(struct patroni_set *set, json_t *pod)
{
	struct patroni_cluster *cluster = cluster_of_label(set, pod);
	if (!cluster)
		return;
	struct patroni_member *member = patroni_member_of(set, cluster, json_text_at(pod, "metadata.name", ""));
	const char *word = annotation(pod, "status");
	member->labelled_primary = patroni_labelled_primary(pod);
	member->leaving = json_text_at(pod, "metadata.deletionTimestamp", NULL);
	member->outdated =
		text_equal(annotation(pod, "zalando-postgres-operator-rolling-update-required"), "true");
	member->node = patroni_text(set, json_object_get(pod, "spec"), "nodeName");
	member->pod_trouble = trouble_of(set, pod);
	member->heard = written(pod, "status");
	if (*word)
		patroni_take_word(set, member, word);
}

/* ---- Patroni's records ---- */

static int64_t time_of(const json_t *object, const char *key)
{
	int64_t time;
	return clock_parse(annotation(object, key), &time) ? time : 0;
}

static int64_t whole(const char *text, int64_t fallback)
{
	char *end;
	long long number = strtoll(text, &end, 10);
	return end != text && !*end && number >= 0 ? number : fallback;
}

static json_t *document(struct patroni_set *set, struct patroni_cluster *cluster, const json_t *object,
	const char *key, json_type type)
{
	const char *text = annotation(object, key);
	json_t *value = *text ? patroni_parse(set, text) : NULL;
	if (*text && (!value || json_typeof(value) != type)) {
		cluster->unreadable = arena_printf(set->mem, "annotation %s of %s is not what Patroni writes",
			key, json_text_at(object, "metadata.name", ""));
		return NULL;
	}
	return value;
}

static void take_leader(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object)
{
	const json_t *annotations = annotations_of(object);
	/* The operator makes Endpoints of the same name before Patroni writes into them. */
	if (!json_object_get(annotations, "leader") && !json_object_get(annotations, "renewTime"))
		return;
	cluster->leader = patroni_text(set, annotations, "leader");
	cluster->renewed = time_of(object, "renewTime");
	cluster->acquired = time_of(object, "acquireTime");
	cluster->ttl = whole(annotation(object, "ttl"), 0);
	cluster->optime = whole(annotation(object, "optime"), PATRONI_UNKNOWN);
}

/* No history is a cluster that never failed over; one that cannot be read is not. */
static void take_history(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object)
{
	const json_t *history = document(set, cluster, object, "history", JSON_ARRAY);
	if (history)
		patroni_take_history(set, cluster, history);
	else if (*annotation(object, "history"))
		cluster->history_unknown = cluster->unreadable;
}

static void take_config(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object)
{
	cluster->config = document(set, cluster, object, "config", JSON_OBJECT);
	cluster->config_known = cluster->config;
	cluster->system = patroni_text(set, annotations_of(object), "initialize");
	take_history(set, cluster, object);
}

static void take_sync(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object)
{
	cluster->sync_standby = patroni_text(set, annotations_of(object), "sync_standby");
}

static void take_failover(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object)
{
	cluster->switchover_at = patroni_text(set, annotations_of(object), "scheduled_at");
	cluster->switchover_from = patroni_text(set, annotations_of(object), "leader");
	cluster->switchover_to = patroni_text(set, annotations_of(object), "member");
}

void patroni_take_record(struct patroni_set *set, json_t *object)
{
	static const struct {
		const char *suffix;
		void (*take)(struct patroni_set *set, struct patroni_cluster *cluster, json_t *object);
	} records[] = {{"", take_leader}, {"-leader", take_leader}, {"-config", take_config},
		{"-sync", take_sync}, {"-failover", take_failover}};
	const char *owner = label(object, "cluster-name"), *name = json_text_at(object, "metadata.name", "");
	if (!*owner || !text_starts(name, owner))
		return;
	for (size_t i = 0; i < COUNT_OF(records); i++)
		if (text_equal(name + strlen(owner), records[i].suffix))
			records[i].take(set, cluster_of_label(set, object), object);
}

/* ---- the operator's object, volume claims ---- */

void patroni_take_postgresql(struct patroni_set *set, json_t *object)
{
	struct patroni_cluster *cluster = patroni_cluster_of(set,
		json_text_at(object, "metadata.namespace", ""), json_text_at(object, "metadata.name", ""));
	const json_t *spec = json_object_get(object, "spec"), *status = json_object_get(object, "status");
	cluster->operated = true;
	cluster->leaving = json_text_at(object, "metadata.deletionTimestamp", NULL);
	cluster->wanted = patroni_number(spec, "numberOfInstances", 0);
	cluster->postgres_version = patroni_text(set, json_object_get(spec, "postgresql"), "version");
	cluster->volume_size = patroni_text(set, json_object_get(spec, "volume"), "size");
	/* Operator 1 wrote a text where version 2 has an object. */
	cluster->operator_status = json_is_string(status) ? patroni_text(set, object, "status")
							  : patroni_text(set, status, "PostgresClusterStatus");
}

/* The first one that is not Bound, and what the claims have: all of them are of one size but while one grows. */
void patroni_take_claim(struct patroni_set *set, json_t *claim)
{
	struct patroni_cluster *cluster = cluster_of_label(set, claim);
	if (!cluster)
		return;
	const char *phase = json_text_at(claim, "status.phase", "");
	cluster->volume_count++;
	if (!text_equal(phase, "Bound") && !cluster->volume_trouble)
		cluster->volume_trouble = arena_printf(set->mem, "volume claim %s is %s",
			json_text_at(claim, "metadata.name", ""), *phase ? phase : "not bound");
	if (!cluster->volume_capacity)
		cluster->volume_capacity = patroni_text(set, json_at(claim, "status.capacity"), "storage");
}

/* ---- what is a cluster of Patroni's ---- */

static bool is_ours(const struct patroni_cluster *cluster)
{
	if (cluster->operated || cluster->renewed || cluster->system || cluster->config)
		return true;
	for (size_t i = 0; i < cluster->member_count; i++)
		if (cluster->members[i].api_url)
			return true;
	return false;
}

void patroni_settle(struct patroni_set *set)
{
	size_t kept = 0;
	for (size_t i = 0; i < set->count; i++)
		if (is_ours(&set->items[i]))
			set->items[kept++] = set->items[i];
	set->count = kept;
}
