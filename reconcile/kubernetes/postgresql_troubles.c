/* postgresql_troubles.c - what holds a cluster of the operator up, in sentences (zalando-operator.md 1.1 to 1.6, 2.1) */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql_sight.h"

#define ROLLING "zalando-postgres-operator-rolling-update-required"

void sight_add(struct sight *sight, const char *text)
{
	sight->items = arena_grow(sight->mem, sight->items, sight->count, sizeof(*sight->items));
	sight->items[sight->count++] = text;
}

static const char *name_of(const json_t *object)
{
	return json_text_at(object, "metadata.name", "");
}

const char *sight_since(const struct sight *sight, int64_t time)
{
	char text[CLOCK_TEXT_SIZE];
	if (!time)
		return "";
	clock_text_seconds(time, text);
	return arena_printf(sight->mem, " since %s", text);
}

static struct sight look(const struct postgresql_around *around, struct arena *mem)
{
	struct sight sight = {.around = around,
		.status = postgresql_status(around->object),
		.written = postgresql_written(around->object),
		.reported = postgresql_reported(around->object),
		.mem = mem};
	if (!sight.written &&
		!clock_parse(json_text_at(around->object, "metadata.creationTimestamp", ""), &sight.written))
		sight.written = 0;
	return sight;
}

/* ---- the operator ---- */

bool sight_is_late(const struct sight *sight)
{
	int64_t now = sight->around->now;
	return sight->written && now - sight->written > POSTGRESQL_PATIENCE &&
		!postgresql_taken_up(sight->around->object, sight->written, false, now);
}

static bool is_stuck(const struct sight *sight)
{
	return postgresql_working(sight->status) && sight->reported &&
		sight->around->now - sight->reported > POSTGRESQL_STALE;
}

bool sight_is_at_work(const struct sight *sight)
{
	return postgresql_working(sight->status) && !is_stuck(sight);
}

static bool is_failed(const struct sight *sight)
{
	return *postgresql_remedy(sight->status);
}

static bool runs(const json_t *pod)
{
	const json_t *ready = health_condition(pod, "Ready");
	return text_equal(json_text_at(pod, "status.phase", ""), "Running") &&
		!json_text_at(pod, "metadata.deletionTimestamp", NULL) &&
		(!ready || text_equal(json_text_at(ready, "status", ""), "True"));
}

/* Who is the matter, "" = nobody by name; NULL = it is not so. */
static const char *absent(const struct sight *sight)
{
	return sight->around->operators && !json_array_size(sight->around->operators) ? "" : NULL;
}

static const char *operator_down(const struct sight *sight)
{
	const json_t *pod, *down = NULL;
	size_t i;
	json_array_foreach (sight->around->operators, i, pod) {
		if (runs(pod))
			return NULL;
		down = pod;
	}
	return down
		? arena_printf(sight->mem, "%s/%s", json_text_at(down, "metadata.namespace", ""), name_of(down))
		: NULL;
}

static const char *other_busy(const struct sight *sight)
{
	const json_t *busy = sight->around->busy;
	return busy ? arena_printf(sight->mem, "%s/%s is %s%s", json_text_at(busy, "metadata.namespace", ""),
			      name_of(busy), postgresql_status(busy),
			      sight_since(sight, postgresql_reported(busy)))
		    : NULL;
}

static const char *member_down(const struct sight *sight)
{
	const json_t *pod;
	size_t i;
	json_array_foreach (sight->around->pods, i, pod)
		if (!runs(pod))
			return arena_printf(sight->mem, "Pod %s", name_of(pod));
	return NULL;
}

static const char *at_work(const struct sight *sight)
{
	return sight_is_at_work(sight) ? "" : NULL;
}

static const char *failed(const struct sight *sight)
{
	return is_failed(sight) ? sight->status : NULL;
}

static const char *whatever(const struct sight *sight)
{
	(void)sight;
	return "";
}

/* The first that is so says what to do. */
struct way {
	const char *(*who)(const struct sight *sight);
	const char *text;
};

