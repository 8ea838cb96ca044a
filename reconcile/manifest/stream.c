#include "reconcile/manifest/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/stream_json.h"

static const char mark[] = "\xef\xbb\xbf", separator[] = "---";

enum { MARK = 3, SEPARATOR = 3 };

/* A file on its way. */
struct stream {
	const char *file;
	struct mistakes *mistakes;
	struct buf *out;
	int line;     /* that is written, from 1 */
	bool changed; /* what is written is not what was read */
};

static const char misplaced_mark[] =
	"a byte order mark (U+FEFF) begins a line, and belongs only where a file begins: remove it";

static bool at(const char *bytes, const char *end, const char *text, size_t size)
{
	return (size_t)(end - bytes) >= size && memcmp(bytes, text, size) == 0;
}

/* ---- JSON objects, one behind the other ---- */

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

/* Writes the objects that the file begins with, and white space behind them; returns where something else begins, which kubectl, too,
   reads as YAML from there. */
static const char *write_objects(const char *bytes, const char *end, struct stream *stream)
{
	const char *at = bytes, *behind;
	for (size_t count = 0;; count++) {
		const char *object = at;
		while (object < end && *object && strchr(" \t\r\n", *object))
			object++;
		behind = stream_json_end(object, end);
		if (!behind)
			return at;
		buf_append(stream->out, at, (size_t)(object - at));
		if (count)
			separate(stream->out);
		buf_append(stream->out, object, (size_t)(behind - object));
		stream->changed = stream->changed || count;
		at = behind;
	}
}

/* ---- lines ---- */

static bool is_separator(const char *line, const char *end)
{
	return at(line, end, separator, SEPARATOR) &&
		(end - line == SEPARATOR || strchr(" \t\r\n#", line[SEPARATOR]));
}

static void refuse(struct stream *stream, const char *text)
{
	mistakes_add(stream->mistakes, stream->file, stream->line, 1, "%s", text);
}

/* kubectl refuses it, and Argo CD; what stands there would be a document to YAML. */
static void check_separator(const char *line, const char *end, struct stream *stream)
{
	if (!at(line, end, separator, SEPARATOR))
		return;
	const char *rest = line + SEPARATOR;
	while (rest < end && strchr(" \t\r\v\f", *rest))
		rest++;
	if (rest < end && *rest != '#')
		refuse(stream, "text stands behind \"---\", which kubectl refuses: put it on the next line");
}

/* What YAML 1.1 takes for the end of a line, and kubectl for a part of it when it looks for separators and byte order marks. */
static size_t odd_break(const char *at, const char *end)
{
	static const char *const breaks[] = {"\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};
	for (size_t i = 0; i < COUNT_OF(breaks); i++)
		if ((size_t)(end - at) >= strlen(breaks[i]) && memcmp(at, breaks[i], strlen(breaks[i])) == 0)
			return strlen(breaks[i]);
	return 0;
}

static void check_breaks(const char *line, const char *end, struct stream *stream)
{
	for (; line < end; line++) {
		size_t size = odd_break(line, end);
		if (!size)
			continue;
		const char *behind = line + size;
		bool separates = at(behind, end, separator, SEPARATOR) &&
			(end - behind == SEPARATOR || strchr(" \t", behind[SEPARATOR]) ||
				odd_break(behind + SEPARATOR, end));
		if (separates)
			refuse(stream,
				"\"---\" stands behind a line break that is none to kubectl (a carriage return alone, U+0085, U+2028 or "
				"U+2029): save the file with line feeds");
		if (at(behind, end, mark, MARK))
			refuse(stream, misplaced_mark);
	}
}

/* One line without its end; `after` says whether the line before it was a separator. */
static void write_line(const char *line, const char *end, bool after, struct stream *stream)
{
	if (at(line, end, mark, MARK)) {
		if (!after && !is_separator(line + MARK, end))
			refuse(stream, misplaced_mark);
		line += MARK;
		stream->changed = true;
	}
	check_separator(line, end, stream);
	check_breaks(line, end, stream);
	if (at(line, end, "---#", SEPARATOR + 1)) {
		buf_text(stream->out, "--- ");
		line += SEPARATOR;
		stream->changed = true;
	}
	buf_append(stream->out, line, (size_t)(end - line));
}

static void write_lines(const char *bytes, const char *end, struct stream *stream)
{
	bool after = false;
	while (bytes < end) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *last = stop ? stop : end;
		if (stop && last > bytes && last[-1] == '\r') {
			last--; /* one, as kubectl does it: another is a line break of its own */
			stream->changed = true;
		}
		write_line(bytes, last, after, stream);
		after = is_separator(bytes, last) ||
			(at(bytes, last, mark, MARK) && is_separator(bytes + MARK, last));
		stream->changed = stream->changed || !stop;
		stream->line++;
		buf_char(stream->out, '\n');
		bytes = stop ? stop + 1 : end;
	}
}

static int line_breaks(const char *bytes, const char *end)
{
	int count = 0;
	for (; bytes < end; bytes++)
		count += *bytes == '\n';
	return count;
}

char *manifest_stream(
	const char *file, const char *bytes, size_t length, size_t *new_length, struct mistakes *mistakes)
{
	CLEANUP(buf_wipe) struct buf out = BUF((size_t)LIMIT_FILE_BYTES * 4);
	struct stream stream = {.file = file, .mistakes = mistakes, .out = &out, .line = 1};
	/* The mark of the file itself is the encoding's, and taken off with it. */
	if (at(bytes, bytes + length, mark, MARK)) {
		bytes += MARK;
		length -= MARK;
	}
	/* A file that is too large is told so where its size is looked at. */
	if (!length || length >= (size_t)LIMIT_FILE_BYTES || memchr(bytes, '\0', length))
		return NULL;
	const char *rest = write_objects(bytes, bytes + length, &stream);
	stream.line += line_breaks(bytes, rest);
	write_lines(rest, bytes + length, &stream);
	if (!stream.changed || buf_failed(&out))
		return NULL;
	*new_length = out.length;
	char *copy = memory_alloc(out.length + 1);
	memcpy(copy, out.data, out.length);
	return copy;
}

void manifest_stream_read(const char *file, const char *bytes, size_t length, struct arena *mem,
	struct yaml_documents *documents, struct mistakes *mistakes)
{
	size_t cut_length = 0;
	char *cut = manifest_stream(file, bytes, length, &cut_length, mistakes);
	yaml_read(file, cut ? cut : bytes, cut ? cut_length : length, mem, documents, mistakes);
	if (cut)
		explicit_bzero(cut, cut_length);
	free(cut);
}
