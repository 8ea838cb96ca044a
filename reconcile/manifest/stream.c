#include "reconcile/manifest/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

static const char mark[] = "\xef\xbb\xbf", separator[] = "---";

enum { MARK = 3, SEPARATOR = 3 };

static bool at(const char *bytes, const char *end, const char *text, size_t size)
{
	return (size_t)(end - bytes) >= size && memcmp(bytes, text, size) == 0;
}

/* ---- JSON objects, one behind the other ---- */

struct json_scan {
	bool inside, escaped; /* a string */
	size_t depth;
	bool ended; /* an object before this place */
};

/* False = it is no JSON: a comment, or a string in single quotes. */
static bool scan(struct json_scan *scan, char c)
{
	if (scan->inside) {
		scan->inside = scan->escaped || c != '"';
		scan->escaped = !scan->escaped && c == '\\';
		return true;
	}
	if (c == '"')
		scan->inside = true;
	else if (c == '{' || c == '[')
		scan->depth++;
	else if (c == '}' || c == ']')
		scan->ended = scan->depth && --scan->depth == 0;
	return c != '\'' && c != '#';
}

/* A separator has to begin its line; where the next object begins one already, the lines keep their numbers. */
static void separate(struct buf *out)
{
	size_t blanks = 0;
	while (blanks < out->length && strchr(" \t", out->data[out->length - 1 - blanks]))
		blanks++;
	out->length -= blanks;
	if (!out->length || out->data[out->length - 1] != '\n')
		buf_char(out, '\n');
	buf_text(out, "--- ");
}

static bool split_json(const char *bytes, const char *end, struct buf *out)
{
	struct json_scan place = {0};
	size_t split = 0;
	bool separated =
		true; /* by the file's beginning or its own separator: a second would be an empty document */
	const char *begin = bytes;
	while (begin < end && strchr(" \t\r\n", *begin) && *begin)
		begin++;
	if (begin == end || *begin != '{')
		return false;
	for (; bytes < end; bytes++) {
		bool between = !place.depth && !place.inside;
		if (between && *bytes == '{' && !separated) {
			separate(out);
			split++;
		}
		separated = between && (*bytes == '-' || (separated && *bytes != '{'));
		if (!scan(&place, *bytes))
			return false;
		buf_char(out, *bytes);
	}
	return split && !place.depth;
}

/* ---- lines ---- */

static bool is_separator(const char *line, const char *end)
{
	return at(line, end, separator, SEPARATOR) &&
		(end - line == SEPARATOR || strchr(" \t\r\n#", line[SEPARATOR]));
}

/* One line without its end; `after` says whether the line before it was a separator. */
static bool write_line(const char *line, const char *end, bool after, struct buf *out)
{
	bool changed = false;
	if (at(line, end, mark, MARK) && (after || is_separator(line + MARK, end))) {
		line += MARK;
		changed = true;
	}
	if (at(line, end, "---#", SEPARATOR + 1)) {
		buf_text(out, "--- ");
		line += SEPARATOR;
		changed = true;
	}
	buf_append(out, line, (size_t)(end - line));
	return changed;
}

static bool write_lines(const char *bytes, const char *end, struct buf *out)
{
	bool changed = false, after = false;
	while (bytes < end) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *last = stop ? stop : end;
		changed = write_line(bytes, last, after, out) || changed;
		after = is_separator(bytes, last) ||
			(at(bytes, last, mark, MARK) && is_separator(bytes + MARK, last));
		changed = changed || !stop;
		buf_char(out, '\n');
		bytes = stop ? stop + 1 : end;
	}
	return changed;
}

char *manifest_stream(const char *bytes, size_t length, size_t *new_length)
{
	CLEANUP(buf_done) struct buf lines = BUF((size_t)LIMIT_FILE_BYTES * 2);
	CLEANUP(buf_done) struct buf json = BUF((size_t)LIMIT_FILE_BYTES * 4);
	/* The mark of the file itself is the encoding's, and taken off with it. */
	if (at(bytes, bytes + length, mark, MARK)) {
		bytes += MARK;
		length -= MARK;
	}
	/* A file that is too large is told so where its size is looked at. */
	if (!length || length >= (size_t)LIMIT_FILE_BYTES || memchr(bytes, '\0', length))
		return NULL;
	bool changed = write_lines(bytes, bytes + length, &lines);
	bool split = split_json(lines.data, lines.data + lines.length, &json);
	const struct buf *written = split ? &json : &lines;
	if ((!changed && !split) || buf_failed(written))
		return NULL;
	*new_length = written->length;
	char *copy = memory_alloc(written->length + 1);
	memcpy(copy, written->data, written->length);
	return copy;
}

void manifest_stream_read(const char *file, const char *bytes, size_t length, struct arena *mem,
	struct yaml_documents *documents, struct mistakes *mistakes)
{
	size_t cut_length = 0;
	char *cut = manifest_stream(bytes, length, &cut_length);
	yaml_read(file, cut ? cut : bytes, cut ? cut_length : length, mem, documents, mistakes);
	if (cut)
		explicit_bzero(cut, cut_length);
	free(cut);
}
