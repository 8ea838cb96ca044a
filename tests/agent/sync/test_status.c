/*
 * The status that kubectl and Argo CD's tools read: required fields are there, times move only with what they date.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/sync/status.h"

static struct arena *mem;
static struct app app;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new(16 * 1024 * 1024);
	app = (struct app){.spec = {.name = "team", .history_limit = 2}};
	app.spec.document = json_pack("{s:{s:{s:s, s:s}, s:{s:s}}}", "spec", "source", "repoURL",
		"https://git.example.org/db", "path", "p", "destination", "namespace", "ns");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(app.spec.document);
	json_decref(app.history);
	arena_free(mem);
	return 0;
}

static struct status_resource resource(const char *name, enum health health, const char *status)
{
	return (struct status_resource){.group = "",
		.version = "v1",
		.kind = "Pod",
		.namespace = "ns",
		.name = name,
		.status = status,
		.health = {health, ""},
		.message = ""};
}

static json_t *make(struct status_resource *resources, size_t count, bool live, const json_t *previous)
{
	const struct status_input input = {.app = &app,
		.sync = "Synced",
		.revision = "abc",
		.resources = resources,
		.resource_count = count,
		.read = true,
		.any_live = live,
		.cluster = true};
	return status_make(&input, previous, mem);
}

static void the_application_is_as_well_as_its_worst_object(void **state)
{
	(void)state;
	struct status_resource resources[] = {resource("a", HEALTH_HEALTHY, "Synced"),
		resource("b", HEALTH_DEGRADED, "Synced"), resource("c", HEALTH_PROGRESSING, "Synced"),
		resource("d", HEALTH_NONE, "Synced")};
	json_t *status = make(resources, 4, true, NULL);
	assert_string_equal(json_text_at(status, "health.status", ""), "Degraded");
	assert_non_null(strstr(json_text_at(status, "health.message", ""), "Pod b"));
	assert_string_equal(
		json_text_at(status, "sync.comparedTo.source.repoURL", ""), "https://git.example.org/db");
	json_decref(status);
}

static void expect_message(struct status_resource *resources, size_t count, const char *message)
{
	CLEANUP(json_done) json_t *status = make(resources, count, true, NULL);
	assert_string_equal(json_text_at(status, "health.message", ""), message);
}

static void the_message_names_three_causes_and_counts_the_rest(void **state)
{
	(void)state;
	struct status_resource resources[] = {resource("a", HEALTH_PROGRESSING, "Synced"),
		resource("b", HEALTH_DEGRADED, "Synced"), resource("c", HEALTH_PROGRESSING, "Synced"),
		resource("d", HEALTH_DEGRADED, "Synced"), resource("e", HEALTH_DEGRADED, "Synced"),
		resource("f", HEALTH_DEGRADED, "Synced"), resource("g", HEALTH_DEGRADED, "Synced")};
	resources[1].health.message = "no memory";
	expect_message(resources, 1, "Pod a: Progressing");
	expect_message(resources, 4, "Pod b: no memory; Pod d: Degraded");
	expect_message(resources, 5, "Pod b: no memory; Pod d: Degraded; Pod e: Degraded");
	expect_message(resources, 7, "Pod b: no memory; Pod d: Degraded; Pod e: Degraded and 2 more");
}

static void missing_is_said_only_when_nothing_is_live(void **state)
{
	(void)state;
	struct status_resource resources[] = {
		resource("a", HEALTH_MISSING, "OutOfSync"), resource("b", HEALTH_HEALTHY, "Synced")};
	json_t *status = make(resources, 2, true, NULL);
	assert_string_equal(json_text_at(status, "health.status", ""), "Healthy");
	json_decref(status);
	status = make(resources, 1, false, NULL);
	assert_string_equal(json_text_at(status, "health.status", ""), "Missing");
	json_decref(status);
}

static void the_time_of_health_stays_while_health_stays(void **state)
{
	(void)state;
	struct status_resource resources[] = {resource("a", HEALTH_HEALTHY, "Synced")};
	json_t *previous = json_pack("{s:{s:s, s:s}}", "health", "status", "Healthy", "lastTransitionTime",
		"2020-01-01T00:00:00Z");
	json_t *status = make(resources, 1, true, previous);
	assert_string_equal(json_text_at(status, "health.lastTransitionTime", ""), "2020-01-01T00:00:00Z");
	json_decref(status);
	resources[0].health.health = HEALTH_DEGRADED;
	status = make(resources, 1, true, previous);
	assert_string_not_equal(json_text_at(status, "health.lastTransitionTime", ""), "2020-01-01T00:00:00Z");
	json_decref(status);
	json_decref(previous);
}

static void history_counts_on_and_stays_within_its_limit(void **state)
{
	(void)state;
	const struct sync_request request = {.automated = true, .by = "automated"};
	const struct status_operation operation = {
		.app = &app, .request = &request, .commit = "abc", .finished = 1};
	for (int i = 0; i < 4; i++) {
		json_t *history = status_history_add(app.history, &operation);
		json_decref(app.history);
		app.history = history;
	}
	assert_int_equal(json_array_size(app.history), 2);
	assert_null(status_history_find(app.history, 1));
	assert_ptr_equal(status_history_find(app.history, 3), json_array_get(app.history, 1));
	assert_int_equal(json_number_at(json_array_get(app.history, 1), "id", -1), 3);
	assert_true(json_bool_at(json_array_get(app.history, 0), "initiatedBy.automated", false));
}

static void history_has_the_source_that_was_synced(void **state)
{
	(void)state;
	const struct sync_request request = {.by = "cli"};
	CLEANUP(json_done) json_t *source = json_pack("{s:s}", "path", "before");
	const struct status_operation operation = {
		.app = &app, .request = &request, .commit = "abc", .source = source};
	CLEANUP(json_done) json_t *history = status_history_add(NULL, &operation);
	assert_string_equal(json_text_at(json_array_get(history, 0), "source.path", ""), "before");
}

#define A "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define B "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"

/* Argo CD knows by the shape of the spec where to look (argocd.md 2.2). */
static void a_list_of_sources_has_lists_everywhere(void **state)
{
	(void)state;
	static struct application_source sources[] = {
		{.repo_url = "https://h/x"}, {.repo_url = "https://h/y", .files_only = true}};
	const struct sync_request request = {.by = "cli"};
	CLEANUP(json_done) json_t *none = json_array();
	app.spec.sources = sources;
	app.spec.source_count = 2;
	app.spec.sources_listed = true;
	json_object_set_new(json_object_get(app.spec.document, "spec"), "sources",
		json_pack("[{s:s}, {s:s}]", "path", "a", "ref", "v"));
	const struct status_input input = {.app = &app, .sync = "Synced", .revision = A "," B};
	CLEANUP(json_done) json_t *status = status_make(&input, NULL, mem);
	const json_t *sync = json_object_get(status, "sync");
	assert_string_equal(json_string_value(json_array_get(json_object_get(sync, "revisions"), 1)), B);
	assert_null(json_object_get(sync, "revision"));
	assert_int_equal(json_array_size(json_at(sync, "comparedTo.sources")), 2);
	assert_null(json_at(sync, "comparedTo.source"));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(status, "sourceTypes"), 0)), "Directory");
	assert_string_equal(json_string_value(json_array_get(json_object_get(status, "sourceTypes"), 1)), "");
	assert_null(json_object_get(status, "sourceType"));

	const struct status_operation operation = {.app = &app,
		.request = &request,
		.phase = "Running",
		.message = "",
		.commit = A "," B,
		.resources = none};
	CLEANUP(json_done) json_t *value = status_operation_state(&operation);
	assert_int_equal(json_array_size(json_at(value, "syncResult.revisions")), 2);
	assert_int_equal(json_array_size(json_at(value, "syncResult.sources")), 2);
	assert_int_equal(json_array_size(json_at(value, "operation.sync.revisions")), 2);
	assert_string_equal(json_text_at(value, "syncResult.revision", NULL), ""); /* the CRD requires it */
	CLEANUP(json_done) json_t *history = status_history_add(NULL, &operation);
	const json_t *entry = json_array_get(history, 0);
	assert_int_equal(json_array_size(json_object_get(entry, "revisions")), 2);
	assert_int_equal(json_array_size(json_object_get(entry, "sources")), 2);
	assert_null(json_object_get(entry, "revision"));
}

