#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/hook/layout.h"

static struct arena *mem;

static int set_up(void **state)
{
	(void)state;
	mem = arena_new((size_t)16 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

/* The edit file as it was understood, NULL = refused with one mistake. */
static const char *edit_of(const char *written)
{
	struct mistakes mistakes = {.mem = mem};
	struct layout layout = {0};
	char text[512];
	int length = snprintf(text, sizeof(text), "version: 1\nsealing: {users: [{edit: %s}]}\n", written);
	if (layout_parse(text, (size_t)length, mem, &layout, &mistakes))
		return layout.users[0].edit;
	if (!strstr(mistakes.items[0].text, "stays inside it and outside of .git"))
		fail_msg("%s: %s", written, mistakes.items[0].text);
	assert_int_equal(mistakes.items[0].line, 2);
	return NULL;
}

static void a_path_is_what_git_calls_it(void **state)
{
	(void)state;
	assert_string_equal(edit_of("edit-users.yaml"), "edit-users.yaml");
	assert_string_equal(edit_of("./team//edit-users.yaml"), "team/edit-users.yaml");
	assert_string_equal(edit_of("././a/./b"), "a/b");
	assert_string_equal(edit_of(".github/..users/.gitlab"), ".github/..users/.gitlab");
}

/* Whoever may push could else have a colleague's `seal users` write a hook or Git's own settings. */
static void a_path_leads_neither_out_of_the_repository_nor_into_a_git_folder(void **state)
{
	static const char *const refused[] = {"/etc/passwd", "..", "../a", "a/..", "a/../b", "./../a",
		"a//..", ".", "./", "'/'", ".git", ".git/config", "./.git/hooks/pre-commit", ".//.git/config",
		".GIT/config", "sub/.git/config", "sub/.Git", "\"a\\nb\"", "\"a\\rb\""};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		if (edit_of(refused[i]))
			fail_msg("%s was taken", refused[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_what_git_calls_it),
		cmocka_unit_test(a_path_leads_neither_out_of_the_repository_nor_into_a_git_folder),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
