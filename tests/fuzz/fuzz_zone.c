/*
 * fuzz_zone.c - any bytes as a compiled time zone: what is taken has an offset at every time, and its spans follow each other
 */
#include <stdlib.h>

#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1785000000, 4102444800, INT64_MAX};
	CLEANUP(arena_freep) struct arena *mem = arena_new(16u << 20);
	const struct zone *zone;
	struct error err;
	if (!zone_parse(data, size, mem, &zone, &err))
		return 0;
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		const struct zone_span span = zone_at(zone, times[i]);
		if (span.from > times[i] || (span.until <= times[i] && span.until != INT64_MAX) ||
			span.offset > 100000 || span.offset < -100000)
			abort();
	}
	return 0;
}
