#include "agent/config/window.h"

#include "json_fixture.h"

static const struct window_subject subject = {"shop", "team", "https://kubernetes.default.svc", "in-cluster"};

/* `text` is a YAML list of entries. */
static struct windows windows_of(const char *text, struct arena *mem, struct fields *fields)
{
	struct windows windows = {0};
	size_t i;
	json_t *entry;
	CLEANUP(json_done) json_t *list = json_of(text, mem);
	*fields = (struct fields){.mem = mem};
	json_array_foreach (list, i, entry)
		windows_add(&windows, entry, arena_printf(mem, "spec.syncWindows[%zu]", i), fields);
	return windows;
}

static struct window_state state_at(struct arena *mem, const char *text, const char *now)
{
	struct fields fields;
	const struct windows windows = windows_of(text, mem, &fields);
	if (fields.error_count)
		fail_msg("%s", lines(fields.errors, fields.error_count, mem));
	return window_state(&windows, &subject, microseconds(now), mem);
}

/* "A" may sync by itself, "M" when a person asks, "-" not. */
static void expect(struct arena *mem, const char *text, const char *now, const char *may, const char *why)
{
	const struct window_state state = state_at(mem, text, now);
	const char *found = state.can_auto_sync ? "A" : state.can_manual_sync ? "M" : "-";
	assert_true(state.can_manual_sync || !state.can_auto_sync);
	if (strcmp(found, may) != 0 || strcmp(state.why, why) != 0)
		fail_msg("%s at %s: %s %s", text, now, found, state.why);
}

#define DENY "- {kind: deny, schedule: 0 22 * * *, duration: 1h, applications: ['*']"
#define ALLOW "- {kind: allow, schedule: 0 9 * * *, duration: 8h, applications: ['*']"

static void without_a_window_everything_is_allowed(void **state)
{
	expect(*state, "[]", "2026-11-27T10:00:00Z", "A", "");
	expect(*state, "- {kind: deny, schedule: '* * * * *', duration: 1h, applications: [other]}",
		"2026-11-27T10:00:00Z", "A", "");
	assert_true(state_at(*state, "[]", "2026-11-27T10:00:00Z").change == INT64_MAX);
}

static void a_deny_window_closes_while_it_is_open(void **state)
{
	expect(*state, DENY "}", "2026-11-27T21:59:59Z", "A",
		"no deny window is open: deny window '0 22 * * *' for 1h (UTC) opens at 2026-11-27T22:00:00Z");
	expect(*state, DENY "}", "2026-11-27T22:00:00Z", "-",
		"deny window '0 22 * * *' for 1h (UTC) is open until 2026-11-27T23:00:00Z");
	expect(*state, DENY "}", "2026-11-27T22:59:59Z", "-",
		"deny window '0 22 * * *' for 1h (UTC) is open until 2026-11-27T23:00:00Z");
	expect(*state, DENY "}", "2026-11-27T23:00:00Z", "A",
		"no deny window is open: deny window '0 22 * * *' for 1h (UTC) opens at 2026-11-28T22:00:00Z");
}

static void with_an_allow_window_only_inside_it(void **state)
{
	expect(*state, ALLOW "}", "2026-11-27T08:00:00Z", "-",
		"no allow window is open: allow window '0 9 * * *' for 8h (UTC) opens at 2026-11-27T09:00:00Z");
	expect(*state, ALLOW "}", "2026-11-27T09:00:00Z", "A",
		"allow window '0 9 * * *' for 8h (UTC) is open until 2026-11-27T17:00:00Z");
	expect(*state, ALLOW "}\n- {kind: allow, schedule: 0 18 * * *, duration: 1h, namespaces: [team]}",
		"2026-11-27T17:30:00Z", "-",
		"no allow window is open: allow window '0 18 * * *' for 1h (UTC) opens at 2026-11-27T18:00:00Z");
	expect(*state, ALLOW "}\n- {kind: allow, schedule: 0 18 * * *, duration: 1h, namespaces: [team]}",
		"2026-11-27T18:30:00Z", "A",
		"allow window '0 18 * * *' for 1h (UTC) is open until 2026-11-27T19:00:00Z");
}

static void deny_outranks_allow(void **state)
{
	expect(*state, ALLOW "}\n- {kind: deny, schedule: 0 12 * * *, duration: 30m, clusters: [in-*]}",
		"2026-11-27T12:10:00Z", "-",
		"deny window '0 12 * * *' for 30m (UTC) is open until 2026-11-27T12:30:00Z");
	expect(*state, ALLOW "}\n- {kind: deny, schedule: 0 12 * * *, duration: 30m, clusters: [in-*]}",
		"2026-11-27T12:30:00Z", "A",
		"allow window '0 9 * * *' for 8h (UTC) is open until 2026-11-27T17:00:00Z");
}

