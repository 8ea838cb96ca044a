#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Not realloc: it may leave a copy of a secret behind, and a buf that holds one is wiped at its end only. */
static void grow(struct buf *buf, size_t needed)
{
	size_t capacity = buf->capacity ? buf->capacity : 64;
	while (capacity < needed + 1)
		capacity *= 2;
	char *data = memory_alloc(capacity);
	if (buf->length)
		memcpy(data, buf->data, buf->length);
	if (buf->data) {
		explicit_bzero(buf->data, buf->length);
		free(buf->data);
	}
	buf->data = data;
	buf->capacity = capacity;
}

void buf_append(struct buf *buf, const void *bytes, size_t length)
{
	if (buf->failed)
		return;
	if (length > buf->maximum || buf->length > buf->maximum - length) {
		buf->failed = true;
		return;
	}
	if (buf->capacity < buf->length + length + 1)
		grow(buf, buf->length + length);
	if (length)
		memcpy(buf->data + buf->length, bytes, length);
	buf->length += length;
	buf->data[buf->length] = '\0';
}

void buf_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0) {
		buf->failed = true;
		return;
	}
	size_t need = (size_t)length;
	if (buf->failed)
		return;
	if (need > buf->maximum || buf->length > buf->maximum - need) {
		buf->failed = true;
		return;
	}
	if (buf->capacity < buf->length + need + 1)
		grow(buf, buf->length + need);
	va_start(args, format);
	vsnprintf(buf->data + buf->length, need + 1, format, args);
	va_end(args);
	buf->length += need;
}

const char *buf_string(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

bool buf_failed(const struct buf *buf)
{
	return buf->failed;
}

void buf_clear(struct buf *buf)
{
	buf->length = 0;
	buf->failed = false;
	if (buf->data)
		buf->data[0] = '\0';
}

void buf_done(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.maximum = buf->maximum};
}

void buf_wipe(struct buf *buf)
{
	if (buf->data)
		explicit_bzero(buf->data, buf->capacity);
	buf_done(buf);
}
