#include "base/http/transfer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "../fixture.h"
#include "base/buf.h"
#include "base/memory.h"

enum { LONGEST_TEXT = 8 * 1000 * 1000 }; /* that libcurl takes for one option */

/* Answers one connection with `answer` and closes it; what it was asked is in `asked`. */
struct server {
	int socket;
	int port;
	const char *answer; /* NULL: says nothing until the client goes */
	char asked[4096];
	int connections;
	pthread_t thread;
};

static void *serve(void *context)
{
	struct server *server = context;
	struct pollfd waits = {.fd = server->socket, .events = POLLIN};
	size_t length = 0;
	ssize_t got;
	/* Shut down by server_end(), accept() fails. */
	int client = poll(&waits, 1, -1) > 0 ? accept(server->socket, NULL, NULL) : -1;
	if (client < 0)
		return NULL;
	server->connections++;
	while (length < sizeof(server->asked) - 1 && !(server->answer && strstr(server->asked, "\r\n\r\n")) &&
		(got = read(client, server->asked + length, sizeof(server->asked) - 1 - length)) > 0)
		length += (size_t)got;
	if (server->answer)
		assert_true(write(client, server->answer, strlen(server->answer)) > 0);
	close(client);
	return NULL;
}

static void server_begin(struct server *server, const char *answer)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	*server = (struct server){.answer = answer, .socket = socket(AF_INET, SOCK_STREAM, 0)};
	assert_int_equal(bind(server->socket, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(server->socket, 5), 0);
	assert_int_equal(getsockname(server->socket, (struct sockaddr *)&address, &length), 0);
	server->port = ntohs(address.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_end(struct server *server)
{
	shutdown(server->socket, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->socket);
}

static bool take(void *context, const char *bytes, size_t length)
{
	buf_append(context, bytes, length);
	return !buf_failed(context);
}

static struct transfer_request request_to(const char *url, struct buf *body)
{
	return (struct transfer_request){.url = url,
		.proxy = "",
		.connect_milliseconds = 5000,
		.milliseconds = 5000,
		.on_body = take,
		.context = body};
}

/* How one request to a server that answers so ends; its status, too. */
static enum transfer_end ask(const char *answer, size_t maximum, long *status)
{
	struct server server;
	CLEANUP(buf_done) struct buf body = BUF(maximum);
	server_begin(&server, answer);
	CLEANUP(memory_freep) char *url = memory_printf("http://127.0.0.1:%d/a", server.port);
	struct transfer_request request = request_to(url, &body);
	struct transfer *transfer = transfer_new();
	if (!answer)
		request.milliseconds = 200;
	transfer_prepare(transfer, &request);
	enum transfer_end end = transfer_run(transfer);
	*status = transfer_status(transfer);
	transfer_free(transfer);
	server_end(&server);
	return end;
}

static void each_end_has_its_name(void **state)
{
	static const struct {
		const char *answer;
		size_t maximum;
		enum transfer_end end;
		long status;
	} cases[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 10, TRANSFER_ANSWERED, 200},
		{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", 10, TRANSFER_ANSWERED, 503},
		{"HTTP/1.1 301 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 10,
			TRANSFER_ANSWERED, 301},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 10, TRANSFER_CUT, 200},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1, TRANSFER_FAILED, 200},
		{NULL, 10, TRANSFER_SILENT, 0},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		long status = -1;
		assert_int_equal(ask(cases[i].answer, cases[i].maximum, &status), cases[i].end);
		assert_int_equal(status, cases[i].status);
	}
}

static void nobody_there_means_that_nothing_was_sent(void **state)
{
	struct server server;
	CLEANUP(buf_done) struct buf body = BUF(10);
	(void)state;
	server_begin(&server, "");
	server_end(&server);
	CLEANUP(memory_freep) char *url = memory_printf("http://127.0.0.1:%d/", server.port);
	const struct transfer_request request = request_to(url, &body);
	struct transfer *transfer = transfer_new();
	transfer_prepare(transfer, &request);
	assert_int_equal(transfer_run(transfer), TRANSFER_UNCONNECTED);
	assert_non_null(strstr(transfer_detail(transfer), "127.0.0.1"));
	assert_null(strstr(transfer_reason(transfer), "127.0.0.1"));
	transfer_free(transfer);
}

