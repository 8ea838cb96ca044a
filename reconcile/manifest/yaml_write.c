#include "reconcile/manifest/yaml_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/memory.h"
#include "base/text.h"

struct writer {
	yaml_emitter_t emitter;
	enum yaml_order order;
};

/* ---- how a string stands ---- */

/* Would a reader of YAML 1.1 or 1.2 take it for a number, a date, a boolean or null? Anything that begins like a number counts: a
   needless pair of quotes is harmless. */
static bool is_misread(const char *text)
{
	static const char *const words[] = {"", "y", "n", "yes", "no", "on", "off", "true", "false", "null",
		"~", ".nan", ".inf", "+.inf", "-.inf", "=", "<<"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return strchr("0123456789+-.", text[0]) && strpbrk(text, "0123456789") &&
		!text[strspn(text, "0123456789+-._:abcdefoxtzABCDEFOXTZ ")];
}

/* libyaml quotes where the layout asks for it: what stands here decides what a reader makes of it. A block that begins with a blank
   would need its indentation told, which readers disagree on. */
static yaml_scalar_style_t style_of(const char *text, size_t length, bool one_line)
{
	bool lines = false;
	for (size_t at = 0; at < length;) {
		uint32_t character = 0;
		size_t size = text_character(text + at, length - at, &character);
		if (character == '\n')
			lines = true;
		else if (text_is_hidden(character))
			return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
		at += size ? size : 1;
	}
	if (lines && !one_line && !strchr(" \n", text[0]))
		return YAML_LITERAL_SCALAR_STYLE;
	return lines || is_misread(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE;
}

/* ---- events ---- */

/* Both fail for want of memory alone: the texts are UTF-8, and the events come in their order. */
static void emit(struct writer *writer, int made, yaml_event_t *event)
{
	if (!made || !yaml_emitter_emit(&writer->emitter, event))
		memory_fail("writing YAML", 0);
}

static void write_scalar(struct writer *writer, const char *text, size_t length, yaml_scalar_style_t style)
{
	yaml_event_t event;
	emit(writer,
		yaml_scalar_event_initialize(
			&event, NULL, NULL, (const yaml_char_t *)text, (int)length, 1, 1, style),
		&event);
}

/* The shortest digits that give the number again. Readers of YAML 1.1 take JSON's 1e100 for a string: they want a dot, and the sign of
   the exponent, which printf() writes. */
static void print_real(double real, char *text, size_t size)
{
	char digits[32];
	int precision = 15;
	do
		snprintf(digits, sizeof(digits), "%.*g", precision, real);
	while (strtod(digits, NULL) != real && precision++ < 17);
	size_t whole = strcspn(digits, ".e");
	snprintf(text, size, "%.*s%s%s", (int)whole, digits, digits[whole] == '.' ? "" : ".0", digits + whole);
}

static void write_plain(struct writer *writer, const json_t *value)
{
	char text[64];
	if (json_is_real(value))
		print_real(json_real_value(value), text, sizeof(text));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(text, sizeof(text), "%s",
			json_is_true(value)            ? "true"
				: json_is_false(value) ? "false"
						       : "null");
	write_scalar(writer, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
}

static void write_value(struct writer *writer, json_t *value);

static void write_map(struct writer *writer, json_t *map)
{
	size_t count = 0;
	CLEANUP(memory_freep) const char **keys = memory_alloc((json_object_size(map) + 1) * sizeof(*keys));
	const char *key;
	json_t *value;
	yaml_event_t event;
	json_object_foreach (map, key, value)
		keys[count++] = key;
	if (writer->order == YAML_SORTED)
		qsort(keys, count, sizeof(*keys), text_compare);
	emit(writer, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE),
		&event);
	for (size_t i = 0; i < count; i++) {
		write_scalar(writer, keys[i], strlen(keys[i]), style_of(keys[i], strlen(keys[i]), true));
		write_value(writer, json_object_get(map, keys[i]));
	}
	emit(writer, yaml_mapping_end_event_initialize(&event), &event);
}

static void begin_list(struct writer *writer, yaml_sequence_style_t style)
{
	yaml_event_t event;
	emit(writer, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style), &event);
}

static void end_list(struct writer *writer)
{
	yaml_event_t event;
	emit(writer, yaml_sequence_end_event_initialize(&event), &event);
}

static void write_list(struct writer *writer, const json_t *list)
{
	size_t i;
	json_t *item;
	begin_list(writer, YAML_BLOCK_SEQUENCE_STYLE);
	json_array_foreach (list, i, item)
		write_value(writer, item);
	end_list(writer);
}

/* Depth is bounded by who made the value: jansson's own limit, or the reader's. */
static void write_value(struct writer *writer, json_t *value)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	if (json_is_object(value))
		write_map(writer, value);
	else if (json_is_array(value))
		write_list(writer, value);
	else if (text)
		write_scalar(writer, text, length, style_of(text, length, false));
	else
		write_plain(writer, value);
}

/* ---- documents ---- */

/* A buf that is full says so itself. */
static int append(void *out, unsigned char *bytes, size_t length)
{
	buf_append(out, bytes, length);
	return 1;
}

static void begin_document(struct writer *writer, struct buf *out)
{
	yaml_event_t event;
	if (!yaml_emitter_initialize(&writer->emitter))
		memory_fail("writing YAML", 0);
	yaml_emitter_set_output(&writer->emitter, append, out);
	yaml_emitter_set_unicode(&writer->emitter, 1);
	yaml_emitter_set_width(&writer->emitter, -1);
	emit(writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
	emit(writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
}

/* The stream is not ended: behind a block that keeps its line breaks libyaml would add "...". */
static void end_document(struct writer *writer)
{
	yaml_event_t event;
	emit(writer, yaml_document_end_event_initialize(&event, 1), &event);
	yaml_emitter_delete(&writer->emitter);
}

void yaml_write(const json_t *value, enum yaml_order order, struct buf *out)
{
	struct writer writer = {.order = order};
	begin_document(&writer, out);
	write_value(&writer, json_at(value, "")); /* jansson's iterators take no const */
	end_document(&writer);
}

/* As the one item of a list in brackets, which are then taken off. */
void yaml_write_text(const char *text, size_t length, struct buf *out)
{
	struct writer writer = {0};
	CLEANUP(buf_wipe) struct buf list = BUF(4 * length + 64);
	begin_document(&writer, &list);
	begin_list(&writer, YAML_FLOW_SEQUENCE_STYLE);
	write_scalar(&writer, text, length, style_of(text, length, true));
	end_list(&writer);
	end_document(&writer);
	buf_append(out, list.data + strlen("["), list.length - strlen("[]\n"));
}
