#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/http_internal.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

/* ---- an agent that remembers what it was asked ---- */

static struct {
	size_t requests, announcements, urls;
	char kind[32], target[256], by[8], confirm[64], url[256];
	bool hard, prune, dry_run;
	int64_t revision_id;
	enum error_kind fails;
} asked;

static bool take_request(
	void *context, const struct agent_request *request, int64_t *operation, struct error *err)
{
	(void)context;
	if (asked.fails)
		return error_set(err, asked.fails, "no such target");
	asked.requests++;
	snprintf(asked.kind, sizeof(asked.kind), "%s", request->kind);
	snprintf(asked.target, sizeof(asked.target), "%s", request->target);
	snprintf(asked.by, sizeof(asked.by), "%s", request->by);
	snprintf(asked.confirm, sizeof(asked.confirm), "%s", request->confirm ? request->confirm : "(none)");
	asked.hard = request->hard;
	asked.prune = request->prune;
	asked.dry_run = request->dry_run;
	asked.revision_id = request->revision_id;
	*operation = 17;
	return true;
}

static size_t take_announcement(void *context, const char *const *urls, size_t count)
{
	(void)context;
	asked.announcements++;
	asked.urls += count;
	snprintf(asked.url, sizeof(asked.url), "%s", urls[0]);
	return 1;
}

static bool is_fine(void *context, struct error *err)
{
	(void)context;
	(void)err;
	return true;
}

static bool is_not_ready(void *context, struct error *err)
{
	(void)context;
	return error_set(err, ERROR_RETRY, "the API server has not answered yet");
}

static const struct http_agent agent = {NULL, take_request, take_announcement, is_fine, is_not_ready};

/* ---- a store with one of everything ---- */

static char folder[64], socket_path[96], token_path[96];
static struct store *store;
static struct secret webhook_secret;
static struct http *open_server, *token_server;

static const char application[] =
	"{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Application\",\"metadata\":{\"name\":\"postgres-users\","
	"\"namespace\":\"argocd\"},\"spec\":{\"project\":\"default\",\"source\":{\"repoURL\":\"https://git.example.org/\\\"db\\\"\","
	"\"path\":\"postgres-users\"},\"destination\":{\"namespace\":\"postgres\"}},\"status\":{\"sync\":{\"status\":\"Synced\"},"
	"\"health\":{\"status\":\"Healthy\"}}}";

static void fill_store(void)
{
	struct error err;
	struct store_application item = {"postgres-users", application, "[]", clock_now()};
	struct store_user user = {"main", "alice",
		"{\"name\":\"alice\",\"database\":\"main\",\"status\":\"Synced\",\"reason\":\"\",\"roles\":[],\"differences\":[]}",
		clock_now()};
	struct store_drift drift = {.application = "postgres-users",
		.time = clock_now(),
		.group = "",
		.kind = "",
		.namespace = "",
		.name = "",
		.database = "main",
		.user = "alice",
		.field = "login",
		.wanted = "true",
		.found = "false",
		.by = ""};
	assert_true(store_application_set(store, &item, &err));
	assert_true(store_user_set(store, &user, &err));
	assert_true(store_drift_add(store, &drift, NULL, &err));
}

static struct http *start(const char *listen, const char *path, const char *token)
{
	struct error err = {0};
	struct http *http = NULL;
	struct http_options options = {listen, path, folder, token, &webhook_secret};
	if (!http_start(&options, &agent, &http, &err))
		fail_msg("http_start: %s", err.text);
	return http;
}

