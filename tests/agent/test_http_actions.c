#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"

/* ---- acting ---- */

static void actions_over_the_socket_reach_the_agent(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof(asked));
	assert_int_equal(post(connect_socket(), "/api/v1/applications/postgres-users/sync", as_json,
				 "{\"prune\":true,\"dryRun\":true,\"confirm\":\"abc\"}"),
		202);
	CLEANUP(json_done) json_t *value = read_json();
	assert_int_equal(json_number_at(value, "operation", 0), 17);
	assert_string_equal(asked.kind, "sync");
	assert_string_equal(asked.target, "postgres-users");
	assert_string_equal(asked.by, "cli");
	assert_string_equal(asked.body, "{\"confirm\":\"abc\",\"dryRun\":true,\"prune\":true}");
	assert_int_equal(
		post(connect_socket(), "/api/v1/applications/a/refresh", as_json, "{\"hard\":true}"), 202);
	assert_string_equal(asked.body, "{\"hard\":true}");
	assert_int_equal(post(connect_socket(), "/api/v1/applications/a/rollback", as_json, "{\"id\":3}"), 202);
	assert_string_equal(asked.body, "{\"id\":3}");
	assert_int_equal(post(connect_socket(), "/api/v1/applications/a/terminate", as_json, ""), 202);
	assert_string_equal(asked.kind, "terminate");
	assert_string_equal(asked.body, "{}");
	assert_int_equal(post(connect_socket(), "/api/v1/users/sync", as_json, "{}"), 202);
	assert_string_equal(asked.kind, "users-sync");
	assert_string_equal(asked.target, "");
	assert_int_equal(post(connect_socket(), "/api/v1/users/sync", as_json,
				 "{\"database\":\"main\",\"dryRun\":true}"),
		202);
	assert_string_equal(asked.kind, "users-plan");
	assert_string_equal(asked.target, "main");
	assert_int_equal(post(connect_socket(), "/api/v1/users/sync", as_json,
				 "{\"dryRun\":true,\"revision\":\"feature\"}"),
		202);
	assert_string_equal(asked.kind, "users-plan");
	assert_non_null(strstr(asked.body, "\"revision\":\"feature\""));
	assert_int_equal(
		post(connect_socket(), "/api/v1/applications/a/diff", as_json, "{\"revision\":\"abc\"}"), 202);
	assert_string_equal(asked.kind, "diff");
	assert_string_equal(asked.target, "a");
	assert_string_equal(asked.body, "{\"revision\":\"abc\"}");
	assert_int_equal(asked.requests, 8);
}

static void a_sync_takes_what_an_operation_takes(void **state)
{
	(void)state;
	static const char body[] =
		"{\"applyOnly\":true,\"dryRun\":false,\"force\":true,\"info\":[],\"prune\":false,"
		"\"resources\":[{\"kind\":\"A\",\"name\":\"b\"}],\"retry\":{\"limit\":1},"
		"\"revision\":\"v1\",\"syncOptions\":[\"PruneLast=true\"]}";
	assert_int_equal(post(connect_socket(), "/api/v1/applications/a/sync", as_json, body), 202);
	assert_string_equal(asked.body, body);
}

static void a_request_that_is_not_exactly_right_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *path, *headers, *body;
	} cases[] = {
		{415, "/api/v1/users/sync", "", "{}"},
		{415, "/api/v1/users/sync", "Content-Type: text/plain\r\n", "{}"},
		{415, "/api/v1/users/sync", "Content-Type: application/x-www-form-urlencoded\r\n", "{}"},
		{415, "/api/v1/users/sync", "Content-Type: application/jsonx\r\n", "{}"},
		{400, "/api/v1/users/sync", as_json, "{"},
		{400, "/api/v1/users/sync", as_json, "[]"},
		{400, "/api/v1/users/sync", as_json, "null"},
		{400, "/api/v1/users/sync", as_json, "{\"dryRun\":\"yes\"}"},
		{400, "/api/v1/users/sync", as_json, "{\"dryrun\":true}"},
		{400, "/api/v1/users/sync", as_json, "{\"dryRun\":true,\"dryRun\":false}"},
		{400, "/api/v1/users/sync", as_json, "{\"prune\":true}"},
		{400, "/api/v1/users/sync", as_json, "{\"confirm\":7}"},
		{400, "/api/v1/applications/a/rollback", as_json, "{}"},
		{400, "/api/v1/applications/a/rollback", as_json, "{\"id\":1.5}"},
		{400, "/api/v1/applications/a/rollback", as_json, "{\"id\":1e400}"},
		{400, "/api/v1/applications/a/diff", as_json, "{}"},
		{400, "/api/v1/applications/a/diff", as_json, "{\"revisions\":[]}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"revisions\":\"a\"}"},
		{400, "/api/v1/users/sync", as_json, "{\"revisions\":[\"a\"]}"},
		{400, "/api/v1/applications/a/diff", as_json, "{\"revision\":\"\"}"},
		{400, "/api/v1/applications/a/diff", as_json, "{\"revision\":\"a\",\"prune\":true}"},
		{400, "/api/v1/users/sync", as_json, "{\"revision\":\"a\"}"},
		{400, "/api/v1/applications/a/terminate", as_json, "{\"hard\":true}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"id\":3}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"resources\":{}}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"retry\":3}"},
		{400, "/api/v1/applications/a/rollback", as_json, "{\"id\":3,\"revision\":\"v1\"}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"confirm\":\"\xff\"}"},
		{400, "/api/v1/applications/a/sync", as_json, "{\"confirm\":\"\\u0000\"}"},
	};
	memset(&asked, 0, sizeof(asked));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int status = post(connect_socket(), cases[i].path, cases[i].headers, cases[i].body);
		if (status != cases[i].status)
			fail_msg("%s %s is answered with %d", cases[i].path, cases[i].body, status);
		assert_problem(status);
	}
	assert_int_equal(asked.requests, 0);
}

