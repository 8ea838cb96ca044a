#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"

static const char *names[] = {"a", "b", "c", "d"};

static struct user entry(
	const char *name, int line, const char **database, const char **roles, size_t role_count)
{
	return (struct user){.name = name,
		.line = line,
		.databases = database,
		.database_count = database ? 1 : 0,
		.roles = roles,
		.role_count = role_count};
}

struct result {
	struct arena *mem;
	struct users users;
	struct mistakes mistakes;
};

static void merge(struct result *result, struct user *entries, size_t count)
{
	result->mem = arena_new(16 << 20);
	result->mistakes = (struct mistakes){.mem = result->mem};
	users_merge("u.yaml", entries, count, result->mem, &result->users, &result->mistakes);
	users_check("u.yaml", &result->users, result->mem, &result->mistakes);
}

static void test_entries_of_one_name_become_one_user(void **state)
{
	(void)state;
	struct result result;
	const char *one[] = {"one"}, *two[] = {"two"}, *x[] = {"x", "y"}, *y[] = {"y"};
	struct user entries[] = {
		entry("u", 9, two, y, 1), entry("t", 5, one, NULL, 0), entry("u", 2, one, x, 2)};
	merge(&result, entries, 3);
	assert_int_equal(result.mistakes.count, 0);
	assert_int_equal(result.users.count, 2);
	const struct user *user = users_find(&result.users, "u");
	assert_int_equal(user->line, 2);
	assert_int_equal(user->database_count, 2);
	assert_string_equal(user->databases[1], "two");
	assert_int_equal(user->role_count, 2);
	assert_null(users_find(&result.users, "v"));
	arena_free(result.mem);
}

static void test_entries_that_contradict_are_mistakes(void **state)
{
	(void)state;
	struct result result;
	const char *one[] = {"one"}, *two[] = {"two"};
	struct user twice[] = {entry("u", 2, one, NULL, 0), entry("u", 7, one, NULL, 0)};
	merge(&result, twice, 2);
	assert_non_null(
		strstr(result.mistakes.items[0].text, "listed twice for the same database (line 2 too)"));
	assert_int_equal(result.mistakes.items[0].line, 7);
	arena_free(result.mem);
	struct user both[] = {entry("u", 2, one, NULL, 0), entry("u", 7, two, NULL, 0)};
	both[1].ensure = USER_ABSENT;
	merge(&result, both, 2);
	assert_non_null(strstr(result.mistakes.items[0].text, "absent in one entry and present in another"));
	arena_free(result.mem);
}

static void test_users_that_share_a_secret_are_mistakes(void **state)
{
	(void)state;
	struct result result;
	struct user entries[] = {entry("a_b", 1, NULL, NULL, 0), entry("a-b", 2, NULL, NULL, 0),
		entry("a.b", 3, NULL, NULL, 0)};
	merge(&result, entries, 3);
	assert_int_equal(result.mistakes.count, 1);
	assert_non_null(strstr(result.mistakes.items[0].text, "user-a-b-secret"));
	arena_free(result.mem);
}

static void test_circles_are_found_and_diamonds_are_none(void **state)
{
	(void)state;
	struct result result;
	const char *bc[] = {"b", "c"}, *d[] = {"d"}, *a[] = {"a"};
	struct user diamond[] = {entry("a", 1, NULL, bc, 2), entry("b", 2, NULL, d, 1),
		entry("c", 3, NULL, d, 1), entry("d", 4, NULL, NULL, 0)};
	merge(&result, diamond, 4);
	assert_int_equal(result.mistakes.count, 0);
	arena_free(result.mem);
	struct user circle[] = {entry("a", 1, NULL, bc, 2), entry("b", 2, NULL, d, 1),
		entry("c", 3, NULL, d, 1), entry("d", 4, NULL, a, 1)};
	merge(&result, circle, 4);
	assert_int_equal(result.mistakes.count, 1);
	assert_non_null(strstr(result.mistakes.items[0].text, "break the circle"));
	arena_free(result.mem);
}

/* A chain as long as the longest list: no recursion, no quadratic walk. */
static void test_a_long_chain_is_walked(void **state)
{
	(void)state;
	enum { LONG = 20000 };
	struct result result;
	struct arena *mem = arena_new(64 << 20);
	struct user *entries = arena_array(mem, LONG, sizeof(*entries));
	for (int i = 0; i < LONG; i++) {
		const char **role = arena_alloc(mem, sizeof(*role));
		*role = arena_printf(mem, "u%05d", i + 1);
		entries[i] = entry(arena_printf(mem, "u%05d", i), i, NULL, role, 1);
	}
	merge(&result, entries, LONG);
	assert_int_equal(result.mistakes.count, 0);
	assert_int_equal(result.users.count, LONG);
	arena_free(result.mem);
	arena_free(mem);
}

static void test_nobody_has_a_role_that_is_to_be_absent(void **state)
{
	(void)state;
	struct result result;
	struct user entries[] = {entry("a", 1, NULL, &names[1], 1), entry("b", 2, NULL, NULL, 0)};
	entries[1].ensure = USER_ABSENT;
	merge(&result, entries, 2);
	assert_non_null(strstr(result.mistakes.items[0].text, "which is to be absent (line 2)"));
	arena_free(result.mem);
}

static void test_names_the_operators_rotation_would_drop_are_refused(void **state)
{
	(void)state;
	struct roles_policy none = {0};
	struct arena *mem = arena_new(1 << 20);
	assert_non_null(user_name_problem(&none, "foo_user_260101", mem));
	assert_non_null(user_name_problem(&none, "123456", mem));
	assert_non_null(user_name_problem(&none, "x20260101", mem));
	assert_null(user_name_problem(&none, "foo12345", mem));
	assert_null(user_name_problem(&none, "123456x", mem));
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_of_one_name_become_one_user),
		cmocka_unit_test(test_entries_that_contradict_are_mistakes),
		cmocka_unit_test(test_users_that_share_a_secret_are_mistakes),
		cmocka_unit_test(test_circles_are_found_and_diamonds_are_none),
		cmocka_unit_test(test_a_long_chain_is_walked),
		cmocka_unit_test(test_nobody_has_a_role_that_is_to_be_absent),
		cmocka_unit_test(test_names_the_operators_rotation_would_drop_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
