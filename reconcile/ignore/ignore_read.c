/*
 * ignore_read.c - the list of rules as an Application has it
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/ignore/ignore.h"

struct reader {
	struct arena *mem;
	struct mistakes *mistakes;
	struct jq *jq;
	size_t expressions; /* of all rules */
};

static void PRINTF_LIKE(2, 3) refuse(struct reader *reader, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mistakes_add(reader->mistakes, "", 0, 0, "%s", text);
}

/* "" when it is absent or no string. */
static const char *read_text(struct reader *reader, const json_t *rule, const char *path, const char *field)
{
	const json_t *value = json_object_get(rule, field);
	if (value && !json_is_null(value) && !json_is_string(value))
		refuse(reader, "%s.%s must be a string", path, field);
	return json_is_string(value) ? arena_copy(reader->mem, json_string_value(value)) : "";
}

/* ---- what an item of each list must be ---- */

/* RFC 6901, 3: reference tokens after '/', in which '~' stands only before 0 or 1. */
static void check_pointer(struct reader *reader, const char *path, const char *text)
{
	bool valid = *text == '/';
	for (const char *at = text; (at = strchr(at, '~')); at++)
		valid = valid && (at[1] == '0' || at[1] == '1');
	if (!valid)
		refuse(reader,
			"%s: \"%s\" is no JSON pointer such as /spec/replicas (~1 stands for a slash in a name)",
			path, text);
}

static void check_expression(struct reader *reader, const char *path, const char *text)
{
	if (++reader->expressions > LIMIT_JQ_EXPRESSIONS) {
		refuse(reader, "%s: an Application may have at most %d jq expressions", path,
			LIMIT_JQ_EXPRESSIONS);
		return;
	}
	const char *objection = jq_objection(&reader->jq, text, reader->mem);
	if (objection)
		refuse(reader, "%s: \"%s\" is no jq path expression: %s", path, text, objection);
}

static void check_manager(struct reader *reader, const char *path, const char *text)
{
	if (!*text)
		refuse(reader, "%s: a field manager has a name", path);
}

/* ---- rules ---- */

typedef void check_item(struct reader *reader, const char *path, const char *text);

static const char **read_list(
	struct reader *reader, const json_t *list, const char *path, check_item *check, size_t *count)
{
	const char **items = NULL;
	const json_t *item;
	size_t i;
	*count = 0;
	if (list && !json_is_null(list) && !json_is_array(list))
		refuse(reader, "%s must be a list", path);
	json_array_foreach (list, i, item) {
		const char *place = arena_printf(reader->mem, "%s[%zu]", path, i);
		if (!json_is_string(item)) {
			refuse(reader, "%s must be a string", place);
			continue;
		}
		items = arena_grow(reader->mem, items, *count, sizeof(*items));
		items[*count] = arena_copy(reader->mem, json_string_value(item));
		check(reader, place, items[(*count)++]);
	}
	return items;
}

static void check_fields(struct reader *reader, const json_t *rule, const char *path)
{
	static const char *const fields[] = {"group", "kind", "name", "namespace", "jsonPointers",
		"jqPathExpressions", "managedFieldsManagers"};
	const char *name;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)rule, name, value) {
		size_t i = 0;
		while (i < COUNT_OF(fields) && strcmp(fields[i], name) != 0)
			i++;
		char hint[TEXT_HINT_SIZE];
		if (i == COUNT_OF(fields))
			refuse(reader, "%s.%s: there is no such field%s", path, name,
				text_hint(text_nearest(name, fields, COUNT_OF(fields)), hint));
	}
}

static struct ignore_rule read_rule(struct reader *reader, const json_t *rule, const char *path)
{
	struct arena *mem = reader->mem;
	struct ignore_rule read = {
		.group = read_text(reader, rule, path, "group"),
		.kind = read_text(reader, rule, path, "kind"),
		.name = read_text(reader, rule, path, "name"),
		.namespace = read_text(reader, rule, path, "namespace"),
	};
	check_fields(reader, rule, path);
	if (!*read.kind)
		refuse(reader, "%s.kind is missing", path);
	read.pointers = read_list(reader, json_object_get(rule, "jsonPointers"),
		arena_printf(mem, "%s.jsonPointers", path), check_pointer, &read.pointer_count);
	read.expressions = read_list(reader, json_object_get(rule, "jqPathExpressions"),
		arena_printf(mem, "%s.jqPathExpressions", path), check_expression, &read.expression_count);
	read.managers = read_list(reader, json_object_get(rule, "managedFieldsManagers"),
		arena_printf(mem, "%s.managedFieldsManagers", path), check_manager, &read.manager_count);
	return read;
}

void ignore_read(const json_t *list, const char *path, struct arena *mem, struct ignore_rules *rules,
	struct mistakes *mistakes)
{
	struct reader reader = {.mem = mem, .mistakes = mistakes};
	const json_t *rule;
	size_t i;
	*rules = (struct ignore_rules){0};
	if (list && !json_is_null(list) && !json_is_array(list))
		refuse(&reader, "%s must be a list", path);
	json_array_foreach (list, i, rule) {
		const char *place = arena_printf(mem, "%s[%zu]", path, i);
		if (!json_is_object(rule)) {
			refuse(&reader, "%s must be an object", place);
			continue;
		}
		rules->items = arena_grow(mem, rules->items, rules->count, sizeof(*rules->items));
		rules->items[rules->count++] = read_rule(&reader, rule, place);
	}
	jq_close(&reader.jq);
}
