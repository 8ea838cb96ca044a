/*
 * schedule.h - when a sync window begins: a cron line of five fields
 *
 * minute, hour, day of month, month, day of week (0 = Sunday); lists, ranges, steps, names of months and days, and the words @hourly,
 * @daily, @midnight, @weekly, @monthly, @yearly, @annually. When both day fields are narrowed, one of them is enough, as in cron(5).
 *
 * Each instant whose local time matches is a start: where the clock is set back, a time comes twice. A time that the clock jumps over
 * starts where it lands, so that no window is lost. Times are seconds since 1970-01-01T00:00:00Z.
 */
#pragma once

#include "base/zone.h"

struct schedule {
	uint64_t minutes; /* bit for each value */
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday; /* `*`: the other day field decides alone */
};

/* ERROR_INVALID names the field; so is a schedule that never comes, such as 30 February. */
bool schedule_parse(const char *text, struct schedule *schedule, struct error *err) MUST_CHECK;

/* The first start after `when`; false when there is none within nine years. */
bool schedule_next(const struct schedule *schedule, const struct zone *zone, int64_t when, int64_t *start);

/* The last start with oldest < start <= when; false when there is none. */
bool schedule_last(const struct schedule *schedule, const struct zone *zone, int64_t when, int64_t oldest,
	int64_t *start);
