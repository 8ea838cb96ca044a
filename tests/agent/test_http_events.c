#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <unistd.h>

#include <cmocka.h>

#include "tests/agent/http_fixture.h"

#include "base/clock.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_hear_of_a_change_of_the_store),
		cmocka_unit_test(only_so_many_may_listen),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
