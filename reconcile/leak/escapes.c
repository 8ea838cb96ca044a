#include "reconcile/leak/escapes.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "reconcile/leak/encoding.h"

void escape_sink_done(struct escape_sink *sink)
{
	buf_wipe(&sink->bytes);
	free(sink->marks);
	*sink = (struct escape_sink){0};
}

/* Copies a piece as it is. */
static void pass(struct escape_sink *sink, const char *bytes, size_t from, size_t to)
{
	size_t before = sink->bytes.length;
	buf_append(&sink->bytes, bytes + from, to - from);
	for (size_t at = from; at < to;) {
		const char *end = memchr(bytes + at, '\n', to - at);
		if (!end)
			return;
		at = (size_t)(end - bytes) + 1;
		if (sink->count == sink->room) {
			sink->room = sink->room ? 2 * sink->room : 64;
			sink->marks = memory_resize(sink->marks, sink->room * sizeof(*sink->marks));
		}
		sink->marks[sink->count++] = (struct escape_mark){before + at - from, at};
	}
}

/* The value of so many hexadecimal digits; -1 when they are none. */
static long hex_of(const char *bytes, size_t length, size_t digits)
{
	long value = 0;
	if (digits > length)
		return -1;
	for (size_t i = 0; i < digits; i++) {
		char c = bytes[i];
		int digit = c >= '0' && c <= '9' ? c - '0'
			: c >= 'a' && c <= 'f'   ? c - 'a' + 10
			: c >= 'A' && c <= 'F'   ? c - 'A' + 10
						 : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* One escape at bytes[0]: how many bytes it takes, 0 = it is none. */
typedef size_t read_escape(const char *bytes, size_t length, struct buf *out);

static bool replace_all(
	const char *bytes, size_t length, struct escape_sink *sink, const char *starts, read_escape *read)
{
	size_t done = 0;
	bool any = false;
	for (size_t at = 0; at < length;) {
		if (bytes[at] != starts[0] && bytes[at] != starts[1]) {
			at++;
			continue;
		}
		pass(sink, bytes, done, at);
		size_t used = read(bytes + at, length - at, &sink->bytes);
		done = at + used;
		any = any || used;
		if (!used)
			buf_char(&sink->bytes, bytes[done++]);
		at = done;
	}
	pass(sink, bytes, done, length);
	return any;
}

static size_t read_unicode(const char *bytes, size_t length, size_t digits, struct buf *out)
{
	long character = hex_of(bytes + 2, length - 2, digits), low = -1;
	size_t used = 2 + digits;
	if (character < 0)
		return 0;
	if (character >= 0xd800 && character < 0xdc00 && length > used + 6 && bytes[used] == '\\' &&
		bytes[used + 1] == 'u')
		low = hex_of(bytes + used + 2, length - used - 2, 4);
	if (low >= 0xdc00 && low < 0xe000) {
		character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
		used += 6;
	}
	encoding_character((uint32_t)character, out);
	return used;
}

static size_t read_backslash(const char *bytes, size_t length, struct buf *out)
{
	static const char names[] = "nrt\"'\\/0ae`$ ", values[] = "\n\r\t\"'\\/\0\a\x1b`$ ";
	if (length < 2)
		return 0;
	switch (bytes[1]) {
	case 'u':
		return read_unicode(bytes, length, 4, out);
	case 'U':
		return read_unicode(bytes, length, 8, out);
	case 'x':
		if (hex_of(bytes + 2, length - 2, 2) < 0)
			return 0;
		buf_char(out, (char)hex_of(bytes + 2, length - 2, 2));
		return 4;
	case '\n': /* a line that goes on */
		return 2;
	default:
		break;
	}
	const char *name = memchr(names, bytes[1], sizeof(names) - 1);
	if (!name)
		return 0;
	buf_char(out, values[name - names]);
	return 2;
}

bool escape_backslashes(const char *bytes, size_t length, struct escape_sink *sink)
{
	return memchr(bytes, '\\', length) && replace_all(bytes, length, sink, "\\\\", read_backslash);
}

static size_t read_percent(const char *bytes, size_t length, struct buf *out)
{
	long value = *bytes == '+' ? ' ' : hex_of(bytes + 1, length - 1, 2);
	if (value < 0)
		return 0;
	buf_char(out, (char)value);
	return *bytes == '+' ? 1 : 3;
}

bool escape_percent(const char *bytes, size_t length, struct escape_sink *sink)
{
	return (memchr(bytes, '%', length) || memchr(bytes, '+', length)) &&
		replace_all(bytes, length, sink, "%+", read_percent);
}

static size_t read_entity(const char *bytes, size_t length, struct buf *out)
{
	static const struct {
		const char *name;
		char value;
	} names[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (length >= strlen(names[i].name) &&
			memcmp(bytes, names[i].name, strlen(names[i].name)) == 0) {
			buf_char(out, names[i].value);
			return strlen(names[i].name);
		}
	if (length < 4 || bytes[1] != '#')
		return 0;
	bool hex = bytes[2] == 'x' || bytes[2] == 'X';
	size_t at = hex ? 3 : 2, first = at;
	uint32_t character = 0;
	for (; at < length && at < first + 7; at++) {
		long digit = hex_of(bytes + at, 1, 1);
		if (digit < 0 || (!hex && digit > 9))
			break;
		character = character * (hex ? 16 : 10) + (uint32_t)digit;
	}
	if (at == first || at >= length || bytes[at] != ';' || character > 0x10ffff)
		return 0;
	encoding_character(character, out);
	return at + 1;
}

bool escape_entities(const char *bytes, size_t length, struct escape_sink *sink)
{
	return memchr(bytes, '&', length) && replace_all(bytes, length, sink, "&&", read_entity);
}

static size_t read_quotes(const char *bytes, size_t length, struct buf *out)
{
	size_t size = length >= 4 && memcmp(bytes, "'\\''", 4) == 0 ? 4
		: length >= 5 && memcmp(bytes, "'\"'\"'", 5) == 0   ? 5
		: length >= 2 && memcmp(bytes, "''", 2) == 0        ? 2
								    : 0;
	if (size)
		buf_char(out, '\'');
	return size;
}

bool escape_quotes(const char *bytes, size_t length, struct escape_sink *sink)
{
	return memchr(bytes, '\'', length) && replace_all(bytes, length, sink, "''", read_quotes);
}
