#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

static void what_is_not_there_is_a_problem_document(void **state)
{
	(void)state;
	static const char *const paths[] = {"/nowhere", "/../etc/passwd", "/..%2f..%2fetc/passwd",
		"/page/nothing.css", "/page/page.css/", "/api", "/api/v1/applications/",
		"/api/v1/applications/../users", "/api/v1/applications/a%2fdiff", "/api/v1/applications/..",
		"/api/v1/applications/A_B", "/api/v1/applications/x/y", "/api/v1/applications/x/diff/",
		"/api/v1/applications/%00", "/api/v1/applications/nobody", "/api/v1/operations/0",
		"/api/v1/operations/-1", "/api/v1/operations/99999999999999999999999",
		"/api/v1/operations/4711", "/page/page.css%00.html", "/page/../healthz", "/page/", "/%2e%2e/"};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		int status = get(open_server, paths[i]);
		if (status != 404)
			fail_msg("%s is answered with %d", paths[i], status);
		assert_problem(404);
	}
}

static void a_path_takes_its_own_method_only(void **state)
{
	(void)state;
	static const char *const lines[] = {"POST /api/v1/users", "DELETE /", "PUT /api/v1/users/sync",
		"GET /api/v1/users/sync", "GET /api/webhook", "OPTIONS /api/v1/users",
		"PATCH /api/v1/applications/postgres-users"};
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		assert_int_equal(status_in(ask(connect_tcp(open_server), lines[i], "", "")), 405);
		assert_problem(405);
		assert_non_null(strstr(answer, "\r\nAllow: "));
	}
}

static int host_status(const struct http *http, const char *path, const char *host)
{
	int length = snprintf(sent, sizeof(sent), "GET %s HTTP/1.1\r\n%s%s\r\nConnection: close\r\n\r\n",
		path, host ? "Host: " : "X-None: ", host ? host : "");
	return status_in(talk(connect_tcp(http), sent, (size_t)length));
}

static void a_name_that_was_made_to_point_here_is_not_served(void **state)
{
	(void)state;
	static const char *const good[] = {"localhost", "localhost:8080", "LOCALHOST", "127.0.0.1",
		"127.0.0.1:1", "10.1.2.3:8080", "[::1]", "[::1]:8080"};
	static const char *const bad[] = {"evil.example", "evil.example:8080", "localhost.evil.example",
		"127.0.0.1.evil.example", "", "localhost:x", "localhost:80:80", "[::1", "[::1]x",
		"[localhost]", "0x7f.1", "localhost@evil", "[]", ":80", "localhost:123456"};
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(host_status(open_server, "/api/v1/users", good[i]), 200);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		int status = host_status(open_server, "/api/v1/users", bad[i]);
		if (status != 421)
			fail_msg("Host %s is answered with %d", bad[i], status);
		assert_int_equal(host_status(open_server, "/", bad[i]), 421);
	}
	assert_int_equal(host_status(open_server, "/api/v1/users", NULL), 421);
	assert_int_equal(host_status(open_server, "/api/v1/access", "evil.example"), 421);
	assert_int_equal(host_status(open_server, "/nowhere", "evil.example"), 421);
	assert_int_equal(host_status(open_server, "/healthz", "agent.svc"), 200);
	assert_int_equal(host_status(token_server, "/", "agent.example.org"), 200);
	assert_int_equal(host_status(token_server, "/api/v1/users", "agent.example.org"), 401);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_a_problem_document),
		cmocka_unit_test(a_path_takes_its_own_method_only),
		cmocka_unit_test(a_name_that_was_made_to_point_here_is_not_served),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
