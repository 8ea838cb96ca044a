#include "agent/config/fields.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

static void PRINTF_LIKE(4, 0)
	append(struct arena *mem, const char ***items, size_t *count, const char *format, va_list args)
{
	char text[ERROR_TEXT_SIZE];
	if (*count == LIMIT_MISTAKES)
		return;
	vsnprintf(text, sizeof(text), format, args);
	text_make_printable(text);
	*items = arena_grow(mem, *items, *count, sizeof(**items));
	(*items)[(*count)++] = arena_copy(mem, text);
}

void fields_error(struct fields *fields, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	append(fields->mem, &fields->errors, &fields->error_count, format, args);
	va_end(args);
}

void fields_warning(struct fields *fields, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	append(fields->mem, &fields->warnings, &fields->warning_count, format, args);
	va_end(args);
}

static void read_texts(struct fields *fields, const json_t *value, const char *path, struct texts *to)
{
	size_t i;
	json_t *item;
	if (!json_is_array(value)) {
		fields_error(fields, "%s must be a list of strings", path);
		return;
	}
	if (json_array_size(value) > LIMIT_PROJECT_ITEMS) {
		fields_error(fields, "%s has more than %d entries", path, LIMIT_PROJECT_ITEMS);
		return;
	}
	to->items = arena_array(fields->mem, json_array_size(value) + 1, sizeof(*to->items));
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		if (json_is_string(item))
			to->items[to->count++] = arena_copy(fields->mem, json_string_value(item));
		else
			fields_error(fields, "%s[%zu] must be a string", path, i);
	}
}

static void read_field(
	struct fields *fields, const json_t *value, const char *path, const struct field *field, char *base)
{
	void *to = base + field->offset;
	switch (field->type) {
	case FIELD_TEXT:
		if (json_is_string(value))
			*(const char **)to = arena_copy(fields->mem, json_string_value(value));
		else
			fields_error(fields, "%s must be a string", path);
		break;
	case FIELD_BOOL:
		if (json_is_boolean(value))
			*(bool *)to = json_is_true(value);
		else
			fields_error(fields, "%s must be true or false", path);
		break;
	case FIELD_TEXTS:
		read_texts(fields, value, path, to);
		break;
	case FIELD_OWN:
		field->read(fields, value, path, to);
		break;
	case FIELD_KNOWN:
	case FIELD_IGNORED:
		break;
	case FIELD_WARNED:
		if (!json_is_zero(value, fields->depth))
			fields_warning(fields, "%s has no effect here: %s", path, field->text);
		break;
	case FIELD_REFUSED:
		if (!json_is_zero(value, fields->depth))
			fields_error(fields, "%s is not supported: %s", path, field->text);
		break;
	}
}

static void report_unknown(
	struct fields *fields, const char *path, const char *name, const struct field *table, size_t count)
{
	const char *names[32];
	size_t known = 0;
	for (size_t i = 0; i < count && known < COUNT_OF(names); i++)
		names[known++] = table[i].name;
	char hint[TEXT_HINT_SIZE];
	const char *near = text_nearest(name, names, known);
	fields_error(fields, "%s.%s: there is no such field%s", path, name, text_hint(near, hint));
}

void fields_read(struct fields *fields, const json_t *object, const char *path, const struct field *table,
	size_t count, void *base)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object)) {
		fields_error(fields, "%s must be an object", path);
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (i < count && strcmp(table[i].name, key) != 0)
			i++;
		if (i == count)
			report_unknown(fields, path, key, table, count);
		else if (!json_is_null(value))
			read_field(fields, value, arena_printf(fields->mem, "%s.%s", path, key), &table[i],
				base);
	}
}
