/*
 * postgresql_fields.h - the fields of a `postgresql` object's spec (internal to this room)
 */
#pragma once

#include "reconcile/manifest/yaml.h"

/* Bits of the kinds a field may have. */
enum {
	FIELD_BOOL = 1 << YAML_BOOL,
	FIELD_INTEGER = 1 << YAML_INTEGER,
	FIELD_TEXT = 1 << YAML_STRING,
	FIELD_LIST = 1 << YAML_LIST,
	FIELD_MAP = 1 << YAML_MAP,
	FIELD_REMOVED = 0 /* known to operator 1.15, gone in 2.0 */
};

struct postgresql_field {
	const char *name;
	int kinds;
	const char *instead; /* FIELD_REMOVED: what to write */
};

extern const struct postgresql_field postgresql_fields[];
extern const size_t postgresql_field_count;
