/*
 * buf.h - bytes under construction, bounded from birth
 *
 * A buf has its maximum from the start. An append that would cross it changes nothing and marks the buf as
 * failed; later appends do nothing. So a builder appends freely and asks buf_failed() once at the end.
 * The bytes are always followed by a NUL that is not counted.
 */
#pragma once

#include "base/base.h"

struct buf {
	char *data; /* never NULL after the first append */
	size_t length;
	size_t capacity;
	size_t maximum; /* bytes, without the NUL */
	bool failed;
};

#define BUF(max)                                                                                             \
	{                                                                                                    \
		.maximum = (max)                                                                             \
	}

void buf_append(struct buf *buf, const void *bytes, size_t length);
void buf_text(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* "" while nothing was appended. */
const char *buf_string(const struct buf *buf);
bool buf_failed(const struct buf *buf);

void buf_clear(struct buf *buf); /* empty again, keeps the memory, forgets the failure */
void buf_done(struct buf *buf);  /* for CLEANUP; gives the memory back */
void buf_wipe(struct buf *buf);  /* for CLEANUP; as buf_done, the bytes are overwritten first */