static const char *way_of(const struct sight *sight, const struct way *ways)
{
	const char *who = NULL;
	while (!(who = ways->who(sight)))
		ways++;
	return arena_printf(sight->mem, "%s%s", who, ways->text);
}

#define ABSENT                                                                                                                           \
	{                                                                                                                                \
		absent,                                                                                                                  \
			"no Pod of it is in the cluster (name=postgres-operator, app.kubernetes.io/name=postgres-operator): install it " \
			"(manifests/operator.md), or scale its Deployment up"                                                            \
	}
#define DOWN                                                                                                 \
	{                                                                                                    \
		operator_down, " is its Pod and does not run: `kubectl describe pod` and its log say why"    \
	}

static const struct way silence[] = {ABSENT, DOWN,
	{other_busy, ", and the operator takes up nothing else until that is done: mend that one first"},
	{whatever,
		"a new value in any annotation of the object makes it look again; `pgitops doctor operator-silent` says what else may be the "
		"matter"}};

static const struct way stuck[] = {ABSENT, DOWN,
	{member_down,
		" does not run, and the operator waits for it: `pgitops doctor pod-does-not-start` says why"},
	{whatever,
		"it is busy, blocked, or its last report was lost: `pgitops cluster logs` says which, and a new value in any annotation of the "
		"object makes it look again"}};

static const struct {
	const char *status, *remedy;
} failures[] = {
	{"CreateFailed",
		"its Pods did not come up in ten minutes, or a name is not possible: pgitops doctor pod-does-not-start, and "
		"operator-config if teams are asked for"},
	{"UpdateFailed",
		"the reason is in the operator's log: pgitops cluster logs; it tries again within 30 minutes"},
	{"SyncFailed",
		"the step that the Event names (pgitops cluster events) ended the sync, and those after it did not run; correct it, the next sync "
		"is within 30 minutes"},
	{"Invalid",
		"the operator has enable_team_id_clustername_prefix: name the object TEAM-NAME, or turn that off"},
};

const char *postgresql_remedy(const char *status)
{
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		if (text_equal(failures[i].status, status))
			return failures[i].remedy;
	return "";
}

static void judge_operator(struct sight *sight)
{
	const char *status = *sight->status ? sight->status : "none";
	if (is_failed(sight))
		sight_add(sight,
			arena_printf(sight->mem, "the operator says %s%s: %s", status,
				sight_since(sight, sight->reported), postgresql_remedy(status)));
	if (is_stuck(sight))
		sight_add(sight,
			arena_printf(sight->mem,
				"the operator says %s%s, longer than the ten minutes it gives itself: %s",
				status, sight_since(sight, sight->reported), way_of(sight, stuck)));
	else if (sight_is_late(sight))
		sight_add(sight,
			arena_printf(sight->mem,
				"the operator has not reported%s, when the object was written last (its status: %s): %s",
				sight_since(sight, sight->written), status, way_of(sight, silence)));
}

/* ---- a rolling update ---- */

static bool is_marked(const json_t *pod)
{
	return text_equal(
		json_string_value(json_object_get(json_at(pod, "metadata.annotations"), ROLLING)), "true");
}

static bool any_marked(const struct sight *sight)
{
	const json_t *pod;
	size_t i;
	json_array_foreach (sight->around->pods, i, pod)
		if (is_marked(pod))
			return true;
	return false;
}

/* The operator's StatefulSet has the strategy OnDelete: of its revisions the one that is to be stands in updateRevision, once its controller has seen it. */
static bool is_older(const struct sight *sight, const json_t *pod)
{
	const json_t *set = sight->around->set;
	const char *wanted = json_text_at(set, "status.updateRevision", "");
	const char *has = json_string_value(
		json_object_get(json_at(pod, "metadata.labels"), "controller-revision-hash"));
	return *wanted && has && !text_equal(wanted, has) &&
		json_number_at(set, "status.observedGeneration", 0) >=
		json_number_at(set, "metadata.generation", 0);
}

