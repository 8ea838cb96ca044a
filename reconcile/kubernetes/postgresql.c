#include "reconcile/kubernetes/postgresql.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"

#define SECONDS INT64_C(1000000)

static const int64_t settled = 60 * SECONDS;    /* same-second status: the operator would have moved by now */
static const int64_t stale = 12 * 60 * SECONDS; /* longer than the operator's own resource_check_timeout */
static const int64_t patience = 2 * 60 * SECONDS; /* an idle operator takes a change up within a second */
static const int64_t synced_every = 30 * 60 * SECONDS; /* its resync_period */
static const int64_t resynced =
	35 * 60 * SECONDS;                    /* the periodic sync (30 min) has applied whatever it missed */
static const int64_t reaction = 15 * SECONDS; /* after a write: the operator is about to take it up */

bool postgresql_is(const char *group, const char *kind)
{
	return text_equal(group, "acid.zalan.do") && text_equal(kind, "postgresql");
}

const char *postgresql_status(const json_t *object)
{
	return json_text_at(object, "status.PostgresClusterStatus", "");
}

static int64_t reported_at(const json_t *object)
{
	return manager_written(json_at(object, "metadata.managedFields"), true);
}

static int64_t written_at(const json_t *object)
{
	return manager_written(json_at(object, "metadata.managedFields"), false);
}

/* Health */

static bool working(const char *status)
{
	return text_equal(status, "Creating") || text_equal(status, "Updating");
}

/* What a status means of which the operator writes no Event (zalando-operator.md 1.1, 1.6); of the others its Event has the reason. */
static const char *failure_message(const char *status, struct arena *mem)
{
	static const struct {
		const char *status, *meaning;
	} silent[] = {
		{"UpdateFailed",
			"the operator writes no Event of a failed update: the reason is in its log, and may be "
			"in the Event of its next sync, within 30 minutes"},
		{"Invalid",
			"the operator has enable_team_id_clustername_prefix, and the name does not begin with "
			"its spec.teamId and \"-\": it never takes the object up"},
	};
	for (size_t i = 0; i < COUNT_OF(silent); i++)
		if (text_equal(status, silent[i].status))
			return arena_printf(mem, "%s: %s", status, silent[i].meaning);
	return arena_printf(mem, "%.100s", status);
}

static struct health_state health_of_status(const char *status, int64_t since, int64_t now, struct arena *mem)
{
	if (text_equal(status, "Running"))
		return (struct health_state){HEALTH_HEALTHY, "Running"};
	if (!working(status))
		return (struct health_state){HEALTH_DEGRADED, failure_message(status, mem)};
	if (!since || now - since < stale)
		return (struct health_state){HEALTH_PROGRESSING, arena_copy(mem, status)};
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(since, text);
	return (struct health_state){HEALTH_PROGRESSING,
		arena_printf(mem, "%s since %s: the operator is busy, blocked, or its last report was lost",
			status, text)};
}

struct health_state postgresql_health(
	const json_t *object, int64_t written, bool seen_busy, int64_t now, struct arena *mem)
{
	const char *status = postgresql_status(object);
	int64_t reported = reported_at(object);
	if (!written)
		written = written_at(object);
	if (!*status)
		return (struct health_state){HEALTH_PROGRESSING, "waiting for the postgres-operator"};
	bool same_second = reported == written && (seen_busy || now - written > settled);
	bool reported_since = !reported || !written || reported > written || same_second;
	bool synced_since = text_equal(status, "Running") && now - written > resynced;
	if (reported_since || synced_since)
		return health_of_status(status, reported, now, mem);
	return (struct health_state){HEALTH_PROGRESSING,
		arena_printf(mem,
			"the operator has not reported since the last change (its status is still %.100s)",
			status)};
}

/* Health waits longer for an operator than this: here nothing is called wrong. */
bool postgresql_wants_nudge(const json_t *object, int64_t written, int64_t now)
{
	const json_t *annotations = json_at(object, "metadata.annotations");
	const char *before = json_string_value(json_object_get(annotations, POSTGRESQL_NUDGE));
	int64_t reported = reported_at(object), nudged = 0;
	if (before && (!clock_parse(before, &nudged) || now - nudged < synced_every))
		return false;
	if (working(postgresql_status(object)))
		return reported && now - reported > stale;
	written = written ? written : written_at(object);
	return written && reported < written && now - written > patience;
}

bool postgresql_busy(const json_t *live)
{
	int64_t now = clock_now();
	int64_t reported = reported_at(live);
	int64_t written = written_at(live);
	if (working(postgresql_status(live)))
		return !reported || now - reported < stale;
	/* A second write before the operator took up the first makes it drop the first (zalando-operator.md 1.2). */
	return reported && reported <= written && now - written < reaction;
}
