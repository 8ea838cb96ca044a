#include "agent/config/schedule.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { DAY = 86400, MINUTE = 60 };

/* 29 February comes after eight years at the latest. */
static const int64_t HORIZON = (int64_t)9 * 366 * DAY;

/* ---- reading ---- */

static const char *const months[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct range {
	const char *what;
	int low, high;
	const char *const *names; /* of `low` and what follows; NULL = none */
	size_t name_count;
};

enum { MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS, FIELDS };

static const struct range ranges[FIELDS] = {
	{"minute", 0, 59, NULL, 0},
	{"hour", 0, 23, NULL, 0},
	{"day of month", 1, 31, NULL, 0},
	{"month", 1, 12, months, COUNT_OF(months)},
	{"day of week", 0, 6, weekdays, COUNT_OF(weekdays)},
};

/* A number, or a name of the range; -1 when it is neither or outside. */
static int read_value(const struct range *range, const char **at)
{
	int value = 0, digits = 0;
	for (size_t i = 0; i < range->name_count; i++)
		if (strncasecmp(*at, range->names[i], 3) == 0) {
			*at += 3;
			return range->low + (int)i;
		}
	while (isdigit((unsigned char)**at) && digits++ < 3)
		value = value * 10 + (*(*at)++ - '0');
	return digits && value >= range->low && value <= range->high ? value : -1;
}

/* One item of a list: `*`, `a`, `a-b`, each with a step or without. `a/n` goes to the end of the range. */
static bool read_item(const struct range *range, const char **at, uint64_t *bits, bool *any)
{
	int first = range->low, last = range->high, step = 1;
	bool all = **at == '*' || **at == '?';
	if (all) {
		(*at)++;
	} else {
		first = last = read_value(range, at);
		if (first < 0)
			return false;
		if (**at == '-') {
			(*at)++;
			last = read_value(range, at);
		} else if (**at == '/') {
			last = range->high;
		}
	}
	if (**at == '/') {
		const struct range steps = {"step", 1, range->high, NULL, 0};
		(*at)++;
		step = read_value(&steps, at);
	}
	if (last < first || step < 1)
		return false;
	for (int i = first; i <= last; i += step)
		*bits |= (uint64_t)1 << i;
	*any = *any || (all && step == 1);
	return true;
}

static bool read_field(const struct range *range, const char **at, uint64_t *bits, bool *any, struct error *err)
{
	bool good;
	*bits = 0;
	*any = false;
	while ((good = read_item(range, at, bits, any)) && **at == ',')
		(*at)++;
	if (good && (!**at || **at == ' ' || **at == '\t')) {
		*at += strspn(*at, " \t");
		return true;
	}
	return error_set(err, ERROR_INVALID,
		"the %s of the schedule must be *, a number or name from %d to %d, a range, a list, or one with a /step",
		range->what, range->low, range->high);
}

static const char *without_word(const char *text)
{
	static const struct {
		const char *word, *meaning;
	} words[] = {
		{"@hourly", "0 * * * *"},
		{"@daily", "0 0 * * *"},
		{"@midnight", "0 0 * * *"},
		{"@weekly", "0 0 * * 0"},
		{"@monthly", "0 0 1 * *"},
		{"@yearly", "0 0 1 1 *"},
		{"@annually", "0 0 1 1 *"},
	};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i].word) == 0)
			return words[i].meaning;
	return text;
}

bool schedule_parse(const char *text, struct schedule *schedule, struct error *err)
{
	uint64_t bits[FIELDS];
	bool any[FIELDS];
	int64_t ignored;
	const char *at = without_word(text + strspn(text, " \t"));
	if (*at == '@')
		return error_set(err, ERROR_INVALID,
			"of the words with @ a schedule may be @hourly, @daily, @midnight, @weekly, @monthly, @yearly");
	for (size_t i = 0; i < FIELDS; i++)
		if (!read_field(&ranges[i], &at, &bits[i], &any[i], err))
			return false;
	if (*at)
		return error_set(
			err, ERROR_INVALID, "a schedule has five fields; the zone is named in timeZone");
	struct schedule read = {
		.minutes = bits[MINUTES],
		.hours = (uint32_t)bits[HOURS],
		.days = (uint32_t)bits[DAYS],
		.months = (uint32_t)bits[MONTHS],
		.weekdays = (uint32_t)bits[WEEKDAYS],
		.any_day = any[DAYS],
		.any_weekday = any[WEEKDAYS],
	};
	if (!schedule_next(&read, zone_utc(), 0, &ignored))
		return error_set(err, ERROR_INVALID, "the schedule never comes: no year has such a day");
	*schedule = read;
	return true;
}

