/*
 * The file: a header and a block with 32-bit times, which is skipped, the same again with 64-bit times, then a line with the rule in
 * POSIX's form ("CET-1CEST,M3.5.0,M10.5.0/3") for the time after the last transition (RFC 9636, 3).
 */
#include "base/zone.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

#define ZONES "/usr/share/zoneinfo"

/* Some three thousand years: beyond, nobody asks for summer time. */
static const int64_t FAR_AWAY = (int64_t)100 * 1000 * 1000 * 1000;

enum { DAY = 86400, HEADER_SIZE = 44, TYPE_SIZE = 6, LONGEST_OFFSET = 26 * 3600 };

/* When in a year the offset changes. */
enum rule_kind { RULE_WEEKDAY, RULE_JULIAN, RULE_DAY };
struct rule {
	enum rule_kind kind;
	int month, week;
	int day;      /* RULE_WEEKDAY: 0 = Sunday; RULE_JULIAN: 1-365 without leap days; RULE_DAY: 0-365 */
	int64_t time; /* seconds after midnight, may be negative */
};

struct zone {
	int64_t *times;   /* of the transitions, ascending */
	int64_t *offsets; /* from each of them on */
	size_t count;
	int64_t first;            /* the offset before the first */
	bool has_footer;          /* `standard` holds after the last */
	bool has_rule;            /* and `summer` in turn */
	int64_t standard, summer; /* offsets */
	struct rule begin, end;   /* of summer time */
};

/* ---- the rule ---- */

/* A number of at most three digits; -1 when there is none. */
static int read_number(const char **at)
{
	int number = 0, digits = 0;
	while (isdigit((unsigned char)**at) && digits++ < 3)
		number = number * 10 + (*(*at)++ - '0');
	return digits ? number : -1;
}

/* [+-]hh[:mm[:ss]] in seconds. */
static bool read_time(const char **at, int64_t *seconds)
{
	bool negative = **at == '-';
	int64_t unit = 3600, sum = 0;
	if (**at == '-' || **at == '+')
		(*at)++;
	for (; unit; unit /= 60) {
		int number = read_number(at);
		if (number < 0 || number > (unit == 3600 ? 167 : 59))
			return false;
		sum += number * unit;
		if (**at != ':')
			break;
		(*at)++;
	}
	*seconds = negative ? -sum : sum;
	return true;
}

/* The abbreviation: letters, or anything in angle brackets. */
static bool skip_name(const char **at)
{
	const char *from = *at;
	if (**at == '<') {
		const char *end = strchr(*at, '>');
		*at = end ? end + 1 : from;
		return end != NULL;
	}
	while (isalpha((unsigned char)**at))
		(*at)++;
	return *at - from >= 3;
}

static bool read_rule(const char **at, struct rule *rule)
{
	*rule = (struct rule){.kind = RULE_DAY, .time = 7200};
	if (**at == 'M') {
		rule->kind = RULE_WEEKDAY;
		(*at)++;
		rule->month = read_number(at);
		if (rule->month < 1 || rule->month > 12 || *(*at)++ != '.')
			return false;
		rule->week = read_number(at);
		if (rule->week < 1 || rule->week > 5 || *(*at)++ != '.')
			return false;
	} else if (**at == 'J') {
		rule->kind = RULE_JULIAN;
		(*at)++;
	}
	rule->day = read_number(at);
	if (rule->day < (rule->kind == RULE_JULIAN) || rule->day > (rule->kind == RULE_WEEKDAY ? 6 : 365))
		return false;
	if (**at != '/')
		return true;
	(*at)++;
	return read_time(at, &rule->time);
}

