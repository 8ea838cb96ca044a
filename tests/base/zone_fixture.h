/*
 * zone_fixture.h - zones and times of the tests, by their names
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/zone.h"

static inline int open_arena(void **state)
{
	*state = arena_new(16u << 20);
	return 0;
}

static inline int close_arena(void **state)
{
	arena_free(*state);
	return 0;
}

static inline int64_t seconds(const char *text)
{
	int64_t microseconds;
	if (!clock_parse(text, &microseconds))
		fail_msg("%s", text);
	return microseconds / 1000000;
}

static inline const struct zone *zone_of(struct arena *mem, const char *name)
{
	const struct zone *zone;
	struct error err;
	if (!zone_read(name, mem, &zone, &err))
		fail_msg("%s", err.text);
	return zone;
}
