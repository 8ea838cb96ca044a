#include "reconcile/sealed/splice.h"

#include <string.h>

struct splice splice_index(const char *text, size_t length, struct arena *mem)
{
	size_t *lines = NULL, count = 0;
	for (size_t at = 0; at < length; at = splice_line_end(text, length, at)) {
		lines = arena_grow(mem, lines, count, sizeof(*lines));
		lines[count++] = at;
	}
	return (struct splice){text, length, lines, count};
}

size_t splice_offset(const struct splice *splice, int line, int column)
{
	const char *text = splice->text;
	size_t length = splice->length;
	size_t at = line >= 1 && (size_t)line <= splice->line_count ? splice->lines[line - 1] : length;
	while (column > 1 && at < length && text[at] != '\n') {
		at++;
		while (at < length && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
		column--;
	}
	return at;
}

static size_t line_start(const char *text, size_t at)
{
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

size_t splice_line_end(const char *text, size_t length, size_t at)
{
	const char *next = at < length ? memchr(text + at, '\n', length - at) : NULL;
	return next ? (size_t)(next - text) + 1 : length;
}

static size_t skip_quoted(const char *text, size_t length, size_t at)
{
	char quote = text[at++];
	for (; at < length; at++) {
		if (quote == '"' && text[at] == '\\')
			at++;
		else if (text[at] == quote && quote == '\'' && at + 1 < length && text[at + 1] == quote)
			at++;
		else if (text[at] == quote)
			return at + 1;
	}
	return length;
}

/* Spaces in front of the line that begins at `start`; -1 when it is blank. */
static int indentation(const char *text, size_t length, size_t start)
{
	size_t at = start;
	while (at < length && text[at] == ' ')
		at++;
	return at >= length || text[at] == '\n' || text[at] == '\r' ? -1 : (int)(at - start);
}

/* Behind the last line that is indented deeper than the key: the lines of a block or of a scalar that goes on. */
static size_t skip_deeper(const char *text, size_t length, size_t next_line, int key_column)
{
	size_t end = next_line;
	for (size_t at = next_line; at < length; at = splice_line_end(text, length, at)) {
		int spaces = indentation(text, length, at);
		if (spaces >= 0 && spaces < key_column)
			break;
		if (spaces >= 0)
			end = splice_line_end(text, length, at);
	}
	return end;
}

/* A plain scalar ends at the line's end, at " #", or in flow style at ',' or a closing bracket. */
static size_t plain_end(const char *text, size_t length, size_t at, bool flow)
{
	size_t end = at;
	for (; at < length && text[at] != '\n' && text[at] != '\r'; at++) {
		if (text[at] == '#' && at > 0 && (text[at - 1] == ' ' || text[at - 1] == '\t'))
			break;
		if (flow && strchr(",]}", text[at]))
			break;
		if (text[at] != ' ' && text[at] != '\t')
			end = at + 1;
	}
	return end;
}

bool splice_is_flow(const char *text, size_t key)
{
	for (size_t at = line_start(text, key); at < key; at++)
		if (!strchr(" \t-?", text[at]))
			return true;
	return false;
}

struct span splice_scalar(const struct splice *splice, const struct yaml_node *value, int key_column)
{
	const char *text = splice->text;
	size_t length = splice->length;
	size_t start = splice_offset(splice, value->line, value->column), end;
	if (start >= length)
		return (struct span){length, length};
	if (text[start] == '"' || text[start] == '\'') {
		end = skip_quoted(text, length, start);
	} else if (text[start] == '|' || text[start] == '>') {
		end = skip_deeper(text, length, splice_line_end(text, length, start), key_column);
		if (end > start && text[end - 1] == '\n')
			end--;
	} else {
		end = plain_end(text, length, start, false);
		size_t next = splice_line_end(text, length, start);
		size_t more = skip_deeper(text, length, next, key_column);
		if (more > next)
			end = more > 0 && text[more - 1] == '\n' ? more - 1 : more;
	}
	return (struct span){start, end};
}

static struct span flow_pair(const struct splice *splice, const struct yaml_node *map, size_t index)
{
	const char *text = splice->text;
	size_t length = splice->length;
	const struct yaml_pair *pair = &map->pairs[index];
	size_t start = splice_offset(splice, pair->line, pair->column);
	if (index + 1 < map->count) {
		const struct yaml_pair *next = &map->pairs[index + 1];
		return (struct span){start, splice_offset(splice, next->line, next->column)};
	}
	size_t value = splice_offset(splice, pair->value->line, pair->value->column);
	bool quoted = value < length && (text[value] == '"' || text[value] == '\'');
	size_t end = quoted ? skip_quoted(text, length, value) : plain_end(text, length, value, true);
	while (start > 0 && strchr(" \t\n\r", text[start - 1]))
		start--;
	if (start > 0 && text[start - 1] == ',')
		start--;
	return (struct span){start, end};
}

struct span splice_pair(const struct splice *splice, const struct yaml_node *map, size_t index)
{
	const char *text = splice->text;
	size_t length = splice->length;
	const struct yaml_pair *pair = &map->pairs[index];
	size_t key = splice_offset(splice, pair->line, pair->column);
	if (splice_is_flow(text, key))
		return flow_pair(splice, map, index);
	size_t line = line_start(text, key);
	struct span scalar = splice_scalar(splice, pair->value, pair->column);
	size_t end = splice_line_end(text, length, scalar.end > key ? scalar.end : key);
	if (strspn(text + line, " \t") == key - line)
		return (struct span){line, end};
	/* Behind "- ": what follows moves up to it. */
	if (index + 1 < map->count) {
		const struct yaml_pair *next = &map->pairs[index + 1];
		return (struct span){key, splice_offset(splice, next->line, next->column)};
	}
	return (struct span){key, end};
}

static bool is_marker(const char *text, size_t length, size_t at)
{
	return length - at >= 3 && memcmp(text + at, "---", 3) == 0 &&
		(length - at == 3 || strchr(" \t\r\n", text[at + 3]));
}

size_t splice_documents(const char *text, size_t length, struct arena *mem, struct span **documents)
{
	size_t count = 0, start = 0;
	*documents = NULL;
	for (size_t at = 0; at < length; at = splice_line_end(text, length, at)) {
		if (!is_marker(text, length, at) || at == start)
			continue;
		*documents = arena_grow(mem, *documents, count, sizeof(**documents));
		(*documents)[count++] = (struct span){start, at};
		start = at;
	}
	if (start < length) {
		*documents = arena_grow(mem, *documents, count, sizeof(**documents));
		(*documents)[count++] = (struct span){start, length};
	}
	return count;
}