/* POSIX writes offsets west of Greenwich. */
static bool read_footer(const char *text, struct zone *zone)
{
	const char *at = text;
	if (!*at)
		return true;
	if (!skip_name(&at) || !read_time(&at, &zone->standard) || zone->standard > LONGEST_OFFSET ||
		zone->standard < -LONGEST_OFFSET)
		return false;
	zone->standard = -zone->standard;
	zone->has_footer = true;
	if (!*at)
		return true;
	if (!skip_name(&at))
		return false;
	zone->summer = zone->standard + 3600;
	if (*at != ',') {
		if (!read_time(&at, &zone->summer) || zone->summer > LONGEST_OFFSET ||
			zone->summer < -LONGEST_OFFSET)
			return false;
		zone->summer = -zone->summer;
	}
	zone->has_rule = *at++ == ',' && read_rule(&at, &zone->begin) && *at++ == ',' &&
		read_rule(&at, &zone->end) && !*at;
	return zone->has_rule;
}

/* The first of the month in seconds, as if in UTC. `month` counts from 0, and 12 is the next January. */
static int64_t day_seconds(int year, int month)
{
	struct tm date = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};
	return (int64_t)timegm(&date);
}

static int64_t weekday_seconds(const struct rule *rule, int year)
{
	int64_t first = day_seconds(year, rule->month - 1), next = day_seconds(year, rule->month);
	int64_t weekday = ((first / DAY + 4) % 7 + 7) % 7;
	int64_t day = first + ((rule->day - weekday + 7) % 7 + (rule->week - 1) * 7) * (int64_t)DAY;
	return day < next ? day : day - 7 * (int64_t)DAY;
}

/* The local time of the rule in that year, as if in UTC. */
static int64_t rule_seconds(const struct rule *rule, int year)
{
	if (rule->kind == RULE_WEEKDAY)
		return weekday_seconds(rule, year) + rule->time;
	int64_t day = rule->day;
	if (rule->kind == RULE_JULIAN) {
		bool leap = day_seconds(year, 2) - day_seconds(year, 1) == 29 * (int64_t)DAY;
		day += leap && rule->day >= 60 ? 0 : -1;
	}
	return day_seconds(year, 0) + day * DAY + rule->time;
}

static struct zone_span rule_at(const struct zone *zone, int64_t when)
{
	struct zone_span span = {INT64_MIN, INT64_MAX, zone->standard};
	struct tm date;
	time_t seconds = (time_t)when;
	if (when < -FAR_AWAY || when > FAR_AWAY || !gmtime_r(&seconds, &date))
		return span;
	for (int year = date.tm_year + 1899; year <= date.tm_year + 1901; year++) {
		const int64_t turns[2][2] = {{rule_seconds(&zone->begin, year) - zone->standard, zone->summer},
			{rule_seconds(&zone->end, year) - zone->summer, zone->standard}};
		for (size_t i = 0; i < 2; i++) {
			if (turns[i][0] <= when && turns[i][0] > span.from) {
				span.from = turns[i][0];
				span.offset = turns[i][1];
			}
			if (turns[i][0] > when && turns[i][0] < span.until)
				span.until = turns[i][0];
		}
	}
	return span;
}

struct zone_span zone_at(const struct zone *zone, int64_t when)
{
	size_t low = 0, high = zone->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (zone->times[middle] <= when)
			low = middle + 1;
		else
			high = middle;
	}
	struct zone_span span = {
		.from = low ? zone->times[low - 1] : INT64_MIN,
		.until = low < zone->count ? zone->times[low] : INT64_MAX,
		.offset = low ? zone->offsets[low - 1] : zone->first,
	};
	if (low < zone->count || !zone->has_footer)
		return span;
	if (!zone->has_rule) {
		span.offset = zone->standard;
		return span;
	}
	struct zone_span ruled = rule_at(zone, when);
	if (ruled.from < span.from)
		ruled.from = span.from;
	return ruled;
}

/* ---- the file ---- */