static int set_up(void **state)
{
	struct error err;
	struct store_opening how;
	(void)state;
	strcpy(folder, "/tmp/pgitops-http-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/agent.sock", folder);
	snprintf(token_path, sizeof(token_path), "%s/token", folder);
	assert_true(file_replace(token_path, "0123456789abcdef-token\n", 23, 0600, &err));
	assert_true(store_open(folder, &store, &how, &err));
	fill_store();
	secret_set(&webhook_secret, "webhook secret", 14);
	open_server = start("127.0.0.1:0", socket_path, NULL);
	token_server = start("127.0.0.1:0", NULL, token_path);
	return 0;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	http_stop(open_server);
	http_stop(token_server);
	store_close(store);
	secret_done(&webhook_secret);
	assert_int_equal(access(socket_path, F_OK), -1);
	return file_remove_folder(folder, &err) ? 0 : -1;
}

/* ---- a client that sends exactly the bytes it is given ---- */

static int connect_tcp(const struct http *http)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	address.sin_port = htons((uint16_t)atoi(strrchr(http_address(http), ':') + 1));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int connect_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool put(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t wrote = send(fd, bytes, length, MSG_NOSIGNAL);
		if (wrote <= 0)
			return false;
		bytes += wrote;
		length -= (size_t)wrote;
	}
	return true;
}

static char answer[1 << 20];

/* Until the server closes. */
static const char *read_answer(int fd)
{
	size_t length = 0;
	while (length < sizeof(answer) - 1) {
		ssize_t got = recv(fd, answer + length, sizeof(answer) - 1 - length, 0);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	answer[length] = '\0';
	close(fd);
	return answer;
}

static const char *talk(int fd, const char *bytes, size_t length)
{
	put(fd, bytes, length);
	return read_answer(fd);
}

static int status_in(const char *text)
{
	int status = 0;
	return sscanf(text, "HTTP/1.%*d %d", &status) == 1 ? status : 0;
}

static const char *body_in(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");
	return body ? body + 4 : "";
}

static char request[1 << 16];

static const char *ask(int fd, const char *line, const char *headers, const char *body)
{
	int length = snprintf(request, sizeof(request),
		"%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
		line, strlen(body), headers, body);
	return talk(fd, request, (size_t)length);
}

static int get(const struct http *http, const char *path)
{
	char line[4096];
	snprintf(line, sizeof(line), "GET %s", path);
	return status_in(ask(connect_tcp(http), line, "", ""));
}

static int post(int fd, const char *path, const char *headers, const char *body)
{
	char line[4096];
	snprintf(line, sizeof(line), "POST %s", path);
	return status_in(ask(fd, line, headers, body));
}

static const char as_json[] = "Content-Type: application/json\r\n";

static json_t *read_json(void)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(body_in(answer), strlen(body_in(answer)), &value, &err))
		fail_msg("%s: %s", err.text, answer);
	return value;
}

static void assert_problem(int status)
{
	CLEANUP(json_done) json_t *problem = read_json();
	assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
	assert_int_equal(json_number_at(problem, "status", 0), status);
	assert_true(*json_text_at(problem, "title", ""));
	assert_true(*json_text_at(problem, "detail", ""));
}

/* ---- reading ---- */

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
		"/api/v1/applications/postgres-users/history", "/api/v1/users", "/api/v1/users/history",
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
	assert_non_null(strstr(answer,
		"argocd_app_info{name=\"postgres-users\",namespace=\"argocd\",project=\"default\","
		"repo=\"https://git.example.org/\\\"db\\\"\","));
	assert_non_null(strstr(answer, "sync_status=\"Synced\",health_status=\"Healthy\","));
	assert_non_null(strstr(answer, "pgitops_users{database=\"main\",status=\"Synced\"} 1\n"));
	assert_non_null(strstr(answer, "pgitops_drift_open 1\n"));
	assert_non_null(strstr(answer, "pgitops_store_readable 1\n"));
}

