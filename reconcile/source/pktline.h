/*
 * pktline.h - Git's pkt-line framing (gitprotocol-common(5)): four hex digits of length, then the bytes
 *
 * A push parser: takes bytes as they come from the network and calls `take` for every line. It holds at most one
 * line (65,520 bytes).
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

enum pktline_kind { PKTLINE_DATA, PKTLINE_FLUSH, PKTLINE_DELIMITER, PKTLINE_END };

enum { PKTLINE_MAXIMUM = 65516 }; /* bytes of one line without its length */

/* `bytes` are followed by a NUL and valid during the call only. False ends the parsing with the error it set. */
typedef bool pktline_take(
	void *context, enum pktline_kind kind, const char *bytes, size_t length, struct error *err);

struct pktline_reader {
	char head[4];
	size_t head_length;
	size_t length;
	struct buf line;
	pktline_take *take;
	void *context;
};

#define PKTLINE_READER(function, argument)                                                                   \
	{                                                                                                    \
		.line = BUF(PKTLINE_MAXIMUM), .take = (function), .context = (argument)                      \
	}

bool pktline_feed(struct pktline_reader *reader, const char *bytes, size_t size, struct error *err) MUST_CHECK;

/* Between two lines? False means that the stream was cut. */
bool pktline_at_rest(const struct pktline_reader *reader);
void pktline_done(struct pktline_reader *reader);

/* Appends one line; a text gets its line end. */
void pktline_text(struct buf *out, const char *format, ...) PRINTF_LIKE(2, 3);
void pktline_flush(struct buf *out);
void pktline_delimiter(struct buf *out);