static int64_t big_endian(const unsigned char *bytes, size_t size)
{
	uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

struct counts {
	size_t utc, standard, leap, time, type, character;
};

/* The sizes behind a header at `bytes`, each bounded by the file's length. */
static bool read_header(const unsigned char *bytes, size_t length, struct counts *counts)
{
	size_t *const fields[] = {&counts->utc, &counts->standard, &counts->leap, &counts->time,
		&counts->type, &counts->character};
	if (length < HEADER_SIZE || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
		return false;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		int64_t value = big_endian(bytes + 20 + 4 * i, 4);
		if (value < 0 || value > LIMIT_ZONE_BYTES)
			return false;
		*fields[i] = (size_t)value;
	}
	return counts->type > 0;
}

static size_t block_size(const struct counts *counts, size_t time_size)
{
	return counts->time * (time_size + 1) + counts->type * TYPE_SIZE + counts->character +
		counts->leap * (time_size + 4) + counts->standard + counts->utc;
}

static bool read_offset(const unsigned char *types, size_t count, size_t index, int64_t *offset)
{
	if (index >= count)
		return false;
	*offset = big_endian(types + index * TYPE_SIZE, 4);
	return *offset >= -LONGEST_OFFSET && *offset <= LONGEST_OFFSET;
}

static bool read_block(
	const unsigned char *block, const struct counts *counts, struct arena *mem, struct zone *zone)
{
	const unsigned char *indexes = block + counts->time * 8, *types = indexes + counts->time;
	zone->count = counts->time;
	zone->times = arena_array(mem, counts->time + 1, sizeof(*zone->times));
	zone->offsets = arena_array(mem, counts->time + 1, sizeof(*zone->offsets));
	if (!read_offset(types, counts->type, 0, &zone->first))
		return false;
	for (size_t i = 0; i < counts->time; i++) {
		zone->times[i] = big_endian(block + i * 8, 8);
		if (!read_offset(types, counts->type, indexes[i], &zone->offsets[i]) ||
			(i && zone->times[i] <= zone->times[i - 1]))
			return false;
	}
	return true;
}

bool zone_parse(const unsigned char *bytes, size_t length, struct arena *mem, const struct zone **zone,
	struct error *err)
{
	struct counts old, counts;
	struct zone *read = arena_alloc(mem, sizeof(*read));
	size_t skipped = 0, size = 0;
	bool ok = length <= LIMIT_ZONE_BYTES && read_header(bytes, length, &old);
	if (ok) {
		skipped = HEADER_SIZE + block_size(&old, 4);
		ok = skipped <= length && read_header(bytes + skipped, length - skipped, &counts);
	}
	if (ok) {
		size = skipped + HEADER_SIZE + block_size(&counts, 8);
		ok = size <= length && read_block(bytes + skipped + HEADER_SIZE, &counts, mem, read);
	}
	if (ok) {
		const unsigned char *footer = bytes + size;
		const unsigned char *end = length - size > 1 && *footer == '\n'
			? memchr(footer + 1, '\n', length - size - 1)
			: NULL;
		ok = end &&
			read_footer(arena_copy_n(mem, (const char *)footer + 1, (size_t)(end - footer - 1)),
				read);
	}
	if (!ok)
		return error_set(err, ERROR_INVALID, "no time zone of version 2 or later (RFC 9636)");
	*zone = read;
	return true;
}

const struct zone *zone_utc(void)
{
	static const struct zone utc = {.first = 0};
	return &utc;
}

/* A name leads nowhere but below the folder of the zones. */
static bool is_name(const char *name)
{
	if (!isalpha((unsigned char)*name) || strlen(name) > 64 || strstr(name, "//"))
		return false;
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("/_+-", *at))
			return false;
	return true;
}

bool zone_read(const char *name, struct arena *mem, const struct zone **zone, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(LIMIT_ZONE_BYTES);
	if (!*name || strcmp(name, "UTC") == 0) {
		*zone = zone_utc();
		return true;
	}
	if (!is_name(name))
		return error_set(err, ERROR_INVALID, "\"%s\" is no name of a time zone", name);
	if (!file_read(arena_printf(mem, ZONES "/%s", name), &bytes, err)) {
		if (err->kind == ERROR_MISSING)
			error_set(err, ERROR_MISSING,
				"the time zone \"%s\" is not known here (Debian's package tzdata has the zones)",
				name);
		return false;
	}
	return zone_parse((const unsigned char *)buf_string(&bytes), bytes.length, mem, zone, err) ||
		error_prefix(err, "time zone \"%s\"", name);
}