static void the_agents_no_is_the_answer(void **state)
{
	(void)state;
	static const struct {
		enum error_kind kind;
		int status;
	} cases[] = {{ERROR_MISSING, 404}, {ERROR_INVALID, 400}, {ERROR_RETRY, 503}, {ERROR_CONFLICT, 409},
		{ERROR_DENIED, 403}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		asked.fails = cases[i].kind;
		assert_int_equal(post(connect_socket(), "/api/v1/applications/a/sync", as_json, "{}"),
			cases[i].status);
		assert_problem(cases[i].status);
	}
	asked.fails = ERROR_NONE;
}

static void without_a_token_tcp_may_read_and_not_act(void **state)
{
	(void)state;
	memset(&asked, 0, sizeof(asked));
	assert_int_equal(post(connect_tcp(open_server), "/api/v1/applications/a/sync", as_json, "{}"), 403);
	assert_problem(403);
	assert_non_null(strstr(answer, "api.tokenFile"));
	assert_int_equal(asked.requests, 0);
	assert_int_equal(get(open_server, "/api/v1/access"), 200);
	assert_non_null(strstr(answer, "\"actions\":\"off\""));
}

static void with_a_token_tcp_needs_it_for_everything(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "Authorization: Bearer \r\n",
		"Authorization: Bearer wrong\r\n", "Authorization: Bearer 0123456789abcdef-toke\r\n",
		"Authorization: Bearer 0123456789abcdef-tokenX\r\n",
		"Authorization: Basic 0123456789abcdef-token\r\n", "Authorization: 0123456789abcdef-token\r\n"};
	char headers[256];
	memset(&asked, 0, sizeof(asked));
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		snprintf(headers, sizeof(headers), "%s%s", as_json, wrong[i]);
		assert_int_equal(post(connect_tcp(token_server), "/api/v1/users/sync", headers, "{}"), 401);
		assert_problem(401);
		assert_non_null(strstr(answer, "WWW-Authenticate: Bearer"));
		assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /metrics", wrong[i], "")), 401);
		assert_int_equal(
			status_in(ask(connect_tcp(token_server), "GET /api/v1/users", wrong[i], "")), 401);
		assert_int_equal(
			status_in(ask(connect_tcp(token_server), "GET /api/v1/events", wrong[i], "")), 401);
	}
	assert_int_equal(asked.requests, 0);
	assert_int_equal(get(token_server, "/"), 200);
	assert_int_equal(get(token_server, "/api/v1/access"), 200);
	assert_non_null(strstr(answer, "\"tokenRequired\":true"));
	snprintf(headers, sizeof(headers), "%sAuthorization: bearer 0123456789abcdef-token\r\n", as_json);
	assert_int_equal(post(connect_tcp(token_server), "/api/v1/users/sync", headers, "{}"), 202);
	assert_string_equal(asked.by, "api");
	assert_int_equal(asked.requests, 1);
}

static void a_token_that_was_changed_counts_at_once(void **state)
{
	(void)state;
	struct error err;
	static const char fresh[] = "Authorization: Bearer another-token-of-16\r\n";
	static const char old[] = "Authorization: Bearer 0123456789abcdef-token\r\n";
	assert_true(file_replace(token_path, "another-token-of-16", 19, 0600, &err));
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users", fresh, "")), 200);
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users", old, "")), 401);
	assert_int_equal(unlink(token_path), 0);
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users", fresh, "")), 503);
	struct http *early = start_server("127.0.0.1:0", NULL, token_path); /* its Secret may come later */
	assert_int_equal(status_in(ask(connect_tcp(early), "GET /api/v1/users", fresh, "")), 503);
	assert_int_equal(get(early, "/api/v1/users"), 401);
	http_stop(early);
	assert_true(file_replace(token_path, "short\n", 6, 0600, &err));
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users",
				 "Authorization: Bearer short\r\n", "")),
		503);
	assert_true(file_replace(token_path, "\n", 1, 0600, &err));
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users",
				 "Authorization: Bearer \r\n", "")),
		401);
	assert_true(file_replace(token_path, "0123456789abcdef-token\n", 23, 0600, &err));
	assert_int_equal(status_in(ask(connect_tcp(token_server), "GET /api/v1/users", old, "")), 200);
}

