#include "agent/config/schedule.h"

#include <string.h>

#include "tests/base/zone_fixture.h"

static const char *text_of(int64_t when, struct arena *mem)
{
	char text[CLOCK_TEXT_SIZE];
	clock_text_seconds(when * 1000000, text);
	return arena_copy(mem, text);
}

static struct schedule schedule_of(const char *text)
{
	struct schedule schedule;
	struct error err;
	if (!schedule_parse(text, &schedule, &err))
		fail_msg("%s: %s", text, err.text);
	return schedule;
}

struct start {
	const char *schedule, *zone, *when, *next;
};

/* The next start, and that this start is the last one at its own time and until the next. */
static void expect_next(struct arena *mem, const struct start *start)
{
	const struct zone *zone = zone_of(mem, start->zone);
	const struct schedule schedule = schedule_of(start->schedule);
	int64_t when = seconds(start->when), next = 0, last = 0;
	assert_true(schedule_next(&schedule, zone, when, &next));
	if (next != seconds(start->next))
		fail_msg("%s %s after %s: %s", start->schedule, start->zone, start->when, text_of(next, mem));
	assert_true(schedule_last(&schedule, zone, next, when, &last));
	assert_int_equal(last, next);
	assert_false(schedule_last(&schedule, zone, next - 1, when, &last));
}

