/*
 * settings.h - a YAML map into a struct, by a table of its fields (internal to config.c and config_database.c)
 *
 * Each mistake has the place of its key or value; values are never quoted, since somebody may have put a secret there.
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/manifest/yaml.h"

struct settings {
	const char *file;
	const char *folder; /* absolute: relative paths begin here */
	struct arena *mem;
	struct mistakes *mistakes;
	struct config_path *paths; /* all that were read */
	size_t path_count;
};

enum setting_type {
	SETTING_TEXT,     /* const char * */
	SETTING_PATH,     /* const char *, made absolute */
	SETTING_BOOL,     /* bool */
	SETTING_DURATION, /* int64_t, milliseconds */
	SETTING_TEXTS,    /* const char **, and a size_t at `count_offset` */
	SETTING_PATHS,    /* likewise, made absolute */
	SETTING_OWN       /* `read` does it, into the place at `offset`; none = the whole struct */
};

struct setting {
	const char *name;
	enum setting_type type;
	size_t offset;
	size_t count_offset;
	bool required;
	void (*read)(struct settings *settings, const struct yaml_pair *pair, void *to);
};

/* Reads the map under `pair` into `base`; absent fields leave it as it is. False = it is no map. */
bool settings_read(struct settings *settings, const struct yaml_pair *pair, const struct setting *table,
	size_t count, void *base);

/* `text` at the place of the value, or of the key when `key` is set. */
void settings_complain(struct settings *settings, const struct yaml_pair *pair, bool key, const char *format,
	...) PRINTF_LIKE(4, 5);

/* The items of a list of maps, each with `path` for messages; NULL and a mistake when it is none. */
struct yaml_pair *settings_items(struct settings *settings, const struct yaml_pair *pair, size_t *count);

/* The path made absolute, and noted as one of `field`. */
const char *settings_path(
	struct settings *settings, const struct yaml_pair *pair, const char *field, const char *path);