/* ---- paths, methods, hosts ---- */

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
	int length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n%s%s\r\nConnection: close\r\n\r\n",
		path, host ? "Host: " : "X-None: ", host ? host : "");
	return status_in(talk(connect_tcp(http), request, (size_t)length));
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
	assert_int_equal(host_status(open_server, "/healthz", "agent.svc"), 200);
	assert_int_equal(host_status(token_server, "/", "agent.example.org"), 200);
	assert_int_equal(host_status(token_server, "/api/v1/users", "agent.example.org"), 401);
}

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
	assert_string_equal(asked.confirm, "abc");
	assert_true(asked.prune && asked.dry_run && !asked.hard);
	assert_int_equal(
		post(connect_socket(), "/api/v1/applications/a/refresh", as_json, "{\"hard\":true}"), 202);
	assert_true(asked.hard);
	assert_int_equal(post(connect_socket(), "/api/v1/applications/a/rollback", as_json, "{\"id\":3}"), 202);
	assert_int_equal(asked.revision_id, 3);
	assert_int_equal(post(connect_socket(), "/api/v1/applications/a/terminate", as_json, ""), 202);
	assert_string_equal(asked.kind, "terminate");
	assert_string_equal(asked.confirm, "(none)");
	assert_int_equal(post(connect_socket(), "/api/v1/users/sync", as_json, "{}"), 202);
	assert_string_equal(asked.kind, "users-sync");
	assert_string_equal(asked.target, "");
	assert_int_equal(post(connect_socket(), "/api/v1/users/sync", as_json,
				 "{\"database\":\"main\",\"dryRun\":true}"),
		202);
	assert_string_equal(asked.kind, "users-plan");
	assert_string_equal(asked.target, "main");
	assert_int_equal(asked.requests, 6);
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
		{400, "/api/v1/applications/a/terminate", as_json, "{\"hard\":true}"},
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

/* ---- webhooks ---- */

static const char push_body[] = "{\"repository\":{\"clone_url\":\"https://git.example.org/team/db.git\"}}";

