/*
 * What is kept between two passes: the rows go to text and come back as they were, and only what is said anew is news.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/sync/status.h"

static struct app app;

static int tear_down(void **state)
{
	(void)state;
	status_free(&app);
	app = (struct app){0};
	return 0;
}

static json_t *operation(const char *message)
{
	return json_pack("{s:s, s:{s:s, s:[{s:s, s:s}]}}", "phase", "Succeeded", "syncResult", "revision",
		"abc", "resources", "name", "a", "message", message);
}

/* As status_make() makes one: of the operation it has what is kept of it. `operation` is taken over. */
static json_t *status(json_t *operation, const char *message, const char *time)
{
	return json_pack("{s:{s:s}, s:[{s:s, s:s, s:s}], s:o, s:s}", "sync", "status", "Synced", "resources",
		"name", "a", "status", "Synced", "message", message, "operationState", operation,
		"reconciledAt", time);
}

static bool set(const char *message, const char *time)
{
	return status_set(&app, status(json_incref(app.operation_state), message, time));
}

static void the_rows_of_an_operation_come_back(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *wanted = operation("created");
	status_set_operation(&app, operation("created"));
	assert_null(json_at(app.operation_state, "syncResult.resources"));
	assert_string_equal(json_text_at(app.operation_state, "syncResult.revision", ""), "abc");
	CLEANUP(json_done) json_t *whole = status_operation(&app);
	assert_true(json_equal(whole, wanted));
}

static void an_operation_without_a_result_is_one(void **state)
{
	(void)state;
	assert_null(status_operation(&app));
	status_set_operation(&app, json_pack("{s:s}", "phase", "Error"));
	CLEANUP(json_done) json_t *whole = status_operation(&app);
	assert_string_equal(json_text_at(whole, "phase", ""), "Error");
	status_set_operation(&app, NULL);
	assert_null(status_operation(&app));
}

static void a_status_comes_back_whole(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *wanted = status(operation("created"), "", "2026-01-02T03:04:05Z");
	assert_null(status_whole(&app));
	status_set_operation(&app, operation("created"));
	assert_true(set("", "2026-01-02T03:04:05Z"));
	assert_null(json_at(app.status, "resources"));
	assert_null(json_at(app.status, "operationState.syncResult.resources"));
	assert_string_equal(json_text_at(app.status, "operationState.phase", ""), "Succeeded");
	CLEANUP(json_done) json_t *whole = status_whole(&app);
	assert_true(json_equal(whole, wanted));
	CLEANUP(json_done)
	json_t *completed = status(json_incref(app.operation_state), "", "2026-01-02T03:04:05Z");
	status_complete(&app, completed);
	assert_true(json_equal(completed, wanted));
}

static void only_what_is_said_anew_is_news(void **state)
{
	(void)state;
	status_set_operation(&app, operation("created"));
	assert_true(set("", "2026-01-02T03:04:05Z"));
	assert_false(set("", "2026-01-02T03:05:05Z"));
	assert_string_equal(json_text_at(app.status, "reconciledAt", ""), "2026-01-02T03:05:05Z");
	assert_true(set("is away", "2026-01-02T03:05:05Z")); /* in a row alone */
}

static void a_row_of_the_operation_alone_is_news_once(void **state)
{
	(void)state;
	status_set_operation(&app, operation("created"));
	assert_true(set("", "2026-01-02T03:04:05Z"));
	status_set_operation(&app, operation("created"));
	assert_false(set("", "2026-01-02T03:04:05Z"));
	status_set_operation(&app, operation("configured"));
	status_set_operation(&app, operation("configured")); /* told by nobody in between */
	assert_true(set("", "2026-01-02T03:04:05Z"));
	assert_false(set("", "2026-01-02T03:04:05Z"));
}

/* Who holds another reference to the lists still has them. */
static void shortening_leaves_the_lists_of_others(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *whole = status(operation("created"), "", "2026-01-02T03:04:05Z");
	CLEANUP(json_done) json_t *copy = json_copy(whole);
	status_shorten(copy);
	assert_null(json_at(copy, "resources"));
	assert_null(json_at(copy, "operationState.syncResult.resources"));
	assert_int_equal(json_array_size(json_at(whole, "resources")), 1);
	assert_int_equal(json_array_size(json_at(whole, "operationState.syncResult.resources")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_rows_of_an_operation_come_back, tear_down),
		cmocka_unit_test_teardown(an_operation_without_a_result_is_one, tear_down),
		cmocka_unit_test_teardown(a_status_comes_back_whole, tear_down),
		cmocka_unit_test_teardown(only_what_is_said_anew_is_news, tear_down),
		cmocka_unit_test_teardown(a_row_of_the_operation_alone_is_news_once, tear_down),
		cmocka_unit_test_teardown(shortening_leaves_the_lists_of_others, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
