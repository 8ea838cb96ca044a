#include "reconcile/kubernetes/postgresql.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"

#define SECONDS INT64_C(1000000)

enum {
	FLAGS_MAXIMUM = 100,
	NAME_MAXIMUM = 52
}; /* zalando-operator.md 2.1: the documented 53 fails on a label */

static const int64_t settled = 60 * SECONDS;    /* same-second status: the operator would have moved by now */
static const int64_t stale = 12 * 60 * SECONDS; /* longer than the operator's own resource_check_timeout */
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

/* Refusals */

struct refusals {
	const json_t *wanted;
	const json_t *live;
	struct arena *mem;
	const char **items;
	size_t count;
};

static bool allowed(const struct refusals *refusals, const char *what)
{
	const json_t *annotations = json_at(refusals->wanted, "metadata.annotations");
	const char *list = json_string_value(json_object_get(annotations, "pgitops.dev/allow"));
	size_t length = strlen(what);
	for (const char *at = list; at && *at;) {
		at += strspn(at, ", ");
		size_t word = strcspn(at, ", ");
		if (word == length && strncmp(at, what, length) == 0)
			return true;
		at += word;
	}
	return false;
}

static void refuse(struct refusals *refusals, const char *reason)
{
	refusals->items = arena_grow(refusals->mem, refusals->items, refusals->count, sizeof(*refusals->items));
	refusals->items[refusals->count++] = reason;
}

static void refuse_unless(struct refusals *refusals, const char *what, const char *reason)
{
	if (!allowed(refusals, what))
		refuse(refusals,
			arena_printf(refusals->mem, "%s; the annotation pgitops.dev/allow: \"%s\" allows it",
				reason, what));
}

/* A Kubernetes quantity as a number; -1 when it is none. */
static double quantity(const char *text)
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

static void check_volume(struct refusals *refusals)
{
	const char *wanted = json_text_at(refusals->wanted, "spec.volume.size", NULL);
	const char *live = json_text_at(refusals->live, "spec.volume.size", NULL);
	double smaller = quantity(wanted);
	if (smaller >= 0 && smaller < quantity(live))
		refuse_unless(refusals, "shrink-volume",
			arena_printf(refusals->mem,
				"spec.volume.size goes down from %.40s to %.40s: the volume cannot shrink, yet the operator replaces the StatefulSet and says Running",
				live, wanted));
	const char *class = json_text_at(refusals->wanted, "spec.volume.storageClass", "");
	const char *old = json_text_at(refusals->live, "spec.volume.storageClass", "");
	if (!text_equal(class, old))
		refuse_unless(refusals, "change-storage-class",
			arena_printf(refusals->mem,
				"spec.volume.storageClass changes from \"%.100s\" to \"%.100s\": the StatefulSet is replaced and existing volumes keep their class",
				old, class));
}

static void check_version(struct refusals *refusals)
{
	const char *wanted = json_text_at(refusals->wanted, "spec.postgresql.version", "");
	const char *live = json_text_at(refusals->live, "spec.postgresql.version", "");
	long lower = strtol(wanted, NULL, 10);
	if (lower && lower < strtol(live, NULL, 10))
		refuse_unless(refusals, "lower-version",
			arena_printf(refusals->mem,
				"spec.postgresql.version goes down from %.20s to %.20s: all pods roll while the data stay on %.20s",
				live, wanted, live));
}

static void check_rest(struct refusals *refusals)
{
	const char *team = json_text_at(refusals->wanted, "spec.teamId", "");
	const char *old = json_text_at(refusals->live, "spec.teamId", "");
	if (*old && *team && !text_equal(team, old))
		refuse_unless(refusals, "change-team",
			arena_printf(refusals->mem,
				"spec.teamId changes from \"%.100s\" to \"%.100s\": all pods roll and the team's users change",
				old, team));
	if (json_number_at(refusals->wanted, "spec.numberOfInstances", 1) == 0 &&
		json_number_at(refusals->live, "spec.numberOfInstances", 0) > 0)
		refuse_unless(refusals, "no-instances",
			"spec.numberOfInstances goes down to 0: the database stops and its roles are not kept any more");
	if (json_at(refusals->wanted, "spec.standby") && !json_at(refusals->live, "spec.standby"))
		refuse_unless(refusals, "become-standby",
			"spec.standby turns a running cluster into a read-only standby: no role or database is kept any more");
}

