#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <event2/bufferevent.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/limits.h"

/* Of a forge: whether it is right shows the body. */
#define PROOF "X-Hub-Signature-256: sha256=00\r\n"

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
	assert_true(status == 401 || status == 0); /* who proves nothing is not told how much may be sent */
	length = snprintf(big, 256,
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\n" PROOF "Content-Length: %zu\r\n\r\n",
		sizeof(big));
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

/* Libevent hands a body over only when it is whole, so nothing smaller than the limit may stop it on the way. */
static void a_body_of_the_largest_size_is_taken(void **state)
{
	(void)state;
	static char big[LIMIT_HTTP_BODY + 256];
	int length = snprintf(big, 256,
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" PROOF
		"Content-Length: %ld\r\n\r\n",
		LIMIT_HTTP_BODY);
	memset(big + length, 'a', LIMIT_HTTP_BODY);
	assert_int_equal(status_in(talk(connect_tcp(open_server), big, (size_t)length + LIMIT_HTTP_BODY)), 401);
}

static bool is_open(int fd)
{
	char byte;
	return recv(fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* Each alone is within its limit; together they may not hold more than a small agent has. */
static void unfinished_bodies_together_are_bounded(void **state)
{
	(void)state;
	enum { CROWD = 40, EACH = 1000 * 1000 };
	static char big[EACH];
	int fds[CROWD];
	size_t left = CROWD;
	for (size_t i = 0; i < CROWD; i++) {
		fds[i] = connect_tcp(open_server);
		int length = snprintf(big, 256,
			"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\n" PROOF "%s\r\n%s",
			i % 2 ? "Content-Length: 1048576\r\n" : "Transfer-Encoding: chunked\r\n",
			i % 2 ? "" : "f0000\r\n");
		memset(big + length, 'a', sizeof(big) - (size_t)length);
		put(fds[i], big, sizeof(big));
	}
	assert_int_equal(get(open_server, "/healthz"), 200);
	for (int tries = 0; left > 8 * 1024 * 1024 / EACH && tries < 200; tries++) {
		usleep(50000); /* it reads a little of each in turn */
		left = 0;
		for (size_t i = 0; i < CROWD; i++)
			left += is_open(fds[i]);
	}
	assert_in_range(left, 1, 8 * 1024 * 1024 / EACH);
	for (size_t i = 0; i < CROWD; i++)
		close(fds[i]);
}

/* Nothing of a body is kept, nor waited for: the answer comes while it is on its way, in whatever form it is announced. */
static void no_body_is_taken_of_a_stranger(void **state)
{
	(void)state;
	static const struct {
		const char *line, *headers;
		bool token; /* of the server that has one */
		int status;
	} strangers[] = {
		{"POST /api/webhook", "Content-Length: 1048576\r\n", false, 401},
		{"POST /api/webhook", "Transfer-Encoding: chunked\r\n", false, 401},
		{"POST /api/webhook", "Expect: 100-continue\r\ncontent-length:1048576\r\n", false, 401},
		{"POST /api/webhook", "Content-Length: 5\r\nContent-Length: 1048576\r\n", false, 401},
		{"POST /api/webhook", "Content-Length:\r\n 1048576\r\n", false, 401},
		{"POST /api/webhook", "Content-Length: \n\t1048576\r\n", false, 401},
		{"POST /api/webhook", "X-A: b\r\n Content-Length: 5\r\nContent-Length: 1\r\n 048576\r\n",
			false, 401},
		{"POST /api/webhook", "Transfer-Encoding:\r\n chunked\r\n", false, 401},
		{"POST /api/v1/users/sync", "Content-Length: 1048576\r\n", true, 401},
		{"POST /api/v1/users/sync", PROOF "Content-Length: 1048576\r\n", true,
			401}, /* counts at the webhook alone */
		{"POST /api/v1/users/sync",
			"Authorization: Bearer 0123456789abcdef-wrong\r\nContent-Length: 1048576\r\n", true,
			401},
		{"POST /api/v1/users/sync", "Content-Length: 1048576\r\n", false, 403},
		{"POST /nowhere", "Content-Length: 1048576\r\n", false, 404},
		{"PUT /healthz", "Content-Length: 1048576\r\n", false, 405},
		{"GET /healthz", "Content-Length: 1048576\r\n", false, 200},
	};
	static char part[900 * 1000];
	memset(part, 'a', sizeof(part));
	for (size_t i = 0; i < COUNT_OF(strangers); i++) {
		char head[512];
		int fd = connect_tcp(strangers[i].token ? token_server : open_server);
		int length = snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
			strangers[i].line, strangers[i].headers);
		for (int at = 0; at < length; at += 7) /* in pieces: it is the whole head that counts */
			put(fd, head + at, (size_t)(length - at < 7 ? length - at : 7));
		int status = status_in(read_answer(fd));
		if (status != strangers[i].status)
			fail_msg("stranger %zu is answered with %d", i, status);
		fd = connect_tcp(strangers[i].token ? token_server : open_server);
		put(fd, head, (size_t)length);
		put(fd, part, sizeof(part));
		close(fd);
	}
	/* The head is not held against them. */
	assert_int_equal(
		status_in(ask(connect_tcp(open_server), "POST /api/webhook", "X-GitHub-Event: ping\r\n", "{}")),
		401);
}

/* What follows a request on its connection is no request that was let in with it. */
static void a_request_behind_another_is_not_let_in(void **state)
{
	(void)state;
	static const char two[] =
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
		"POST /api/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\naaaa";
	const char *text = talk(connect_tcp(open_server), two, strlen(two));
	assert_int_equal(status_in(text), 200);
	assert_non_null(strstr(text, "Connection: close"));
	assert_null(strstr(text + 8, "HTTP/1.1"));
}

static void one_request_after_the_other_is_served(void **state)
{
	(void)state;
	static const char one[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
	int fd = connect_tcp(open_server);
	for (int i = 0; i < 3; i++) {
		put(fd, one, strlen(one));
		assert_true(wait_for(fd, "\r\n\r\n"));
	}
	close(fd);
}

static void on_guest(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int length, void *context)
{
	(void)listener;
	(void)peer;
	(void)length;
	(void)context;
	close(fd);
}

/* More connections than can be shown to the door in one turn of the loop: no further one is taken until the next sweep. */
static void the_door_is_shut_when_they_come_too_fast(void **state)
{
	(void)state;
	struct http http = {.wake = -1};
	size_t opened = 0;
	TAILQ_INIT(&http.connections.list);
	http.base = event_base_new();
	http.tcp.listener = evconnlistener_new(
		http.base, on_guest, NULL, 0, -1, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	assert_non_null(http.tcp.listener);
	assert_int_equal(event_base_get_num_events(http.base, EVENT_BASE_COUNT_ADDED), 1);
	struct bufferevent *streams[2 * LIMIT_HTTP_CONNECTIONS];
	for (; opened < COUNT_OF(streams); opened++) {
		streams[opened] = http_connection_open(http.base, &http);
		bufferevent_setcb(streams[opened], NULL, NULL, NULL, &http); /* as evhttp does: somebody uses it */
	}
	assert_int_equal(http.connections.count, opened);
	assert_int_equal(event_base_get_num_events(http.base, EVENT_BASE_COUNT_ADDED), 0); /* nobody listens */
	while (opened)
		bufferevent_free(streams[--opened]);
	http_connections_sweep(&http);
	event_base_loop(http.base, EVLOOP_NONBLOCK); /* libevent frees in the next turn */
	assert_int_equal(http.connections.count, 0);
	assert_int_equal(event_base_get_num_events(http.base, EVENT_BASE_COUNT_ADDED), 1);
	evconnlistener_free(http.tcp.listener);
	event_base_free(http.base);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(ambiguous_lengths_and_garbage_are_refused),
		cmocka_unit_test(a_body_of_the_largest_size_is_taken),
		cmocka_unit_test(no_body_is_taken_of_a_stranger),
		cmocka_unit_test(a_request_behind_another_is_not_let_in),
		cmocka_unit_test(one_request_after_the_other_is_served),
		cmocka_unit_test(unfinished_bodies_together_are_bounded),
		cmocka_unit_test(the_door_is_shut_when_they_come_too_fast),
		cmocka_unit_test(slow_clients_keep_nobody_out_and_are_cut),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