static void headers_and_body_are_sent_as_asked(void **state)
{
	struct server server;
	struct secret token = {0};
	CLEANUP(buf_done) struct buf body = BUF(10);
	(void)state;
	secret_set(&token, "t0ken", 5);
	server_begin(&server,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nRetry-After: 7\r\nContent-Type: a/b\r\n\r\nok");
	CLEANUP(memory_freep) char *url = memory_printf("http://127.0.0.1:%d/a/../b", server.port);
	struct transfer_request request = request_to(url, &body);
	request.method = "PATCH";
	request.body = "{}";
	request.body_length = 2;
	request.content_type = "application/json";
	request.accept = "a/b";
	request.header = "Git-Protocol: version=2";
	request.bearer = &token;
	request.path_as_is = true;
	struct transfer *transfer = transfer_new();
	transfer_prepare(transfer, &request);
	assert_int_equal(transfer_run(transfer), TRANSFER_ANSWERED);
	assert_string_equal(buf_string(&body), "ok");
	assert_string_equal(transfer_type(transfer), "a/b");
	assert_int_equal(transfer_retry_after(transfer), 7);
	assert_int_equal(transfer_received(transfer), 2);
	transfer_free(transfer);
	server_end(&server);
	secret_done(&token);
	static const char *const parts[] = {"PATCH /a/../b HTTP/1.1\r\n", "Accept: a/b\r\n",
		"Git-Protocol: version=2\r\n", "Content-Type: application/json\r\n",
		"Authorization: Bearer t0ken\r\n", "Content-Length: 2\r\n"};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!strstr(server.asked, parts[i]))
			fail_msg("no %s in %s", parts[i], server.asked);
	assert_null(strstr(server.asked, "Expect"));
}

/* A password or a certificate that libcurl does not take must not lead to a request without it. */
static void a_refused_option_sends_nothing(void **state)
{
	struct server server;
	CLEANUP(buf_done) struct buf body = BUF(10);
	char *longer = memory_alloc(LONGEST_TEXT + 2);
	(void)state;
	memset(longer, 'a', LONGEST_TEXT + 1);
	const struct secret password = {.bytes = longer, .length = LONGEST_TEXT + 1};
	server_begin(&server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	CLEANUP(memory_freep) char *url = memory_printf("http://127.0.0.1:%d/", server.port);
	struct transfer_request request = request_to(url, &body);
	request.user = "ada";
	request.password = &password;

	struct transfer *transfer = transfer_new();
	transfer_prepare(transfer, &request);
	assert_int_equal(transfer_run(transfer), TRANSFER_FAILED);

	struct transfers *transfers = transfers_new(0);
	transfer_prepare(transfer, &request);
	transfers_add(transfers, transfer);
	struct transfer *ended = NULL;
	for (int i = 0; i < 100 && !ended; i++) {
		transfers_work(transfers);
		ended = transfers_next(transfers);
	}
	assert_ptr_equal(ended, transfer);
	assert_int_equal(transfer_end(ended), TRANSFER_FAILED);
	transfers_remove(transfers, ended);
	assert_int_equal(server.connections, 0);

	/* The handle is none the worse for it. */
	request.password = NULL;
	transfer_prepare(transfer, &request);
	assert_int_equal(transfer_run(transfer), TRANSFER_ANSWERED);
	transfer_free(transfer);
	transfers_free(transfers);
	server_end(&server);
	memory_freep(&longer);
}

static void heads(void *context)
{
	++*(int *)context;
}

static void several_run_at_once_and_tell_their_heads(void **state)
{
	struct server servers[3];
	struct transfer *all[COUNT_OF(servers)];
	int told[COUNT_OF(servers)] = {0};
	size_t done = 0;
	struct transfers *transfers = transfers_new(COUNT_OF(servers));
	(void)state;
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		server_begin(&servers[i], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
		CLEANUP(memory_freep) char *url = memory_printf("http://127.0.0.1:%d/", servers[i].port);
		struct transfer_request request = request_to(url, NULL);
		request.on_body = NULL;
		request.on_head = heads;
		request.context = &told[i];
		all[i] = transfer_new();
		transfer_prepare(all[i], &request);
		transfers_add(transfers, all[i]);
	}
	for (struct transfer *ended; done < COUNT_OF(servers); transfers_wait(transfers, 100)) {
		transfers_work(transfers);
		for (; (ended = transfers_next(transfers)); done++) {
			assert_int_equal(transfer_end(ended), TRANSFER_ANSWERED);
			assert_int_equal(*(int *)transfer_context(ended), 1);
			transfers_remove(transfers, ended);
		}
	}
	for (size_t i = 0; i < COUNT_OF(servers); i++) {
		transfer_free(all[i]);
		server_end(&servers[i]);
	}
	transfers_free(transfers);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_has_its_name),
		cmocka_unit_test(nobody_there_means_that_nothing_was_sent),
		cmocka_unit_test(headers_and_body_are_sent_as_asked),
		cmocka_unit_test(a_refused_option_sends_nothing),
		cmocka_unit_test(several_run_at_once_and_tell_their_heads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
