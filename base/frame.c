#include "base/frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static size_t feed_head(struct frame_reader *reader, const char *bytes, size_t size)
{
	size_t taken = 0;
	while (reader->head_length < sizeof(reader->head) && taken < size)
		reader->head[reader->head_length++] = (unsigned char)bytes[taken++];
	if (reader->head_length < sizeof(reader->head))
		return taken;
	reader->length = (size_t)reader->head[0] << 24 | (size_t)reader->head[1] << 16 |
		(size_t)reader->head[2] << 8 | (size_t)reader->head[3];
	reader->failed = reader->length > reader->body.maximum;
	reader->ready = !reader->length;
	return taken;
}

size_t frame_feed(struct frame_reader *reader, const char *bytes, size_t size)
{
	size_t taken = 0;
	if (reader->ready || reader->failed)
		return 0;
	if (reader->head_length < sizeof(reader->head))
		taken = feed_head(reader, bytes, size);
	if (reader->head_length < sizeof(reader->head) || reader->ready || reader->failed)
		return taken;
	size_t part = reader->length - reader->body.length;
	if (part > size - taken)
		part = size - taken;
	buf_append(&reader->body, bytes + taken, part);
	reader->ready = reader->body.length == reader->length;
	return taken + part;
}

void frame_next(struct frame_reader *reader)
{
	buf_clear(&reader->body);
	reader->head_length = 0;
	reader->length = 0;
	reader->ready = false;
}

void frame_done(struct frame_reader *reader)
{
	buf_wipe(&reader->body);
	*reader = (struct frame_reader){.body = BUF(reader->body.maximum)};
}

size_t frame_missing(const struct frame_reader *reader)
{
	return reader->head_length < sizeof(reader->head) ? sizeof(reader->head) - reader->head_length
							  : reader->length - reader->body.length;
}

void frame_head(size_t length, char head[4])
{
	for (size_t i = 0; i < 4; i++)
		head[i] = (char)(length >> (24 - 8 * i));
}

bool frame_file(int *fd, struct error *err)
{
	*fd = file_in_memory("request");
	return *fd >= 0 || error_set(err, ERROR_RETRY, "cannot make room for a request: %s", strerror(errno));
}

bool frame_file_done(int fd, bool written, struct error *err)
{
	if (written && lseek(fd, 0, SEEK_SET) == 0 && file_seal(fd))
		return true;
	if (written)
		error_set(err, ERROR_BUG, "cannot rewind and seal a request: %s", strerror(errno));
	close(fd);
	return false;
}

bool frame_write(int fd, const void *bytes, size_t length, struct error *err)
{
	char head[4];
	frame_head(length, head);
	return (file_write_all(fd, head, sizeof(head)) && file_write_all(fd, bytes, length)) ||
		error_set(err, ERROR_RETRY, "cannot write a message: %s", strerror(errno));
}

/* Asks for what is missing of this message only, so that the next one stays in the descriptor. */
bool frame_read(int fd, struct frame_reader *reader, struct error *err)
{
	char bytes[16384];
	while (!reader->ready) {
		size_t missing = frame_missing(reader);
		ssize_t got = read(fd, bytes, missing < sizeof(bytes) ? missing : sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return error_set(err, ERROR_INVALID, "the message ended too early");
		frame_feed(reader, bytes, (size_t)got);
		if (reader->failed)
			return error_set(err, ERROR_INVALID, "a message of %zu bytes is larger than %zu",
				reader->length, reader->body.maximum);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}
