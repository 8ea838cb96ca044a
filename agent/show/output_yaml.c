#include "agent/show/output.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "agent/show/output_character.h"
#include "base/memory.h"

/* What YAML 1.1 or 1.2 readers take for something else than a string when it is not quoted. */
static const char *const reserved[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};

/* A string may stand without quotes when it begins with a letter, '_' or '/', holds only characters that mean nothing in
   YAML, and is no reserved word. Numbers and dates begin with a digit, a sign or a dot. */
static bool is_plain(const char *text)
{
	if (!isalpha((unsigned char)text[0]) && text[0] != '_' && text[0] != '/')
		return false;
	for (size_t i = 0; i < COUNT_OF(reserved); i++)
		if (strcasecmp(text, reserved[i]) == 0)
			return false;
	for (const char *at = text; *at; at++) {
		if (!isalnum((unsigned char)*at) && !strchr("_-./@+=:;,() ", *at))
			return false;
		if ((*at == ':' || *at == ' ') && (at[1] == ' ' || at[1] == '\0'))
			return false;
	}
	return true;
}

/* A literal block shows lines as they are: no control characters, no blank at the start or before a line's end. */
static bool is_block(const char *text)
{
	bool lines = false;
	if (*text == ' ' || *text == '\n')
		return false;
	while (*text) {
		uint32_t character;
		size_t length = character_read(text, &character);
		bool line_end = character == '\n';
		if (!length || (!line_end && character < 0x20) || (character >= 0x7f && character < 0xa0) ||
			(character >= 0x2000 && character <= 0x206f) || character >= 0xd800)
			return false;
		if (character == ' ' && (text[1] == '\n' || text[1] == '\0'))
			return false;
		lines = lines || line_end;
		text += length;
	}
	return lines;
}

static void indent(size_t depth, struct buf *out)
{
	for (size_t i = 0; i < depth; i++)
		buf_text(out, "  ");
}

/* `|` ends with exactly one line break, `|-` with none, `|+` keeps all there are. */
static void put_block(const char *text, size_t depth, struct buf *out)
{
	size_t length = strlen(text);
	const char *chomp = text[length - 1] != '\n'     ? "-"
		: length > 1 && text[length - 2] == '\n' ? "+"
							 : "";
	buf_printf(out, "|%s\n", chomp);
	while (*text) {
		size_t line = strcspn(text, "\n");
		if (line)
			indent(depth, out);
		buf_append(out, text, line);
		buf_char(out, '\n');
		text += line + (text[line] == '\n');
	}
}

/* Double quotes with JSON's escapes, and \u for all that is not plain ASCII or a letter of some script. */
static void put_quoted(const char *text, struct buf *out)
{
	buf_char(out, '"');
	while (*text) {
		uint32_t character;
		size_t length = character_read(text, &character);
		if (character == '"' || character == '\\')
			buf_printf(out, "\\%c", (char)character);
		else if (character == '\n')
			buf_text(out, "\\n");
		else if (character < 0x20 || (character >= 0x7f && character < 0xa0) ||
			(character >= 0x2000 && character <= 0x206f) || character == 0xfeff ||
			(character >= 0xfff9 && character <= 0xffff))
			buf_printf(out, "\\u%04x", (unsigned)character);
		else
			buf_append(out, text, length);
		text += length ? length : 1; /* jansson holds valid UTF-8 only */
	}
	buf_char(out, '"');
}

static void put_string(const char *text, size_t depth, struct buf *out)
{
	if (is_block(text)) {
		put_block(text, depth, out);
		return;
	}
	if (is_plain(text))
		buf_text(out, text);
	else
		put_quoted(text, out);
	buf_char(out, '\n');
}

/* JSON writes 1e100, which YAML 1.1 reads as a string: it wants a dot and a signed exponent. */
static void put_real(const json_t *value, struct buf *out)
{
	CLEANUP(memory_freep) char *text = json_dumps(value, JSON_ENCODE_ANY);
	const char *exponent = strpbrk(text, "eE");
	if (!exponent) {
		buf_printf(out, "%s\n", text);
		return;
	}
	buf_append(out, text, (size_t)(exponent - text));
	if (!memchr(text, '.', (size_t)(exponent - text)))
		buf_text(out, ".0");
	buf_printf(out, "e%s%s\n", exponent[1] == '-' ? "" : "+", exponent + 1);
}

static void put_scalar(const json_t *value, size_t depth, struct buf *out)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		put_string(json_string_value(value), depth, out);
		break;
	case JSON_INTEGER:
		buf_printf(out, "%lld\n", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		put_real(value, out);
		break;
	case JSON_OBJECT:
		buf_text(out, "{}\n");
		break;
	case JSON_ARRAY:
		buf_text(out, "[]\n");
		break;
	default:
		buf_printf(out, "%s\n",
			json_is_true(value)            ? "true"
				: json_is_false(value) ? "false"
						       : "null");
	}
}

static void put_value(json_t *value, size_t depth, bool started, struct buf *out);

static bool is_empty(const json_t *value)
{
	return json_object_size(value) == 0 && json_array_size(value) == 0;
}

static void put_key(const char *key, struct buf *out)
{
	if (is_plain(key))
		buf_text(out, key);
	else
		put_quoted(key, out);
	buf_char(out, ':');
}

/* A list stands at the depth of its key, as kubectl writes it. */
static void put_map(json_t *map, size_t depth, bool started, struct buf *out)
{
	const char *key;
	json_t *value;

	json_object_foreach (map, key, value) {
		if (!started)
			indent(depth, out);
		started = false;
		put_key(key, out);
		if (is_empty(value)) {
			buf_char(out, ' ');
			put_scalar(value, depth + 1, out);
		} else {
			buf_char(out, '\n');
			put_value(value, json_is_array(value) ? depth : depth + 1, false, out);
		}
	}
}

static void put_list(const json_t *list, size_t depth, bool started, struct buf *out)
{
	json_t *value;
	size_t i;

	json_array_foreach (list, i, value) {
		if (!started)
			indent(depth, out);
		started = false;
		buf_text(out, "- ");
		put_value(value, depth + 1, true, out);
	}
}

/* `started`: the first line is begun already, after "- ". jansson's own depth limit bounds the recursion. */
static void put_value(json_t *value, size_t depth, bool started, struct buf *out)
{
	if (is_empty(value))
		put_scalar(value, depth, out);
	else if (json_is_object(value))
		put_map(value, depth, started, out);
	else
		put_list(value, depth, started, out);
}

void output_yaml(const json_t *value, struct buf *out)
{
	put_value(json_at(value, ""), 0, false, out); /* jansson's iterators take no const */
}