/* A rollback to what it was before it had a list. */
static void a_source_of_its_own_decides_for_an_operation(void **state)
{
	(void)state;
	const struct sync_request request = {.by = "cli"};
	CLEANUP(json_done) json_t *source = json_pack("{s:s}", "path", "before");
	app.spec.sources_listed = true;
	const struct status_operation operation = {
		.app = &app, .request = &request, .commit = A, .source = source};
	CLEANUP(json_done) json_t *history = status_history_add(NULL, &operation);
	const json_t *entry = json_array_get(history, 0);
	assert_string_equal(json_text_at(entry, "revision", ""), A);
	assert_string_equal(json_text_at(entry, "source.path", ""), "before");
	assert_null(json_object_get(entry, "revisions"));
}

static void an_operation_state_always_has_a_result_with_a_revision(void **state)
{
	(void)state;
	json_t *none = json_array();
	const struct sync_request request = {.by = "cli", .prune = true};
	const struct status_operation operation = {.app = &app,
		.request = &request,
		.phase = "Failed",
		.message = "no",
		.commit = "abc",
		.started = 0,
		.finished = 1000000,
		.resources = none};
	json_t *value = status_operation_state(&operation);
	assert_string_equal(json_text_at(value, "syncResult.revision", ""), "abc");
	assert_string_equal(json_text_at(value, "finishedAt", ""), "1970-01-01T00:00:01Z");
	assert_true(json_bool_at(value, "operation.sync.prune", false));
	json_decref(value);
	json_decref(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_application_is_as_well_as_its_worst_object),
		TEST(the_message_names_three_causes_and_counts_the_rest),
		TEST(missing_is_said_only_when_nothing_is_live),
		TEST(the_time_of_health_stays_while_health_stays),
		TEST(history_counts_on_and_stays_within_its_limit),
		TEST(history_has_the_source_that_was_synced),
		TEST(a_list_of_sources_has_lists_everywhere),
		TEST(a_source_of_its_own_decides_for_an_operation),
		TEST(an_operation_state_always_has_a_result_with_a_revision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
