#include "reconcile/source/pktline.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_length(struct pktline_reader *reader, struct error *err)
{
	size_t length = 0;
	for (size_t i = 0; i < sizeof(reader->head); i++) {
		int digit = hex_digit(reader->head[i]);
		if (digit < 0)
			return error_set(err, ERROR_RETRY,
				"the server's answer is no Git protocol (a line begins with something else than its length)");
		length = length << 4 | (size_t)digit;
	}
	if (length == 3 || length > PKTLINE_MAXIMUM + 4)
		return error_set(
			err, ERROR_RETRY, "the server's answer is broken (a line of length %zu)", length);
	reader->length = length;
	return true;
}

/* Lengths 0 to 2 are signs of their own; 4 is an empty line. */
static bool deliver(struct pktline_reader *reader, struct error *err)
{
	static const enum pktline_kind signs[] = {PKTLINE_FLUSH, PKTLINE_DELIMITER, PKTLINE_END};
	enum pktline_kind kind = reader->length < COUNT_OF(signs) ? signs[reader->length] : PKTLINE_DATA;
	reader->head_length = 0;
	bool taken = reader->take(reader->context, kind, buf_string(&reader->line), reader->line.length, err);
	buf_clear(&reader->line);
	return taken;
}

bool pktline_feed(struct pktline_reader *reader, const char *bytes, size_t size, struct error *err)
{
	while (size) {
		if (reader->head_length < sizeof(reader->head)) {
			reader->head[reader->head_length++] = *bytes++;
			size--;
			if (reader->head_length < sizeof(reader->head))
				continue;
			if (!read_length(reader, err))
				return false;
			if (reader->length <= 4 && !deliver(reader, err))
				return false;
			continue;
		}
		size_t part = reader->length - 4 - reader->line.length;
		if (part > size)
			part = size;
		buf_append(&reader->line, bytes, part);
		bytes += part;
		size -= part;
		if (reader->line.length == reader->length - 4 && !deliver(reader, err))
			return false;
	}
	return true;
}

bool pktline_at_rest(const struct pktline_reader *reader)
{
	return reader->head_length == 0;
}

void pktline_done(struct pktline_reader *reader)
{
	buf_done(&reader->line);
	reader->head_length = 0;
}

void pktline_text(struct buf *out, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text) - 1) {
		out->failed = true;
		return;
	}
	buf_printf(out, "%04x%s\n", (unsigned)length + 5, text);
}

void pktline_flush(struct buf *out)
{
	buf_text(out, "0000");
}

void pktline_delimiter(struct buf *out)
{
	buf_text(out, "0001");
}
