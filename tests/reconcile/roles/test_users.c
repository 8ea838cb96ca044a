#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "reconcile/roles/users.h"

static const struct roles_policy no_policy;

struct reading {
	struct arena *mem;
	struct users users;
	struct mistakes mistakes;
};

static void read_at(struct reading *reading, int line, int indent, const char *text, size_t length)
{
	reading->mem = arena_new(64 << 20);
	reading->mistakes = (struct mistakes){.mem = reading->mem};
	const struct users_place place = {"users.yaml", line, indent};
	users_read(&place, text, length, "postgres", &no_policy, reading->mem, &reading->users,
		&reading->mistakes);
}

static void reading_done(struct reading *reading)
{
	arena_free(reading->mem);
}

/* The text is a mistake at this place with these words in it, and names nobody. */
static void assert_mistake(const char *text, const char *place, const char *words)
{
	struct reading reading;
	read_at(&reading, 1, 0, text, strlen(text));
	assert_int_equal(reading.users.count, 0);
	assert_true(reading.mistakes.count > 0);
	const char *said = mistake_text(&reading.mistakes.items[0], reading.mem);
	if (!strstr(said, words) || strncmp(said, place, strlen(place)) != 0)
		fail_msg("%s: wanted %s ... %s", said, place, words);
	reading_done(&reading);
}

static void test_the_predecessors_format_is_read_unchanged(void **state)
{
	(void)state;
	struct reading reading;
	const char *text = "users:\n"
			   "  - username: bob_b\n"
			   "    database: app\n"
			   "    roles:\n"
			   "      - writer\n"
			   "      - reader\n"
			   "      - writer\n"
			   "    privileges: {}\n"
			   "  - {username: alice, ensure: absent}\n"
			   "timestamp: \"2026-01-02\"\n";
	read_at(&reading, 1, 0, text, strlen(text));
	assert_int_equal(reading.mistakes.count, 0);
	assert_int_equal(reading.users.count, 2);
	const struct user *alice = &reading.users.items[0], *bob = &reading.users.items[1];
	assert_string_equal(alice->name, "alice");
	assert_int_equal(alice->ensure, USER_ABSENT);
	assert_string_equal(alice->databases[0], "postgres");
	assert_string_equal(bob->name, "bob_b");
	assert_int_equal(bob->line, 2);
	assert_string_equal(bob->databases[0], "app");
	assert_int_equal(bob->role_count, 2);
	assert_string_equal(bob->roles[0], "reader");
	assert_string_equal(bob->password.secret, "user-bob-b-secret");
	reading_done(&reading);
}

static void test_json_is_read_too(void **state)
{
	(void)state;
	struct reading reading;
	const char *text = "{\"users\": [{\"username\": \"alice\", \"roles\": []}]}";
	read_at(&reading, 1, 0, text, strlen(text));
	assert_int_equal(reading.users.count, 1);
	reading_done(&reading);
}

static void test_an_empty_list_is_read_and_is_no_mistake(void **state)
{
	(void)state;
	struct reading reading;
	read_at(&reading, 1, 0, "users: []\n", 10);
	assert_int_equal(reading.mistakes.count, 0);
	assert_int_equal(reading.users.count, 0);
	reading_done(&reading);
}

static void test_lines_are_those_of_the_file_around_the_text(void **state)
{
	(void)state;
	struct reading reading;
	const char *text = "users:\n- username: alice\n- username: 7\n";
	read_at(&reading, 10, 4, text, strlen(text));
	assert_int_equal(reading.mistakes.count, 1);
	assert_int_equal(reading.mistakes.items[0].line, 12);
	assert_int_equal(reading.mistakes.items[0].column, 17);
	reading_done(&reading);
	read_at(&reading, 10, -1, text, strlen(text));
	assert_int_equal(reading.mistakes.items[0].line, 12);
	assert_int_equal(reading.mistakes.items[0].column, 0);
	reading_done(&reading);
	read_at(&reading, 10, 2, "users: [\n", 9);
	assert_true(reading.mistakes.items[0].line >= 10);
	reading_done(&reading);
}

static void test_every_mistake_is_reported_at_once(void **state)
{
	(void)state;
	struct reading reading;
	const char *text =
		"users:\n- username: postgres\n- roles: [x]\n- username: a\n  pasword: x\n- 7\nother: 1\n";
	read_at(&reading, 1, 0, text, strlen(text));
	assert_int_equal(reading.mistakes.count, 5);
	reading_done(&reading);
}

