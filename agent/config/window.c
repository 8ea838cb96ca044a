#include "agent/config/window.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

/* Starts of a schedule that run into each other: more than a day has minutes. */
enum { LONGEST_CHAIN = 2000 };

/* ---- reading ---- */

struct entry {
	const char *kind, *schedule, *duration, *zone;
	struct window window;
};

static void read_kind(struct entry *entry, const char *path, struct fields *fields)
{
	entry->window.allow = text_equal(entry->kind, "allow");
	if (!entry->window.allow && !text_equal(entry->kind, "deny"))
		fields_error(fields, "%s.kind must be allow or deny", path);
}

/* Go's durations have no days, and no number without a unit. */
static void read_duration(struct entry *entry, const char *path, struct fields *fields)
{
	int64_t milliseconds;
	const char *text = entry->duration;
	if (!text || !*text || !strchr("hms", text[strlen(text) - 1]) ||
		!duration_parse(text, &milliseconds) || milliseconds < 1000)
		fields_error(fields, "%s.duration must be a duration such as 30m or 1h30m", path);
	else
		entry->window.duration = milliseconds / 1000;
}

static void read_times(struct entry *entry, const char *path, struct fields *fields)
{
	struct error err;
	if (!entry->schedule)
		fields_error(fields, "%s.schedule is missing", path);
	else if (!schedule_parse(entry->schedule, &entry->window.schedule, &err))
		fields_error(fields, "%s.schedule: %s", path, err.text);
	if (!zone_read(entry->zone, fields->mem, &entry->window.zone, &err))
		fields_error(fields, "%s.timeZone: %s", path, err.text);
	read_duration(entry, path, fields);
}

#define ENTRY(member) offsetof(struct entry, member)

void windows_add(struct windows *windows, const json_t *json, const char *path, struct fields *fields)
{
	static const struct field table[] = {
		{.name = "kind", .offset = ENTRY(kind)},
		{.name = "schedule", .offset = ENTRY(schedule)},
		{.name = "duration", .offset = ENTRY(duration)},
		{.name = "timeZone", .offset = ENTRY(zone)},
		{.name = "applications", .type = FIELD_TEXTS, .offset = ENTRY(window.applications)},
		{.name = "namespaces", .type = FIELD_TEXTS, .offset = ENTRY(window.namespaces)},
		{.name = "clusters", .type = FIELD_TEXTS, .offset = ENTRY(window.clusters)},
		{.name = "andOperator", .type = FIELD_BOOL, .offset = ENTRY(window.and_operator)},
		{.name = "manualSync", .type = FIELD_BOOL, .offset = ENTRY(window.manual_sync)},
		{.name = "syncOverrun", .type = FIELD_BOOL, .offset = ENTRY(window.sync_overrun)},
		{.name = "description", .type = FIELD_IGNORED},
	};
	struct entry entry = {.zone = ""};
	size_t before = fields->error_count;
	fields_read(fields, json, path, table, COUNT_OF(table), &entry);
	if (!json_is_object(json))
		return;
	read_kind(&entry, path, fields);
	read_times(&entry, path, fields);
	if (fields->error_count != before)
		return;
	entry.window.schedule_text = entry.schedule;
	entry.window.duration_text = entry.duration;
	entry.window.zone_name = *entry.zone ? entry.zone : "UTC";
	if (!entry.window.applications.count && !entry.window.namespaces.count && !entry.window.clusters.count)
		fields_warning(fields,
			"%s applies to nothing: it names no applications, namespaces or clusters", path);
	windows->items = arena_grow(fields->mem, windows->items, windows->count, sizeof(*windows->items));
	windows->items[windows->count++] = entry.window;
}

/* ---- matching ---- */

static bool names(const struct texts *globs, const char *text)
{
	return text_glob_any(globs->items, globs->count, text);
}

static bool matches(const struct window *window, const struct window_subject *subject)
{
	const struct {
		bool named, matches;
	} parts[] = {
		{window->applications.count, names(&window->applications, subject->application)},
		{window->namespaces.count, names(&window->namespaces, subject->namespace)},
		{window->clusters.count,
			names(&window->clusters, subject->server) || names(&window->clusters, subject->cluster)},
	};
	bool any = false, all = true;
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		any = any || (parts[i].named && parts[i].matches);
		all = all && (!parts[i].named || parts[i].matches);
	}
	return window->and_operator ? any && all : any;
}

/* ---- one time, in seconds ---- */

struct moment {
	const struct window *window;
	bool open;
	int64_t start;  /* of an open one */
	int64_t change; /* when it closes, or opens; INT64_MAX = never. See find_changes() */
};

static bool is_open(const struct window *window, int64_t now, int64_t *start)
{
	return schedule_last(&window->schedule, window->zone, now, now - window->duration, start);
}

/* Starts that come before its end carry an open window on. A chain is followed for a while only: nothing changes before that. */
static int64_t end_of(const struct window *window, int64_t start)
{
	int64_t end = start + window->duration;
	for (int i = 0; i < LONGEST_CHAIN; i++) {
		int64_t last;
		if (!is_open(window, end, &last))
			break;
		end = last + window->duration;
	}
	return end;
}

