/*
 * Whatever an Application has to say, its object stays below what etcd takes, shows first what people look for, and says what it
 * leaves out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/sync/status.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { ETCD_TAKES = 3 * 512 * 1024 };

static json_t *resource(int number, const char *status, const char *health)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:{s:s}}", "version", "v1", "kind", "ConfigMap",
		"namespace", "ns", "status", status, "name",
		json_sprintf("a-name-of-the-length-that-people-give-%06d", number), "health", "status", health);
}

/* `bad` of them, at the end, are out of sync or not healthy. */
static json_t *resources(int count, int bad)
{
	json_t *list = json_array();
	for (int i = 0; i < count; i++) {
		bool good = i < count - bad;
		json_array_append_new(list,
			resource(i, good || i % 2 ? "Synced" : "OutOfSync",
				good || i % 2 == 0 ? "Healthy" : "Degraded"));
	}
	return list;
}

static json_t *status_of(int count, int bad)
{
	return json_pack("{s:{s:s}, s:o, s:{s:s, s:{s:s, s:o}}}", "sync", "status", "OutOfSync", "resources",
		resources(count, bad), "operationState", "phase", "Failed", "syncResult", "revision", "abc",
		"resources", resources(count, bad));
}

static size_t size_of(const json_t *value)
{
	CLEANUP(memory_freep) char *text = json_canonical(value);
	return strlen(text);
}

static const json_t *condition_of(const json_t *status, const char *type)
{
	size_t i;
	const json_t *condition;
	json_array_foreach (json_object_get(status, "conditions"), i, condition)
		if (strcmp(json_text_at(condition, "type", ""), type) == 0)
			return condition;
	return NULL;
}

static void a_status_of_usual_size_stays_whole(void **state)
{
	(void)state;
	int64_t since = 7;
	CLEANUP(json_done) json_t *whole = status_of(100, 3);
	CLEANUP(json_done) json_t *bounded = status_bounded(whole, &since);
	assert_true(json_equal(whole, bounded));
	assert_int_equal(since, 0);
}

static void thousands_of_objects_are_cut_to_what_needs_a_look(void **state)
{
	(void)state;
	int64_t since = 0;
	CLEANUP(json_done) json_t *whole = status_of(8000, 50);
	CLEANUP(json_done) json_t *before = json_deep_copy(whole);
	CLEANUP(json_done) json_t *bounded = status_bounded(whole, &since);
	const json_t *list = json_object_get(bounded, "resources");
	const json_t *results = json_at(bounded, "operationState.syncResult.resources");

	assert_true(json_equal(whole, before));
	assert_in_range(size_of(bounded), LIMIT_STATUS_RESOURCES / 2, ETCD_TAKES / 2);
	assert_in_range(size_of(list), LIMIT_STATUS_RESOURCES / 2, LIMIT_STATUS_RESOURCES);
	assert_in_range(size_of(results), LIMIT_STATUS_RESULTS / 2, LIMIT_STATUS_RESULTS);
	assert_string_equal(json_text_at(bounded, "operationState.syncResult.revision", ""), "abc");
	for (size_t i = 0; i < 50; i++) {
		const json_t *item = json_array_get(list, i);
		assert_true(strcmp(json_text_at(item, "status", ""), "OutOfSync") == 0 ||
			strcmp(json_text_at(item, "health.status", ""), "Degraded") == 0);
	}
	assert_string_equal(json_text_at(json_array_get(list, 50), "name", ""),
		"a-name-of-the-length-that-people-give-000000");
	const char *message = json_text_at(condition_of(bounded, "ShortenedStatusWarning"), "message", "");
	CLEANUP(memory_freep) char *says = memory_printf("shows %zu of 8000 objects", json_array_size(list));
	assert_non_null(strstr(message, says));
}

static void the_condition_keeps_its_time(void **state)
{
	(void)state;
	int64_t since = 1000000;
	CLEANUP(json_done) json_t *whole = status_of(8000, 0);
	CLEANUP(json_done) json_t *bounded = status_bounded(whole, &since);
	assert_int_equal(since, 1000000);
	assert_string_equal(
		json_text_at(condition_of(bounded, "ShortenedStatusWarning"), "lastTransitionTime", ""),
		"1970-01-01T00:00:01Z");
}

/* Of characters that have more than one byte. */
static char *long_text(void)
{
	char *text = memory_alloc(400001);
	for (size_t i = 0; i < 80000; i++)
		memcpy(text + 2 * i, "\xc3\xa9", 2);
	text[0] = 'x';
	text[1] = 'y';
	return text;
}

static void messages_are_cut_between_characters(void **state)
{
	(void)state;
	int64_t since = 0;
	CLEANUP(memory_freep) char *text = long_text();
	CLEANUP(json_done)
	json_t *whole = json_pack("{s:[{s:s, s:s}], s:{s:s, s:s}}", "conditions", "type", "ComparisonError",
		"message", text, "operationState", "phase", "Failed", "message", text);
	CLEANUP(json_done) json_t *bounded = status_bounded(whole, &since);
	const char *message = json_text_at(condition_of(bounded, "ComparisonError"), "message", "");
	assert_in_range(strlen(message), LIMIT_STATUS_MESSAGE - 4, LIMIT_STATUS_MESSAGE + 3);
	assert_true(text_is_utf8(message, strlen(message)));
	assert_in_range(
		strlen(json_text_at(bounded, "operationState.message", "")), 1, LIMIT_STATUS_MESSAGE + 3);
}

static void the_newest_history_stays(void **state)
{
	(void)state;
	int64_t since = 0;
	CLEANUP(json_done) json_t *whole = json_pack("{s:[]}", "history");
	for (int i = 0; i < 5000; i++)
		json_array_append_new(json_object_get(whole, "history"),
			json_pack("{s:i, s:s}", "id", i, "revision",
				"0123456789012345678901234567890123456789"));
	CLEANUP(json_done) json_t *bounded = status_bounded(whole, &since);
	const json_t *history = json_object_get(bounded, "history");
	size_t count = json_array_size(history);
	assert_in_range(size_of(history), LIMIT_STATUS_HISTORY / 2, LIMIT_STATUS_HISTORY + 2);
	assert_int_equal(json_number_at(json_array_get(history, count - 1), "id", -1), 4999);
}

static void a_minimal_status_says_why(void **state)
{
	(void)state;
	CLEANUP(json_done) json_t *whole = status_of(5, 1);
	CLEANUP(json_done) json_t *minimal = status_minimal(whole, "etcdserver: request is too large");
	assert_string_equal(json_text_at(minimal, "sync.status", ""), "OutOfSync");
	assert_null(json_object_get(minimal, "resources"));
	assert_non_null(strstr(
		json_text_at(condition_of(minimal, "UnknownError"), "message", ""), "request is too large"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_of_usual_size_stays_whole),
		cmocka_unit_test(thousands_of_objects_are_cut_to_what_needs_a_look),
		cmocka_unit_test(the_condition_keeps_its_time),
		cmocka_unit_test(messages_are_cut_between_characters),
		cmocka_unit_test(the_newest_history_stays),
		cmocka_unit_test(a_minimal_status_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
