#include "reconcile/mistake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "base/text.h"

static int open_mistakes(void **state)
{
	static struct mistakes mistakes;
	mistakes = (struct mistakes){.mem = arena_new(4 << 20)};
	*state = &mistakes;
	return 0;
}

static int close_mistakes(void **state)
{
	arena_free(((struct mistakes *)*state)->mem);
	return 0;
}

static void a_mistake_is_shown_with_what_is_known_of_its_place(void **state)
{
	struct mistakes *mistakes = *state;
	mistakes_add(mistakes, "a.yaml", 3, 7, "wrong %s", "thing");
	mistakes_add(mistakes, "a.yaml", 3, 0, "wrong");
	mistakes_add(mistakes, "a.yaml", 0, 0, "wrong");
	assert_string_equal(mistake_text(&mistakes->items[0], mistakes->mem), "a.yaml:3:7: wrong thing");
	assert_string_equal(mistake_text(&mistakes->items[1], mistakes->mem), "a.yaml:3: wrong");
	assert_string_equal(mistake_text(&mistakes->items[2], mistakes->mem), "a.yaml: wrong");
}

static void a_file_that_the_text_names_is_named_once(void **state)
{
	struct mistakes *mistakes = *state;
	mistakes_add(mistakes, "", 0, 0, "cannot open a.yaml: No such file");
	assert_string_equal(
		mistake_text(&mistakes->items[0], mistakes->mem), "cannot open a.yaml: No such file");
}

static void beyond_the_limit_they_are_counted(void **state)
{
	struct mistakes *mistakes = *state;
	for (int i = 0; i < LIMIT_MISTAKES + 5; i++)
		mistakes_add(mistakes, "a", i, 0, "x");
	assert_int_equal(mistakes->count, LIMIT_MISTAKES);
	assert_int_equal(mistakes->dropped, 5);
}

static void they_are_sorted_by_place(void **state)
{
	struct mistakes *mistakes = *state;
	mistakes_add(mistakes, "b", 1, 1, "five");
	mistakes_add(mistakes, "a", 2, 1, "three");
	mistakes_add(mistakes, "a", 10, 1, "four");
	mistakes_add(mistakes, "a", 2, 0, "two");
	mistakes_add(mistakes, "a", 0, 0, "one");
	mistakes_sort(mistakes);
	static const char *const order[] = {"one", "two", "three", "four", "five"};
	for (size_t i = 0; i < COUNT_OF(order); i++)
		assert_string_equal(mistakes->items[i].text, order[i]);
}

static void sorting_nothing_is_fine(void **state)
{
	mistakes_sort(*state);
	assert_int_equal(((struct mistakes *)*state)->count, 0);
}

static void a_text_is_one_line_of_utf8_however_it_was_made(void **state)
{
	char text[4096] = "";
	struct mistakes *mistakes = *state;
	mistakes_add(mistakes, "a", 1, 1, "a\nb\x1b[0m \xff");
	assert_string_equal(mistakes->items[0].text, "a b?[0m ?");
	for (int i = 0; i < 1500; i++)
		strcat(text, "é");
	mistakes_add(mistakes, "a", 1, 1, "x%s", text);
	assert_true(text_is_utf8(mistakes->items[1].text, strlen(mistakes->items[1].text)));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_mistakes, close_mistakes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mistake_is_shown_with_what_is_known_of_its_place),
		TEST(a_file_that_the_text_names_is_named_once),
		TEST(beyond_the_limit_they_are_counted),
		TEST(they_are_sorted_by_place),
		TEST(sorting_nothing_is_fine),
		TEST(a_text_is_one_line_of_utf8_however_it_was_made),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