static void sign(const char *body, char headers[256])
{
	unsigned char digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	digest_hmac(webhook_secret.bytes, webhook_secret.length, body, strlen(body), digest);
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
		int size = snprintf(request, sizeof(request),
			"POST /api/webhook HTTP/1.1\r\nHost: hooks.example.org\r\nContent-Length: %zu\r\n%s\r\n%s",
			strlen(push_body), headers, push_body);
		assert_true(put(fd, request, (size_t)size));
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

/* ---- events ---- */

static bool wait_for(int fd, const char *text)
{
	char got[8192] = "";
	size_t length = 0;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	while (length < sizeof(got) - 1 && poll(&ready, 1, 20000) == 1) {
		ssize_t more = recv(fd, got + length, sizeof(got) - 1 - length, 0);
		if (more <= 0)
			return false;
		length += (size_t)more;
		got[length] = '\0';
		if (strstr(got, text))
			return true;
	}
	return false;
}

static int open_events(void)
{
	static const char text[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = connect_tcp(open_server);
	assert_true(put(fd, text, strlen(text)));
	return fd;
}

static void readers_hear_of_a_change_of_the_store(void **state)
{
	(void)state;
	struct error err;
	int fd = open_events();
	assert_true(wait_for(fd, "event: hello"));
	struct store_user user = {
		"main", "bob", "{\"name\":\"bob\",\"database\":\"main\",\"status\":\"Synced\"}", clock_now()};
	assert_true(store_user_set(store, &user, &err));
	assert_true(wait_for(fd, "event: changed"));
	http_notify(open_server);
	assert_true(wait_for(fd, "event: changed"));
	close(fd);
	assert_true(store_user_remove(store, "main", "bob", &err));
}

static void only_so_many_may_listen(void **state)
{
	(void)state;
	int fds[HTTP_STREAMS];
	for (size_t i = 0; i < HTTP_STREAMS; i++) {
		fds[i] = open_events();
		assert_true(wait_for(fds[i], "event: hello"));
	}
	assert_int_equal(get(open_server, "/api/v1/events"), 503);
	assert_problem(503);
	for (size_t i = 0; i < HTTP_STREAMS; i++)
		close(fds[i]);
	for (int tries = 0; tries < 200; tries++) { /* their leaving is noticed */
		int fd = open_events();
		bool in = wait_for(fd, "event: hello");
		close(fd);
		if (in)
			return;
		usleep(50000);
	}
	fail_msg("readers that left are counted for ever");
}

/* ---- hostile clients ---- */

static void too_much_is_refused(void **state)
{
	(void)state;
	static char big[2 * 1024 * 1024];
	static const char head[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
	memset(big, 'a', sizeof(big));
	memcpy(big, head, strlen(head));
	int status = status_in(talk(connect_tcp(open_server), big, sizeof(big)));
	assert_true(status == 400 || status == 431 || status == 0); /* 0: cut off while still sending */
	int length = snprintf(big, 256,
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", sizeof(big));
	big[length] = 'a';
	status = status_in(talk(connect_tcp(open_server), big, sizeof(big)));
	assert_true(status == 413 || status == 0);
	assert_int_equal(get(open_server, "/healthz"), 200);
}

static void ambiguous_lengths_and_garbage_are_refused(void **state)
{
	(void)state;
	static const char *const requests[] = {
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"GET http://evil.example/api/v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"GET //evil.example/api/v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
		"GET\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"GET /healthz HTTP/9.9\r\n\r\n",
		"BREW /coffee HTTP/1.1\r\nHost: localhost\r\n\r\n",
	};
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		int fd = connect_tcp(open_server);
		put(fd, requests[i], strlen(requests[i]));
		shutdown(fd, SHUT_WR);
		int status = status_in(read_answer(fd));
		if (status >= 200 && status < 400)
			fail_msg("request %zu is answered with %d", i, status);
	}
	assert_int_equal(get(open_server, "/healthz"), 200);
}

static size_t open_descriptors(void)
{
	size_t count = 0;
	DIR *list = opendir("/proc/self/fd");
	while (readdir(list))
		count++;
	closedir(list);
	return count;
}

/* More of them than there may be connections, each sending a byte now and then: a probe gets in all the time, all of them are
   cut although none was ever silent for long, and nothing of them is left. */
static void slow_clients_keep_nobody_out_and_are_cut(void **state)
{
	(void)state;
	enum { CROWD = LIMIT_HTTP_CONNECTIONS + 100 };
	static int fds[CROWD];
	static const char start_line[] = "GET /healthz HTTP/1.1\r\nX-Slow: ";
	size_t before = open_descriptors(), left = CROWD;
	for (size_t i = 0; i < CROWD; i++) {
		fds[i] = connect_tcp(open_server);
		put(fds[i], start_line, strlen(start_line));
	}
	for (int tries = 0; left && tries < 600; tries++) {
		for (size_t i = 0; i < CROWD; i++) {
			char byte;
			if (fds[i] < 0)
				continue;
			bool alive = put(fds[i], "a", 1) &&
				(recv(fds[i], &byte, 1, MSG_DONTWAIT) > 0 || errno == EAGAIN);
			if (alive && tries % 10 == 0)
				continue;
			if (!alive) {
				close(fds[i]);
				fds[i] = -1;
				left--;
			}
		}
		if (tries % 10 == 0)
			assert_int_equal(get(open_server, "/healthz"), 200);
		usleep(100000);
	}
	assert_int_equal(left, 0);
	for (int tries = 0; open_descriptors() > before && tries < 100; tries++)
		usleep(50000);
	assert_true(open_descriptors() <= before);
}

/* ---- start and stop ---- */

static enum error_kind start_fails(const char *listen, const char *path, const char *token)
{
	struct error err = {0};
	struct http *http = NULL;
	struct http_options options = {listen, path, folder, token, &webhook_secret};
	if (http_start(&options, &agent, &http, &err)) {
		http_stop(http);
		return ERROR_NONE;
	}
	assert_true(err.text[0]);
	return err.kind;
}

static void a_start_that_cannot_serve_says_why(void **state)
{
	(void)state;
	char longest[300], plain[96];
	struct error err;
	static const char *const addresses[] = {"8080", "localhost", "host.example:80", "127.0.0.1:99999",
		"127.0.0.1:", "127.0.0.1:x", "::1:80", "[127.0.0.1]:80", "[::1:80", "256.0.0.1:80"};
	for (size_t i = 0; i < COUNT_OF(addresses); i++)
		assert_int_equal(start_fails(addresses[i], NULL, NULL), ERROR_INVALID);
	assert_int_equal(start_fails(http_address(open_server), NULL, NULL), ERROR_CONFLICT);
	assert_int_equal(start_fails(NULL, socket_path, NULL), ERROR_CONFLICT);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(start_fails(NULL, longest, NULL), ERROR_INVALID);
	snprintf(plain, sizeof(plain), "%s/file", folder);
	assert_true(file_replace(plain, "short", 5, 0600, &err));
	assert_int_equal(start_fails(NULL, plain, NULL), ERROR_CONFLICT);
	assert_int_equal(access(plain, F_OK), 0);
	assert_int_equal(start_fails(NULL, NULL, plain), ERROR_INVALID);
	assert_int_equal(start_fails(NULL, NULL, "/nonexistent"), ERROR_MISSING);
}

static void a_socket_left_behind_is_replaced_and_private(void **state)
{
	(void)state;
	char path[96];
	struct stat file;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(path, sizeof(path), "%s/left.sock", folder);
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	struct http *http = start(NULL, path, NULL);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_string_equal(http_address(http), "");
	http_stop(http);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_stop_does_not_wait_for_its_guests(void **state)
{
	(void)state;
	struct http *http = start("[::1]:0", NULL, NULL);
	assert_true(text_starts(http_address(http), "[::1]:"));
	http_stop(http);
	http = start("127.0.0.1:0", NULL, NULL);
	int idle = connect_tcp(http), reader = connect_tcp(http);
	static const char text[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	assert_true(put(reader, text, strlen(text)));
	assert_true(wait_for(reader, "event: hello"));
	assert_true(put(idle, "GET / HT", 8));
	http_stop(http);
	close(idle);
	close(reader);
	http_stop(NULL);
	http_notify(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_say_how_the_agent_is),
		cmocka_unit_test(the_api_shows_the_store),
		cmocka_unit_test(a_mistake_in_the_query_is_refused_and_not_repeated),
		cmocka_unit_test(an_answer_that_the_client_holds_is_not_sent_again),
		cmocka_unit_test(head_is_get_without_the_body),
		cmocka_unit_test(every_answer_carries_the_security_headers),
		cmocka_unit_test(metrics_show_applications_users_and_drift),
		cmocka_unit_test(what_is_not_there_is_a_problem_document),
		cmocka_unit_test(a_path_takes_its_own_method_only),
		cmocka_unit_test(a_name_that_was_made_to_point_here_is_not_served),
		cmocka_unit_test(actions_over_the_socket_reach_the_agent),
		cmocka_unit_test(a_request_that_is_not_exactly_right_changes_nothing),
		cmocka_unit_test(the_agents_no_is_the_answer),
		cmocka_unit_test(without_a_token_tcp_may_read_and_not_act),
		cmocka_unit_test(with_a_token_tcp_needs_it_for_everything),
		cmocka_unit_test(a_signed_push_is_announced),
		cmocka_unit_test(a_wrong_signature_is_401_and_nothing_happens),
		cmocka_unit_test(a_thousand_webhooks_are_all_taken),
		cmocka_unit_test(readers_hear_of_a_change_of_the_store),
		cmocka_unit_test(only_so_many_may_listen),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(ambiguous_lengths_and_garbage_are_refused),
		cmocka_unit_test(slow_clients_keep_nobody_out_and_are_cut),
		cmocka_unit_test(a_start_that_cannot_serve_says_why),
		cmocka_unit_test(a_socket_left_behind_is_replaced_and_private),
		cmocka_unit_test(a_stop_does_not_wait_for_its_guests),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
