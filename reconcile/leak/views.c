#include "reconcile/leak/views.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/leak/encoding.h"
#include "reconcile/leak/escapes.h"

/* In the order in which they are put around each other; only backslashes around backslashes are common. */
static const struct {
	bool (*decode)(const char *bytes, size_t length, struct escape_sink *sink);
	unsigned bit;
} escapes[] = {
	{escape_quotes, 1},
	{escape_backslashes, 2},
	{escape_backslashes, 4},
	{escape_entities, 8},
	{escape_percent, 16},
};
enum { ESCAPES_IN_ROW = 2, RUN_MAX = 4 * 1024 * 1024 };

struct walk {
	size_t shortest;
	view_visit *visit;
	void *context;
};

static void look(const struct walk *walk, const struct view *view);

/* Asked where something was found, and nowhere else: it counts. */
int view_line(const struct view *view, size_t offset)
{
	if (view->origin)
		return view_line(view->origin, view->start);
	int line = view->line;
	if (!view->marks) {
		for (size_t i = 0; i < offset && i < view->length; i++)
			line += view->bytes[i] == '\n';
		return line;
	}
	for (size_t low = 0, high = view->mark_count; low < high;) {
		size_t middle = (low + high) / 2;
		if (view->marks[middle].offset <= offset) {
			line = view->marks[middle].line;
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return line;
}

/* ---- base64 ---- */

/* Of the alphabet for URLs, too. */
static int digit_of(char c)
{
	return c == '-' ? 62 : c == '_' ? 63 : text_base64_value(c);
}

/* Where a run goes on behind a line break, with the indentation, quotes and comment marks of the next line; `at` itself when it ends. */
static size_t behind_break(const char *bytes, size_t length, size_t at)
{
	size_t next = at;
	bool broken = false;
	while (next < length && strchr("\"'`,\\ \t\r\n", bytes[next]) && bytes[next]) {
		broken = broken || bytes[next] == '\n';
		next++;
	}
	if (!broken)
		return at;
	while (next < length && strchr("#>|*\"'` \t", bytes[next]) && bytes[next])
		next++;
	return next < length && digit_of(bytes[next]) >= 0 ? next : at;
}

/* The digits of the run that begins at `at`; where it ends. */
static size_t read_run(const char *bytes, size_t length, size_t at, unsigned char *digits, size_t *count)
{
	*count = 0;
	while (at < length && *count < RUN_MAX) {
		int digit = digit_of(bytes[at]);
		if (digit >= 0) {
			digits[(*count)++] = (unsigned char)digit;
			at++;
			continue;
		}
		size_t next = strchr("\"'`,\\ \t\r\n", bytes[at]) && bytes[at]
			? behind_break(bytes, length, at)
			: at;
		if (next == at)
			break;
		at = next;
	}
	return at;
}

static size_t decode_digits(const unsigned char *digits, size_t count, char *out)
{
	size_t size = 0;
	unsigned value = 0, bits = 0;
	for (size_t i = 0; i < count; i++) {
		value = (value << 6 | digits[i]) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[size++] = (char)(value >> bits & 0xff);
		}
	}
	return size;
}

static void look_at_run(const struct walk *walk, const struct view *view, size_t start,
	const unsigned char *digits, size_t count, char *out)
{
	for (size_t phase = 0; phase < 4 && phase < count; phase++) {
		struct view inside = {.parent = view,
			.bytes = out,
			.length = decode_digits(digits + phase, count - phase, out),
			.base64 = true,
			.origin = view->origin ? view->origin : view,
			.start = view->origin ? view->start : start,
			.depth = view->depth + 1};
		look(walk, &inside);
		explicit_bzero(out, inside.length);
	}
}

static void look_at_base64(const struct walk *walk, const struct view *view)
{
	CLEANUP(memory_freep) unsigned char *digits = NULL;
	CLEANUP(memory_freep) char *out = NULL;
	for (size_t at = 0; at < view->length;) {
		if (digit_of(view->bytes[at]) < 0) {
			at++;
			continue;
		}
		/* Most runs are words: their length is found before anything is copied. */
		size_t end = at, count = 0;
		while (end < view->length && digit_of(view->bytes[end]) >= 0)
			end++;
		bool goes_on = end < view->length && behind_break(view->bytes, view->length, end) != end;
		if (end - at < walk->shortest && !goes_on) {
			at = end;
			continue;
		}
		if (!digits) {
			digits = memory_alloc(view->length + 1);
			out = memory_alloc(view->length + 1);
		}
		end = read_run(view->bytes, view->length, at, digits, &count);
		if (count >= walk->shortest)
			look_at_run(walk, view, at, digits, count, out);
		at = end > at ? end : at + 1;
	}
	if (digits)
		explicit_bzero(digits, view->length);
}

/* ---- everything else ---- */

/* Lines are those of the text that was decoded: a decoded line break is none of the file's. */
static struct view_mark *marks_of(const struct view *view, const struct escape_sink *sink)
{
	struct view_mark *marks = memory_alloc((sink->count + 1) * sizeof(*marks));
	for (size_t i = 0; i < sink->count && !view->origin; i++)
		marks[i] = (struct view_mark){sink->marks[i].offset,
			view->marks ? view_line(view, sink->marks[i].source) : view->line + (int)i + 1};
	return marks;
}

static void look_at_escape(const struct walk *walk, const struct view *view, size_t which)
{
	CLEANUP(escape_sink_done) struct escape_sink sink = {.bytes = BUF(view->length + 1)};
	if (!escapes[which].decode(view->bytes, view->length, &sink))
		return;
	CLEANUP(memory_freep) struct view_mark *marks = marks_of(view, &sink);
	const struct view inside = {.parent = view,
		.bytes = buf_string(&sink.bytes),
		.length = sink.bytes.length,
		.line = view->line,
		.origin = view->origin,
		.start = view->start,
		.escapes = view->escapes | escapes[which].bit,
		.depth = view->depth + 1,
		.marks = marks,
		.mark_count = sink.count};
	look(walk, &inside);
}

static void look_at_zeros(const struct walk *walk, const struct view *view)
{
	struct buf text = BUF(2 * view->length + 4);
	if (encoding_without_zeros(view->bytes, view->length, &text)) {
		struct view inside = {.parent = view,
			.bytes = buf_string(&text),
			.length = text.length,
			.base64 = view->base64,
			.line = view->line,
			.origin = view->origin,
			.start = view->start,
			.depth = view->depth + 1};
		look(walk, &inside);
	}
	buf_wipe(&text);
}

static void look(const struct walk *walk, const struct view *view)
{
	walk->visit(walk->context, view);
	if (view->depth >= VIEWS_DEPTH || view->length < 4)
		return;
	if (memchr(view->bytes, '\0', view->length))
		look_at_zeros(walk, view);
	look_at_base64(walk, view);
	if (encoding_is_binary(view->bytes, view->length) || __builtin_popcount(view->escapes) >= ESCAPES_IN_ROW)
		return;
	for (size_t i = 0; i < COUNT_OF(escapes); i++)
		if (escapes[i].bit > view->escapes && (escapes[i].bit != 4 || view->escapes & 2))
			look_at_escape(walk, view, i);
}

void views_walk(const char *bytes, size_t length, int line, size_t shortest, view_visit *visit, void *context)
{
	const struct walk walk = {shortest, visit, context};
	const struct view view = {.bytes = bytes, .length = length, .line = line};
	look(&walk, &view);
}
