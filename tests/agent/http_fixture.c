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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

/* ---- an agent that remembers what it was asked ---- */

struct asked asked;

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
	char *body = request->body ? json_canonical(request->body) : NULL;
	snprintf(asked.body, sizeof(asked.body), "%s", body ? body : "(none)");
	free(body);
	*operation = asked.operation ? asked.operation : 17;
	return true;
}

static size_t take_announcement(void *context, const char *const *urls, size_t count, struct error *err)
{
	(void)context;
	if (asked.fails) {
		error_set(err, asked.fails, "this agent stands by");
		return 0;
	}
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

const struct http_agent test_agent = {NULL, take_request, take_announcement, is_fine, is_not_ready};

/* ---- a store with one of everything ---- */

char folder[64], socket_path[96], token_path[96];
struct store *store;
struct webhook_secrets webhook_secrets;
struct http *open_server, *token_server;

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

struct http *start_server(const char *listen, const char *path, const char *token)
{
	return start_server_with(listen, path, token, NULL);
}

struct http *start_server_with(
	const char *listen, const char *path, const char *token, const struct http_clusters *clusters)
{
	struct error err = {0};
	struct http *http = NULL;
	struct http_options options = {listen, path, folder, token, &webhook_secrets, clusters};
	if (!http_start(&options, &test_agent, &http, &err))
		fail_msg("http_start: %s", err.text);
	return http;
}

int set_up(void **state)
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
	secret_set(&webhook_secrets.common, "webhook secret", 14);
	open_server = start_server("127.0.0.1:0", socket_path, NULL);
	token_server = start_server("127.0.0.1:0", NULL, token_path);
	return 0;
}

int tear_down(void **state)
{
	struct error err;
	(void)state;
	http_stop(open_server);
	http_stop(token_server);
	store_close(store);
	webhook_secrets_done(&webhook_secrets);
	assert_int_equal(access(socket_path, F_OK), -1);
	return file_remove_folder(folder, &err) ? 0 : -1;
}

/* ---- a client that sends exactly the bytes it is given ---- */

int connect_tcp(const struct http *http)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	address.sin_port = htons((uint16_t)atoi(strrchr(http_address(http), ':') + 1));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

int connect_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strcpy(address.sun_path, socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

bool put(int fd, const char *bytes, size_t length)
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

char answer[1 << 20];

/* Until the server closes. */
const char *read_answer(int fd)
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

const char *talk(int fd, const char *bytes, size_t length)
{
	put(fd, bytes, length);
	return read_answer(fd);
}

int status_in(const char *text)
{
	int status = 0;
	return sscanf(text, "HTTP/1.%*d %d", &status) == 1 ? status : 0;
}

const char *body_in(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");
	return body ? body + 4 : "";
}

char sent[1 << 16];

const char *ask(int fd, const char *line, const char *headers, const char *body)
{
	int length = snprintf(sent, sizeof(sent),
		"%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
		line, strlen(body), headers, body);
	return talk(fd, sent, (size_t)length);
}

int get(const struct http *http, const char *path)
{
	char line[4096];
	snprintf(line, sizeof(line), "GET %s", path);
	return status_in(ask(connect_tcp(http), line, "", ""));
}

int post(int fd, const char *path, const char *headers, const char *body)
{
	char line[4096];
	snprintf(line, sizeof(line), "POST %s", path);
	return status_in(ask(fd, line, headers, body));
}

const char as_json[] = "Content-Type: application/json\r\n";

json_t *read_json(void)
{
	struct error err;
	json_t *value = NULL;
	if (!json_read(body_in(answer), strlen(body_in(answer)), &value, &err))
		fail_msg("%s: %s", err.text, answer);
	return value;
}

void assert_problem(int status)
{
	CLEANUP(json_done) json_t *problem = read_json();
	assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
	assert_int_equal(json_number_at(problem, "status", 0), status);
	assert_true(*json_text_at(problem, "title", ""));
	assert_true(*json_text_at(problem, "detail", ""));
}

bool wait_for(int fd, const char *text)
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

int open_events(void)
{
	static const char text[] = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = connect_tcp(open_server);
	assert_true(put(fd, text, strlen(text)));
	return fd;
}
