#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/source/similar.h"

static struct remote_ref items[] = {
	{.name = "refs/heads/main"},
	{.name = "refs/heads/release-1.2"},
	{.name = "refs/heads/team/users"},
	{.name = "refs/tags/v1.0.0"},
	{.name = "refs/tags/v1.0.1"},
};
static const struct remote_refs refs = {.items = items, .count = 5};

static void the_nearest_name_comes_first(void **state)
{
	static const char *const cases[][2] = {
		{"mian", "main"},
		{"release-1.3", "release-1.2"},
		{"1.2", "release-1.2"},
		{"users", "team/users"},
		{"v1.0.2", "v1.0.0"},
		{"refs/heads/maim", "main"},
		{"MAIN", "main"},
	};
	struct arena *mem = arena_new((size_t)1 << 20);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *names = similar_names(cases[i][0], &refs, mem);
		if (strncmp(names, cases[i][1], strlen(cases[i][1])) != 0)
			fail_msg("%s: %s", cases[i][0], names);
		assert_true(similar_found(cases[i][0], &refs));
	}
	arena_free(mem);
}

static void something_else_is_not_called_similar(void **state)
{
	(void)state;
	assert_false(similar_found("production", &refs));
	assert_false(similar_found("main", &(struct remote_refs){0}));
}

static void long_lists_are_cut(void **state)
{
	struct remote_refs many = {0};
	struct arena *mem = arena_new((size_t)32 << 20);
	(void)state;
	for (int i = 0; i < 5000; i++)
		remote_refs_add(
			&many, &(struct remote_ref){.name = arena_printf(mem, "refs/heads/b%0200d", i)}, mem);
	assert_true(strlen(similar_names("x", &many, mem)) < 400);
	assert_non_null(strstr(similar_names("x", &many, mem), "..."));
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_name_comes_first),
		cmocka_unit_test(something_else_is_not_called_similar),
		cmocka_unit_test(long_lists_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
