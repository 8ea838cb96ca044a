#include "base/zone.h"

#include "tests/base/zone_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void offsets_are_those_of_the_zone(void **state)
{
	static const struct {
		const char *zone, *when;
		int64_t offset;
	} cases[] = {
		{"", "2026-07-01T00:00:00Z", 0},
		{"UTC", "2026-07-01T00:00:00Z", 0},
		{"Europe/Berlin", "2026-01-01T00:00:00Z", 3600},
		{"Europe/Berlin", "2026-07-01T00:00:00Z", 7200},
		{"Europe/Berlin", "2026-03-29T00:59:59Z", 3600},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", 7200},
		{"Europe/Berlin", "2026-10-25T00:59:59Z", 7200},
		{"Europe/Berlin", "2026-10-25T01:00:00Z", 3600},
		{"America/New_York", "2026-03-08T06:59:59Z", -18000},
		{"America/New_York", "2026-03-08T07:00:00Z", -14400},
		{"America/St_Johns", "2026-01-01T00:00:00Z", -12600},
		{"Asia/Kolkata", "2026-01-01T00:00:00Z", 19800},
		{"Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39600},
		{"Australia/Lord_Howe", "2026-07-01T00:00:00Z", 37800},
		/* After the last transition that the file lists, its rule holds. */
		{"Europe/Berlin", "2099-03-29T00:59:59Z", 3600},
		{"Europe/Berlin", "2099-03-29T01:00:00Z", 7200},
		{"Europe/Berlin", "2099-10-25T01:00:00Z", 3600},
		{"Asia/Kolkata", "2099-01-01T00:00:00Z", 19800},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct zone_span span = zone_at(zone_of(*state, cases[i].zone), seconds(cases[i].when));
		if (span.offset != cases[i].offset)
			fail_msg("%s %s: %lld", cases[i].zone, cases[i].when, (long long)span.offset);
	}
}

static void a_span_has_its_ends(void **state)
{
	const struct zone *berlin = zone_of(*state, "Europe/Berlin");
	const struct zone_span now = zone_at(berlin, seconds("2026-07-01T00:00:00Z"));
	const struct zone_span later = zone_at(berlin, seconds("2099-07-01T00:00:00Z"));
	assert_int_equal(now.from, seconds("2026-03-29T01:00:00Z"));
	assert_int_equal(now.until, seconds("2026-10-25T01:00:00Z"));
	assert_int_equal(later.from, seconds("2099-03-29T01:00:00Z"));
	assert_int_equal(later.until, seconds("2099-10-25T01:00:00Z"));
	assert_true(zone_at(zone_utc(), 0).from == INT64_MIN);
	assert_true(zone_at(zone_utc(), 0).until == INT64_MAX);
}

/* The C library knows one zone at a time. */
static void every_day_agrees_with_the_c_library(void **state)
{
	static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
		"America/Santiago", "Africa/Casablanca"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct zone *zone = zone_of(*state, names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t when = seconds("1975-01-01T00:00:00Z"); when < seconds("2080-01-01T00:00:00Z");
			when += 40007) {
			struct tm local;
			time_t time = (time_t)when;
			assert_non_null(localtime_r(&time, &local));
			if (zone_at(zone, when).offset != local.tm_gmtoff)
				fail_msg("%s at %lld", names[i], (long long)when);
		}
	}
	unsetenv("TZ");
	tzset();
}

static void a_name_cannot_lead_elsewhere(void **state)
{
	static const char *const names[] = {"../../etc/passwd", "/etc/passwd", "Europe/../Europe/Berlin", ".",
		"Europe//Berlin", "Europe"};
	const struct zone *zone = NULL;
	struct error err;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		assert_false(zone_read(names[i], *state, &zone, &err));
	assert_false(zone_read("Europe/Nowhere", *state, &zone, &err));
	assert_int_equal(err.kind, ERROR_MISSING);
	assert_string_equal(err.text,
		"the time zone \"Europe/Nowhere\" is not known here (Debian's package tzdata has the zones)");
	assert_null(zone);
}

/* A file without transitions and with this rule. */
static bool parse_rule(struct arena *mem, const char *rule, const struct zone **zone)
{
	unsigned char file[256] = {0};
	struct error err;
	size_t length = 0;
	for (int i = 0; i < 2; i++) {
		memcpy(file + length, "TZif2", 5);
		file[length + 39] = 1; /* one type */
		file[length + 43] = 4; /* characters */
		length += 44 + 6 + 4;
	}
	length += (size_t)snprintf((char *)file + length, sizeof(file) - length, "\n%s\n", rule);
	return zone_parse(file, length, mem, zone, &err);
}

static void rules_of_every_form_are_understood(void **state)
{
	static const struct {
		const char *rule, *when;
		int64_t offset;
	} cases[] = {
		{"<+0330>-3:30", "2026-07-01T00:00:00Z", 12600},
		{"", "2026-07-01T00:00:00Z", 0},
		{"EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14400},
		{"AAA0BBB,J60,J300", "2028-02-29T12:00:00Z", 0}, /* J60 is 1 March in every year */
		{"AAA0BBB,J60,J300", "2028-03-01T02:00:00Z", 3600},
		{"AAA0BBB,59,300", "2028-02-29T12:00:00Z", 3600}, /* 59 is the sixtieth day */
		{"AAA0BBB-2,M1.1.1/-1,M12.5.0/25", "2026-06-01T00:00:00Z", 7200},
		{"IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", 10800},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct zone *zone;
		if (!parse_rule(*state, cases[i].rule, &zone))
			fail_msg("%s", cases[i].rule);
		if (zone_at(zone, seconds(cases[i].when)).offset != cases[i].offset)
			fail_msg("%s at %s: %lld", cases[i].rule, cases[i].when,
				(long long)zone_at(zone, seconds(cases[i].when)).offset);
	}
}

static void what_is_no_zone_is_refused(void **state)
{
	static const char *const rules[] = {"A", "AB1", "CET-1CEST", "CET-1CEST,M13.1.0,M10.5.0",
		"CET-1CEST,M3.5.0", "CET99", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0x", "CET-1CEST,J0,J5"};
	const struct zone *zone = NULL;
	struct error err;
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (parse_rule(*state, rules[i], &zone))
			fail_msg("%s", rules[i]);
	assert_false(zone_parse((const unsigned char *)"TZif", 4, *state, &zone, &err));
	assert_false(zone_parse((const unsigned char *)"", 0, *state, &zone, &err));
	assert_null(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(offsets_are_those_of_the_zone, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(a_span_has_its_ends, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(every_day_agrees_with_the_c_library, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(a_name_cannot_lead_elsewhere, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(rules_of_every_form_are_understood, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(what_is_no_zone_is_refused, open_arena, close_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