static void manual_sync_lets_a_person_through(void **state)
{
	static const char through[] = "; a sync by hand is let through (manualSync)";
	expect(*state, DENY ", manualSync: true}", "2026-11-27T22:30:00Z", "M",
		arena_printf(*state,
			"deny window '0 22 * * *' for 1h (UTC) is open until 2026-11-27T23:00:00Z%s", through));
	/* Every open deny window must let through ... */
	expect(*state, DENY ", manualSync: true}\n" DENY "}", "2026-11-27T22:30:00Z", "-",
		"deny window '0 22 * * *' for 1h (UTC) is open until 2026-11-27T23:00:00Z");
	/* ... and one of the closed allow windows. */
	expect(*state,
		ALLOW
		", manualSync: true}\n- {kind: allow, schedule: 0 20 * * *, duration: 1m, applications: [shop]}",
		"2026-11-27T08:00:00Z", "M",
		arena_printf(*state,
			"no allow window is open: allow window '0 9 * * *' for 8h (UTC) opens at 2026-11-27T09:00:00Z%s",
			through));
	expect(*state, ALLOW "}", "2026-11-27T08:00:00Z", "-",
		"no allow window is open: allow window '0 9 * * *' for 8h (UTC) opens at 2026-11-27T09:00:00Z");
}

static void one_of_the_selectors_is_enough_unless_and_is_asked_for(void **state)
{
	static const struct {
		const char *selectors;
		bool matches;
	} cases[] = {
		{"applications: [sh*]", true},
		{"applications: [other]", false},
		{"applications: [other], namespaces: [te?m]", true},
		{"applications: [other], namespaces: [team], andOperator: true", false},
		{"applications: ['*'], namespaces: [team], andOperator: true", true},
		{"applications: ['*'], namespaces: [team], clusters: [elsewhere], andOperator: true", false},
		{"clusters: ['https://kubernetes.default.svc']", true},
		{"clusters: [in-cluster], andOperator: true", true},
		{"clusters: []", false},
		{"andOperator: true", false},
		{"applications: [elsewhere, shop]", true},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *text = arena_printf(*state,
			"- {kind: deny, schedule: '* * * * *', duration: 1h, %s}", cases[i].selectors);
		if (state_at(*state, text, "2026-11-27T08:00:00Z").can_auto_sync == cases[i].matches)
			fail_msg("%s", cases[i].selectors);
	}
}

static void a_window_is_open_in_its_own_zone(void **state)
{
	static const char night[] =
		"- {kind: deny, schedule: 0 22 * * *, duration: 10h, timeZone: Europe/Berlin, applications: ['*']}";
	expect(*state, night, "2026-07-01T19:59:59Z", "A",
		"no deny window is open: deny window '0 22 * * *' for 10h (Europe/Berlin) opens at 2026-07-01T20:00:00Z");
	expect(*state, night, "2026-07-01T20:00:00Z", "-",
		"deny window '0 22 * * *' for 10h (Europe/Berlin) is open until 2026-07-02T06:00:00Z");
	/* Over the change of the clock it lasts as long as it says. */
	expect(*state, night, "2026-03-28T21:00:00Z", "-",
		"deny window '0 22 * * *' for 10h (Europe/Berlin) is open until 2026-03-29T07:00:00Z");
	expect(*state, night, "2026-10-24T20:00:00Z", "-",
		"deny window '0 22 * * *' for 10h (Europe/Berlin) is open until 2026-10-25T06:00:00Z");
}

static void windows_that_run_into_each_other_are_one(void **state)
{
	static const char always[] = "- {kind: deny, schedule: '@hourly', duration: 90m, applications: ['*']}";
	static const char evening[] =
		"- {kind: deny, schedule: 0 20-22 * * *, duration: 1h, applications: ['*']}";
	assert_true(state_at(*state, always, "2026-11-27T08:00:00Z").change >
		microseconds("2026-11-30T08:00:00Z"));
	expect(*state, evening, "2026-11-27T20:30:00Z", "-",
		"deny window '0 20-22 * * *' for 1h (UTC) is open until 2026-11-27T23:00:00Z");
}

static void the_next_change_of_any_window_is_told(void **state)
{
	static const char both[] = DENY "}\n" ALLOW "}";
	assert_true(state_at(*state, both, "2026-11-27T08:00:00Z").change ==
		microseconds("2026-11-27T09:00:00Z"));
	assert_true(state_at(*state, both, "2026-11-27T10:00:00Z").change ==
		microseconds("2026-11-27T17:00:00Z"));
	assert_true(state_at(*state, both, "2026-11-27T20:00:00Z").change ==
		microseconds("2026-11-27T22:00:00Z"));
	assert_int_equal(state_at(*state, both, "2026-11-27T20:00:00Z").matching, 2);
}

