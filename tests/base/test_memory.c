#include "base/memory.h"

#include "fixture.h"

static void memory_is_zeroed_and_may_be_of_no_size(void **state)
{
	CLEANUP(memory_freep) char *bytes = memory_alloc(100);
	CLEANUP(memory_freep) char *nothing = memory_alloc(0);
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(bytes[i], 0);
	assert_non_null(nothing);
	bytes = memory_resize(bytes, 1000);
	assert_int_equal(bytes[99], 0);
}

static void texts_are_copied_and_printed(void **state)
{
	CLEANUP(memory_freep) char *copy = memory_copy("abc");
	CLEANUP(memory_freep) char *printed = memory_printf("%s%d", "x", 5);
	(void)state;
	assert_string_equal(copy, "abc");
	assert_string_equal(printed, "x5");
	assert_null(memory_copy(NULL));
}

static void fail_on_purpose(void)
{
	memory_fail("on purpose", 1);
}

static void failing_ends_the_process(void **state)
{
	(void)state;
	assert_true(fixture_aborts(fail_on_purpose));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_may_be_of_no_size),
		cmocka_unit_test(texts_are_copied_and_printed),
		cmocka_unit_test(failing_ends_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
