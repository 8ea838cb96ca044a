#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/clock.h"

static void probes_say_how_the_agent_is(void **state)
{
	(void)state;
	assert_int_equal(get(open_server, "/healthz"), 200);
	assert_string_equal(body_in(answer), "ok\n");
	assert_int_equal(get(open_server, "/readyz"), 503);
	assert_problem(503);
	assert_non_null(strstr(answer, "the API server has not answered yet"));
}

static void the_api_shows_the_store(void **state)
{
	(void)state;
	static const char *const paths[] = {"/api/v1/status", "/api/v1/applications",
		"/api/v1/applications/postgres-users", "/api/v1/applications/postgres-users/diff",
		"/api/v1/applications/postgres-users/history",
		"/api/v1/applications/postgres-users/resources", "/api/v1/users", "/api/v1/users/history",
		"/api/v1/users/history?user=alice", "/api/v1/databases", "/api/v1/drift",
		"/api/v1/drift?application=postgres-users&user=alice&since=24h&open=true&limit=5",
		"/api/v1/drift?since=2026-01-02T03:04:05Z"};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		assert_int_equal(get(open_server, paths[i]), 200);
		CLEANUP(json_done) json_t *value = read_json();
		assert_true(json_is_object(value));
	}
	assert_int_equal(get(open_server, "/api/v1/users"), 200);
	CLEANUP(json_done) json_t *users = read_json();
	assert_int_equal(json_array_size(json_object_get(users, "items")), 1);
	assert_int_equal(get(open_server, "/api/v1/drift?open=true&user=bob"), 200);
	CLEANUP(json_done) json_t *drift = read_json();
	assert_int_equal(json_array_size(json_object_get(drift, "items")), 0);
}

static void a_mistake_in_the_query_is_refused_and_not_repeated(void **state)
{
	(void)state;
	static const char *const queries[] = {"?aplication=x", "?limit=0", "?limit=x",
		"?limit=99999999999999999999", "?open=1", "?since=yesterday", "?user=%ff", "?%3Cscript%3E=1"};
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		char path[128];
		snprintf(path, sizeof(path), "/api/v1/drift%s", queries[i]);
		assert_int_equal(get(open_server, path), 400);
		assert_problem(400);
		assert_null(strstr(body_in(answer), "script"));
		assert_null(strstr(body_in(answer), "aplication"));
	}
}

static void an_answer_that_the_client_holds_is_not_sent_again(void **state)
{
	(void)state;
	char tag[64], headers[128];
	assert_int_equal(get(open_server, "/api/v1/applications"), 200);
	const char *found = strstr(answer, "ETag: ");
	assert_non_null(found);
	assert_int_equal(sscanf(found, "ETag: %63s", tag), 1);
	snprintf(headers, sizeof(headers), "If-None-Match: %s\r\n", tag);
	assert_int_equal(
		status_in(ask(connect_tcp(open_server), "GET /api/v1/applications", headers, "")), 304);
	assert_string_equal(body_in(answer), "");
	assert_int_equal(status_in(ask(connect_tcp(open_server), "GET /api/v1/users", headers, "")), 200);
}

/* ---- manifests, which the reconciler knows ---- */

static int64_t pending(void)
{
	struct error err;
	const struct store_operation row = {
		.kind = "manifests", .target = "a", .by = "api", .request = "{}", .started = 1, .phase = "Pending"};
	memset(&asked, 0, sizeof(asked));
	assert_true(store_operation_add(store, &row, &asked.operation, &err));
	return asked.operation;
}

static void finish(int64_t id, const char *phase, const char *message, const char *result)
{
	struct error err;
	const struct store_operation row = {
		.id = id, .finished = 2, .phase = phase, .message = message, .result = result};
	assert_true(store_operation_update(store, &row, &err));
}

