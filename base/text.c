#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *text, const char *suffix)
{
	size_t length = strlen(text), end = strlen(suffix);
	return length >= end && memcmp(text + length - end, suffix, end) == 0;
}

size_t text_character(const char *text, size_t left, uint32_t *character)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = (const unsigned char *)text;
	size_t length = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (left < length || (at[0] >= 0x80 && at[0] < 0xc2) || at[0] > 0xf4)
		return 0;
	uint32_t value = length == 1 ? at[0] : at[0] & (0x7fU >> length);
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (at[i] & 0x3f);
	}
	if (value < smallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*character = value;
	return length;
}

bool text_is_hidden(uint32_t character)
{
	static const uint32_t ranges[][2] = {
		{0, 0x1f}, {0x7f, 0x9f}, /* C0, DEL, C1 */
		{0xad, 0xad},            /* soft hyphen */
		{0x61c, 0x61c},          /* direction mark */
		{0x180e, 0x180e},        /* zero width */
		{0x200b, 0x200f},        /* zero width, direction marks */
		{0x2028, 0x202e},        /* line separators, embeddings and overrides */
		{0x2060, 0x206f},        /* zero width, isolates */
		{0xfeff, 0xfeff},        /* byte order mark */
		{0xfff9, 0xfffb},        /* annotations between lines */
		{0xfffe, 0xffff},        /* no characters */
		{0xe0000, 0xe0fff},      /* tags: a text within a text */
	};
	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (character <= ranges[i][1])
			return character >= ranges[i][0];
	return false;
}

bool text_is_utf8(const char *bytes, size_t length)
{
	uint32_t ignored;
	while (length) {
		size_t step = text_character(bytes, length, &ignored);
		if (!step)
			return false;
		bytes += step;
		length -= step;
	}
	return true;
}

