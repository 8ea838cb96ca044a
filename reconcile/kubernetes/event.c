#include "reconcile/kubernetes/event.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/kubernetes/answer.h"

static const char *const type_names[] = {
	[EVENT_ADDED] = "ADDED",
	[EVENT_MODIFIED] = "MODIFIED",
	[EVENT_DELETED] = "DELETED",
	[EVENT_BOOKMARK] = "BOOKMARK",
	[EVENT_ERROR] = "ERROR",
};

/* *more becomes false when `take` had enough. */
static bool take_line(const char *line, size_t length, bool (*take)(void *context, const struct event *event),
	void *context, bool *more, struct error *err)
{
	CLEANUP(json_done) json_t *value = NULL;
	if (!answer_read(line, length, &value, err))
		return error_prefix(err, "watch event");
	const char *name = json_text_at(value, "type", "");
	struct event event = {.object = json_object_get(value, "object")};
	size_t type = 0;
	while (type < COUNT_OF(type_names) && strcmp(name, type_names[type]))
		type++;
	if (type == COUNT_OF(type_names) || !json_is_object(event.object))
		return error_set(err, ERROR_RETRY, "watch event of unknown type \"%.40s\"", name);
	event.type = (enum event_type)type;
	event.version = json_text_at(event.object, "metadata.resourceVersion", "");
	event.code = (int)json_number_at(event.object, "code", 0);
	*more = take(context, &event);
	return true;
}

bool event_stream_feed(struct event_stream *stream, const char *bytes, size_t length,
	bool (*take)(void *context, const struct event *event), void *context, struct error *err)
{
	struct buf *line = &stream->line;
	line->maximum = LIMIT_WATCH_LINE;
	bool more = true;
	while (length && more) {
		const char *end = memchr(bytes, '\n', length);
		size_t part = end ? (size_t)(end - bytes) : length;
		bool whole = end && !line->length; /* no need to copy a line that came in one piece */
		if (!whole)
			buf_append(line, bytes, part);
		if (buf_failed(line) || part > LIMIT_WATCH_LINE)
			return error_set(
				err, ERROR_RETRY, "watch event over %ld MiB", LIMIT_WATCH_LINE / 1024 / 1024);
		if (whole && part && !take_line(bytes, part, take, context, &more, err))
			return false;
		if (end && line->length) {
			bool good = take_line(line->data, line->length, take, context, &more, err);
			event_stream_reset(stream);
			if (!good)
				return false;
		}
		part += end ? 1 : 0;
		bytes += part;
		length -= part;
	}
	return true;
}

void event_stream_reset(struct event_stream *stream)
{
	if (stream->line.capacity > 256 * 1024)
		buf_wipe(&stream->line);
	else
		buf_clear(&stream->line);
}

void event_stream_done(struct event_stream *stream)
{
	buf_wipe(&stream->line);
}