static void test_what_is_not_a_list_of_users_is_a_mistake(void **state)
{
	(void)state;
	assert_mistake("", "users.yaml:1", "empty");
	assert_mistake("# only a comment\n", "users.yaml:1", "empty");
	assert_mistake("text", "users.yaml:1:1", "map");
	assert_mistake("[]", "users.yaml:1:1", "map");
	assert_mistake("timestamp: 1\n", "users.yaml:1", "users is missing");
	assert_mistake("users:\n", "users.yaml:1", "must be a list");
	assert_mistake("users: {}\n", "users.yaml:1:8", "must be a list");
	assert_mistake("users: []\n---\nusers: []\n", "users.yaml:3", "more than one document");
	assert_mistake("users: []\nusers: []\n", "users.yaml:2", "users");
	assert_mistake("users: [\n", "users.yaml:", "");
	assert_mistake("users: []\ndefault: {}\n", "users.yaml:2:1", "did you mean defaults?");
}

static void test_what_is_not_an_entry_is_a_mistake(void **state)
{
	(void)state;
	assert_mistake("users: [alice]\n", "users.yaml:1:9", "must be a map");
	assert_mistake("users:\n- {database: app}\n", "users.yaml:2:3", "no username");
	assert_mistake("users:\n- {username: }\n", "users.yaml:2", "must be a string");
	assert_mistake("users:\n- {username: 123}\n", "users.yaml:2:14", "write it in quotes");
	assert_mistake("users:\n- {username: true}\n", "users.yaml:2:14", "write it in quotes");
	assert_mistake("users:\n- {username: [a]}\n", "users.yaml:2:14", "must be a string");
	assert_mistake(
		"users:\n- {username: a, database: 5}\n", "users.yaml:2:27", "database must be a string");
	assert_mistake("users:\n- {username: a, database: \"\"}\n", "users.yaml:2:27", "is empty");
	assert_mistake("users:\n- {username: a, roles: b}\n", "users.yaml:2:24",
		"must be a list, as in roles: [readers]");
	assert_mistake("users:\n- {username: a, databse: b}\n", "users.yaml:2:17",
		"unknown key \"databse\": did you mean database?");
	assert_mistake("users:\n- {username: a, roles: [1]}\n", "users.yaml:2:25", "role must be a string");
	assert_mistake("users:\n- {username: a, roles: [a]}\n", "users.yaml:2:25", "member of itself");
	assert_mistake("users:\n- {username: a, roles: [postgres]}\n", "users.yaml:2:25", "cannot be granted");
	assert_mistake(
		"users:\n- {username: a, ensure: locked}\n", "users.yaml:2:25", "locked needs version: 2");
	assert_mistake("users:\n- {username: a, ensure: gone}\n", "users.yaml:2:25", "locked or absent");
	assert_mistake("users:\n- {username: a, superuser: true}\n", "users.yaml:2:17",
		"unknown key \"superuser\": known are username, ");
	assert_mistake("users:\n- {username: a, password: p}\n", "users.yaml:2:17", "does not belong in Git");
	assert_mistake(
		"users:\n- {username: a, privileges: {t: [SELECT]}}\n", "users.yaml:2:29", "not supported");
}

static void test_names_that_postgresql_would_change_are_mistakes(void **state)
{
	(void)state;
	assert_mistake("users:\n- username: \"\"\n", "users.yaml:2:13", "is empty");
	assert_mistake("users:\n- username: \"a\\0b\"\n", "users.yaml:2", "");
	assert_mistake("users:\n- username: \"a\\nb\"\n", "users.yaml:2:13", "control character");
	assert_mistake("users:\n- username: \"a\\x7f\"\n", "users.yaml:2:13", "control character");
	assert_mistake("users:\n- username: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
		"users.yaml:2:13", "longer than 63 bytes");
	assert_mistake("users:\n- username: pg_x\n", "users.yaml:2:13", "cannot be a user or group here");
	assert_mistake("users:\n- username: a\xff\n", "users.yaml", "");
}

static void test_too_many_users_are_refused(void **state)
{
	(void)state;
	struct reading reading;
	struct buf text = BUF(8 << 20);
	buf_text(&text, "users:\n");
	for (int i = 0; i <= LIMIT_USERS; i++)
		buf_text(&text, "- a\n");
	read_at(&reading, 1, 0, buf_string(&text), text.length);
	assert_int_equal(reading.mistakes.count, 1);
	assert_non_null(strstr(reading.mistakes.items[0].text, "at most 20000"));
	reading_done(&reading);
	buf_done(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_predecessors_format_is_read_unchanged),
		cmocka_unit_test(test_json_is_read_too),
		cmocka_unit_test(test_an_empty_list_is_read_and_is_no_mistake),
		cmocka_unit_test(test_lines_are_those_of_the_file_around_the_text),
		cmocka_unit_test(test_every_mistake_is_reported_at_once),
		cmocka_unit_test(test_what_is_not_a_list_of_users_is_a_mistake),
		cmocka_unit_test(test_what_is_not_an_entry_is_a_mistake),
		cmocka_unit_test(test_names_that_postgresql_would_change_are_mistakes),
		cmocka_unit_test(test_too_many_users_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
