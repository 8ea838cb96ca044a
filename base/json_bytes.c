/*
 * json_bytes.c - strings of any bytes, and documents built of them by a format (json.h)
 */
#include "base/json.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { DEEPEST_FORMAT = 8 };

#undef json_string
#undef json_pack

json_t *json_string_of_bytes(const char *text)
{
	json_t *value = text ? json_string(text) : NULL;
	if (value || !text)
		return value;
	CLEANUP(memory_freep) char *shown = memory_alloc(4 * strlen(text) + 1);
	text_escape(text, shown);
	return json_string(shown);
}

/* With its length a string may hold a NUL, too. */
static json_t *string_of_length(const char *bytes, size_t length)
{
	json_t *value = json_stringn(bytes, length);
	if (value)
		return value;
	CLEANUP(memory_freep) char *text = memory_alloc(length + 1);
	memcpy(text, bytes, length);
	return json_string_of_bytes(text);
}

/* A format on its way: the containers that are open, the outermost first. */
struct pack {
	const char *at;
	json_t *open[DEEPEST_FORMAT];
	size_t depth;
	json_t *whole;
};

static char next(struct pack *pack)
{
	pack->at += strspn(pack->at, " ,:\t\n");
	return *pack->at ? *pack->at++ : '\0';
}

static bool has_mark(struct pack *pack, char mark)
{
	bool found = *pack->at == mark;
	pack->at += found;
	return found;
}

static bool is_in_object(const struct pack *pack)
{
	return pack->depth && json_is_object(pack->open[pack->depth - 1]);
}

/* Where the value belongs; `opens` = what follows goes into it. */
static void add(struct pack *pack, const char *key, json_t *value, bool opens)
{
	json_t *parent = pack->depth ? pack->open[pack->depth - 1] : NULL;
	if (!parent)
		pack->whole = value;
	else if (key)
		json_object_set_new(parent, key, value);
	else
		json_array_append_new(parent, value);
	if (opens)
		pack->open[pack->depth++] = value;
}

static json_t *or_null(json_t *value)
{
	return value ? value : json_null();
}

json_t *json_pack_bytes(const char *format, ...)
{
	struct pack pack = {.at = format};
	va_list values;
	va_start(values, format);
	do {
		char kind = next(&pack);
		const char *key = NULL, *text;
		if (kind == '}' || kind == ']') {
			pack.depth--;
			continue;
		}
		if (is_in_object(&pack)) {
			key = va_arg(values, const char *);
			kind = next(&pack);
		}
		switch (kind) {
		case '{':
		case '[':
			add(&pack, key, kind == '{' ? json_object() : json_array(), true);
			break;
		case 's':
			text = va_arg(values, const char *);
			if (has_mark(&pack, '#'))
				add(&pack, key, string_of_length(text, (size_t)va_arg(values, int)), false);
			else if (!has_mark(&pack, '*') || text)
				add(&pack, key, or_null(json_string_of_bytes(text)), false);
			break;
		case 'o':
			add(&pack, key, or_null(va_arg(values, json_t *)), false);
			break;
		case 'O':
			add(&pack, key, or_null(json_incref(va_arg(values, json_t *))), false);
			break;
		case 'i':
			add(&pack, key, json_integer(va_arg(values, int)), false);
			break;
		case 'I':
			add(&pack, key, json_integer(va_arg(values, json_int_t)), false);
			break;
		case 'f':
			add(&pack, key, json_real(va_arg(values, double)), false);
			break;
		case 'b':
			add(&pack, key, json_boolean(va_arg(values, int)), false);
			break;
		case 'n':
			add(&pack, key, json_null(), false);
			break;
		default: /* a mistake in the program, which no input can make */
			memory_fail("json_pack() does not know this letter", (size_t)kind);
		}
	} while (pack.depth);
	va_end(values);
	return pack.whole;
}
