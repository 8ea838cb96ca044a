#include "base/arena.h"

#include "fixture.h"

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	unsigned char *last = NULL;
	(void)state;
	for (size_t size = 1; size < 300; size++) {
		unsigned char *piece = arena_alloc(mem, size);
		assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(piece[i], 0);
		memset(piece, 0xff, size);
		assert_true(piece != last);
		last = piece;
	}
}

static void a_growing_array_keeps_its_elements(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	int *items = NULL;
	(void)state;
	for (size_t count = 0; count < 1000; count++) {
		items = arena_grow(mem, items, count, sizeof(*items));
		items[count] = (int)count;
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
}

static void reset_gives_back_and_zeroes_anew(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 22);
	(void)state;
	for (int round = 0; round < 100; round++) {
		char *piece = arena_alloc(mem, 100000);
		assert_int_equal(piece[99999], 0);
		piece[99999] = 'x';
		arena_reset(mem);
		assert_int_equal(arena_used(mem), 0);
	}
}

static void texts_are_copied_with_an_end(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 20);
	(void)state;
	assert_null(arena_copy(mem, NULL));
	assert_string_equal(arena_copy(mem, "abc"), "abc");
	assert_string_equal(arena_copy_n(mem, "abcdef", 2), "ab");
	assert_string_equal(arena_printf(mem, "%s-%d", "x", 7), "x-7");
}

static void overflow_it(void)
{
	volatile size_t count = SIZE_MAX / 2;
	arena_array(arena_new(SIZE_MAX), count, 8);
}

static void crossing_the_maximum_is_told_to_who_asks(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(100000);
	size_t pieces = 0;
	(void)state;
	for (; !arena_full(mem); pieces++)
		assert_int_equal(((char *)arena_alloc(mem, 1000))[999], 0);
	assert_in_range(pieces, 99, 101);
	assert_string_equal(arena_printf(mem, "%s goes on", "it"), "it goes on");
	assert_true(arena_full(mem));
	arena_reset(mem);
	assert_false(arena_full(mem));
}

static void a_text_of_many_causes_is_bounded(void **state)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 22);
	const char *text = NULL;
	(void)state;
	text = arena_join(mem, text, "; ", "one");
	assert_string_equal(text, "one");
	text = arena_join(mem, text, "; ", "two");
	assert_string_equal(text, "one; two");
	for (int i = 0; i < 100000; i++)
		text = arena_join(mem, text, "; ", "one more cause of many");
	assert_in_range(strlen(text), ARENA_JOINED, ARENA_JOINED + 64);
	assert_string_equal(text + strlen(text) - 5, "; ...");
	assert_false(arena_full(mem));
}

static void a_size_that_cannot_be_ends_the_process(void **state)
{
	(void)state;
	assert_true(fixture_aborts(overflow_it));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(a_growing_array_keeps_its_elements),
		cmocka_unit_test(reset_gives_back_and_zeroes_anew),
		cmocka_unit_test(texts_are_copied_with_an_end),
		cmocka_unit_test(crossing_the_maximum_is_told_to_who_asks),
		cmocka_unit_test(a_text_of_many_causes_is_bounded),
		cmocka_unit_test(a_size_that_cannot_be_ends_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
