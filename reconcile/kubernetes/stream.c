#include "reconcile/kubernetes/stream.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/kubernetes/access.h"
#include "reconcile/kubernetes/answer.h"

struct streams {
	struct access *access;
	struct transfers *transfers;
};

struct stream {
	struct streams *streams;
	struct transfer *transfer;
	char *path;
	stream_line *on_line;
	void *context;
	struct buf part; /* of a line; of an answer that is not good, all of it */
	bool ended;
	struct error error;
};

struct streams *streams_open(const struct kube_config *config)
{
	struct streams *streams = memory_alloc(sizeof(*streams));
	streams->access = access_new(config);
	streams->transfers = transfers_new(0);
	return streams;
}

void streams_close(struct streams *streams)
{
	if (!streams)
		return;
	transfers_free(streams->transfers);
	access_free(streams->access);
	memory_freep(&streams);
}

static bool is_good(const struct stream *stream)
{
	long status = transfer_status(stream->transfer);
	return status >= 200 && status <= 299;
}

static void tell(struct stream *stream)
{
	stream->on_line(stream->context, buf_string(&stream->part), stream->part.length);
	buf_clear(&stream->part);
}

static bool take_body(void *context, const char *bytes, size_t length)
{
	struct stream *stream = context;
	if (!is_good(stream)) {
		buf_append(&stream->part, bytes, length);
		return !buf_failed(&stream->part);
	}
	while (length) {
		const char *end = memchr(bytes, '\n', length);
		size_t room = stream->part.maximum - stream->part.length;
		size_t taken = end ? (size_t)(end - bytes) : length;
		bool whole = end && taken <= room;
		taken = taken < room ? taken : room;
		buf_append(&stream->part, bytes, taken);
		if (whole || taken == room)
			tell(stream);
		bytes += taken + whole;
		length -= taken + whole;
	}
	return true;
}

struct stream *stream_open(struct streams *streams, const char *path, stream_line *on_line, void *context)
{
	struct stream *stream = memory_alloc(sizeof(*stream));
	*stream = (struct stream){.streams = streams,
		.transfer = transfer_new(),
		.path = memory_copy(path),
		.on_line = on_line,
		.context = context,
		.part = BUF(LIMIT_WATCH_LINE)};
	const struct access_transfer wanted = {.method = "GET",
		.path = stream->path,
		.accept = "application/json, */*",
		.on_body = take_body,
		.context = stream};
	access_prepare(streams->access, stream->transfer, &wanted);
	transfers_add(streams->transfers, stream->transfer);
	return stream;
}

static void let_go(struct stream *stream)
{
	if (stream->transfer)
		transfers_remove(stream->streams->transfers, stream->transfer);
	transfer_free(stream->transfer);
	stream->transfer = NULL;
}

void stream_close(struct stream *stream)
{
	if (!stream)
		return;
	let_go(stream);
	buf_done(&stream->part);
	memory_freep(&stream->path);
	memory_freep(&stream);
}

static void refuse(struct stream *stream)
{
	CLEANUP(json_done) json_t *body = NULL;
	struct error ignored;
	if (!answer_read(buf_string(&stream->part), stream->part.length, &body, &ignored))
		body = NULL;
	const struct answer answer = {.method = "GET",
		.path = stream->path,
		.status = (int)transfer_status(stream->transfer),
		.body = body};
	answer_failure(&answer, &stream->error);
}

static void finish(struct stream *stream)
{
	enum transfer_end end = transfer_end(stream->transfer);
	bool good = is_good(stream);
	stream->ended = true;
	if (end == TRANSFER_ANSWERED && !good)
		refuse(stream);
	else if (end != TRANSFER_ANSWERED)
		error_set(&stream->error, end == TRANSFER_UNTRUSTED ? ERROR_DENIED : ERROR_RETRY,
			"%s: GET %.*s: %s", access_server(stream->streams->access),
			(int)strcspn(stream->path, "?"), stream->path, transfer_reason(stream->transfer));
	if (good && stream->part.length)
		tell(stream);
	let_go(stream);
}

void streams_work(struct streams *streams, int milliseconds)
{
	transfers_work(streams->transfers);
	for (struct transfer *transfer; (transfer = transfers_next(streams->transfers));)
		finish(transfer_context(transfer));
	transfers_wait(streams->transfers, milliseconds);
	transfers_work(streams->transfers);
	for (struct transfer *transfer; (transfer = transfers_next(streams->transfers));)
		finish(transfer_context(transfer));
}

bool stream_ended(const struct stream *stream, struct error *err)
{
	if (stream->ended)
		*err = stream->error;
	return stream->ended;
}
