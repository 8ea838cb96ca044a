#include "reconcile/kubernetes/warnings.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "json_fixture.h"

static struct arena *mem;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new(16 * 1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

/* `events`: a list of them in short: kind (with its apiVersion), name, uid, reason, message, second of the day. */
struct told {
	const char *version, *kind, *name, *uid, *reason, *message;
	int second;
};

static struct warnings warnings_of(const struct told *events, size_t count)
{
	struct warnings warnings = {0};
	CLEANUP(json_done) json_t *page = json_pack("{s:[]}", "items");
	for (size_t i = 0; i < count; i++)
		json_array_append_new(json_object_get(page, "items"),
			json_pack("{s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s}", "involvedObject",
				"apiVersion", events[i].version, "kind", events[i].kind, "namespace", "ns",
				"name", events[i].name, "uid", events[i].uid, "reason", events[i].reason,
				"message", events[i].message, "lastTimestamp",
				arena_printf(mem, "2026-11-27T00:00:%02dZ", events[i].second)));
	warnings_add(&warnings, page, mem);
	return warnings;
}

static int64_t time_of(int second)
{
	int64_t when = 0;
	assert_true(clock_parse(arena_printf(mem, "2026-11-27T00:00:%02dZ", second), &when));
	return when;
}

static struct live live_of(const char *group, const char *kind, const char *name, const char *message)
{
	return (struct live){.key = {group, kind, "ns", name},
		.uid = "u1",
		.written = time_of(10),
		.health = {HEALTH_DEGRADED, message}};
}

static void expect(const struct told *events, size_t count, const struct live *live, const char *text)
{
	const struct warnings warnings = warnings_of(events, count);
	assert_string_equal(warnings_reason(&warnings, live, mem), text);
}

static void the_newest_of_each_reason_is_told_and_two_of_them(void **state)
{
	static const struct told events[] = {
		{"v1", "Pod", "p", "u1", "BackOff", "first", 11},
		{"v1", "Pod", "p", "u1", "Failed", "no such image", 12},
		{"v1", "Pod", "p", "u1", "BackOff", "second", 13},
		{"v1", "Pod", "p", "u1", "Unhealthy", "", 14},
		{"v1", "Pod", "p", "u2", "Other", "of one that had its name before", 15},
	};
	const struct live live = live_of("", "Pod", "p", "");
	(void)state;
	expect(events, 1, &live, "BackOff: first");
	expect(events, COUNT_OF(events), &live, "Unhealthy; BackOff: second");
	expect(events, 0, &live, "");
}

static void what_is_older_than_the_spec_or_said_already_is_left_out(void **state)
{
	static const struct told events[] = {
		{"acid.zalan.do/v1", "postgresql", "main", "u1", "Create", "before the change", 9},
		{"acid.zalan.do/v1", "postgresql", "main", "u1", "Sync", "of this very second", 10},
		{"acid.zalan.do/v1", "postgresql", "main", "u1", "Update", "cannot parse", 12},
	};
	const struct live live =
		live_of("acid.zalan.do", "postgresql", "main", "UpdateFailed: cannot parse it");
	(void)state;
	expect(events, COUNT_OF(events), &live, "Sync: of this very second");
}

static void what_is_made_for_an_object_tells_of_it_too(void **state)
{
	static const struct {
		const char *group, *kind, *version, *child, *name;
		bool belongs;
	} cases[] = {
		{"apps", "Deployment", "v1", "Pod", "web-5d9c7b8f6-x2k4w", true},
		{"apps", "Deployment", "apps/v1", "ReplicaSet", "web-5d9c7b8f6", true},
		{"apps", "Deployment", "v1", "Pod", "web-api-x2k4w", false}, /* of another: no hash has vowels */
		{"apps", "Deployment", "v1", "Pod", "web", false},
		{"apps", "Deployment", "v1", "Pod", "web2-5d9c7b8f6-x2k4w", false},
		{"apps", "StatefulSet", "v1", "Pod", "web-12", true},
		{"apps", "StatefulSet", "v1", "Pod", "web-12-x2k4w", false},
		{"batch", "CronJob", "v1", "Pod", "web-29387520-x2k4w", true},
		{"acid.zalan.do", "postgresql", "apps/v1", "StatefulSet", "web", true},
		{"acid.zalan.do", "postgresql", "v1", "PersistentVolumeClaim", "pgdata-web-0", true},
		{"acid.zalan.do", "postgresql", "v1", "Pod", "web-pooler-5d9c7b8f6-x2k4w", false},
		{"", "Service", "v1", "Pod", "web-0", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct told event = {cases[i].version, cases[i].child, cases[i].name, "u9",
			"FailedMount", "no volume", 20};
		const struct live live = live_of(cases[i].group, cases[i].kind, "web", "");
		const char *text = cases[i].belongs
			? arena_printf(mem, "%s %s: FailedMount: no volume", cases[i].child, cases[i].name)
			: "";
		expect(&event, 1, &live, text);
	}
}

static void its_own_events_come_before_those_of_its_pods(void **state)
{
	static const struct told events[] = {
		{"acid.zalan.do/v1", "postgresql", "main", "u1", "Create", "pods not up", 11},
		{"v1", "Pod", "main-0", "u2", "FailedScheduling", "no node", 12},
		{"v1", "Pod", "main-1", "u3", "FailedScheduling", "no node either", 13},
	};
	const struct live live = live_of("acid.zalan.do", "postgresql", "main", "CreateFailed");
	(void)state;
	expect(events, COUNT_OF(events), &live,
		"Create: pods not up; Pod main-1: FailedScheduling: no node either");
}

static void nothing_that_looks_like_a_password_is_told(void **state)
{
	static const struct {
		const char *message, *shown;
	} cases[] = {
		{"ERROR in ALTER ROLE x PASSWORD 'hunter2' VALID",
			"ERROR in ALTER ROLE x PASSWORD '<hidden>' VALID"},
		{"PASSWORD 'hun''ter2' x", "PASSWORD '<hidden>' x"},
		{"password: \"hun\\\"ter2\" x", "password: \"<hidden>\" x"},
		{"dial host=db password=hunter2 user=x", "dial host=db password=<hidden> user=x"},
		{"{\"password\": \"hunter2\"}", "{\"password\": \"<hidden>\"}"},
		{"cannot reach postgres://x:hunter2@db:5432/app",
			"cannot reach postgres://<hidden>@db:5432/app"},
		{"Password: hunter2", "Password: <hidden>"},
		{"PASSWORD 'hunter2", "PASSWORD '<hidden>"},
		{"password authentication failed for user \"x\"",
			"password authentication failed for user \"x\""},
		{"see https://example.org/a@b", "see https://example.org/a@b"},
		{"line\nbreak", "line break"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct told event = {"v1", "Pod", "p", "u1", "R", cases[i].message, 20};
		const struct live live = live_of("", "Pod", "p", "");
		expect(&event, 1, &live, arena_printf(mem, "R: %s", cases[i].shown));
	}
}

static void a_long_message_is_cut_between_characters(void **state)
{
	char message[2001] = "";
	for (size_t i = 0; i < 1000; i++)
		memcpy(&message[2 * i], "é", 3);
	const struct told event = {"v1", "Pod", "p", "u1", "R", message, 20};
	const struct live live = live_of("", "Pod", "p", "");
	(void)state;
	const struct warnings warnings = warnings_of(&event, 1);
	const char *text = warnings_reason(&warnings, &live, mem);
	assert_int_equal(strlen(text), 303);
	assert_true(text_is_utf8(text, strlen(text)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_of_each_reason_is_told_and_two_of_them),
		TEST(what_is_older_than_the_spec_or_said_already_is_left_out),
		TEST(what_is_made_for_an_object_tells_of_it_too),
		TEST(its_own_events_come_before_those_of_its_pods),
		TEST(nothing_that_looks_like_a_password_is_told),
		TEST(a_long_message_is_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
