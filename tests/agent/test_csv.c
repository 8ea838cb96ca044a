#include "agent/show/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void values_are_quoted_where_they_have_to_be(void **state)
{
	static const char *const values[] = {"a", "", NULL, "b,c", "say \"x\"", " blank", "end "};
	CLEANUP(buf_done) struct buf out = BUF(4096);
	(void)state;
	csv_line(values, COUNT_OF(values), &out);
	assert_string_equal(buf_string(&out), "a,,,\"b,c\",\"say \"\"x\"\"\",\" blank\",\"end \"\r\n");
}

static void no_value_is_a_formula(void **state)
{
	static const char *const values[] = {"=1+1", "+1", "-1", "@x", "a=1"};
	CLEANUP(buf_done) struct buf out = BUF(4096);
	(void)state;
	csv_line(values, COUNT_OF(values), &out);
	assert_string_equal(buf_string(&out), "'=1+1,'+1,'-1,'@x,a=1\r\n");
}

static void what_a_terminal_would_obey_is_shown(void **state)
{
	static const char *const values[] = {"two\nlines", "\x1b[31m", "\xff"};
	CLEANUP(buf_done) struct buf out = BUF(4096);
	(void)state;
	csv_line(values, COUNT_OF(values), &out);
	assert_string_equal(buf_string(&out),
		"two\\n"
		"lines,\\x1b[31m,\\xff\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_quoted_where_they_have_to_be),
		cmocka_unit_test(no_value_is_a_formula),
		cmocka_unit_test(what_a_terminal_would_obey_is_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
