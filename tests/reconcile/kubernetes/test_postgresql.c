#include "base/clock.h"
#include "reconcile/kubernetes/postgresql.h"

#include "tests/reconcile/kubernetes/json_fixture.h"

/* Both sides as {"metadata": {"name": "main"}, "spec": SPEC}. */
static void check(const char *wanted_spec, const char *live_spec, const char *annotation, size_t expected,
	const char *part)
{
	struct arena *mem = arena_new(1 << 20);
	json_t *wanted = json_pack("{s:{s:s, s:{s:s}}, s:o}", "metadata", "name", "main", "annotations",
		"pgitops.dev/allow", annotation, "spec", read_json(wanted_spec));
	json_t *live = live_spec ? json_pack("{s:o}", "spec", read_json(live_spec)) : NULL;
	size_t count = 99;
	const char **reasons = postgresql_refusals(wanted, live, NULL, mem, &count);
	if (count != expected || (count && !strstr(reasons[0], part)))
		fail_msg("%s -> %s: %zu (%s)", live_spec ? live_spec : "", wanted_spec, count,
			count ? reasons[0] : "");
	json_decref(wanted);
	json_decref(live);
	arena_free(mem);
}

static void volumes_do_not_shrink(void **state)
{
	(void)state;
	check("{\"volume\":{\"size\":\"1Gi\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "", 1, "shrink-volume");
	check("{\"volume\":{\"size\":\"1Gi\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "shrink-volume", 0, "");
	check("{\"volume\":{\"size\":\"1Gi\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "shrink", 1, "");
	check("{\"volume\":{\"size\":\"2000Mi\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "", 1,
		"from 2Gi to 2000Mi");
	check("{\"volume\":{\"size\":\"2048Mi\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "", 0, "");
	check("{\"volume\":{\"size\":\"1.5Ti\"}}", "{\"volume\":{\"size\":\"900Gi\"}}", "", 0, "");
	check("{\"volume\":{\"size\":\"nonsense\"}}", "{\"volume\":{\"size\":\"2Gi\"}}", "", 0, "");
}

static void versions_do_not_go_down(void **state)
{
	(void)state;
	check("{\"postgresql\":{\"version\":\"15\"}}", "{\"postgresql\":{\"version\":\"16\"}}", "", 1,
		"lower-version");
	check("{\"postgresql\":{\"version\":\"9.6\"}}", "{\"postgresql\":{\"version\":\"14\"}}", "", 1, "");
	check("{\"postgresql\":{\"version\":\"15\"}}", NULL, "", 0, "");
}

static void a_version_goes_up_where_that_is_said(void **state)
{
	(void)state;
	const char *above = "{\"postgresql\":{\"version\":\"17\"}}",
		   *below = "{\"postgresql\":{\"version\":\"16\"}}";
	check(above, below, "", 1, "there is no way back");
	check(above, below, "upgrade-version", 0, "");
	check(above, below, "lower-version", 1, "upgrade-version");
	check(above, NULL, "", 0, "");
	check(above, above, "", 0, "");
}

static void check_set(
	const struct operator_settings *settings, const char *to, const char *part, const char *other)
{
	struct arena *mem = arena_new(1 << 20);
	size_t count;
	json_t *live = read_json("{\"spec\":{\"teamId\":\"acid\",\"postgresql\":{\"version\":\"13\"}}}");
	json_t *wanted = json_pack("{s:{s:s}, s:{s:s, s:{s:s}}}", "metadata", "name", "main", "spec",
		"teamId", "acid", "postgresql", "version", to);
	assert_true(postgresql_asks_settings(wanted, live));
	assert_false(postgresql_asks_settings(live, live));
	assert_false(postgresql_asks_settings(wanted, NULL));
	const char **reasons = postgresql_refusals(wanted, live, settings, mem, &count);
	assert_int_equal(count, 1);
	if (!strstr(reasons[0], part) || strstr(reasons[0], other))
		fail_msg("%s", reasons[0]);
	assert_non_null(strstr(reasons[0], "\"upgrade-version\" allows it"));
	json_object_set_new(json_object_get(wanted, "metadata"), "annotations",
		json_pack("{s:s}", "pgitops.dev/allow", "upgrade-version"));
	assert_false(postgresql_asks_settings(wanted, live));
	json_decref(wanted);
	json_decref(live);
	arena_free(mem);
}

/* What will be done is told from what will be passed over. */
static void the_operators_setting_is_said(void **state)
{
	(void)state;
	const char *where = "ConfigMap op/postgres-operator", *no_word = "not known";
	const struct operator_settings manual = {"manual", ",,", "15", "18", where, NULL};
	const struct operator_settings full = {"full", ",,", "15", "18", where, NULL};
	const struct operator_settings off = {"off", ",other,", "15", "18", where, NULL};
	const struct operator_settings for_some = {"off", ",other,acid,", "15", "18", where, NULL};
	const struct operator_settings unknown = {.why = "the agent may not list it"};
	check_set(NULL, "16", "where its major_version_upgrade_mode is off all pods roll", no_word);
	check_set(&unknown, "16", "(which it is, is not known: the agent may not list it)", "will not");
	check_set(&manual, "16",
		"(its major_version_upgrade_mode is manual: ConfigMap op/postgres-operator), and there is no way back",
		no_word);
	check_set(&full, "16", "is full: ConfigMap", "goes to 18");
	check_set(&full, "14", "is full and its minimal_major_version 15, so that it goes to 18", no_word);
	check_set(&off, "16",
		"the operator will not upgrade: its major_version_upgrade_mode is off (ConfigMap op/postgres-operator)",
		"pg_upgrade");
	check_set(&for_some, "16", "is off but for some teams, this one among them", "will not");
}

/* The operator's mark of an upgrade that failed: down is the way out then, and up is not tried. */
static void a_failed_upgrade_may_be_taken_back(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	size_t count;
	json_t *live = read_json(
		"{\"metadata\":{\"annotations\":{\"last-major-upgrade-failure\":\"2026-01-02T03:04:05Z\"}},"
		"\"spec\":{\"postgresql\":{\"version\":\"17\"}}}");
	json_t *back =
		read_json("{\"metadata\":{\"name\":\"main\"},\"spec\":{\"postgresql\":{\"version\":\"16\"}}}");
	json_t *on =
		read_json("{\"metadata\":{\"name\":\"main\"},\"spec\":{\"postgresql\":{\"version\":\"18\"}}}");
	postgresql_refusals(back, live, NULL, mem, &count);
	assert_int_equal(count, 0);
	const char **reasons = postgresql_refusals(on, live, NULL, mem, &count);
	assert_int_equal(count, 1);
	assert_non_null(strstr(reasons[0], "the last upgrade failed (2026-01-02T03:04:05Z)"));
	json_decref(live);
	json_decref(back);
	json_decref(on);
	arena_free(mem);
}

static void the_selector_of_volumes_stays(void **state)
{
	(void)state;
	const char *fast = "{\"volume\":{\"size\":\"1Gi\",\"selector\":{\"matchLabels\":{\"disk\":\"fast\"}}}}";
	check(fast, "{\"volume\":{\"size\":\"1Gi\"}}", "", 1, "change-volume-selector");
	check(fast, "{\"volume\":{\"size\":\"1Gi\"}}", "change-volume-selector", 0, "");
	check(fast, fast, "", 0, "");
	check("{\"volume\":{\"size\":\"1Gi\",\"selector\":{}}}", "{\"volume\":{\"size\":\"1Gi\"}}", "", 0, "");
}

static void users_must_be_possible(void **state)
{
	(void)state;
	check("{\"users\":{\"app\":null}}", NULL, "", 1, "write app: []");
	check("{\"users\":{\"App\":[]}}", NULL, "", 1, "refuses this name");
	check("{\"users\":{\"-app\":[]}}", NULL, "", 1, "");
	check("{\"users\":{\"app-\":[]}}", NULL, "", 1, "");
	check("{\"users\":{\"ns.app\":[],\"a_b\":[\"superuser\"],\"x1\":[\"login\",\"createdb\"]}}", NULL, "",
		0, "");
	check("{\"users\":{\"a..b\":[]}}", NULL, "", 1, "");
	check("{\"users\":{\"a_b\":[],\"a-b\":[]}}", NULL, "", 1, "share one Secret");
	check("{\"users\":{\"a\":[\"LOGIN\",\"nologin\"]}}", NULL, "", 1, "contradict");
}

static void names_have_52_characters(void **state)
{
	(void)state;
	struct arena *mem = arena_new(1 << 20);
	size_t count;
	json_t *object = read_json(
		"{\"metadata\":{\"name\":\"a123456789b123456789c123456789d123456789e123456789fgh\"}}");
	postgresql_refusals(object, NULL, NULL, mem, &count);
	assert_int_equal(count, 1);
	json_decref(object);
	object = read_json(
		"{\"metadata\":{\"name\":\"a123456789b123456789c123456789d123456789e123456789fg\"}}");
	postgresql_refusals(object, NULL, NULL, mem, &count);
	assert_int_equal(count, 0);
	json_decref(object);
	arena_free(mem);
}

static void several_reasons_are_told_at_once(void **state)
{
	(void)state;
	check("{\"teamId\":\"b\",\"numberOfInstances\":0,\"standby\":{},\"volume\":{\"size\":\"1Gi\",\"storageClass\":\"x\"}}",
		"{\"teamId\":\"a\",\"numberOfInstances\":2,\"volume\":{\"size\":\"2Gi\"}}", "", 5, "");
	check("{\"teamId\":\"b\",\"numberOfInstances\":0,\"standby\":{},\"volume\":{\"size\":\"1Gi\",\"storageClass\":\"x\"}}",
		"{\"teamId\":\"a\",\"numberOfInstances\":2,\"volume\":{\"size\":\"2Gi\"}}",
		"change-team,no-instances, become-standby,shrink-volume change-storage-class", 0, "");
}

static json_t *seen(const char *status, int reported_ago, int written_ago)
{
	char reported[CLOCK_TEXT_SIZE], written[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now() - reported_ago * INT64_C(1000000), reported);
	clock_text_seconds(clock_now() - written_ago * INT64_C(1000000), written);
	return json_pack("{s:{s:[{s:s, s:s}, {s:s, s:{s:{}}}]}, s:{s:s}}", "metadata", "managedFields",
		"subresource", "status", "time", reported, "time", written, "fieldsV1", "f:spec", "status",
		"PostgresClusterStatus", status);
}

static bool busy(const char *status, int reported_ago, int written_ago)
{
	json_t *object = seen(status, reported_ago, written_ago);
	bool is = postgresql_busy(object);
	json_decref(object);
	return is;
}

static void the_operator_is_at_work_until_it_says_otherwise(void **state)
{
	(void)state;
	assert_true(busy("Updating", 10, 20));
	assert_true(busy("Creating", 300, 301));
	assert_false(busy("Updating", 13 * 60, 14 * 60)); /* its last report was lost */
	assert_false(busy("Running", 10, 20));
	assert_true(busy("Running", 100, 2)); /* about to take up the last write */
	assert_false(busy("Running", 100, 60));
	json_t *fresh = read_json("{\"metadata\":{},\"spec\":{}}");
	assert_false(postgresql_busy(fresh));
	json_decref(fresh);
}

/* `nudged`: the annotation; NULL = none. */
static bool nudge(const char *status, int reported_ago, int written_ago, const char *nudged)
{
	json_t *object = seen(status, reported_ago, written_ago);
	if (nudged)
		json_object_set_new(json_object_get(object, "metadata"), "annotations",
			json_pack("{s:s}", POSTGRESQL_NUDGE, nudged));
	bool is = postgresql_wants_nudge(object, 0, clock_now());
	json_decref(object);
	return is;
}

static void who_missed_a_change_is_nudged_once_in_its_period(void **state)
{
	char lately[CLOCK_TEXT_SIZE], before[CLOCK_TEXT_SIZE];
	(void)state;
	clock_text_seconds(clock_now() - 29 * 60 * INT64_C(1000000), lately);
	clock_text_seconds(clock_now() - 31 * 60 * INT64_C(1000000), before);
	assert_true(nudge("Running", 600, 300, NULL));
	assert_false(nudge("Running", 600, 100, NULL)); /* it may yet come to it */
	assert_false(nudge("Running", 300, 600, NULL)); /* it has reported since */
	assert_false(nudge("UpdateFailed", 300, 600, NULL));
	assert_false(nudge("Updating", 11 * 60, 12 * 60, NULL)); /* at work: a write would lose what it does */
	assert_true(nudge("Updating", 13 * 60, 14 * 60, NULL));
	assert_false(nudge("Running", 600, 300, lately));
	assert_true(nudge("Running", 600, 300, before));
	assert_false(nudge("Running", 600, 300, "off"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes_do_not_shrink),
		cmocka_unit_test(versions_do_not_go_down),
		cmocka_unit_test(a_version_goes_up_where_that_is_said),
		cmocka_unit_test(the_operators_setting_is_said),
		cmocka_unit_test(a_failed_upgrade_may_be_taken_back),
		cmocka_unit_test(the_selector_of_volumes_stays),
		cmocka_unit_test(users_must_be_possible),
		cmocka_unit_test(names_have_52_characters),
		cmocka_unit_test(several_reasons_are_told_at_once),
		cmocka_unit_test(the_operator_is_at_work_until_it_says_otherwise),
		cmocka_unit_test(who_missed_a_change_is_nudged_once_in_its_period),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
