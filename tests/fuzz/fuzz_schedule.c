/*
 * fuzz_schedule.c - any text as a cron line: what is taken comes again and again, and looking back finds what looking forward found
 */
#include <stdlib.h>

#include "agent/config/schedule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1u << 20);
	struct schedule schedule;
	struct error err;
	int64_t at = 1774000000, next, last;
	if (size > 1000 || !schedule_parse(arena_copy_n(mem, (const char *)data, size), &schedule, &err))
		return 0;
	for (int i = 0; i < 3; i++) {
		if (!schedule_next(&schedule, zone_utc(), at, &next) || next <= at ||
			!schedule_last(&schedule, zone_utc(), next, at, &last) || last != next)
			abort();
		at = next;
	}
	return 0;
}
