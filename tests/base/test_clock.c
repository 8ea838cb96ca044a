#include "base/clock.h"

#include "fixture.h"

static void times_are_written_in_utc(void **state)
{
	char text[CLOCK_TEXT_SIZE];
	(void)state;
	clock_text(1767323045678000, text);
	assert_string_equal(text, "2026-01-02T03:04:05.678Z");
	clock_text_seconds(1767323045678000, text);
	assert_string_equal(text, "2026-01-02T03:04:05Z");
	clock_text(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void what_was_written_is_read_back(void **state)
{
	static const int64_t times[] = {0, 1000, 1767323045678000, -86400000000, 4102444800000000};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		char text[CLOCK_TEXT_SIZE];
		int64_t read = -1;
		clock_text(times[i], text);
		assert_true(clock_parse(text, &read));
		assert_int_equal(read, times[i]);
	}
}

static void zones_and_fractions_are_understood(void **state)
{
	static const char *const same[] = {"2026-01-02T03:04:05.5Z", "2026-01-02T05:04:05.500+02:00",
		"2026-01-01T22:34:05.5000001-04:30", "2026-01-02t03:04:05.5z", "2026-01-02 03:04:05.5Z"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(same); i++) {
		int64_t time = 0;
		assert_true(clock_parse(same[i], &time));
		assert_int_equal(time, 1767323045500000);
	}
}

static void other_texts_are_no_times(void **state)
{
	static const char *const bad[] = {"", "now", "2026-01-02", "2026-01-02T03:04:05",
		"2026-13-02T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:60:05Z",
		"2026-01-02T03:04:05+2", "2026-01-02T03:04:05Zx", "2026-01-02T03:04:05+25:00"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t time = 42;
		if (clock_parse(bad[i], &time))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(time, 42);
	}
}

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t milliseconds;
	} good[] = {{"0", 0}, {"30", 30000}, {"30s", 30000}, {"5m", 300000}, {"1h30m", 5400000},
		{"250ms", 250}, {"1.5s", 1500}, {"2d", 172800000}, {"365d", 31536000000}};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		int64_t read = -1;
		assert_true(duration_parse(good[i].text, &read));
		assert_int_equal(read, good[i].milliseconds);
	}
}

static void other_texts_are_no_durations(void **state)
{
	static const char *const bad[] = {"", "s", "-5s", "5x", "5 s", "1h 30m", "1h30", "366d", "1e300s",
		"99999999999999999999", "5s5", " 5s", "nan", "inf"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int64_t read = 42;
		if (duration_parse(bad[i], &read))
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(read, 42);
	}
}

static void durations_are_short_for_people(void **state)
{
	char text[16];
	(void)state;
	duration_text(3500, text);
	assert_string_equal(text, "3s");
	duration_text(119000, text);
	assert_string_equal(text, "119s");
	duration_text(300000, text);
	assert_string_equal(text, "5m");
	duration_text(7200000, text);
	assert_string_equal(text, "2h");
	duration_text(345600000, text);
	assert_string_equal(text, "4d");
}

static void the_steady_clock_never_goes_back(void **state)
{
	int64_t last = clock_steady();
	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_steady();
		assert_true(now >= last);
		last = now;
	}
	assert_true(clock_now() > 1700000000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_in_utc),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(zones_and_fractions_are_understood),
		cmocka_unit_test(other_texts_are_no_times),
		cmocka_unit_test(durations_are_read),
		cmocka_unit_test(other_texts_are_no_durations),
		cmocka_unit_test(durations_are_short_for_people),
		cmocka_unit_test(the_steady_clock_never_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
