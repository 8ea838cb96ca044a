#include "agent/config/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static const char *article(enum yaml_kind kind)
{
	static const char *const names[] = {
		"empty", "a boolean", "an integer", "a number", "a string", "a list", "a map"};
	return names[kind];
}

void settings_complain(
	struct settings *settings, const struct yaml_pair *pair, bool key, const char *format, ...)
{
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mistakes_add(settings->mistakes, settings->file, key ? pair->line : pair->value->line,
		key ? pair->column : pair->value->column, "%s", text);
}

const char *settings_path(
	struct settings *settings, const struct yaml_pair *pair, const char *field, const char *path)
{
	while (text_starts(path, "./"))
		path += 2;
	if (*path != '/')
		path = arena_printf(settings->mem, "%s/%s", settings->folder, path);
	settings->paths =
		arena_grow(settings->mem, settings->paths, settings->path_count, sizeof(*settings->paths));
	settings->paths[settings->path_count++] = (struct config_path){field, path, pair->value->line};
	return path;
}

/* The text of a scalar; NULL after a mistake. */
static const char *text_of(struct settings *settings, const struct yaml_pair *pair)
{
	if (pair->value->kind == YAML_STRING)
		return pair->value->text;
	settings_complain(settings, pair, false, "%s is %s and must be a string%s", pair->key,
		article(pair->value->kind),
		pair->value->kind > YAML_NULL && pair->value->kind < YAML_LIST ? ": put it in quotes" : "");
	return NULL;
}

static void read_text(struct settings *settings, const struct yaml_pair *pair, bool path, const char **field)
{
	const char *text = text_of(settings, pair);
	if (!text)
		return;
	if (path && !*text)
		settings_complain(settings, pair, false, "%s is empty", pair->key);
	else
		*field = path ? settings_path(settings, pair, pair->key, text) : text;
}

static void read_texts(struct settings *settings, const struct yaml_pair *pair, bool paths,
	const char ***field, size_t *count)
{
	const struct yaml_node *list = pair->value;
	if (list->kind != YAML_LIST) {
		settings_complain(settings, pair, false, "%s is %s and must be a list of strings", pair->key,
			article(list->kind));
		return;
	}
	const char **items = arena_array(settings->mem, list->count + 1, sizeof(*items));
	for (size_t i = 0; i < list->count; i++) {
		const struct yaml_pair item = {
			pair->key, list->items[i]->line, list->items[i]->column, list->items[i], YAML_STRING};
		read_text(settings, &item, paths, &items[i]);
		if (!items[i])
			items[i] = "";
	}
	*field = items;
	*count = list->count;
}

static void read_bool(struct settings *settings, const struct yaml_pair *pair, bool *field)
{
	if (pair->value->kind == YAML_BOOL)
		*field = pair->value->boolean;
	else
		settings_complain(settings, pair, false, "%s is %s and must be true or false", pair->key,
			article(pair->value->kind));
}

static void read_duration(struct settings *settings, const struct yaml_pair *pair, int64_t *field)
{
	bool scalar = pair->value->kind == YAML_STRING || pair->value->kind == YAML_INTEGER;
	if (!scalar || !duration_parse(pair->value->text, field))
		settings_complain(
			settings, pair, false, "%s must be a duration such as 30s, 5m or 0", pair->key);
}

static void read_setting(
	struct settings *settings, const struct yaml_pair *pair, const struct setting *setting, char *base)
{
	void *field = base + setting->offset;
	switch (setting->type) {
	case SETTING_TEXT:
	case SETTING_PATH:
		read_text(settings, pair, setting->type == SETTING_PATH, field);
		break;
	case SETTING_BOOL:
		read_bool(settings, pair, field);
		break;
	case SETTING_DURATION:
		read_duration(settings, pair, field);
		break;
	case SETTING_TEXTS:
	case SETTING_PATHS:
		read_texts(settings, pair, setting->type == SETTING_PATHS, field,
			(size_t *)(void *)(base + setting->count_offset));
		break;
	case SETTING_OWN:
		setting->read(settings, pair, field);
		break;
	}
}

static const struct setting *find(const struct setting *table, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static void report_unknown(
	struct settings *settings, const struct yaml_pair *pair, const struct setting *table, size_t count)
{
	const char *names[32];
	size_t known = 0;
	while (known < count && known < COUNT_OF(names)) {
		names[known] = table[known].name;
		known++;
	}
	const char *near = text_nearest(pair->key, names, known);
	settings_complain(settings, pair, true, "unknown field \"%s\"%s%s%s", pair->key,
		near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

bool settings_read(struct settings *settings, const struct yaml_pair *pair, const struct setting *table,
	size_t count, void *base)
{
	const struct yaml_node *map = pair->value;
	if (map->kind != YAML_MAP) {
		settings_complain(
			settings, pair, false, "%s is %s and must be a map", pair->key, article(map->kind));
		return false;
	}
	for (size_t i = 0; i < map->count; i++) {
		const struct setting *setting = find(table, count, map->pairs[i].key);
		if (setting)
			read_setting(settings, &map->pairs[i], setting, base);
		else
			report_unknown(settings, &map->pairs[i], table, count);
	}
	for (size_t i = 0; i < count; i++)
		if (table[i].required && !yaml_get(map, table[i].name))
			settings_complain(settings, pair, true, "%s: %s is missing", pair->key, table[i].name);
	return true;
}

struct yaml_pair *settings_items(struct settings *settings, const struct yaml_pair *pair, size_t *count)
{
	const struct yaml_node *list = pair->value;
	*count = 0;
	if (list->kind == YAML_NULL)
		return NULL;
	if (list->kind != YAML_LIST) {
		settings_complain(
			settings, pair, false, "%s is %s and must be a list", pair->key, article(list->kind));
		return NULL;
	}
	struct yaml_pair *items = arena_array(settings->mem, list->count + 1, sizeof(*items));
	for (size_t i = 0; i < list->count; i++)
		items[i] = (struct yaml_pair){arena_printf(settings->mem, "%s[%zu]", pair->key, i),
			list->items[i]->line, list->items[i]->column, list->items[i], YAML_STRING};
	*count = list->count;
	return items;
}
