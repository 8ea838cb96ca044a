/*
 * Whose password is tried when: everybody once in a round, so many in a pass, and what was said stands meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "agent/users/password_looks.h"
#include "base/limits.h"

enum { MANY = 3 * LIMIT_LOGINS_IN_PASS + 1, MINUTE = 60000 };

static const char *name_of(int number)
{
	static char name[16];
	snprintf(name, sizeof(name), "user%d", number);
	return name;
}

/* A pass over this many users, all of whom it finds right; how many it has tried, and each once in `tried`. */
static int pass(struct password_looks *looks, int64_t now, int users, int tried[MANY])
{
	int count = 0;
	const char *why;
	password_looks_begin(looks, now);
	for (int i = 0; i < users; i++) {
		if (password_looks_ask(looks, name_of(i), "1", false, &why) != LOOK_NOW)
			continue;
		password_looks_note(looks, name_of(i), "1", LOOK_RIGHT, "");
		tried[i]++;
		count++;
	}
	return count;
}

static void everybody_has_a_turn_before_anybody_has_two(void **state)
{
	(void)state;
	struct password_looks looks = {0};
	int tried[MANY] = {0};
	for (int i = 0; i < 3; i++) /* the round is older than ten minutes long before it is through */
		assert_int_equal(pass(&looks, i * 9 * MINUTE, MANY, tried), LIMIT_LOGINS_IN_PASS);
	assert_int_equal(pass(&looks, 28 * MINUTE, MANY, tried), 1);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(tried[i], 1);
	assert_int_equal(pass(&looks, 29 * MINUTE, MANY, tried), LIMIT_LOGINS_IN_PASS);
	password_looks_done(&looks);
}

static void a_round_begins_ten_minutes_after_the_last(void **state)
{
	(void)state;
	struct password_looks looks = {0};
	int tried[MANY] = {0};
	assert_int_equal(pass(&looks, 0, 2, tried), 2);
	assert_int_equal(pass(&looks, 10 * MINUTE - 1, 2, tried), 0);
	assert_int_equal(pass(&looks, 10 * MINUTE, 2, tried), 2);
	/* Whoever is not there any more is forgotten a round later. */
	assert_int_equal(pass(&looks, 20 * MINUTE, 1, tried), 1);
	assert_int_equal(pass(&looks, 30 * MINUTE, 1, tried), 1);
	assert_int_equal(looks.count, 1);
	password_looks_done(&looks);
}

static void what_was_said_stands_until_the_version_is_another_or_a_person_asks(void **state)
{
	(void)state;
	struct password_looks looks = {0};
	const char *why = "";
	password_looks_begin(&looks, 0);
	assert_int_equal(password_looks_ask(&looks, "alice", "1", false, &why), LOOK_NOW);
	password_looks_note(&looks, "alice", "1", LOOK_UNKNOWN, "53300: too many");
	assert_int_equal(password_looks_ask(&looks, "alice", "1", false, &why), LOOK_UNKNOWN);
	assert_string_equal(why, "53300: too many");
	assert_int_equal(password_looks_ask(&looks, "alice", "1", true, &why), LOOK_NOW);
	assert_int_equal(password_looks_ask(&looks, "alice", "2", false, &why), LOOK_NOW);
	password_looks_note(&looks, "alice", "2", LOOK_WRONG, "");
	password_looks_stop(&looks);
	assert_int_equal(password_looks_ask(&looks, "alice", "2", true, &why), LOOK_WRONG);
	assert_int_equal(password_looks_ask(&looks, "alice", "3", false, &why), LOOK_LATER);
	assert_int_equal(password_looks_ask(&looks, "bob", "1", false, &why), LOOK_LATER);
	password_looks_done(&looks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_has_a_turn_before_anybody_has_two),
		cmocka_unit_test(a_round_begins_ten_minutes_after_the_last),
		cmocka_unit_test(what_was_said_stands_until_the_version_is_another_or_a_person_asks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
