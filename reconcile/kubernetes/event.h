/*
 * event.h - the bytes of a watch to events: one JSON object a line (pure, internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

enum event_type { EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED, EVENT_BOOKMARK, EVENT_ERROR };

struct event {
	enum event_type type;
	json_t *object;      /* with EVENT_ERROR the Status; borrowed in the callback */
	const char *version; /* metadata.resourceVersion, "" = none */
	int code;            /* of EVENT_ERROR: 410 = what we know is too old */
};

struct event_stream {
	struct buf line; /* what came since the last line end; its maximum is LIMIT_WATCH_LINE */
};

/* Calls `take` for each complete line's event; stops early when it returns false. False when a line is too long or no
   event, with the reason: the stream is of no use any more. */
bool event_stream_feed(struct event_stream *stream, const char *bytes, size_t length,
	bool (*take)(void *context, const struct event *event), void *context, struct error *err) MUST_CHECK;

/* Forgets a line that was cut. */
void event_stream_reset(struct event_stream *stream);
void event_stream_done(struct event_stream *stream);