/* The server's time of the write that set it; 0 = nobody says. */
static int64_t marked_at(const json_t *pod)
{
	const json_t *entry;
	int64_t time, newest = 0;
	size_t i;
	json_array_foreach (json_at(pod, "metadata.managedFields"), i, entry)
		if (json_object_get(json_at(entry, "fieldsV1.f:metadata.f:annotations"), "f:" ROLLING) &&
			clock_parse(json_text_at(entry, "time", ""), &time) && time > newest)
			newest = time;
	return newest;
}

struct rolling {
	const char *new, *waiting;
	int64_t since;
	bool two; /* more than one waits */
};

/* An older template alone is none: annotations come into it without a restart. */
static struct rolling rolling_of(const struct sight *sight)
{
	struct rolling rolling = {0};
	const json_t *pod;
	size_t i;
	bool counts = any_marked(sight) || sight_is_at_work(sight);
	json_array_foreach (sight->around->pods, i, pod) {
		bool waits = counts && (is_marked(pod) || is_older(sight, pod));
		const char **list = waits ? &rolling.waiting : &rolling.new;
		int64_t time = waits && is_marked(pod) ? marked_at(pod) : 0;
		rolling.two |= waits && rolling.waiting;
		*list = arena_join(sight->mem, *list, ", ", name_of(pod));
		if (time && (!rolling.since || time < rolling.since))
			rolling.since = time;
	}
	if (!rolling.since && sight_is_at_work(sight))
		rolling.since = sight->reported;
	return rolling;
}

/* Two of its periodic syncs have passed it by. */
static const char *overdue(const struct sight *sight)
{
	int64_t begun = rolling_of(sight).since;
	return begun && sight->around->now - begun > 2 * POSTGRESQL_RESYNCED ? "" : NULL;
}

static const struct way rolls[] = {ABSENT, DOWN,
	{member_down,
		" does not run yet, and the operator waits for it: where it stays so, `pgitops doctor pod-does-not-start` says why"},
	{at_work, "the operator is at it, replicas first and the leader after a switchover; there is nothing to do"},
	{failed, " has ended it for now, see there; the next sync goes on, within 30 minutes, or a new value in any annotation of the object makes it"},
	{overdue,
		"the operator's syncs do not go on with it, as where it finds no replica to switch over to: `pgitops cluster logs` says why; by hand it is "
		"`kubectl delete pod` of each that waits, replicas first, the leader after `pgitops cluster switchover`"},
	{whatever,
		"the operator goes on with its next sync, within 30 minutes; a new value in any annotation of the object makes it do so now"}};

static void judge_rolling(struct sight *sight)
{
	struct rolling rolling = rolling_of(sight);
	if (!rolling.waiting)
		return;
	const char *have = rolling.new ? arena_printf(sight->mem, "%s %s the new Pod template, ", rolling.new,
						 strchr(rolling.new, ',') ? "have" : "has")
				       : "";
	sight_add(sight,
		arena_printf(sight->mem, "a rolling update is under way%s: %s%s %s%s: %s",
			sight_since(sight, rolling.since), have, rolling.waiting, rolling.two ? "wait" : "waits",
			rolling.new ? "" : " for the new Pod template", way_of(sight, rolls)));
}

/* ---- all of it ---- */

bool postgresql_at_work(const json_t *object)
{
	return postgresql_working(postgresql_status(object));
}

unsigned postgresql_asks(const struct postgresql_around *around)
{
	const struct sight sight = look(around, NULL);
	bool marked = any_marked(&sight);
	unsigned asks = 0;
	if (marked || postgresql_working(sight.status))
		asks |= POSTGRESQL_ASK_SET;
	if (sight_is_late(&sight) || is_stuck(&sight) || (marked && !sight_is_at_work(&sight)))
		asks |= POSTGRESQL_ASK_OPERATORS;
	if (sight_asks_classes(&sight))
		asks |= POSTGRESQL_ASK_CLASSES;
	return asks;
}

const char **postgresql_troubles(const struct postgresql_around *around, struct arena *mem, size_t *count)
{
	struct sight sight = look(around, mem);
	if (!json_text_at(around->object, "metadata.deletionTimestamp", NULL)) {
		judge_operator(&sight);
		judge_rolling(&sight);
		sight_volumes(&sight);
	}
	*count = sight.count;
	return sight.items;
}
