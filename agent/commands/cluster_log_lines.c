#include "agent/commands/cluster_log_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { TIME_LEAST = 20, TIME_MOST = 40 };

struct held {
	char *text;
	char time[TIME_MOST];
	size_t source, order;
	int64_t since;
};

struct log_lines {
	struct held *items;
	size_t count, capacity, order, bytes;
	char last[TIME_MOST];
};

struct log_lines *log_lines_new(void)
{
	return memory_alloc(sizeof(struct log_lines));
}

void log_lines_free(struct log_lines *lines)
{
	if (!lines)
		return;
	for (size_t i = 0; i < lines->count; i++)
		free(lines->items[i].text);
	free(lines->items);
	free(lines);
}

/* The bytes of a time at the beginning, 0 = there is none. */
static size_t time_length(const char *line, size_t length)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	if (length < TIME_LEAST)
		return 0;
	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
			return 0;
	const char *end = memchr(line, ' ', length < TIME_MOST ? length : TIME_MOST - 1);
	size_t size = end ? (size_t)(end - line) : length;
	return size < TIME_MOST && line[size - 1] == 'Z' ? size : 0;
}

const char *log_lines_add(struct log_lines *lines, size_t source, const char *line, size_t length, int64_t now)
{
	size_t size = time_length(line, length), skip = size + (size && size < length);
	if (lines->count == lines->capacity) {
		lines->capacity = lines->capacity ? 2 * lines->capacity : 256;
		lines->items = memory_resize(lines->items, lines->capacity * sizeof(*lines->items));
	}
	if (size) {
		memcpy(lines->last, line, size);
		lines->last[size] = '\0';
	}
	struct held *held = &lines->items[lines->count++];
	*held = (struct held){.source = source, .order = lines->order++, .since = now};
	memcpy(held->time, lines->last, sizeof(held->time));
	held->text = memory_printf("%.*s", (int)(length - skip), line + skip);
	lines->bytes += strlen(held->text);
	return held->time;
}

size_t log_lines_bytes(const struct log_lines *lines)
{
	return lines->bytes;
}

void log_lines_trim(struct log_lines *lines, size_t source, size_t most)
{
	size_t of_source = 0, kept = 0;
	for (size_t i = 0; i < lines->count; i++)
		of_source += lines->items[i].source == source;
	for (size_t i = 0; i < lines->count; i++) {
		struct held *held = &lines->items[i];
		if (held->source == source && of_source > most) {
			of_source--;
			lines->bytes -= strlen(held->text);
			free(held->text);
		} else {
			lines->items[kept++] = *held;
		}
	}
	lines->count = kept;
}

static int compare(const void *a, const void *b)
{
	const struct held *one = a, *other = b;
	int order = strcmp(one->time, other->time);
	return order ? order : one->order < other->order ? -1 : one->order > other->order;
}

void log_lines_tell(struct log_lines *lines, int64_t now, int64_t hold,
	void (*tell)(void *context, const struct log_line *line), void *context)
{
	const struct held *last = NULL;
	size_t told = 0;
	for (size_t i = 0; i < lines->count; i++) {
		const struct held *held = &lines->items[i];
		if (now - held->since >= hold && (!last || strcmp(held->time, last->time) > 0))
			last = held;
	}
	if (!last)
		return;
	char until[TIME_MOST];
	memcpy(until, last->time, sizeof(until));
	qsort(lines->items, lines->count, sizeof(*lines->items), compare);
	for (; told < lines->count && strcmp(lines->items[told].time, until) <= 0; told++) {
		struct held *held = &lines->items[told];
		const struct log_line line = {.time = held->time, .text = held->text, .source = held->source};
		tell(context, &line);
		lines->bytes -= strlen(held->text);
		free(held->text);
	}
	memmove(lines->items, lines->items + told, (lines->count - told) * sizeof(*lines->items));
	lines->count -= told;
	if (!lines->count)
		lines->bytes = 0;
}
