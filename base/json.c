#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

bool json_read(const char *bytes, size_t length, json_t **value, struct error *err)
{
	json_error_t place;
	json_t *read = json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &place);
	if (!read)
		return error_set(
			err, ERROR_INVALID, "not valid JSON at line %d, column %d", place.line, place.column);
	*value = read;
	return true;
}

/* How many characters of the text, which jansson wrote, are to be escaped. Those beyond U+FFFF would be two escapes, which YAML has not. */
static size_t hidden(const char *text, char *out)
{
	size_t count = 0;
	for (uint32_t character; *text;) {
		size_t step = (unsigned char)*text < 0x7f ? 1 : text_character(text, SIZE_MAX, &character);
		bool escaped = (unsigned char)*text >= 0x7f && character < 0x10000 && text_is_hidden(character);
		count += escaped;
		if (out && escaped)
			out += snprintf(out, 7, "\\u%04x", character);
		else if (out)
			out = (char *)mempcpy(out, text, step);
		text += step;
	}
	if (out)
		*out = '\0';
	return count;
}

char *json_written(const json_t *value, size_t flags)
{
	char *text = json_dumps(value, flags);
	size_t count = text ? hidden(text, NULL) : 0;
	if (!count)
		return text;
	char *escaped = memory_alloc(strlen(text) + 5 * count + 1);
	hidden(text, escaped);
	explicit_bzero(text, strlen(text)); /* it may be a secret's */
	free(text);
	return escaped;
}

char *json_canonical(const json_t *value)
{
	char *text = json_written(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	return text ? text : memory_copy("null");
}

json_t *json_at(const json_t *value, const char *path)
{
	json_t *at = (json_t *)(uintptr_t)value; /* jansson's getters take const and return non-const alike */
	while (at && *path) {
		char key[256];
		size_t length = strcspn(path, ".");
		if (length >= sizeof(key))
			return NULL;
		memcpy(key, path, length);
		key[length] = '\0';
		at = json_object_get(at, key);
		path += length + (path[length] == '.');
	}
	return at;
}

const char *json_text_at(const json_t *value, const char *path, const char *fallback)
{
	const json_t *at = json_at(value, path);
	return json_is_string(at) ? json_string_value(at) : fallback;
}

int64_t json_number_at(const json_t *value, const char *path, int64_t fallback)
{
	const json_t *at = json_at(value, path);
	return json_is_integer(at) ? (int64_t)json_integer_value(at) : fallback;
}

bool json_bool_at(const json_t *value, const char *path, bool fallback)
{
	const json_t *at = json_at(value, path);
	return json_is_boolean(at) ? json_is_true(at) : fallback;
}

/* Recursion: `depth`. */
bool json_is_zero(const json_t *value, int depth)
{
	const char *key;
	json_t *inside;
	if (json_is_string(value))
		return !*json_string_value(value);
	if (json_is_integer(value))
		return json_integer_value(value) == 0;
	if (json_is_array(value))
		return json_array_size(value) == 0;
	if (!json_is_object(value))
		return !value || json_is_null(value) || json_is_false(value);
	json_object_foreach ((json_t *)(uintptr_t)value, key, inside)
		if (depth <= 0 || !json_is_zero(inside, depth - 1))
			return false;
	return true;
}

json_t *json_text(const char *text)
{
	return json_string(text ? text : "");
}

void json_set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_text(text));
}

json_t *json_make_object(json_t *object, const char *key)
{
	json_t *found = json_object_get(object, key);
	if (!json_is_object(found)) {
		found = json_object();
		json_object_set_new(object, key, found);
	}
	return found;
}

void json_done(json_t **value)
{
	json_decref(*value);
	*value = NULL;
}
