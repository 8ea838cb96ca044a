/*
 * zone.h - a time zone by its IANA name: which offset from UTC holds when
 *
 * The C library knows one zone for the whole process (TZ), and changing that is not safe beside other threads. So the compiled zones
 * of the package tzdata (RFC 9636, version 2 and later) are read here, with the rule in their footer for the years to come.
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct zone;

/* A stretch of time with one offset: from <= when < until, in seconds since 1970-01-01T00:00:00Z. INT64_MIN and INT64_MAX where it
   has no end. */
struct zone_span {
	int64_t from, until;
	int64_t offset; /* seconds east of UTC */
};

const struct zone *zone_utc(void);

/* "Europe/Berlin"; "" and "UTC" need no file. ERROR_MISSING when the machine knows no such zone. In `mem`. */
bool zone_read(const char *name, struct arena *mem, const struct zone **zone, struct error *err) MUST_CHECK;

/* The bytes of such a file. */
bool zone_parse(const unsigned char *bytes, size_t length, struct arena *mem, const struct zone **zone,
	struct error *err) MUST_CHECK;

struct zone_span zone_at(const struct zone *zone, int64_t when);
