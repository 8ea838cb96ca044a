/* Passwords put into the edit file: in every layout of an entry, and nothing else changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "reconcile/sealed/users_password.h"

/* The edit file `text` with the password "NEW" for bob; the caller frees it. NULL when it is refused. */
static char *given_to_bob(const char *text)
{
	const struct edit_user bob = {.name = "bob", .password = "NEW", .password_length = 3};
	struct arena *mem = arena_new(1 << 20);
	struct mistakes mistakes = {.mem = mem};
	struct edit_users users = {0};
	struct buf out = BUF(1 << 20);
	struct error err;
	assert_true(edit_users_read("edit-users.yaml", text, strlen(text), NULL, &users, &mistakes));
	if (!edit_users_give(&users, &bob, 1, &out, &err)) {
		assert_int_equal(err.kind, ERROR_INVALID);
		assert_null(strstr(err.text, "NEW"));
	}
	edit_users_done(&users);
	arena_free(mem);
	return out.data;
}

static void the_password_stands_behind_the_name_and_nothing_else_changes(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"version: 2\nusers:\n- username: bob # b\n  roles: [a]\n",
			"version: 2\nusers:\n- username: bob # b\n  password: NEW\n  roles: [a]\n"},
		{"version: 2\nusers:\n    - roles: [a]\n      username: bob\n# end\n",
			"version: 2\nusers:\n    - roles: [a]\n      username: bob\n      password: NEW\n# end\n"},
		{"version: 2\nusers:\n- {username: bob, roles: [a]}\n- {username: al, password: x}\n",
			"version: 2\nusers:\n- {password: NEW, username: bob, roles: [a]}\n- {username: al, password: x}\n"},
		{"version: 2\nusers:\n- username: bob\n  password:\n  roles: [a]\n",
			"version: 2\nusers:\n- username: bob\n  password: NEW\n  roles: [a]\n"},
		{"version: 2\nusers:\n- password: null\n  username: bob\n",
			"version: 2\nusers:\n- username: bob\n  password: NEW\n"},
		{"version: 2\nusers:\n- username: bob",
			"version: 2\nusers:\n- username: bob\n  password: NEW\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *after = given_to_bob(cases[i].before);
		assert_non_null(after);
		assert_string_equal(after, cases[i].after);
		free(after);
	}
}

static void whoever_has_one_is_not_given_another(void **state)
{
	(void)state;
	assert_null(given_to_bob("version: 2\nusers:\n- username: bob\n  password: old-one\n"));
	assert_null(given_to_bob("version: 2\nusers:\n- username: bob\n  password: {disabled: true}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_password_stands_behind_the_name_and_nothing_else_changes),
		cmocka_unit_test(whoever_has_one_is_not_given_another),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