/* Parts of [a-z0-9]([-_a-z0-9]*[a-z0-9])?, joined by dots. */
static bool is_user_name(const char *name)
{
	char before = '.';
	for (const char *at = name; *at; before = *at++) {
		bool alphanumeric = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
		bool joins = *at == '-' || *at == '_';
		if (!alphanumeric && !joins && *at != '.')
			return false;
		if ((joins && before == '.') ||
			(*at == '.' && (before == '.' || before == '-' || before == '_')))
			return false;
	}
	return before != '.' && before != '-' && before != '_';
}

/* The name of a user's Secret has no '_'. */
static const char *secret_name(const char *user, struct arena *mem)
{
	char *name = arena_copy(mem, user);
	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : *at;
	return name;
}

struct named {
	const char *user, *secret;
};

static int by_secret(const void *a, const void *b)
{
	const struct named *left = a, *right = b;
	int order = strcmp(left->secret, right->secret);
	return order ? order : strcmp(left->user, right->user);
}

static void check_secrets(struct refusals *refusals, json_t *users)
{
	const char *name;
	json_t *unused;
	size_t count = 0;
	struct named *names = arena_array(refusals->mem, json_object_size(users) + 1, sizeof(*names));
	json_object_foreach (users, name, unused) {
		names[count].user = name;
		names[count++].secret = secret_name(name, refusals->mem);
	}
	if (count)
		qsort(names, count, sizeof(*names), by_secret);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i - 1].secret, names[i].secret) == 0)
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users: %.100s and %.100s would share one Secret and the cluster's creation fails; rename one",
					names[i - 1].user, names[i].user));
}

static bool contradicts(const json_t *flags)
{
	size_t i, j;
	const json_t *a, *b;
	if (json_array_size(flags) > FLAGS_MAXIMUM) /* there are some ten; the schema refuses others */
		return false;
	json_array_foreach (flags, i, a)
		json_array_foreach (flags, j, b) {
			const char *positive = json_string_value(a);
			const char *negative = json_string_value(b);
			if (positive && negative && strncasecmp(negative, "no", 2) == 0 &&
				strcasecmp(negative + 2, positive) == 0)
				return true;
		}
	return false;
}

static void check_users(struct refusals *refusals)
{
	json_t *users = json_at(refusals->wanted, "spec.users");
	const char *name;
	json_t *flags;
	json_object_foreach (users, name, flags) {
		if (json_is_null(flags))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s is null: server-side apply drops it and the user is never made; write %.100s: []",
					name, name));
		if (!is_user_name(name))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s: the operator refuses this name, and with it every user of the cluster; use a-z, 0-9, - and _",
					name));
		if (contradicts(flags))
			refuse(refusals,
				arena_printf(refusals->mem,
					"spec.users.%.100s: its flags contradict each other", name));
	}
	check_secrets(refusals, users);
}

const char **postgresql_refusals(const json_t *wanted, const json_t *live, struct arena *mem, size_t *count)
{
	struct refusals refusals = {.wanted = wanted, .live = live, .mem = mem};
	const char *name = json_text_at(wanted, "metadata.name", "");
	if (strlen(name) > NAME_MAXIMUM || strchr(name, '.'))
		refuse(&refusals,
			arena_printf(mem,
				"metadata.name \"%.100s\": at most %d characters and no dots, or its pods are never made",
				name, NAME_MAXIMUM));
	check_users(&refusals);
	if (live) {
		check_volume(&refusals);
		check_version(&refusals);
		check_rest(&refusals);
	}
	*count = refusals.count;
	return refusals.items;
}
