#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sandbox/sandbox.h"
#include "reconcile/source/connecting.h"
#include "reconcile/source/dialer.h"

static struct arena *mem;
static int servers[2];
static int ports[2];

static int listening(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static int set_up(void **state)
{
	(void)state;
	mem = arena_new((size_t)1 << 20);
	for (size_t i = 0; i < COUNT_OF(servers); i++)
		servers[i] = listening(&ports[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	for (size_t i = 0; i < COUNT_OF(servers); i++)
		close(servers[i]);
	return 0;
}

static struct dialer places_of(const char *text, struct source_access *access)
{
	struct url url;
	struct dialer dialer;
	struct error err = {0};
	assert_true(url_parse(text, mem, &url, &err));
	if (!dialer_places(&url, access, mem, &dialer, &err))
		fail_msg("%s", err.text);
	assert_string_equal(dialer.places[0].host, url.host);
	assert_int_equal(dialer.places[0].port, url.port);
	return dialer;
}

static void the_places_are_the_repository_the_proxy_and_the_apps_api(void **state)
{
	static const struct {
		const char *proxy, *host;
		int port;
	} proxies[] = {{"http://p.example.org:3128", "p.example.org", 3128}, {"p", "p", 1080},
		{"https://p/", "p", 443}, {"http://u:p%40w@p.example.org:8080", "p.example.org", 8080},
		{"socks5h://[::1]:9", "::1", 9}, {"socks4://10.0.0.1", "10.0.0.1", 1080}};
	(void)state;
	struct source_access none = {0};
	assert_int_equal(places_of("git@git.example.org:team/db.git", &none).count, 1);
	for (size_t i = 0; i < COUNT_OF(proxies); i++) {
		struct source_access access = {.proxy = proxies[i].proxy};
		struct dialer dialer = places_of("https://git.example.org/db.git", &access);
		assert_int_equal(dialer.count, 2);
		assert_string_equal(dialer.places[1].host, proxies[i].host);
		assert_int_equal(dialer.places[1].port, proxies[i].port);
	}
	struct source_access app = {.app_id = "1", .proxy = "p", .app_key = {(char *)(uintptr_t) "k", 1}};
	struct dialer dialer = places_of("https://github.com/db.git", &app);
	assert_int_equal(dialer.count, 3);
	assert_string_equal(dialer.places[2].host, "api.github.com");
	app.app_api = "https://git.example.org:8443/api/v3";
	assert_int_equal(places_of("https://github.com/db.git", &app).places[2].port, 8443);
}

static void a_proxy_that_names_no_host_is_refused(void **state)
{
	static const char *const proxies[] = {
		"http://", "http://:3128", "http://[::1", "h:0", "h:65536", "h:x"};
	(void)state;
	struct url url;
	struct dialer dialer;
	struct error err = {0};
	assert_true(url_parse("https://h/db", mem, &url, &err));
	for (size_t i = 0; i < COUNT_OF(proxies); i++) {
		struct source_access access = {.proxy = proxies[i]};
		assert_false(dialer_places(&url, &access, mem, &dialer, &err));
		assert_int_equal(err.kind, ERROR_INVALID);
	}
}

static void a_host_that_refuses_or_is_unknown_is_told_by_name(void **state)
{
	(void)state;
	struct error err = {0};
	char text[128];
	int port, fd = listening(&port);
	close(fd); /* nobody listens there now */
	assert_int_equal(connecting_open("127.0.0.1", port, &err), -1);
	snprintf(text, sizeof(text), "Failed to connect to 127.0.0.1 port %d: Connection refused", port);
	assert_string_equal(err.text, text);
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_int_equal(connecting_open("no such host", 80, &err), -1);
	assert_non_null(strstr(err.text, "Could not resolve host: no such host"));
}

/* ---- with the rights of the Git process, and code of somebody else's in it ---- */

#define EXPECT(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			_exit((__LINE__ % 250) + 1);                                                         \
	} while (0)

/* It says so itself: nobody else says "x". */
static void expect_served(int fd)
{
	char byte = 0;
	EXPECT(fd >= 0 && recv(fd, &byte, 1, 0) == 1 && byte == 'x');
	close(fd);
}

static void serve_twice(int server)
{
	for (int i = 0; i < 2; i++) {
		int peer = accept(server, NULL, NULL);
		assert_true(peer >= 0 && send(peer, "x", 1, MSG_NOSIGNAL) == 1);
		close(peer);
	}
}

static void take_over(struct dialer *dialer, int other)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct error err = {0};
	int pair[2];
	int fd = dialer_connect(dialer, 0, &err);
	EXPECT(fd >= 0);
	/* No socket of its own, of whatever kind; none to be listened at; and the one it has leads nowhere else. */
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	EXPECT(socket(AF_INET6, SOCK_STREAM, 0) < 0 && socket(AF_INET, SOCK_DGRAM, 0) < 0);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && socket(AF_NETLINK, SOCK_RAW, 0) < 0);
	EXPECT(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0);
	EXPECT(bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && listen(fd, 1) < 0);
	address.sin_port = htons((uint16_t)other);
	EXPECT(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	expect_served(fd);
	/* Once more to the same place, and to no other. */
	expect_served(dialer_connect(dialer, 0, &err));
	EXPECT(dialer_connect(dialer, 1, &err) < 0);
}

static void the_git_process_reaches_its_repository_and_nothing_else(void **state)
{
	static const char *const nothing[] = {NULL};
	(void)state;
	int status;
	char url[64];
	struct source_access none = {0};
	snprintf(url, sizeof(url), "http://localhost:%d/db.git", ports[0]);
	struct dialer dialer = places_of(url, &none);
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = {0};
		const struct sandbox sandbox = {.what = "test",
			.writable = nothing,
			.connected = true,
			.seconds = 60,
			.file_bytes = 1 << 20};
		EXPECT(dialer_start(&dialer, &none, &err) && dialer.fd >= 0);
		EXPECT(sandbox_enter(&sandbox, &err));
		take_over(&dialer, ports[1]);
		_exit(0);
	}
	serve_twice(servers[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("expectation at line %d (modulo 250) failed, status %x", WEXITSTATUS(status) - 1,
			(unsigned)status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_places_are_the_repository_the_proxy_and_the_apps_api),
		cmocka_unit_test(a_proxy_that_names_no_host_is_refused),
		cmocka_unit_test(a_host_that_refuses_or_is_unknown_is_told_by_name),
		cmocka_unit_test(the_git_process_reaches_its_repository_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
