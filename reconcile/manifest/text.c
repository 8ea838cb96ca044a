#include "reconcile/manifest/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/stream_json.h"

void manifest_text_position(const char *bytes, size_t offset, int *line, int *column)
{
	*line = *column = 1;
	for (size_t i = 0; i < offset; i++) {
		if (bytes[i] == '\n' || (bytes[i] == '\r' && bytes[i + 1] != '\n')) {
			++*line;
			*column = 1;
		} else if (((unsigned char)bytes[i] & 0xc0) != 0x80) {
			++*column;
		}
	}
}

/* libyaml compares each %TAG directive with all before it: their number is bounded before it sees them. */
static size_t directive_lines(const char *bytes, size_t length)
{
	size_t count = 0;
	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '%' && (i == 0 || bytes[i - 1] == '\n' || bytes[i - 1] == '\r'))
			count += length - i > 4 && memcmp(bytes + i, "%TAG", 4) == 0;
	return count;
}

static size_t valid_prefix(const char *bytes, size_t length)
{
	/* Lines are short: the first bad one is looked at byte by byte. */
	size_t good = 0;
	while (good < length) {
		const char *end = memchr(bytes + good, '\n', length - good);
		size_t step = end ? (size_t)(end - (bytes + good)) + 1 : length - good;
		if (!text_is_utf8(bytes + good, step))
			break;
		good += step;
	}
	for (size_t size = 1; good < length && size <= 4;) {
		if (good + size <= length && text_is_utf8(bytes + good, size)) {
			good += size;
			size = 1;
		} else {
			size++;
		}
	}
	return good;
}

bool manifest_text_check(const char *file, const char **bytes, size_t *length, struct mistakes *mistakes)
{
	int line, column;
	if (*length > (size_t)LIMIT_FILE_BYTES) {
		mistakes_add(mistakes, file, 0, 0,
			"larger than %ld bytes: split it, or keep it out of the path", LIMIT_FILE_BYTES);
		return false;
	}
	if (*length >= 2 && (memcmp(*bytes, "\xff\xfe", 2) == 0 || memcmp(*bytes, "\xfe\xff", 2) == 0)) {
		mistakes_add(mistakes, file, 1, 1, "UTF-16 or UTF-32 text: save the file as UTF-8");
		return false;
	}
	if (*length >= 3 && memcmp(*bytes, "\xef\xbb\xbf", 3) == 0) {
		*bytes += 3;
		*length -= 3;
	}
	size_t good = valid_prefix(*bytes, *length);
	if (good < *length) {
		manifest_text_position(*bytes, good, &line, &column);
		mistakes_add(mistakes, file, line, column, "byte 0x%02x is not UTF-8: save the file as UTF-8",
			(unsigned char)(*bytes)[good]);
		return false;
	}
	if (directive_lines(*bytes, *length) > LIMIT_YAML_DIRECTIVES) {
		mistakes_add(mistakes, file, 0, 0,
			"more than %d lines begin with %%TAG: tags are not supported", LIMIT_YAML_DIRECTIVES);
		return false;
	}
	return true;
}

/* The code unit of "\uXXXX" at `at`, or -1. */
static long escape_at(const char *at, size_t left)
{
	char digits[5] = {0};
	if (left < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	memcpy(digits, at + 2, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -1;
	return strtol(digits, NULL, 16);
}

/* Copies a JSON object, each pair of surrogates in its strings as one escape; returns how many there were. */
static size_t join(const char *at, const char *end, char *copy, size_t *out)
{
	bool inside = false;
	size_t joined = 0;
	while (at < end) {
		long high = inside ? escape_at(at, (size_t)(end - at)) : -1;
		long low = high >= 0xd800 && high < 0xdc00 ? escape_at(at + 6, (size_t)(end - at) - 6) : -1;
		if (low >= 0xdc00 && low < 0xe000) {
			char joint[16];
			snprintf(joint, sizeof(joint), "\\U%08lx",
				0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
			memcpy(copy + *out, joint, 10);
			*out += 10;
			at += 12;
			joined++;
			continue;
		}
		if (inside && *at == '\\')
			copy[(*out)++] = *at++;
		else if (*at == '"')
			inside = !inside;
		copy[(*out)++] = *at++;
	}
	return joined;
}

/* What may stand before a JSON object or between two: white space, separators. */
static size_t between(const char *bytes, size_t length)
{
	size_t count = 0;
	while (count < length && bytes[count] && strchr(" \t\r\n-", bytes[count]))
		count++;
	return count;
}

char *manifest_text_join_surrogates(const char *bytes, size_t length, size_t *new_length)
{
	const char *at = bytes, *end = bytes + length, *behind;
	size_t out = 0, joined = 0;
	if (!memmem(bytes, length, "\\u", 2) || !stream_json_end(bytes + between(bytes, length), end))
		return NULL;
	CLEANUP(memory_freep) char *copy = memory_alloc(length + 1);
	do {
		size_t before = between(at, (size_t)(end - at));
		memcpy(copy + out, at, before);
		out += before;
		at += before;
		behind = stream_json_end(at, end);
		if (behind)
			joined += join(at, behind, copy, &out);
		else
			memcpy(copy + out, at, (size_t)(end - at));
		out += behind ? 0 : (size_t)(end - at);
		at = behind;
	} while (at && at < end);
	if (!joined)
		return NULL;
	*new_length = out;
	char *result = copy;
	copy = NULL;
	return result;
}
