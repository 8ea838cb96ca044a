#include "reconcile/leak/encoding.h"

#include <string.h>

#include "base/text.h"

/* A look at the beginning tells what it is. */
enum { SAMPLE = 16384 };

void encoding_character(uint32_t character, struct buf *out)
{
	char bytes[4];
	size_t length = 0;
	if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
		character = '?';
	if (character < 0x80) {
		bytes[length++] = (char)character;
	} else if (character < 0x800) {
		bytes[length++] = (char)(0xc0 | character >> 6);
		bytes[length++] = (char)(0x80 | (character & 0x3f));
	} else if (character < 0x10000) {
		bytes[length++] = (char)(0xe0 | character >> 12);
		bytes[length++] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (character & 0x3f));
	} else {
		bytes[length++] = (char)(0xf0 | character >> 18);
		bytes[length++] = (char)(0x80 | (character >> 12 & 0x3f));
		bytes[length++] = (char)(0x80 | (character >> 6 & 0x3f));
		bytes[length++] = (char)(0x80 | (character & 0x3f));
	}
	buf_append(out, bytes, length);
}

/* Where the zeros of UTF-16 are says which half of a unit comes first: 1 = the low one, 0 = the high one, -1 = it is no UTF-16. */
static int low_half_first(const char *bytes, size_t length)
{
	size_t zeros[2] = {0}, sample = length < SAMPLE ? length : SAMPLE;
	if (length >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0)
		return 1;
	if (length >= 2 && memcmp(bytes, "\xfe\xff", 2) == 0)
		return 0;
	for (size_t i = 0; i < sample; i++)
		zeros[i % 2] += bytes[i] == '\0';
	if (zeros[1] * 5 > sample && zeros[0] * 8 < zeros[1])
		return 1;
	return zeros[0] * 5 > sample && zeros[1] * 8 < zeros[0] ? 0 : -1;
}

static uint32_t unit_at(const char *bytes, size_t at, int low_first)
{
	unsigned char a = (unsigned char)bytes[at], b = (unsigned char)bytes[at + 1];
	return low_first ? a | (uint32_t)b << 8 : b | (uint32_t)a << 8;
}

static void from_utf16(const char *bytes, size_t length, int low_first, struct buf *out)
{
	for (size_t at = 0; at + 1 < length; at += 2) {
		uint32_t unit = unit_at(bytes, at, low_first);
		if (unit >= 0xd800 && unit < 0xdc00 && at + 3 < length) {
			uint32_t low = unit_at(bytes, at + 2, low_first);
			if (low >= 0xdc00 && low < 0xe000) {
				unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
				at += 2;
			}
		}
		if (unit && unit != 0xfeff)
			encoding_character(unit, out);
	}
}

bool encoding_without_zeros(const char *bytes, size_t length, struct buf *out)
{
	int low_first = low_half_first(bytes, length);
	if (low_first >= 0) {
		from_utf16(bytes, length, low_first, out);
		return true;
	}
	if (!memchr(bytes, '\0', length))
		return false;
	for (size_t at = 0; at < length;) {
		const char *zero = memchr(bytes + at, '\0', length - at);
		size_t end = zero ? (size_t)(zero - bytes) : length;
		buf_append(out, bytes + at, end - at);
		at = end + 1;
	}
	return true;
}

/* ISO 8859-1: every byte is the character of its number. */
static void from_latin(const char *bytes, size_t length, struct buf *out)
{
	for (size_t i = 0; i < length; i++)
		encoding_character((unsigned char)bytes[i], out);
}

void encoding_text(const char *bytes, size_t length, struct buf *out)
{
	CLEANUP(buf_wipe) struct buf plain = BUF(2 * length + 4);
	CLEANUP(buf_wipe) struct buf text = BUF(2 * (2 * length + 4));
	if (encoding_without_zeros(bytes, length, &plain)) {
		bytes = buf_string(&plain);
		length = plain.length;
	}
	if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		length -= 3;
	}
	if (!text_is_utf8(bytes, length)) {
		from_latin(bytes, length, &text);
		bytes = buf_string(&text);
		length = text.length;
	}
	for (size_t at = 0; at < length;) {
		const char *end = memchr(bytes + at, '\r', length - at);
		size_t size = end ? (size_t)(end - bytes) - at : length - at;
		buf_append(out, bytes + at, size);
		at += size + 1;
		if (end && (at >= length || bytes[at] != '\n'))
			buf_char(out, '\n');
	}
}

bool encoding_is_binary(const char *bytes, size_t length)
{
	size_t sample = length < SAMPLE ? length : SAMPLE, control = 0;
	for (size_t i = 0; i < sample; i++)
		control += (unsigned char)bytes[i] < 0x20 && !strchr("\t\n\r\f\x1b", bytes[i]);
	for (size_t i = 0; i < sample; i++)
		control += bytes[i] == '\0';
	return control * 20 > sample;
}
