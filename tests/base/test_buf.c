#include "base/buf.h"

#include "fixture.h"

static void a_new_buf_is_an_empty_string(void **state)
{
	struct buf buf = BUF(10);
	(void)state;
	assert_string_equal(buf_string(&buf), "");
	assert_false(buf_failed(&buf));
	buf_done(&buf);
}

static void appends_follow_each_other(void **state)
{
	CLEANUP(buf_done) struct buf buf = BUF(1000);
	(void)state;
	buf_text(&buf, "a");
	buf_char(&buf, 'b');
	buf_append(&buf, "c\0d", 3);
	buf_printf(&buf, "%03d", 7);
	assert_int_equal(buf.length, 8);
	assert_memory_equal(buf.data, "abc\0d007", 9);
}

static void the_maximum_itself_fits_and_one_more_changes_nothing(void **state)
{
	CLEANUP(buf_done) struct buf buf = BUF(4);
	(void)state;
	buf_text(&buf, "1234");
	assert_false(buf_failed(&buf));
	buf_char(&buf, '5');
	assert_true(buf_failed(&buf));
	assert_string_equal(buf_string(&buf), "1234");
	buf_clear(&buf);
	buf_printf(&buf, "%d", 12345);
	assert_true(buf_failed(&buf));
	assert_string_equal(buf_string(&buf), "");
}

static void a_failed_buf_takes_nothing_more(void **state)
{
	CLEANUP(buf_wipe) struct buf buf = BUF(4);
	(void)state;
	buf_text(&buf, "12");
	buf_text(&buf, "345");
	buf_text(&buf, "3");
	assert_string_equal(buf_string(&buf), "12");
	buf_clear(&buf);
	buf_text(&buf, "3");
	assert_string_equal(buf_string(&buf), "3");
}

static void growing_keeps_the_bytes(void **state)
{
	CLEANUP(buf_done) struct buf buf = BUF(100000);
	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&buf, "%04d", i);
	assert_int_equal(buf.length, 40000);
	assert_memory_equal(buf.data + 4 * 4711, "4711", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_buf_is_an_empty_string),
		cmocka_unit_test(appends_follow_each_other),
		cmocka_unit_test(the_maximum_itself_fits_and_one_more_changes_nothing),
		cmocka_unit_test(a_failed_buf_takes_nothing_more),
		cmocka_unit_test(growing_keeps_the_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
