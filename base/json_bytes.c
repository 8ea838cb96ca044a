/*
 * json_bytes.c - strings of any bytes, and documents built of them by a format (json.h)
 */
#include "base/json.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

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

static json_t *string_of_length(const char *bytes, size_t length)
{
	CLEANUP(memory_freep) char *text = memory_alloc(length + 1);
	memcpy(text, bytes, length);
	return json_string_of_bytes(text);
}

/* A format on its way, and what it takes its values from. */
struct pack {
	const char *at;
	va_list values;
};

static char next(struct pack *pack)
{
	pack->at += strspn(pack->at, " ,:\t\n");
	return *pack->at ? *pack->at++ : '\0';
}

/* NULL = the key is left out. */
static json_t *pack_string(struct pack *pack)
{
	const char *text = va_arg(pack->values, const char *);
	char mark = *pack->at;
	pack->at += mark == '#' || mark == '*';
	if (mark == '#') {
		size_t length = (size_t)va_arg(pack->values, int);
		return text ? string_of_length(text, length) : json_null();
	}
	if (!text)
		return mark == '*' ? NULL : json_null();
	return json_string_of_bytes(text);
}

static json_t *or_null(json_t *value)
{
	return value ? value : json_null();
}

static json_t *pack_value(struct pack *pack, char kind);

static json_t *pack_object(struct pack *pack)
{
	json_t *object = json_object();
	for (char kind = next(pack); kind && kind != '}'; kind = next(pack)) {
		const char *key = va_arg(pack->values, const char *);
		json_object_set_new(object, key, pack_value(pack, next(pack)));
	}
	return object;
}

static json_t *pack_array(struct pack *pack)
{
	json_t *array = json_array();
	for (char kind = next(pack); kind && kind != ']'; kind = next(pack))
		json_array_append_new(array, pack_value(pack, kind));
	return array;
}

/* Recursion: as deep as the format in the source. */
static json_t *pack_value(struct pack *pack, char kind)
{
	switch (kind) {
	case '{':
		return pack_object(pack);
	case '[':
		return pack_array(pack);
	case 's':
		return pack_string(pack);
	case 'o':
		return or_null(va_arg(pack->values, json_t *));
	case 'O':
		return or_null(json_incref(va_arg(pack->values, json_t *)));
	case 'i':
		return json_integer(va_arg(pack->values, int));
	case 'I':
		return json_integer(va_arg(pack->values, json_int_t));
	case 'b':
		return json_boolean(va_arg(pack->values, int));
	default:
		return json_null(); /* no format of ours */
	}
}

json_t *json_pack_bytes(const char *format, ...)
{
	struct pack pack = {.at = format};
	va_start(pack.values, format);
	json_t *value = pack_value(&pack, next(&pack));
	va_end(pack.values);
	return value;
}
