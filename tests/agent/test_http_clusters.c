#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/clock.h"

static atomic_int readings;
static atomic_bool fails;

static json_t *read_cluster(void *context, size_t number)
{
	(void)context;
	atomic_fetch_add(&readings, 1);
	if (atomic_load(&fails))
		return json_pack("{s:s}", "error", "nobody answers");
	return json_pack("{s:s,s:I}", "name", "acid", "number", (json_int_t)number);
}

static const char *databases[] = {"main", "other"};
static const struct http_clusters two = {NULL, read_cluster, databases, 2};

/* Until item number `i` has the key. */
static json_t *item_with(const struct http *http, size_t i, const char *key)
{
	for (;;) {
		assert_int_equal(get(http, "/api/v1/clusters"), 200);
		CLEANUP(json_done) json_t *value = read_json();
		json_t *item = json_array_get(json_object_get(value, "items"), i);
		if (json_object_get(item, key))
			return json_incref(item);
		clock_pause(20);
	}
}

static void nobody_is_asked_before_somebody_looks(void **state)
{
	(void)state;
	struct http *http = start_server_with("127.0.0.1:0", NULL, NULL, &two);
	clock_pause(50);
	assert_int_equal(get(http, "/api/v1/status"), 200);
	assert_int_equal(atomic_load(&readings), 0);
	assert_int_equal(get(http, "/api/v1/clusters"), 200);
	CLEANUP(json_done) json_t *first = read_json();
	json_t *pending = json_array_get(json_object_get(first, "items"), 0);
	assert_string_equal(json_text_at(pending, "database", ""), "main");
	CLEANUP(json_done) json_t *main_item = item_with(http, 0, "read");
	CLEANUP(json_done) json_t *other = item_with(http, 1, "read");
	assert_null(json_object_get(main_item, "pending"));
	assert_string_equal(json_text_at(main_item, "database", ""), "main");
	assert_int_equal(json_number_at(other, "number", 0), 1);
	http_stop(http);
}

static void a_reading_that_fails_is_told_and_takes_nothing_away(void **state)
{
	(void)state;
	struct http *http = start_server_with("127.0.0.1:0", NULL, NULL, &two);
	CLEANUP(json_done) json_t *good = item_with(http, 0, "read");
	assert_null(json_object_get(good, "error"));
	atomic_store(&fails, true);
	CLEANUP(json_done) json_t *bad = item_with(http, 0, "error");
	assert_string_equal(json_text_at(bad, "error", ""), "nobody answers");
	assert_string_equal(json_text_at(bad, "name", ""), "acid");
	assert_string_equal(json_text_at(bad, "read", ""), json_text_at(good, "read", "-"));
	http_stop(http);
	http = start_server_with("127.0.0.1:0", NULL, NULL, &two);
	CLEANUP(json_done) json_t *never = item_with(http, 0, "error");
	assert_null(json_object_get(never, "read"));
	assert_string_equal(json_text_at(never, "database", ""), "main");
	atomic_store(&fails, false);
	http_stop(http);
}

static void without_clusters_there_are_none(void **state)
{
	(void)state;
	assert_int_equal(get(open_server, "/api/v1/clusters"), 200);
	assert_string_equal(body_in(answer), "{\"items\":[]}");
	assert_int_equal(get(token_server, "/api/v1/clusters"), 401);
}

static void readings_go_on_while_somebody_looks(void **state)
{
	(void)state;
	assert_int_equal(http_clusters_wait(1000, 0, 0), -1);
	assert_int_equal(http_clusters_wait(1000, 990, 0), 0);
	assert_int_equal(http_clusters_wait(1000, 990, 1500), 500);
	assert_int_equal(http_clusters_wait(1000 + HTTP_CLUSTERS_LOOKING, 1000, 0), -1);
	assert_int_equal(http_clusters_wait(999 + HTTP_CLUSTERS_LOOKING, 1000, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_before_somebody_looks),
		cmocka_unit_test(a_reading_that_fails_is_told_and_takes_nothing_away),
		cmocka_unit_test(without_clusters_there_are_none),
		cmocka_unit_test(readings_go_on_while_somebody_looks),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
