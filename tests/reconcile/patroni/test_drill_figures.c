/* What is made of the notes of a drill's writers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reconcile/patroni/drill_internal.h"

static const struct drill_member members[] = {{.name = "acid-0"}, {.name = "acid-1"}};

#define NOTE(kind, of, n, at, when, is_there)                                                                \
	{                                                                                                    \
		.end = (kind), .writer = (of), .number = (n), .server = (at), .time = (when),                \
		.there = (is_there)                                                                          \
	}

static struct drill_figures figures_of(const struct drill_note *notes, size_t count, struct arena *mem)
{
	struct drill_figures figures;
	drill_figure(notes, count, members, mem, &figures);
	return figures;
}

static void what_was_acknowledged_and_is_not_there_is_lost(void **state)
{
	struct arena *mem = arena_new(1 << 16);
	const struct drill_note notes[] = {NOTE(DRILL_ACKNOWLEDGED, 1, 1, 0, 100, true),
		NOTE(DRILL_ACKNOWLEDGED, 2, 1, 0, 200, false), NOTE(DRILL_UNKNOWN, 1, 2, 0, 300, true),
		NOTE(DRILL_UNKNOWN, 2, 2, 0, 310, false), NOTE(DRILL_REFUSED, 1, 3, 0, 400, false),
		NOTE(DRILL_ACKNOWLEDGED, 1, 4, 1, 1500, true), NOTE(DRILL_ACKNOWLEDGED, 2, 3, 1, 1600, true)};
	struct drill_figures figures = figures_of(notes, COUNT_OF(notes), mem);
	(void)state;
	assert_int_equal(figures.acknowledged, 4);
	assert_int_equal(figures.refused, 1);
	assert_int_equal(figures.unknown, 2);
	assert_int_equal(figures.unknown_there, 1);
	assert_int_equal(figures.without_writes, 1400);
	assert_int_equal(figures.two_primaries, 0);
	assert_int_equal(figures.lost_count, 1);
	assert_int_equal(figures.lost[0].writer, 2);
	assert_int_equal(figures.lost[0].number, 1);
	assert_string_equal(figures.lost[0].server, "acid-0");
	arena_free(mem);
}

/* Who acknowledges last of the first server, after the second has begun: both took writes for so long. */
static void two_servers_that_acknowledge_are_two_primaries(void **state)
{
	struct arena *mem = arena_new(1 << 16);
	const struct drill_note notes[] = {NOTE(DRILL_ACKNOWLEDGED, 1, 1, 0, 100, true),
		NOTE(DRILL_ACKNOWLEDGED, 2, 1, 1, 500, true), NOTE(DRILL_ACKNOWLEDGED, 1, 2, 0, 900, false),
		NOTE(DRILL_REFUSED, 1, 3, 0, 1000, false), NOTE(DRILL_ACKNOWLEDGED, 2, 2, 1, 1100, true)};
	(void)state;
	assert_int_equal(figures_of(notes, COUNT_OF(notes), mem).two_primaries, 400);
	assert_int_equal(figures_of(notes, COUNT_OF(notes), mem).without_writes, 600);
	assert_int_equal(figures_of(notes, 0, mem).two_primaries, 0);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_acknowledged_and_is_not_there_is_lost),
		cmocka_unit_test(two_servers_that_acknowledge_are_two_primaries)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
