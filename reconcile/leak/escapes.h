/*
 * escapes.h - escapes taken out of a text, whatever language wrote them
 *
 * False when there was none: then what is in the sink says nothing new.
 */
#pragma once

#include "base/buf.h"

/* A line of the source begins at `source`, and what it says at `offset` of the result. */
struct escape_mark {
	size_t offset, source;
};

struct escape_sink {
	struct buf bytes;
	struct escape_mark *marks; /* in order */
	size_t count, room;
};
void escape_sink_done(struct escape_sink *sink); /* for CLEANUP; wipes */

bool escape_backslashes(const char *bytes, size_t length, struct escape_sink *sink);
bool escape_percent(const char *bytes, size_t length, struct escape_sink *sink); /* and '+' */
bool escape_entities(const char *bytes, size_t length, struct escape_sink *sink);
bool escape_quotes(const char *bytes, size_t length, struct escape_sink *sink); /* '' in '...', '\'' of a shell */