static int ask_manifests(const char *name)
{
	int fd = connect_tcp(open_server);
	char text[256];
	snprintf(text, sizeof(text),
		"GET /api/v1/applications/%s/manifests HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		name);
	assert_true(put(fd, text, strlen(text)));
	return fd;
}

static void manifests_are_waited_for_and_asked_once_for_all_who_wait(void **state)
{
	(void)state;
	int64_t id = pending();
	int fds[] = {ask_manifests("a"), ask_manifests("a"), ask_manifests("a")};
	close(fds[0]); /* who leaves, leaves */
	assert_int_equal(get(open_server, "/healthz"), 200);
	finish(id, "Succeeded", "1 object", "{\"items\":[],\"revision\":\"c1\"}");
	for (size_t i = 1; i < COUNT_OF(fds); i++) {
		assert_int_equal(status_in(read_answer(fds[i])), 200);
		assert_string_equal(body_in(answer), "{\"items\":[],\"revision\":\"c1\"}");
		close(fds[i]);
	}
	assert_int_equal(asked.requests, 1);
	assert_string_equal(asked.kind, "manifests");
	assert_string_equal(asked.target, "a");
}

static void manifests_that_cannot_be_given_are_a_problem(void **state)
{
	(void)state;
	finish(pending(), "Error", "nothing was read from Git yet", "");
	assert_int_equal(get(open_server, "/api/v1/applications/a/manifests"), 503);
	assert_problem(503);
	assert_non_null(strstr(answer, "nothing was read from Git yet"));
	asked.operation = 1 << 20;
	assert_int_equal(get(open_server, "/api/v1/applications/a/manifests"), 503);
	assert_non_null(strstr(answer, "the answer cannot be read: "));
	asked.fails = ERROR_MISSING;
	assert_int_equal(get(open_server, "/api/v1/applications/b/manifests"), 404);
	asked.fails = ERROR_NONE;
}

/* Nobody answers: the server that ends must not wait, nor leave anything behind. */
static void a_few_may_wait_for_manifests_at_once(void **state)
{
	(void)state;
	int fds[HTTP_WAITERS];
	pending();
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = ask_manifests("a");
	assert_int_equal(get(open_server, "/healthz"), 200); /* comes after them */
	assert_int_equal(get(open_server, "/api/v1/applications/a/manifests"), 503);
	assert_problem(503);
	assert_non_null(strstr(answer, "wait for their answer already"));
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
}

/* Nothing that a client could have asked otherwise. */
static void a_damaged_store_is_the_agents_fault(void **state)
{
	(void)state;
	struct error err;
	struct store_application damaged = {"damaged", "{", "[]", clock_now()};
	assert_true(store_application_set(store, &damaged, &err));
	assert_int_equal(get(open_server, "/api/v1/applications/damaged"), 500);
	assert_problem(500);
	assert_int_equal(get(open_server, "/metrics"), 200);
	assert_non_null(strstr(answer, "pgitops_store_readable 0\n"));
	assert_non_null(strstr(answer, "process_resident_memory_bytes "));
	assert_true(store_application_remove(store, "damaged", &err));
	assert_int_equal(get(open_server, "/api/v1/applications"), 200);
}

static void head_is_get_without_the_body(void **state)
{
	(void)state;
	assert_int_equal(status_in(ask(connect_tcp(open_server), "HEAD /api/v1/users", "", "")), 200);
	assert_string_equal(body_in(answer), "");
	assert_null(strstr(answer, "Content-Length: 0\r\n"));
	assert_non_null(strstr(answer, "Content-Length: "));
}

static void every_answer_carries_the_security_headers(void **state)
{
	(void)state;
	static const char *const paths[] = {
		"/", "/page/page.js", "/api/v1/users", "/nowhere", "/metrics", "/healthz"};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		get(open_server, paths[i]);
		assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'; "));
		assert_non_null(strstr(answer, "frame-ancestors 'none'"));
		assert_null(strstr(answer, "unsafe-inline"));
		assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
		assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
	}
}

static void metrics_show_applications_users_and_drift(void **state)
{
	(void)state;
	assert_int_equal(get(open_server, "/metrics"), 200);
	assert_non_null(strstr(
		answer, "argocd_app_info{namespace=\"argocd\",name=\"postgres-users\",project=\"default\","));
	assert_non_null(strstr(answer, "repo=\"https://git.example.org/\\\"db\\\"\","));
	assert_non_null(strstr(answer, "sync_status=\"Synced\",health_status=\"Healthy\","));
	assert_non_null(strstr(answer, "pgitops_users{database=\"main\",status=\"Synced\"} 1\n"));
	assert_non_null(strstr(answer, "pgitops_drift_open 1\n"));
	assert_non_null(strstr(answer, "pgitops_store_readable 1\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_say_how_the_agent_is),
		cmocka_unit_test(the_api_shows_the_store),
		cmocka_unit_test(a_mistake_in_the_query_is_refused_and_not_repeated),
		cmocka_unit_test(an_answer_that_the_client_holds_is_not_sent_again),
		cmocka_unit_test(manifests_are_waited_for_and_asked_once_for_all_who_wait),
		cmocka_unit_test(manifests_that_cannot_be_given_are_a_problem),
		cmocka_unit_test(a_few_may_wait_for_manifests_at_once),
		cmocka_unit_test(a_damaged_store_is_the_agents_fault),
		cmocka_unit_test(head_is_get_without_the_body),
		cmocka_unit_test(every_answer_carries_the_security_headers),
		cmocka_unit_test(metrics_show_applications_users_and_drift),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
