/*
 * window.h - sync windows of an AppProject: when its Applications may be synced (argocd.md 1.4)
 *
 * Without a window that matches, always. A matching `allow` window means only inside one of them; an open `deny` window outranks them.
 * manualSync lets what a person asks for through: of the open deny windows all must have it, of the closed allow windows one.
 * A window of which the schedule begins again before it ends does not end there.
 */
#pragma once

#include "agent/config/fields.h"
#include "agent/config/schedule.h"

struct window {
	bool allow; /* else deny */
	const char *schedule_text, *duration_text, *zone_name;
	struct schedule schedule;
	const struct zone *zone;
	int64_t duration;                                /* seconds */
	struct texts applications, namespaces, clusters; /* globs */
	bool and_operator; /* all lists that are there must match, not just one */
	bool manual_sync;
	bool sync_overrun; /* a sync that began while it might goes on */
};

struct windows {
	struct window *items;
	size_t count;
};

/* Appends what one entry of spec.syncWindows says; what is wrong with it is in `fields`, and then nothing is appended. */
void windows_add(struct windows *windows, const json_t *entry, const char *path, struct fields *fields);

/* Whom the windows are asked for: an Application, and its destination by both of its names. */
struct window_subject {
	const char *application, *namespace, *server, *cluster;
};

struct window_state {
	size_t matching; /* windows; none = always allowed */
	bool can_auto_sync, can_manual_sync;
	const char *why; /* which window closes or opens it, and until when; "" without windows. In the call's `mem` */
	int64_t change; /* microseconds: nothing changes before; INT64_MAX = never */
};

/* At `now`, microseconds. */
struct window_state window_state(
	const struct windows *windows, const struct window_subject *subject, int64_t now, struct arena *mem);

/* May a sync that was begun at `started` go on at `now`, both in microseconds? Where the windows are closed now, only when they were
   not then and each of those that closed has syncOverrun. */
bool window_may_continue(const struct windows *windows, const struct window_subject *subject, bool manual,
	int64_t started, int64_t now, struct arena *mem);