/* ---- local time, in seconds as if it were UTC ---- */

static int64_t floor_day(int64_t local)
{
	return local >= 0 ? local / DAY : -((-local + DAY - 1) / DAY);
}

static bool day_matches(const struct schedule *schedule, int64_t day)
{
	struct tm date;
	time_t seconds = (time_t)(day * DAY);
	if (!gmtime_r(&seconds, &date) || !(schedule->months >> (date.tm_mon + 1) & 1))
		return false;
	bool by_day = schedule->days >> date.tm_mday & 1, by_weekday = schedule->weekdays >> date.tm_wday & 1;
	if (schedule->any_day || schedule->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

static bool minute_matches(const struct schedule *schedule, int64_t local)
{
	int64_t minute = local / MINUTE - floor_day(local) * (DAY / MINUTE);
	return schedule->hours >> (minute / 60) & 1 && schedule->minutes >> (minute % 60) & 1;
}

/* The first matching minute with from <= minute < until. */
static bool local_next(const struct schedule *schedule, int64_t from, int64_t until, int64_t *found)
{
	for (int64_t day = floor_day(from); day * DAY < until; day++) {
		int64_t at = day * DAY, end = at + DAY < until ? at + DAY : until;
		if (!day_matches(schedule, day))
			continue;
		if (at < from)
			at += (from - at + MINUTE - 1) / MINUTE * MINUTE;
		for (; at < end; at += MINUTE)
			if (minute_matches(schedule, at)) {
				*found = at;
				return true;
			}
	}
	return false;
}

/* The last matching minute with from <= minute < until. */
static bool local_last(const struct schedule *schedule, int64_t from, int64_t until, int64_t *found)
{
	for (int64_t day = floor_day(until - 1); day * DAY + DAY > from; day--) {
		int64_t at = day * DAY + DAY - MINUTE;
		if (!day_matches(schedule, day))
			continue;
		if (at >= until)
			at = day * DAY + (until - 1 - day * DAY) / MINUTE * MINUTE;
		for (; at >= from && at >= day * DAY; at -= MINUTE)
			if (minute_matches(schedule, at)) {
				*found = at;
				return true;
			}
	}
	return false;
}

/* ---- instants ---- */

/* The clock jumped forward where this span begins, over a time that matches. */
static bool starts_after_gap(
	const struct schedule *schedule, const struct zone *zone, const struct zone_span *span)
{
	int64_t ignored;
	if (span->from == INT64_MIN)
		return false;
	int64_t before = zone_at(zone, span->from - 1).offset;
	return before < span->offset &&
		local_next(schedule, span->from + before, span->from + span->offset, &ignored);
}

bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t when, int64_t *start)
{
	int64_t end = when + HORIZON, local;
	for (int64_t at = when + 1; at < end;) {
		const struct zone_span span = zone_at(zone, at);
		int64_t until = span.until < end ? span.until : end;
		if (at == span.from && starts_after_gap(schedule, zone, &span)) {
			*start = at;
			return true;
		}
		if (local_next(schedule, at + span.offset, until + span.offset, &local)) {
			*start = local - span.offset;
			return true;
		}
		at = until;
	}
	return false;
}

bool schedule_last(const struct schedule *schedule, const struct zone *zone, int64_t when, int64_t oldest,
	int64_t *start)
{
	int64_t local;
	for (int64_t at = when; at > oldest;) {
		const struct zone_span span = zone_at(zone, at);
		int64_t from = span.from > oldest + 1 ? span.from : oldest + 1;
		if (local_last(schedule, from + span.offset, at + 1 + span.offset, &local)) {
			*start = local - span.offset;
			return true;
		}
		if (from == span.from && starts_after_gap(schedule, zone, &span)) {
			*start = from;
			return true;
		}
		at = from - 1;
	}
	return false;
}
