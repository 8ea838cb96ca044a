/*
 * websocket.h - RFC 6455 as a client has it: the head of the answer, and frames in both directions
 *
 * Pure: bytes in, messages out; who sends and receives them is transfer.h's business (an upgrade). The server's bytes are foreign: whatever is
 * not as the RFC has it ends the connection with its reason.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

enum { WEBSOCKET_KEY_SIZE = 25, WEBSOCKET_FRAME_OVERHEAD = 14 };

enum websocket_kind {
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10
};

/* Sixteen random bytes in base64, for Sec-WebSocket-Key. */
bool websocket_key(char key[WEBSOCKET_KEY_SIZE], struct error *err) MUST_CHECK;

/* The server's answer to the request with that key, as far as it has come. */
struct websocket_head {
	size_t length; /* with the empty line; 0 = it is not whole yet */
	int status;
	int64_t body; /* Content-Length; -1 = not said */
	bool chunked; /* the body comes in chunks, and has no length */
};

/* False with `err`: it is no answer of HTTP/1.1, it is over 64 KiB, or it is 101 and the key or the protocol is another one. */
bool websocket_head_read(const char *bytes, size_t length, const char *key, const char *protocol,
	struct websocket_head *head, struct error *err) MUST_CHECK;

/* Frames of the server. A message in several of them comes as one. */
struct websocket {
	unsigned char header[WEBSOCKET_FRAME_OVERHEAD];
	size_t header_length;
	uint64_t left; /* of the frame's payload */
	bool inside;   /* a payload is being read */
	int kind;      /* of the message that is being put together, 0 = none */
	struct buf message, control;
};
#define WEBSOCKET(maximum)                                                                                   \
	{                                                                                                    \
		.message = BUF(maximum), .control = BUF(125)                                                 \
	}
void websocket_done(struct websocket *websocket);

typedef void websocket_message(void *context, enum websocket_kind kind, const char *bytes, size_t length);

/* False with `err`: it cannot go on. Each message that has become whole is told before. */
bool websocket_feed(struct websocket *websocket, const char *bytes, size_t length, websocket_message *tell,
	void *context, struct error *err) MUST_CHECK;

/* Appends one frame with the whole message, masked with these four bytes, which have to be random. */
void websocket_frame(struct buf *out, enum websocket_kind kind, const unsigned char mask[4],
	const void *bytes, size_t length);