static void fields_are_those_of_cron(void **state)
{
	static const struct start starts[] = {
		{"0 22 * * *", "", "2026-11-27T10:00:00Z", "2026-11-27T22:00:00Z"},
		{"0 22 * * *", "", "2026-11-27T22:00:00Z", "2026-11-28T22:00:00Z"},
		{"0 22 * * *", "", "2026-11-27T21:59:59Z", "2026-11-27T22:00:00Z"},
		{"*/15 * * * *", "", "2026-11-27T10:01:00Z", "2026-11-27T10:15:00Z"},
		{"5/20 * * * *", "", "2026-11-27T10:26:00Z", "2026-11-27T10:45:00Z"},
		{"10-20/5,50 1,3 * * *", "", "2026-11-27T01:20:00Z", "2026-11-27T01:50:00Z"},
		{"10-20/5,50 1,3 * * *", "", "2026-11-27T01:50:00Z", "2026-11-27T03:10:00Z"},
		{"0 9 * * 1-5", "", "2026-11-27T10:00:00Z", "2026-11-30T09:00:00Z"},
		{"0 9 * * MON-fri", "", "2026-11-27T10:00:00Z", "2026-11-30T09:00:00Z"},
		{"0 0 1 JAN,jul ?", "", "2026-11-27T10:00:00Z", "2027-01-01T00:00:00Z"},
		{"0 0 29 2 *", "", "2026-11-27T10:00:00Z", "2028-02-29T00:00:00Z"},
		{"0 0 29 2 *", "", "2096-11-27T10:00:00Z", "2104-02-29T00:00:00Z"},
		{"  0   0  1 1\t* ", "", "2026-11-27T10:00:00Z", "2027-01-01T00:00:00Z"},
		{"@hourly", "", "2026-11-27T10:00:00Z", "2026-11-27T11:00:00Z"},
		{"@daily", "", "2026-11-27T10:00:00Z", "2026-11-28T00:00:00Z"},
		{"@midnight", "", "2026-11-27T10:00:00Z", "2026-11-28T00:00:00Z"},
		{"@weekly", "", "2026-11-27T10:00:00Z", "2026-11-29T00:00:00Z"},
		{"@monthly", "", "2026-11-27T10:00:00Z", "2026-12-01T00:00:00Z"},
		{"@yearly", "", "2026-11-27T10:00:00Z", "2027-01-01T00:00:00Z"},
		{"@annually", "", "2026-11-27T10:00:00Z", "2027-01-01T00:00:00Z"},
		{"0 0 * * *", "", "1969-12-30T10:00:00Z", "1969-12-31T00:00:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		expect_next(*state, &starts[i]);
}

static void of_two_narrowed_day_fields_one_is_enough(void **state)
{
	static const struct start starts[] = {
		{"0 0 13 * FRI", "", "2026-11-27T10:00:00Z", "2026-12-04T00:00:00Z"},
		{"0 0 13 * FRI", "", "2026-12-11T10:00:00Z", "2026-12-13T00:00:00Z"},
		{"0 0 13 * *", "", "2026-11-27T10:00:00Z", "2026-12-13T00:00:00Z"},
		{"0 0 * * FRI", "", "2026-11-27T10:00:00Z", "2026-12-04T00:00:00Z"},
		{"0 0 */2 * FRI", "", "2026-11-27T10:00:00Z", "2026-11-29T00:00:00Z"},
		{"0 0 */1 * FRI", "", "2026-11-27T10:00:00Z", "2026-12-04T00:00:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		expect_next(*state, &starts[i]);
}

static void a_start_is_at_the_local_time_of_its_zone(void **state)
{
	static const struct start starts[] = {
		{"0 22 * * *", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T20:00:00Z"},
		{"0 22 * * *", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-12-01T21:00:00Z"},
		{"0 9 * * *", "Asia/Kolkata", "2026-12-01T00:00:00Z", "2026-12-01T03:30:00Z"},
		{"0 0 * * MON", "America/New_York", "2026-11-27T10:00:00Z", "2026-11-30T05:00:00Z"},
		{"0 9 * * *", "Europe/Berlin", "2099-07-01T00:00:00Z", "2099-07-01T07:00:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		expect_next(*state, &starts[i]);
}

static void a_time_the_clock_jumps_over_starts_where_it_lands(void **state)
{
	static const struct start starts[] = {
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"0 2-3 * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"0 2-3 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"},
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T15:30:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		expect_next(*state, &starts[i]);
}

static void a_time_that_comes_twice_starts_twice(void **state)
{
	static const struct start starts[] = {
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
		{"@hourly", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"@hourly", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
	};
	for (size_t i = 0; i < COUNT_OF(starts); i++)
		expect_next(*state, &starts[i]);
}

static void what_is_no_schedule_is_refused(void **state)
{
	static const struct {
		const char *schedule, *why;
	} cases[] = {
		{"", "the minute of"},
		{"* * * *", "the day of week of"},
		{"* * * * * *", "a schedule has five fields; the zone is named in timeZone"},
		{"60 * * * *", "the minute of the schedule must be *, a number or name from 0 to 59"},
		{"* 24 * * *", "the hour of"},
		{"* * 0 * *", "the day of month of"},
		{"* * * 13 *", "the month of"},
		{"* * * * 7", "the day of week of"},
		{"* * * * MONDAY", "the day of week of"},
		{"5-1 * * * *", "the minute of"},
		{"*/0 * * * *", "the minute of"},
		{"1, * * * *", "the minute of"},
		{",1 * * * *", "the minute of"},
		{"1,70 * * * *", "the minute of"},
		{"1,5- * * * *", "the minute of"},
		{"0,30/0 * * * *", "the minute of"},
		{"0 8,26 * * *", "the hour of"},
		{"1-2-3 * * * *", "the minute of"},
		{"-1 * * * *", "the minute of"},
		{"1x * * * *", "the minute of"},
		{"99999999999 * * * *", "the minute of"},
		{"TZ=UTC 0 22 * * *", "the minute of"},
		{"@every 1h", "of the words with @"},
		{"0 0 30 2 *", "the schedule never comes: no year has such a day"},
		{"0 0 31 4,6,9,11 *", "the schedule never comes"},
	};
	struct schedule schedule;
	struct error err;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (schedule_parse(cases[i].schedule, &schedule, &err))
			fail_msg("%s", cases[i].schedule);
		if (strncmp(err.text, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: %s", cases[i].schedule, err.text);
	}
}

/* From start to start over the two changes of a year. */
static void looking_forward_and_back_agree(void **state)
{
	static const char *const schedules[] = {"*/7 * * * *", "30 2 * * *", "0 1-3 29 3 *", "59 23 * * SUN"};
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "UTC"};
	const int64_t begin = seconds("2026-03-01T00:00:00Z"), end = seconds("2026-11-10T00:00:00Z");
	for (size_t i = 0; i < COUNT_OF(schedules) * COUNT_OF(zones); i++) {
		const struct schedule schedule = schedule_of(schedules[i / COUNT_OF(zones)]);
		const struct zone *zone = zone_of(*state, zones[i % COUNT_OF(zones)]);
		int64_t at = begin, back;
		while (at < end) {
			int64_t next;
			assert_true(schedule_next(&schedule, zone, at, &next));
			assert_true(next > at && next % 60 == 0);
			assert_true(schedule_last(&schedule, zone, next + 59, at, &back));
			assert_int_equal(back, next);
			at = next;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields_are_those_of_cron, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			of_two_narrowed_day_fields_one_is_enough, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			a_start_is_at_the_local_time_of_its_zone, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(
			a_time_the_clock_jumps_over_starts_where_it_lands, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(a_time_that_comes_twice_starts_twice, open_arena, close_arena),
		cmocka_unit_test(what_is_no_schedule_is_refused),
		cmocka_unit_test_setup_teardown(looking_forward_and_back_agree, open_arena, close_arena),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
