/* The edit file: what is read, what is refused, and that what goes into Git is the same text without passwords. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "reconcile/sealed/edit_users.h"

static struct arena *mem;
static struct mistakes mistakes;

static int setup(void **state)
{
	(void)state;
	mem = arena_new(1 << 22);
	mistakes = (struct mistakes){.mem = mem};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static void assert_public(const char *edit, const char *expected)
{
	CLEANUP(edit_users_done) struct edit_users users = {0};
	CLEANUP(buf_done) struct buf out = BUF(1 << 20);
	struct error err;
	struct edit_users_bare bare = {0};
	if (!edit_users_read("edit-users.yaml", edit, strlen(edit), NULL, &users, &mistakes))
		fail_msg("%s", mistake_text(&mistakes.items[0], mem));
	if (!edit_users_public(&users, &out, &bare, &err))
		fail_msg("%s", err.text);
	assert_string_equal(buf_string(&out), expected);
	assert_false(bare.is_known);
	struct edit_users_bare again = {.known = &bare.read};
	assert_true(edit_users_public(&users, &out, &again, &err));
	assert_true(again.is_known);
	assert_null(again.read.mem);
	edit_users_done(&bare.read);
}

static void assert_mistake(const char *edit, const char *says)
{
	struct edit_users users = {0};
	mistakes.count = 0;
	assert_false(edit_users_read("edit-users.yaml", edit, strlen(edit), NULL, &users, &mistakes));
	assert_true(mistakes.count > 0);
	const char *text = mistake_text(&mistakes.items[0], mem);
	if (!strstr(text, says))
		fail_msg("\"%s\" does not say \"%s\"", text, says);
	assert_null(strstr(text, "hunter2"));
}

static void the_predecessors_file_becomes_its_users_file(void **state)
{
	(void)state;
	assert_public(
		"apiVersion: v1\ndata:\n  users.yaml: |\n    users:\n      - username: demo_user\n        database: postgres\n"
		"        password: pass0\n        roles:\n          - test_role\nkind: ConfigMap\nmetadata:\n"
		"  name: postgres-users-config\n  namespace: postgres\n",
		"apiVersion: v1\ndata:\n  users.yaml: |\n    users:\n      - username: demo_user\n        database: postgres\n"
		"        roles:\n          - test_role\nkind: ConfigMap\nmetadata:\n"
		"  name: postgres-users-config\n  namespace: postgres\n");
}

static void users_are_read_with_the_names_of_their_secrets(void **state)
{
	static const char edit[] =
		"kind: ConfigMap\nmetadata: {namespace: team}\ndata:\n  users.yaml: |\n    users:\n"
		"    - username: a_b\n      password: 'x y'\n    - {username: c, database: d}\n";
	CLEANUP(edit_users_done) struct edit_users users = {0};
	(void)state;
	assert_true(edit_users_read("e.yaml", edit, strlen(edit), NULL, &users, &mistakes));
	assert_int_equal(users.count, 2);
	assert_string_equal(users.namespace, "team");
	assert_string_equal(users.items[0].secret, "user-a-b-secret");
	assert_string_equal(users.items[0].password, "x y");
	assert_int_equal(users.items[0].line, 6);
	assert_null(users.items[1].password);
	assert_int_equal(users.items[1].line, 8);
	assert_true(edit_users_has_password(&users));
}

static void comments_order_and_layout_stay(void **state)
{
	(void)state;
	assert_public(
		"# the team's users\nversion: 2   # new\nusers:\n\n  # first\n  - username: zoe # on call\n    password: a1b2c3\n"
		"    # her roles\n    roles: [read]\n  - username: \"bob\"\n    roles: []\n    password: \"x: y # z\"   # rotate\n\n"
		"  # last\n  - username: amy\n",
		"# the team's users\nversion: 2   # new\nusers:\n\n  # first\n  - username: zoe # on call\n"
		"    # her roles\n    roles: [read]\n  - username: \"bob\"\n    roles: []\n\n"
		"  # last\n  - username: amy\n");
}

static void every_layout_of_a_password_is_taken_out(void **state)
{
	static const struct {
		const char *edit, *expected;
	} cases[] = {
		{"users:\n- password: x1\n  username: a\n", "users:\n- username: a\n"},
		{"users:\n-   password: x1\n    username: a\n- username: b\n",
			"users:\n-   username: a\n- username: b\n"},
		{"users:\n- {username: a, password: x1}\n", "users:\n- {username: a}\n"},
		{"users:\n- {password: x1, username: a}\n", "users:\n- {username: a}\n"},
		{"users:\n- {username: a, password: 'it''s, {x}', roles: [r]}\n",
			"users:\n- {username: a, roles: [r]}\n"},
		{"users: [{username: a, password: \"q\\\"}\"}, {username: b, password: y1}]\n",
			"users: [{username: a}, {username: b}]\n"},
		{"users:\n- username: a\n  password: >-\n    folded\n  roles: [r]\n",
			"users:\n- username: a\n  roles: [r]\n"},
		{"users:\n- username: a\n  'password': x1\n", "users:\n- username: a\n"},
		{"users:\n- username: a\n  password: one\n    two\n", "users:\n- username: a\n"},
		{"users:\n- username: \xc3\xa4\xc3\xb6\n  password: \xc3\xbcml\xc3\xa4ut\n", NULL},
		{"users:\r\n- username: a\r\n  password: x1\r\n  roles: [r]\r\n",
			"users:\r\n- username: a\r\n  roles: [r]\r\n"},
		{"users:\n- username: a\n  password: {secretRef: {name: other}}\n",
			"users:\n- username: a\n  password: {secretRef: {name: other}}\n"},
		{"users: []\n", "users: []\n"},
		{"users:\n", "users:\n"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (cases[i].expected)
			assert_public(cases[i].edit, cases[i].expected);
}

static void a_quoted_text_in_the_config_map_becomes_a_block(void **state)
{
	(void)state;
	assert_public("kind: ConfigMap\ndata:\n  users.yaml: \"users:\\n- password: x1\\n  username: a\\n\"\n",
		"data:\n  users.yaml: |\n    users:\n    - username: a\nkind: ConfigMap\n");
}

static void comments_that_tell_a_password_do_not_go_into_git(void **state)
{
	(void)state;
	assert_public(
		"# old password was hunter2\nusers:\n- username: a # hunter3-tail\n  password: hunter3\n  # PWD: hunter4\n"
		"  roles: [r] # keep\n",
		"users:\n- username: a\n  roles: [r] # keep\n");
}

static void what_could_hold_a_password_under_another_name_is_refused(void **state)
{
	static const char *const keys[] = {"Password", "old_password", "passwd", "pass", "note"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		char *edit = memory_printf("users:\n- username: a\n  %s: hunter2\n", keys[i]);
		assert_mistake(edit, "edit-users.yaml:3: unknown field");
		free(edit);
	}
	assert_mistake("users: []\nadmin: hunter2\n", "unknown field \"admin\"");
}

static void bad_users_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_mistake("users:\n- username: a_b\n- username: a-b\n",
		"edit-users.yaml:3: users \"a_b\" (line 2) and \"a-b\" would share");
	assert_mistake("users:\n- username: Alice\n", "cannot be the name of a Secret");
	assert_mistake("users:\n- username: a\n  password: 12345\n", "put it in quotes");
	assert_mistake("users:\n- username: a\n  password: true\n", "put it in quotes");
	assert_mistake("users:\n- username: a\n  password: ''\n", "is empty");
	assert_mistake("users:\n- username: a\n  password: \"hunter2\\n\"\n", "line break");
	assert_mistake("users:\n- username: a\n  password: \"hunter2\\0\"\n", "NUL");
	assert_mistake("users:\n- password: hunter2\n", "without \"username\"");
	assert_mistake("users:\n- username: 12\n", "without \"username\"");
	assert_mistake("users:\n- a\n", "a user is a map");
	assert_mistake("users: {a: b}\n", "not a list");
	assert_mistake("people: []\n", "no \"users\" list");
	assert_mistake("a: [\n", "edit-users.yaml:");
	assert_mistake("", "expected one document");
	assert_mistake("users: []\n---\nusers: []\n", "expected one document");
	assert_mistake("kind: ConfigMap\ndata: {}\n", "without data.\"users.yaml\"");
	assert_mistake("kind: ConfigMap\ndata:\n  users.yaml: |\n    users:\n    - username: a\n      x: y\n",
		"edit-users.yaml:6:");
	assert_mistake(
		"users:\n- {username: a, database: x, password: one1}\n- {username: a, database: y, password: two2}\n",
		"edit-users.yaml:3: user \"a\" stands in line 2 with another password");
}

static void one_user_in_two_databases_is_one_secret(void **state)
{
	static const char edit[] =
		"users:\n- {username: a, database: x}\n- {username: a, database: y, password: one1}\n";
	CLEANUP(edit_users_done) struct edit_users users = {0};
	(void)state;
	assert_true(edit_users_read("e.yaml", edit, strlen(edit), NULL, &users, &mistakes));
	assert_int_equal(users.count, 1);
	assert_string_equal(users.items[0].password, "one1");
}

static void version_2_names_its_secrets_itself(void **state)
{
	static const char edit[] =
		"version: 2\ndefaults:\n  passwordSecret: {namespace: db, nameTemplate: 'pg-{name}', key: pw}\n"
		"users:\n- username: a_b\n  password: x1x1\n- username: c\n  password: {secretRef: {name: theirs}}\n"
		"- {username: d, ensure: absent}\n";
	CLEANUP(edit_users_done) struct edit_users users = {0};
	(void)state;
	assert_true(edit_users_read("e.yaml", edit, strlen(edit), NULL, &users, &mistakes));
	assert_string_equal(users.namespace, "db");
	assert_string_equal(users.item, "pw");
	assert_string_equal(users.items[0].secret, "pg-a-b");
	assert_string_equal(users.items[1].secret, "theirs");
	assert_false(users.items[1].sealed);
	assert_false(users.items[2].sealed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_predecessors_file_becomes_its_users_file),
		TEST(users_are_read_with_the_names_of_their_secrets),
		TEST(comments_order_and_layout_stay),
		TEST(every_layout_of_a_password_is_taken_out),
		TEST(a_quoted_text_in_the_config_map_becomes_a_block),
		TEST(comments_that_tell_a_password_do_not_go_into_git),
		TEST(what_could_hold_a_password_under_another_name_is_refused),
		TEST(bad_users_are_refused_with_their_line),
		TEST(one_user_in_two_databases_is_one_secret),
		TEST(version_2_names_its_secrets_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