/* The mode of the socket keeps others out already; should somebody widen it, its other end is still asked who it is. */
static void another_user_on_the_socket_is_refused(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can become somebody else */
	assert_int_equal(chmod(folder, 0755), 0);
	assert_int_equal(chmod(socket_path, 0666), 0);
	pid_t child = fork();
	if (child == 0) {
		if (setuid(65534) != 0)
			_exit(1);
		int read = status_in(ask(connect_socket(), "GET /api/v1/users", "", ""));
		int act = post(connect_socket(), "/api/v1/users/sync", as_json, "{}");
		_exit(read == 403 && act == 403 ? 0 : 2);
	}
	int ended = 0;
	assert_int_equal(waitpid(child, &ended, 0), child);
	assert_int_equal(chmod(socket_path, 0600), 0);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_true(WIFEXITED(ended));
	assert_int_equal(WEXITSTATUS(ended), 0);
}

/* ---- webhooks ---- */

static const char push_body[] = "{\"repository\":{\"clone_url\":\"https://git.example.org/team/db.git\"}}";

static void sign(const char *body, char headers[256])
{
	unsigned char digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	digest_hmac(webhook_secrets.common.bytes, webhook_secrets.common.length, body, strlen(body), digest);
	text_hex(digest, sizeof(digest), hex);
	snprintf(headers, 256, "%sX-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=%s\r\n", as_json, hex);
}

static void a_signed_push_is_announced(void **state)
{
	(void)state;
	char headers[256];
	memset(&asked, 0, sizeof(asked));
	sign(push_body, headers);
	assert_int_equal(post(connect_tcp(token_server), "/api/webhook", headers, push_body), 202);
	assert_int_equal(asked.announcements, 1);
	assert_string_equal(asked.url, "https://git.example.org/team/db.git");
}

static void a_wrong_signature_is_401_and_nothing_happens(void **state)
{
	(void)state;
	char headers[256];
	memset(&asked, 0, sizeof(asked));
	sign("another body", headers);
	assert_int_equal(post(connect_tcp(open_server), "/api/webhook", headers, push_body), 401);
	assert_problem(401);
	assert_int_equal(post(connect_tcp(open_server), "/api/webhook", as_json, push_body), 401);
	assert_null(strstr(answer, "git.example.org"));
	assert_int_equal(asked.announcements, 0);
}

static void a_thousand_webhooks_are_all_taken(void **state)
{
	(void)state;
	char headers[256];
	int fd = connect_tcp(open_server);
	memset(&asked, 0, sizeof(asked));
	sign(push_body, headers);
	for (size_t i = 0; i < 1000; i++) {
		char got[4096] = "";
		size_t length = 0;
		int size = snprintf(sent, sizeof(sent),
			"POST /api/webhook HTTP/1.1\r\nHost: hooks.example.org\r\nContent-Length: %zu\r\n%s\r\n%s",
			strlen(push_body), headers, push_body);
		assert_true(put(fd, sent, (size_t)size));
		while (!strstr(got, "\r\n\r\n{\"message\"") || got[length - 1] != '}') {
			ssize_t more = recv(fd, got + length, sizeof(got) - 1 - length, 0);
			assert_true(more > 0);
			length += (size_t)more;
			got[length] = '\0';
		}
		assert_int_equal(status_in(got), 202);
	}
	close(fd);
	assert_int_equal(asked.announcements, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_over_the_socket_reach_the_agent),
		cmocka_unit_test(a_sync_takes_what_an_operation_takes),
		cmocka_unit_test(a_request_that_is_not_exactly_right_changes_nothing),
		cmocka_unit_test(the_agents_no_is_the_answer),
		cmocka_unit_test(without_a_token_tcp_may_read_and_not_act),
		cmocka_unit_test(with_a_token_tcp_needs_it_for_everything),
		cmocka_unit_test(a_token_that_was_changed_counts_at_once),
		cmocka_unit_test(another_user_on_the_socket_is_refused),
		cmocka_unit_test(a_signed_push_is_announced),
		cmocka_unit_test(a_wrong_signature_is_401_and_nothing_happens),
		cmocka_unit_test(a_thousand_webhooks_are_all_taken),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