size_t text_escape(const char *text, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const char *begin = out;
	uint32_t ignored;
	while (*text) {
		size_t step = text_character(text, SIZE_MAX, &ignored);
		if (step) {
			memcpy(out, text, step);
			out += step;
			text += step;
			continue;
		}
		unsigned char byte = (unsigned char)*text++;
		const char shown[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
		memcpy(out, shown, sizeof(shown));
		out += sizeof(shown);
	}
	*out = '\0';
	return (size_t)(out - begin);
}

void text_make_printable(char *text)
{
	while (*text) {
		uint32_t character;
		size_t step = text_character(text, SIZE_MAX, &character);
		if (*text == '\n' || *text == '\t')
			*text = ' ';
		else if (step == 0 || text_is_hidden(character))
			memset(text, '?', step ? step : 1);
		text += step ? step : 1;
	}
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

size_t text_fit(const char *text, size_t maximum)
{
	size_t length = strlen(text);
	if (length <= maximum)
		return length;
	for (length = maximum; length && continues(text[length]);)
		length--;
	return length;
}

void text_shorten(char *text, size_t maximum)
{
	static const char gap[] = " ... ";
	size_t length = strlen(text);
	if (length <= maximum)
		return;
	size_t room = maximum > strlen(gap) ? maximum - strlen(gap) : 0;
	size_t head = room / 2;
	size_t tail = length - (room - head);
	while (head && continues(text[head]))
		head--;
	while (text[tail] && continues(text[tail]))
		tail++;
	if (room) {
		memcpy(text + head, gap, sizeof(gap) - 1);
		head += sizeof(gap) - 1;
	}
	memmove(text + head, text + tail, length - tail + 1);
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_label(const char *text, size_t length)
{
	if (length < 1 || length > 63 || !is_label_char(text[0]) || !is_label_char(text[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_label_char(text[i]) && text[i] != '-')
			return false;
	return true;
}

bool text_is_dns_label(const char *text)
{
	return is_label(text, strlen(text));
}

bool text_is_dns_subdomain(const char *text)
{
	/* RFC 1123 subdomain as Kubernetes checks it: the parts may be longer than 63, the whole may not pass 253. */
	size_t length = strlen(text);
	if (length < 1 || length > 253)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool edge = i == 0 || i == length - 1 || text[i - 1] == '.' || text[i + 1] == '.';
		if (text[i] == '.' ? edge && (i == 0 || i == length - 1 || text[i - 1] == '.')
				   : !(is_label_char(text[i]) || (text[i] == '-' && !edge)))
			return false;
	}
	return true;
}

/* One `[...]` class; sets `*end` behind it. A class without end matches nothing. */
static bool class_matches(const char *pattern, char c, const char **end)
{
	bool negated = pattern[1] == '!' || pattern[1] == '^';
	const char *at = pattern + 1 + negated;
	bool found = false;
	for (bool first = true; *at && (*at != ']' || first); first = false) {
		char low = *at++, high = low;
		if (*at == '-' && at[1] && at[1] != ']') {
			high = at[1];
			at += 2;
		}
		found = found || (c >= low && c <= high);
	}
	*end = *at ? at + 1 : at;
	return *at && found != negated;
}

/* Where a walk goes on when what followed a star did not match: behind the star, with one character more taken by it. */
struct glob_star {
	const char *pattern, *text; /* NULL = no star was met */
};

/* One character of the pattern, no star, against one of the text; `*next` is behind it. */
static bool glob_character(const char *pattern, char c, char wall, const char **next)
{
	*next = pattern + 1;
	if (*pattern == '[')
		return class_matches(pattern, c, next);
	if (*pattern == '\\' && pattern[1]) {
		*next = pattern + 2;
		return pattern[1] == c;
	}
	return *pattern && (*pattern == c || (*pattern == '?' && c != wall));
}

/* Without braces: the usual two-pointer walk that returns to the last star, no recursion. Where there is a `wall`, one star stops at
   it and two pass it: the walk returns to the last single star while that can grow, then to the last double one. */
static bool glob_plain(const char *pattern, const char *text, char wall)
{
	struct glob_star one = {NULL, NULL}, all = {NULL, NULL};
	while (*text) {
		const char *next;
		if (*pattern == '*') {
			bool passes = !wall || pattern[1] == '*';
			pattern += strspn(pattern, "*");
			one = passes ? (struct glob_star){NULL, NULL} : (struct glob_star){pattern, text};
			all = passes ? (struct glob_star){pattern, text} : all;
		} else if (glob_character(pattern, *text, wall, &next)) {
			pattern = next;
			text++;
		} else if (one.pattern && *one.text != wall) {
			pattern = one.pattern;
			text = ++one.text;
		} else if (all.pattern) {
			pattern = all.pattern;
			text = ++all.text;
			one.pattern = NULL;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

/* The brace that closes the one at `open`, or NULL. */
static const char *closing_brace(const char *open)
{
	int depth = 0;
	for (const char *at = open; *at; at++) {
		if (*at == '{')
			depth++;
		if (*at == '}' && --depth == 0)
			return at;
	}
	return NULL;
}

/* Expands the first brace group and asks again for each alternative; `budget` bounds the alternatives in all. */
static bool glob_braces(const char *pattern, const char *text, char wall, int *budget)
{
	const char *open = strchr(pattern, '{');
	const char *close = open ? closing_brace(open) : NULL;
	if (!close)
		return glob_plain(pattern, text, wall);
	const char *from = open + 1;
	int depth = 0;
	for (const char *at = from; at <= close; at++) {
		if (*at == '{')
			depth++;
		if (*at == '}' && at != close)
			depth--;
		if (at != close && (*at != ',' || depth))
			continue;
		char expanded[1100];
		size_t head = (size_t)(open - pattern), middle = (size_t)(at - from);
		size_t tail = strlen(close + 1);
		if (--*budget < 0 || head + middle + tail >= sizeof(expanded))
			return false;
		memcpy(expanded, pattern, head);
		memcpy(expanded + head, from, middle);
		memcpy(expanded + head + middle, close + 1, tail + 1);
		if (glob_braces(expanded, text, wall, budget))
			return true;
		from = at + 1;
	}
	return false;
}

bool text_glob(const char *pattern, const char *text)
{
	int budget = 64;
	return strlen(pattern) <= 1024 && glob_braces(pattern, text, '\0', &budget);
}

bool text_glob_path(const char *pattern, const char *text)
{
	int budget = 64;
	return strlen(pattern) <= 1024 && strlen(text) <= 1024 && glob_braces(pattern, text, '/', &budget);
}

bool text_glob_any(const char *const *patterns, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (text_glob(patterns[i], text))
			return true;
	return false;
}

void text_hex(const unsigned char *bytes, size_t length, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < length; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(const unsigned char *bytes, size_t length, char *out)
{
	for (size_t i = 0; i < length; i += 3) {
		unsigned group = (unsigned)bytes[i] << 16;
		if (i + 1 < length)
			group |= (unsigned)bytes[i + 1] << 8;
		if (i + 2 < length)
			group |= bytes[i + 2];
		*out++ = base64_digits[group >> 18];
		*out++ = base64_digits[group >> 12 & 63];
		*out++ = i + 1 < length ? base64_digits[group >> 6 & 63] : '=';
		*out++ = i + 2 < length ? base64_digits[group & 63] : '=';
	}
	*out = '\0';
}

int text_base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool text_base64_decode(const char *text, size_t length, unsigned char *out, size_t *out_length)
{
	size_t count = 0;
	if (length % 4)
		return false;
	for (size_t i = 0; i < length; i += 4) {
		bool last = i + 4 == length;
		int pad = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
		int value[4] = {text_base64_value(text[i]), text_base64_value(text[i + 1]),
			pad == 2 ? 0 : text_base64_value(text[i + 2]),
			pad ? 0 : text_base64_value(text[i + 3])};
		if (value[0] < 0 || value[1] < 0 || value[2] < 0 || value[3] < 0)
			return false;
		unsigned group = (unsigned)value[0] << 18 | (unsigned)value[1] << 12 |
			(unsigned)value[2] << 6 | (unsigned)value[3];
		if ((pad == 2 && group & 0xffff) || (pad == 1 && group & 0xff))
			return false; /* bits that no encoder sets */
		out[count++] = (unsigned char)(group >> 16);
		if (pad < 2)
			out[count++] = (unsigned char)(group >> 8);
		if (pad < 1)
			out[count++] = (unsigned char)group;
	}
	out[count] = '\0';
	*out_length = count;
	return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t smaller = a < b ? a : b;
	return smaller < c ? smaller : c;
}

/* Levenshtein's distance, one row at a time; words beyond 63 bytes are far from everything. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], length = strlen(b);
	if (length > 63 || strlen(a) > 63)
		return 99;
	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t above = row[j];
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			row[j] = least(row[j] + 1, row[j - 1] + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[length];
}

const char *text_nearest(const char *text, const char *const *words, size_t count)
{
	const char *nearest = NULL;
	size_t best = strlen(text) > 4 ? 3 : 2;
	for (size_t i = 0; i < count; i++) {
		size_t edits = distance(text, words[i]);
		if (edits < best) {
			best = edits;
			nearest = words[i];
		}
	}
	return nearest;
}

const char *text_hint(const char *near, char hint[TEXT_HINT_SIZE])
{
	hint[0] = '\0';
	if (near)
		snprintf(hint, TEXT_HINT_SIZE, ", did you mean \"%s\"?", near);
	return hint;
}

int text_compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void text_sort_unique(const char **list, size_t *count)
{
	size_t kept = 0;
	if (*count)
		qsort(list, *count, sizeof(*list), text_compare);
	for (size_t i = 0; i < *count; i++)
		if (!kept || strcmp(list[kept - 1], list[i]) != 0)
			list[kept++] = list[i];
	*count = kept;
}

bool text_is_listed(const char *const *list, size_t count, const char *text)
{
	return count && bsearch(&text, list, count, sizeof(*list), text_compare);
}
