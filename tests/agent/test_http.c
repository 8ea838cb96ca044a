#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/file.h"
#include "base/text.h"

static enum error_kind start_fails(const char *listen, const char *path, const char *token)
{
	struct error err = {0};
	struct http *http = NULL;
	struct http_options options = {listen, path, folder, token, &webhook_secrets, NULL};
	if (http_start(&options, &test_agent, &http, &err)) {
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
	assert_int_equal(start_fails(NULL, NULL, folder), ERROR_RETRY); /* it is there and cannot be read */
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
	struct http *http = start_server(NULL, path, NULL);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_string_equal(http_address(http), "");
	http_stop(http);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_stop_does_not_wait_for_its_guests(void **state)
{
	(void)state;
	struct http *http = start_server("[::1]:0", NULL, NULL);
	assert_true(text_starts(http_address(http), "[::1]:"));
	http_stop(http);
	http = start_server("127.0.0.1:0", NULL, NULL);
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
		cmocka_unit_test(a_start_that_cannot_serve_says_why),
		cmocka_unit_test(a_socket_left_behind_is_replaced_and_private),
		cmocka_unit_test(a_stop_does_not_wait_for_its_guests),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
