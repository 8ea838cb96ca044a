/* Whose store was away when it was asked for the cluster, and for how long that is held against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "reconcile/patroni/unheard.h"

static void who_gave_no_answer_is_known_until_it_has_heard_more(void **state)
{
	(void)state;
	assert_false(unheard_is("http://a", 100));
	unheard_note("http://a", 100);
	assert_true(unheard_is("http://a", 100));
	assert_false(unheard_is("http://b", 100));
	assert_false(unheard_is("http://a", 101));
	unheard_note("http://a", 101);
	assert_true(unheard_is("http://a", 101));
	assert_false(unheard_is("http://a", 100));
}

static void who_does_not_say_what_it_heard_is_asked_again(void **state)
{
	(void)state;
	unheard_note("http://c", 0);
	assert_false(unheard_is("http://c", 0));
}

static void the_latest_are_known(void **state)
{
	(void)state;
	char url[32];
	for (int i = 0; i < 300; i++) {
		snprintf(url, sizeof(url), "http://many-%d", i);
		unheard_note(url, 7);
	}
	assert_true(unheard_is("http://many-299", 7));
	assert_true(unheard_is("http://many-44", 7));
	assert_false(unheard_is("http://many-43", 7));
	assert_false(unheard_is("http://a", 101));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gave_no_answer_is_known_until_it_has_heard_more),
		cmocka_unit_test(who_does_not_say_what_it_heard_is_asked_again),
		cmocka_unit_test(the_latest_are_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
