/*
 * cluster_log_lines.h - lines of several logs, brought into the order of their times
 *
 * Each begins with its time, as `timestamps=true` has it (RFC 3339 with nanoseconds, in UTC), so that texts compare as times do. Of a log that
 * is followed a line is held for a moment: what others wrote before may still be on its way.
 */
#pragma once

#include "base/base.h"

struct log_line {
	const char *time; /* "2026-01-02T03:04:05.123456789Z" */
	const char *text;
	size_t source; /* of log_lines_add() */
};

struct log_lines;

struct log_lines *log_lines_new(void);
void log_lines_free(struct log_lines *lines); /* accepts NULL */

/* `line` as the API server sends it; one without a time gets that of the line before it. Its time, "" where there is none yet. `now` is of the
   steady clock, in milliseconds. */
const char *log_lines_add(struct log_lines *lines, size_t source, const char *line, size_t length, int64_t now);

/* The bytes that are held. */
size_t log_lines_bytes(const struct log_lines *lines);

/* Of those held of this source only the newest stay. */
void log_lines_trim(struct log_lines *lines, size_t source, size_t most);

/* Tells, in order, those that are not younger than one that was held for so long; then they are forgotten. 0 = all. */
void log_lines_tell(struct log_lines *lines, int64_t now, int64_t hold,
	void (*tell)(void *context, const struct log_line *line), void *context);
