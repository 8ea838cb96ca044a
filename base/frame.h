/*
 * frame.h - messages between the agent and its child processes: a length of four bytes (big-endian), then the bytes
 *
 * The reader takes bytes as they come, in pieces of any size, and never holds more than one message. A length
 * above the maximum fails it before any memory is taken.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct frame_reader {
	unsigned char head[4];
	size_t head_length;
	size_t length; /* of the message, once the head is complete */
	bool ready;    /* `body` is a whole message; frame_next() goes on */
	bool failed;
	struct buf body;
};

#define FRAME_READER(max)                                                                                    \
	{                                                                                                    \
		.body = BUF(max)                                                                             \
	}

/* Takes bytes up to the end of one message and says how many it took: fewer than `size` when `ready` or `failed`. */
size_t frame_feed(struct frame_reader *reader, const char *bytes, size_t size);
void frame_next(struct frame_reader *reader);
void frame_done(struct frame_reader *reader); /* wipes */

/* How much of this message has not come yet: of its head, then of what the head says. For who reads no more than one message. */
size_t frame_missing(const struct frame_reader *reader);

/* What stands before a message of this length. */
void frame_head(size_t length, char head[4]);

/* An empty file in memory, for the messages to a child that is to be started. */
bool frame_file(int *fd, struct error *err) MUST_CHECK;
/* They stand in it: to its beginning, where the child reads. Closed, and false, where that or the writing failed. */
bool frame_file_done(int fd, bool written, struct error *err) MUST_CHECK;

/* Blocks until everything is written. */
bool frame_write(int fd, const void *bytes, size_t length, struct error *err) MUST_CHECK;

/* Blocks until a message is `ready`. ERROR_INVALID when the other side ended or sent too much. */
bool frame_read(int fd, struct frame_reader *reader, struct error *err) MUST_CHECK;
