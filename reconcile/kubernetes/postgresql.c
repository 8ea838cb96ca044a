#include "reconcile/kubernetes/postgresql.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/postgresql_internal.h"

static const int64_t settled = 60 * SECONDS; /* same-second status: the operator would have moved by now */
static const int64_t synced_every = 30 * 60 * SECONDS; /* its resync_period */
static const int64_t reaction = 15 * SECONDS; /* after a write: the operator is about to take it up */

bool postgresql_is(const char *group, const char *kind)
{
	return text_equal(group, "acid.zalan.do") && text_equal(kind, "postgresql");
}

const char *postgresql_status(const json_t *object)
{
	return json_text_at(object, "status.PostgresClusterStatus", "");
}

int64_t postgresql_reported(const json_t *object)
{
	return manager_written(json_at(object, "metadata.managedFields"), true);
}

int64_t postgresql_written(const json_t *object)
{
	return manager_written(json_at(object, "metadata.managedFields"), false);
}

double postgresql_quantity(const char *text)
{
	static const struct {
		const char *suffix;
		double factor;
	} units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"P", 1e15}, {"E", 1e18},
		{"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"Pi", 0x1p50}, {"Ei", 0x1p60}};
	char *end = NULL;
	double number = text ? strtod(text, &end) : -1;
	if (!text || end == text || number < 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcmp(end, units[i].suffix) == 0)
			return number * units[i].factor;
	return -1;
}

/* Health */

bool postgresql_working(const char *status)
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
	if (!postgresql_working(status))
		return (struct health_state){HEALTH_DEGRADED, failure_message(status, mem)};
	if (!since || now - since < POSTGRESQL_STALE)
		return (struct health_state){HEALTH_PROGRESSING, arena_copy(mem, status)};
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(since, text);
	return (struct health_state){HEALTH_PROGRESSING,
		arena_printf(mem, "%s since %s: the operator is busy, blocked, or its last report was lost",
			status, text)};
}

bool postgresql_taken_up(const json_t *object, int64_t written, bool seen_busy, int64_t now)
{
	int64_t reported = postgresql_reported(object);
	bool same_second = reported == written && (seen_busy || now - written > settled);
	bool reported_since = !reported || !written || reported > written || same_second;
	bool synced_since =
		text_equal(postgresql_status(object), "Running") && now - written > POSTGRESQL_RESYNCED;
	return *postgresql_status(object) && (reported_since || synced_since);
}

struct health_state postgresql_health(
	const json_t *object, int64_t written, bool seen_busy, int64_t now, struct arena *mem)
{
	const char *status = postgresql_status(object);
	int64_t reported = postgresql_reported(object);
	if (!written)
		written = postgresql_written(object);
	if (*status && postgresql_taken_up(object, written, seen_busy, now))
		return health_of_status(status, reported, now, mem);
	char since[CLOCK_TEXT_SIZE] = "";
	bool late = written && now - written > POSTGRESQL_PATIENCE;
	if (late)
		clock_text_seconds(written, since);
	return (struct health_state){HEALTH_PROGRESSING,
		*status ? arena_printf(mem,
				  "the operator has not reported since the last change%s%s (its status is still %.100s)",
				  late ? ", of " : "", since, status)
			: arena_printf(mem, "waiting for the postgres-operator%s%s", late ? " since " : "",
				  since)};
}

/* Health waits longer for an operator than this: here nothing is called wrong. */
bool postgresql_wants_nudge(const json_t *object, int64_t written, int64_t now)
{
	const json_t *annotations = json_at(object, "metadata.annotations");
	const char *before = json_string_value(json_object_get(annotations, POSTGRESQL_NUDGE));
	int64_t reported = postgresql_reported(object), nudged = 0;
	if (before && (!clock_parse(before, &nudged) || now - nudged < synced_every))
		return false;
	if (postgresql_working(postgresql_status(object)))
		return reported && now - reported > POSTGRESQL_STALE;
	written = written ? written : postgresql_written(object);
	return written && reported < written && now - written > POSTGRESQL_PATIENCE;
}

bool postgresql_busy(const json_t *live)
{
	int64_t now = clock_now();
	int64_t reported = postgresql_reported(live);
	int64_t written = postgresql_written(live);
	if (postgresql_working(postgresql_status(live)))
		return !reported || now - reported < POSTGRESQL_STALE;
	/* A second write before the operator took up the first makes it drop the first (zalando-operator.md 1.2). */
	return reported && reported <= written && now - written < reaction;
}