static void a_sync_that_began_in_time_goes_on_where_overrun_says_so(void **state)
{
	static const struct {
		const char *windows, *started, *now;
		bool manual, goes_on;
	} cases[] = {
		{DENY "}", "2026-11-27T21:59:00Z", "2026-11-27T22:01:00Z", false, false},
		{DENY ", syncOverrun: true}", "2026-11-27T21:59:00Z", "2026-11-27T22:01:00Z", false, true},
		{DENY ", syncOverrun: true}\n" DENY "}", "2026-11-27T21:59:00Z", "2026-11-27T22:01:00Z",
			false, false},
		{DENY ", syncOverrun: true}", "2026-11-27T22:01:00Z", "2026-11-27T22:02:00Z", false, false},
		{DENY ", manualSync: true}", "2026-11-27T21:59:00Z", "2026-11-27T22:01:00Z", true, true},
		{DENY ", manualSync: true}", "2026-11-27T21:59:00Z", "2026-11-27T22:01:00Z", false, false},
		{ALLOW "}", "2026-11-27T16:59:00Z", "2026-11-27T17:01:00Z", false, false},
		{ALLOW ", syncOverrun: true}", "2026-11-27T16:59:00Z", "2026-11-27T17:01:00Z", false, true},
		{ALLOW ", syncOverrun: true}", "2026-11-27T07:59:00Z", "2026-11-27T17:01:00Z", false, false},
		{ALLOW "}", "2026-11-27T16:58:00Z", "2026-11-27T16:59:00Z", false, true},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fields fields;
		const struct windows windows = windows_of(cases[i].windows, *state, &fields);
		if (window_may_continue(&windows, &subject, cases[i].manual, microseconds(cases[i].started),
			    microseconds(cases[i].now), *state) != cases[i].goes_on)
			fail_msg("%zu: %s", i, cases[i].windows);
	}
}

static void what_is_wrong_is_named_by_its_field(void **state)
{
	struct fields fields;
	const struct windows windows =
		windows_of("- {kind: Deny, schedule: 0 22 * *, duration: 1d, timeZone: Moon/Base}\n"
			   "- {kind: deny, duration: '60', applications: x, clusters: [1]}\n"
			   "- {schedule: '* * * * *', duration: 0s, manualSync: 1, aplications: []}\n"
			   "- 5\n",
			*state, &fields);
	assert_string_equal(lines(fields.errors, fields.error_count, *state),
		"spec.syncWindows[0].kind must be allow or deny\n"
		"spec.syncWindows[0].schedule: the day of week of the schedule must be *, a number or name from 0 to 6, a range, "
		"a list, or one with a /step\n"
		"spec.syncWindows[0].timeZone: the time zone \"Moon/Base\" is not known here (Debian's package tzdata has the "
		"zones)\n"
		"spec.syncWindows[0].duration must be a duration such as 30m or 1h30m\n"
		"spec.syncWindows[1].applications must be a list of strings\n"
		"spec.syncWindows[1].clusters[0] must be a string\n"
		"spec.syncWindows[1].schedule is missing\n"
		"spec.syncWindows[1].duration must be a duration such as 30m or 1h30m\n"
		"spec.syncWindows[2].manualSync must be true or false\n"
		"spec.syncWindows[2].aplications: there is no such field, did you mean \"applications\"?\n"
		"spec.syncWindows[2].kind must be allow or deny\n"
		"spec.syncWindows[2].duration must be a duration such as 30m or 1h30m\n"
		"spec.syncWindows[3] must be an object\n");
	assert_int_equal(windows.count, 0);
}

static void a_window_for_nobody_is_a_warning(void **state)
{
	struct fields fields;
	const struct windows windows = windows_of(
		"- {kind: deny, schedule: '@daily', duration: 1h30m, description: why}\n", *state, &fields);
	assert_int_equal(windows.count, 1);
	assert_int_equal(windows.items[0].duration, 5400);
	assert_string_equal(lines(fields.warnings, fields.warning_count, *state),
		"spec.syncWindows[0] applies to nothing: it names no applications, namespaces or clusters\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_window_everything_is_allowed),
		TEST(a_deny_window_closes_while_it_is_open),
		TEST(with_an_allow_window_only_inside_it),
		TEST(deny_outranks_allow),
		TEST(manual_sync_lets_a_person_through),
		TEST(one_of_the_selectors_is_enough_unless_and_is_asked_for),
		TEST(a_window_is_open_in_its_own_zone),
		TEST(windows_that_run_into_each_other_are_one),
		TEST(the_next_change_of_any_window_is_told),
		TEST(a_sync_that_began_in_time_goes_on_where_overrun_says_so),
		TEST(what_is_wrong_is_named_by_its_field),
		TEST(a_window_for_nobody_is_a_warning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