/* The matching windows. */
struct view {
	struct moment *items;
	size_t count;
	size_t allows, open_allows, open_denies;
};

static struct view view_at(
	const struct windows *windows, const struct window_subject *subject, int64_t now, struct arena *mem)
{
	struct view view = {.items = arena_array(mem, windows->count + 1, sizeof(*view.items))};
	for (size_t i = 0; i < windows->count; i++) {
		const struct window *window = &windows->items[i];
		if (!matches(window, subject))
			continue;
		struct moment moment = {.window = window};
		moment.open = is_open(window, now, &moment.start);
		view.items[view.count++] = moment;
		view.allows += window->allow;
		view.open_allows += window->allow && moment.open;
		view.open_denies += !window->allow && moment.open;
	}
	return view;
}

/* Apart from the rest: a chain of starts is long to follow, and whether something may be done now does not depend on it. */
static void find_changes(struct view *view, int64_t now)
{
	for (size_t i = 0; i < view->count; i++) {
		struct moment *moment = &view->items[i];
		const struct window *window = moment->window;
		if (moment->open)
			moment->change = end_of(window, moment->start);
		else if (!schedule_next(&window->schedule, window->zone, now, &moment->change))
			moment->change = INT64_MAX;
	}
}

static bool is_allowed(const struct view *view)
{
	return !view->open_denies && (view->open_allows || !view->allows);
}

/* What a person asks for: every open deny window lets it through, or one of the closed allow windows. */
static bool is_allowed_by_hand(const struct view *view)
{
	bool all = true, any = false;
	for (size_t i = 0; i < view->count; i++) {
		const struct moment *moment = &view->items[i];
		if (!moment->window->allow && moment->open)
			all = all && moment->window->manual_sync;
		if (moment->window->allow && !moment->open)
			any = any || moment->window->manual_sync;
	}
	return is_allowed(view) || (view->open_denies ? all : any);
}

/* Of the windows of one kind that are open, or closed: the one that changes last, or first. */
static const struct moment *choose(const struct view *view, bool allow, bool open, bool last)
{
	const struct moment *best = NULL;
	for (size_t i = 0; i < view->count; i++) {
		const struct moment *moment = &view->items[i];
		if (moment->window->allow != allow || moment->open != open)
			continue;
		if (!best || (last ? moment->change > best->change : moment->change < best->change))
			best = moment;
	}
	return best;
}

static const char *describe(const struct moment *moment, struct arena *mem)
{
	char when[CLOCK_TEXT_SIZE] = "";
	const struct window *window = moment->window;
	if (moment->change != INT64_MAX)
		clock_text_seconds(moment->change * 1000000, when);
	return arena_printf(mem, "%s window '%s' for %s (%s) %s %s", window->allow ? "allow" : "deny",
		window->schedule_text, window->duration_text, window->zone_name,
		moment->open ? "is open until" : "opens at", when);
}

static const char *explain(const struct view *view, struct arena *mem)
{
	if (!view->count)
		return "";
	if (view->open_denies)
		return describe(choose(view, false, true, true), mem);
	if (view->open_allows)
		return describe(choose(view, true, true, true), mem);
	if (view->allows)
		return arena_printf(
			mem, "no allow window is open: %s", describe(choose(view, true, false, false), mem));
	return arena_printf(
		mem, "no deny window is open: %s", describe(choose(view, false, false, false), mem));
}

struct window_state window_state(
	const struct windows *windows, const struct window_subject *subject, int64_t now, struct arena *mem)
{
	struct view view = view_at(windows, subject, now / 1000000, mem);
	find_changes(&view, now / 1000000);
	struct window_state state = {
		.matching = view.count,
		.can_auto_sync = is_allowed(&view),
		.can_manual_sync = is_allowed_by_hand(&view),
		.why = explain(&view, mem),
		.change = INT64_MAX,
	};
	for (size_t i = 0; i < view.count; i++)
		if (view.items[i].change != INT64_MAX && view.items[i].change * 1000000 < state.change)
			state.change = view.items[i].change * 1000000;
	if (!state.can_auto_sync && state.can_manual_sync)
		state.why = arena_printf(mem, "%s; a sync by hand is let through (manualSync)", state.why);
	return state;
}

bool window_may_continue(const struct windows *windows, const struct window_subject *subject, bool manual,
	int64_t started, int64_t now, struct arena *mem)
{
	const struct view then = view_at(windows, subject, started / 1000000, mem);
	const struct view view = view_at(windows, subject, now / 1000000, mem);
	bool deny_overrun = true, allow_overrun = false;

	if (is_allowed(&view) || (manual && is_allowed_by_hand(&view)))
		return true;
	if (!is_allowed(&then) && !(manual && is_allowed_by_hand(&then)))
		return false;
	for (size_t i = 0; i < view.count; i++) {
		const struct window *window = view.items[i].window;
		if (!window->allow && view.items[i].open)
			deny_overrun = deny_overrun && window->sync_overrun;
		if (window->allow && then.items[i].open)
			allow_overrun = allow_overrun || window->sync_overrun;
	}
	return deny_overrun && (view.open_allows || !view.allows || allow_overrun);
}
