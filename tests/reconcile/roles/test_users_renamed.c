/*
 * renamedFrom in users.yaml: what of it cannot be meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "reconcile/roles/users_check.h"
#include "tests/reconcile/roles/fixture.h"

static const struct roles_policy policy = {
	.protected_roles = (const char *[]){"root_*"},
	.protected_count = 1,
};

static void read_users(struct reading *reading, const char *list)
{
	char text[4096];
	assert_in_range(snprintf(text, sizeof(text), "version: 2\n%s\n", list), 0, sizeof(text) - 1);
	read_text(reading, text, "postgres", &policy);
}

static void who_was_called_what_is_known(void **state)
{
	struct reading reading;
	(void)state;
	read_users(&reading,
		"users: [{username: b, renamedFrom: x_1}, {username: a, renamedFrom: yy}, {username: c, ensure: absent, "
		"renamedFrom: z}, {username: x-1}, {username: d, ensure: locked, renamedFrom: w}]");
	assert_int_equal(reading.mistakes.count, 0);
	assert_string_equal(users_former(&reading.users, "x_1")->name, "b");
	assert_string_equal(users_former(&reading.users, "w")->name, "d");
	assert_null(users_former(&reading.users, "b"));
	assert_null(users_former(&reading.users, "z")); /* who is to be absent is not renamed before */
	assert_string_equal(users_former(&reading.users, "yy")->fields.former_secret, "user-yy-secret");
	assert_null(users_former(&reading.users, "x_1")->fields.former_secret); /* that of x-1 */
	arena_free(reading.mem);
}

static const struct {
	const char *list, *place, *words;
} mistaken[] = {
	{"users: [{username: a, renamedFrom: a}]", "users.yaml:2:36", "is its own name"},
	{"users: [{username: a, renamedFrom: 7}]", "users.yaml:2:36", "write it in quotes"},
	{"users: [{username: a, renamedFrom: \"\"}]", "users.yaml:2:36", "is empty"},
	{"users: [{username: a, renamedFrom: postgres}]", "users.yaml:2:36", "cannot be renamed"},
	{"users: [{username: a, renamedFrom: root_1}]", "users.yaml:2:36", "the agent's policy"},
	{"users: [{username: a, renamedFrom: b}, {username: b, renamedFrom: a}]", "users.yaml:2:67",
		"\"a\", which is listed as a user itself"},
	{"users: [{username: c, renamedFrom: b}, {username: b, renamedFrom: a}]", "users.yaml:2:36",
		"\"b\", which is listed as a user itself"},
	{"users: [{username: c, renamedFrom: b}, {username: b, ensure: absent}]", "users.yaml:2:36",
		"listed as a user itself"},
	{"users: [{username: a, renamedFrom: x}, {username: b, renamedFrom: x}]", "users.yaml:2:67",
		"both renamed from \"x\""},
	{"groups: [{name: g}]\nusers: [{username: a, renamedFrom: g}]", "users.yaml:3:36", "listed as a group"},
	{"users: [{username: a, renamedFrom: x}, {username: b, roles: [x]}]", "users.yaml:2",
		"renamed to \"a\" (line 2): list it by that name"},
	{"users: [{username: a, database: d, renamedFrom: x}, {username: a, database: e, renamedFrom: x}]",
		"users.yaml:2", "renamedFrom of user \"a\" stands in another entry"},
};

static void each_mistake_is_told_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(mistaken); i++) {
		struct reading reading;
		read_users(&reading, mistaken[i].list);
		const char *said = reading.mistakes.count
			? mistake_text(&reading.mistakes.items[0], reading.mem)
			: "no mistake";
		if (!strstr(said, mistaken[i].words) ||
			strncmp(said, mistaken[i].place, strlen(mistaken[i].place)) != 0)
			fail_msg("%s: \"%s\"", mistaken[i].list, said);
		assert_int_equal(reading.users.count, 0);
		arena_free(reading.mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_was_called_what_is_known),
		cmocka_unit_test(each_mistake_is_told_at_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
