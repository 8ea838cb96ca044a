#include "reconcile/source/http_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if __has_include(<git2/sys/errors.h>)
#include <git2/sys/errors.h> /* since libgit2 1.8 git_error_set_str() is declared there */
#endif

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"

enum { REQUEST_BYTES = 16 * 1024 * 1024 };

struct subtransport {
	git_smart_subtransport parent; /* must be first: libgit2 hands it back */
	struct http_transport *carrier;
};

struct stream {
	git_smart_subtransport_stream parent; /* must be first */
	struct http_transport *carrier;
	git_smart_service_t action;
	struct buf request;
	int answer; /* the file, once the request was sent */
};

static int fail(struct http_transport *carrier)
{
	git_error_set_str(GIT_ERROR_NET, carrier->failure.text);
	return -1;
}

static bool write_answer(void *context, const char *bytes, size_t size, struct error *err)
{
	const struct stream *stream = context;
	while (size) {
		ssize_t written = write(stream->answer, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return error_set(
				err, ERROR_RETRY, "cannot write what was received: %s", strerror(errno));
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

static bool send_request(struct stream *stream, struct error *err)
{
	struct http_transport *carrier = stream->carrier;
	bool listing = stream->action == GIT_SERVICE_UPLOADPACK_LS;
	CLEANUP(memory_freep)
	char *url = memory_printf(
		"%s%s", carrier->base, listing ? "/info/refs?service=git-upload-pack" : "/git-upload-pack");
	struct http_exchange exchange = {
		.url = url,
		.body = listing ? NULL : buf_string(&stream->request),
		.body_length = stream->request.length,
		.body_type = "application/x-git-upload-pack-request",
		.accept = listing ? "application/x-git-upload-pack-advertisement"
				  : "application/x-git-upload-pack-result",
		.maximum = LIMIT_PACK_BYTES,
		.too_large = "the pack of the repository",
		.sink = write_answer,
		.context = stream,
	};
	if (buf_failed(&stream->request))
		return error_set(
			err, ERROR_BUG, "a request to the server is larger than %d bytes", REQUEST_BYTES);
	stream->answer = open(carrier->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (stream->answer < 0)
		return error_set(
			err, ERROR_RETRY, "cannot make a file in %s: %s", carrier->folder, strerror(errno));
	if (!http_run(carrier->http, &exchange, err))
		return false;
	if (lseek(stream->answer, 0, SEEK_SET) < 0)
		return error_set(err, ERROR_BUG, "cannot rewind what was received: %s", strerror(errno));
	return true;
}

static int stream_read(git_smart_subtransport_stream *parent, char *bytes, size_t size, size_t *got)
{
	struct stream *stream = (struct stream *)parent;
	if (stream->answer < 0 && !send_request(stream, &stream->carrier->failure))
		return fail(stream->carrier);
	ssize_t count = read(stream->answer, bytes, size);
	if (count < 0) {
		error_set(&stream->carrier->failure, ERROR_RETRY, "cannot read what was received: %s",
			strerror(errno));
		return fail(stream->carrier);
	}
	*got = (size_t)count;
	return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes, size_t size)
{
	struct stream *stream = (struct stream *)parent;
	buf_append(&stream->request, bytes, size);
	return 0;
}

static void stream_free(git_smart_subtransport_stream *parent)
{
	struct stream *stream = (struct stream *)parent;
	if (stream->answer >= 0)
		close(stream->answer);
	buf_done(&stream->request);
	free(stream);
}

static int open_stream(git_smart_subtransport_stream **out, git_smart_subtransport *parent, const char *url,
	git_smart_service_t action)
{
	struct subtransport *subtransport = (struct subtransport *)parent;
	(void)url;
	if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK) {
		git_error_set_str(GIT_ERROR_NET, "only reading is supported");
		return -1;
	}
	struct stream *stream = memory_alloc(sizeof(*stream));
	stream->parent.subtransport = parent;
	stream->parent.read = stream_read;
	stream->parent.write = stream_write;
	stream->parent.free = stream_free;
	stream->carrier = subtransport->carrier;
	stream->action = action;
	stream->request.maximum = REQUEST_BYTES;
	stream->answer = -1;
	*out = &stream->parent;
	return 0;
}

static int close_subtransport(git_smart_subtransport *parent)
{
	(void)parent;
	return 0;
}

static void free_subtransport(git_smart_subtransport *parent)
{
	free(parent);
}

static int new_subtransport(git_smart_subtransport **out, git_transport *owner, void *carrier)
{
	struct subtransport *subtransport = memory_alloc(sizeof(*subtransport));
	(void)owner;
	subtransport->parent.action = open_stream;
	subtransport->parent.close = close_subtransport;
	subtransport->parent.free = free_subtransport;
	subtransport->carrier = carrier;
	*out = &subtransport->parent;
	return 0;
}

int http_transport_new(git_transport **out, git_remote *owner, void *payload)
{
	git_smart_subtransport_definition definition = {
		.callback = new_subtransport,
		.rpc = 1,
		.param = payload,
	};
	return git_transport_smart(out, owner, &definition);
}
