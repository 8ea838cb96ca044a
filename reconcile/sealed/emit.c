#include "reconcile/sealed/emit.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static bool is_word(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* Would a YAML 1.1 or 1.2 reader take it for a number, date, boolean or null? Anything that begins like a number counts:
   a needless pair of quotes is harmless. */
static bool is_other_type(const char *text)
{
	static const char *const words[] = {
		"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", ".nan", ".inf", "=", "<<"};
	size_t digits = strspn(text, "0123456789+-._:eExXoOabcdefABCDEFTZ ");
	return is_word(text, words, COUNT_OF(words)) ||
		(strchr("0123456789+-.", text[0]) && text[strcspn(text, "0123456789")] && !text[digits]);
}

bool emit_is_plain(const char *text, size_t length)
{
	if (length == 0 || strlen(text) != length || is_other_type(text))
		return false;
	if (strchr(" \t-?:,[]{}#&*!|>'\"%@`", text[0]) || text[length - 1] == ' ' || text[length - 1] == ':')
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c >= 0x7f)
			return false;
		if ((c == ':' && text[i + 1] == ' ') || (c == '#' && text[i - 1] == ' '))
			return false;
	}
	return true;
}

static void emit_double_quoted(struct buf *out, const char *text, size_t length)
{
	buf_char(out, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c == '\n')
			buf_text(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
	buf_char(out, '"');
}

static bool is_printable_ascii(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] == 0x7f)
			return false;
	return true;
}

void emit_scalar(struct buf *out, const char *text, size_t length)
{
	if (emit_is_plain(text, length)) {
		buf_append(out, text, length);
	} else if (length && is_printable_ascii(text, length) && !is_other_type(text)) {
		buf_char(out, '\'');
		for (size_t i = 0; i < length; i++)
			buf_printf(out, text[i] == '\'' ? "''" : "%c", text[i]);
		buf_char(out, '\'');
	} else {
		emit_double_quoted(out, text, length);
	}
}

static void indent(struct buf *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_text(out, "  ");
}

/* A literal block keeps the text as it is when no line has trailing space and none of its first lines is indented. */
static bool fits_block(const char *text, size_t length)
{
	if (!memchr(text, '\n', length) || strlen(text) != length || strchr(" \t\n", text[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f)
			return false;
	return true;
}

static void emit_block(struct buf *out, const char *text, size_t length, int depth)
{
	size_t ends = 0;
	while (ends < length && text[length - 1 - ends] == '\n')
		ends++;
	buf_text(out, ends == 0 ? "|-\n" : ends == 1 ? "|\n" : "|+\n");
	for (const char *line = text; *line;) {
		size_t size = strcspn(line, "\n");
		if (size)
			indent(out, depth);
		buf_append(out, line, size);
		buf_char(out, '\n');
		line += size + (line[size] == '\n');
	}
}

static void emit_string(struct buf *out, const json_t *value, int depth)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	if (fits_block(text, length)) {
		emit_block(out, text, length, depth);
	} else {
		emit_scalar(out, text, length);
		buf_char(out, '\n');
	}
}

static void emit_node(struct buf *out, const json_t *value, int depth, bool inline_first);

static void emit_map(struct buf *out, const json_t *map, int depth, bool inline_first)
{
	size_t count = json_object_size(map), used = 0;
	CLEANUP(memory_freep) const char **keys = memory_alloc(count * sizeof(*keys));
	const char *key;
	json_t *child;
	json_object_foreach ((json_t *)(uintptr_t)map, key, child)
		keys[used++] = key;
	qsort(keys, count, sizeof(*keys), text_compare);
	for (size_t i = 0; i < count; i++) {
		if (i || !inline_first)
			indent(out, depth);
		emit_scalar(out, keys[i], strlen(keys[i]));
		buf_char(out, ':');
		emit_node(out, json_object_get(map, keys[i]), depth, false);
	}
}

static void emit_list(struct buf *out, const json_t *list, int depth)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		indent(out, depth);
		buf_char(out, '-');
		emit_node(out, item, depth, true);
	}
}

/* What follows "key:" (`item` false: a map inside goes one deeper, a list does not) or "-" (`item` true). */
static void emit_node(struct buf *out, const json_t *value, int depth, bool item)
{
	if (json_is_object(value) && json_object_size(value)) {
		buf_char(out, item ? ' ' : '\n');
		emit_map(out, value, depth + 1, item);
	} else if (json_is_array(value) && json_array_size(value)) {
		buf_char(out, '\n');
		emit_list(out, value, item ? depth + 1 : depth);
	} else if (json_is_string(value)) {
		buf_char(out, ' ');
		emit_string(out, value, depth + 1);
	} else {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
		buf_printf(out, " %s\n", text ? text : "null");
		free(text);
	}
}

void emit_yaml(struct buf *out, const json_t *value)
{
	if (json_is_object(value) && json_object_size(value))
		emit_map(out, value, 0, false);
	else if (json_is_array(value) && json_array_size(value))
		emit_list(out, value, 0);
	else
		emit_node(out, value, 0, true);
}
