#include "base/error.h"

#include "base/text.h"
#include "fixture.h"

static void setting_gives_false_kind_and_text(void **state)
{
	struct error err = {0};
	(void)state;
	assert_false(error_set(&err, ERROR_RETRY, "cannot reach %s", "host"));
	assert_int_equal(err.kind, ERROR_RETRY);
	assert_string_equal(err.text, "cannot reach host");
}

static void a_prefix_says_what_was_being_done(void **state)
{
	struct error err;
	(void)state;
	error_set(&err, ERROR_DENIED, "refused");
	assert_false(error_prefix(&err, "fetching %s", "x"));
	assert_string_equal(err.text, "fetching x: refused");
	assert_int_equal(err.kind, ERROR_DENIED);
}

static void the_old_text_may_be_part_of_the_new(void **state)
{
	struct error err;
	(void)state;
	error_set(&err, ERROR_RETRY, "inner");
	error_set(&err, ERROR_INVALID, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
}

static void foreign_bytes_cannot_reach_a_terminal(void **state)
{
	struct error err;
	(void)state;
	error_set(&err, ERROR_RETRY,
		"a\x1b[31mb\r\nc\td\x7f \xc2\x9b"
		"e\xff\xc3");
	assert_string_equal(err.text, "a?[31mb? c d? ??e\\xff\\xc3");
}

static void a_text_that_is_too_long_keeps_both_ends_and_its_characters(void **state)
{
	struct error err;
	char text[3000] = "x";
	(void)state;
	for (int i = 0; i < 1000; i++)
		strcat(text, "é");
	strcat(text, " the end");
	error_set(&err, ERROR_RETRY, "%s", text);
	assert_in_range(strlen(err.text), ERROR_TEXT_SIZE - 4, ERROR_TEXT_SIZE - 1);
	assert_true(text_is_utf8(err.text, strlen(err.text)));
	error_prefix(&err, "y%s", "z");
	assert_in_range(strlen(err.text), ERROR_TEXT_SIZE - 4, ERROR_TEXT_SIZE - 1);
	assert_true(text_is_utf8(err.text, strlen(err.text)));
	assert_memory_equal(err.text, "yz: x", 5);
	assert_non_null(strstr(err.text, "é ... "));
	assert_string_equal(err.text + strlen(err.text) - 8, " the end");
}

static void kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(error_kind_name(ERROR_NONE), "none");
	assert_string_equal(error_kind_name(ERROR_BUG), "bug");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_gives_false_kind_and_text),
		cmocka_unit_test(a_prefix_says_what_was_being_done),
		cmocka_unit_test(the_old_text_may_be_part_of_the_new),
		cmocka_unit_test(foreign_bytes_cannot_reach_a_terminal),
		cmocka_unit_test(a_text_that_is_too_long_keeps_both_ends_and_its_characters),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
