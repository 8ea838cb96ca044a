/*
 * fields.h - a JSON object of the cluster into a struct, by a table of its fields (internal to project.c, window.c and application_spec.c)
 *
 * As settings.h does it for the agent file. What is empty asks for nothing, as Go writes it; every other field is read, or named in
 * an error or a warning.
 */
#pragma once

#include "base/json.h"

/* What is wrong, and what has no effect here. Each text names its field. In `mem`. */
struct fields {
	struct arena *mem;
	const char **errors;
	size_t error_count;
	const char **warnings;
	size_t warning_count;
	int depth; /* so many levels down objects of empty fields are empty, too; see json_is_zero() */
};

/* A list of strings; `items` NULL = the field is absent. */
struct texts {
	const char **items;
	size_t count;
};

enum field_type {
	FIELD_TEXT,    /* const char * */
	FIELD_BOOL,    /* bool */
	FIELD_TEXTS,   /* struct texts */
	FIELD_OWN,     /* `read` does it, into the place at `offset` */
	FIELD_KNOWN,   /* the caller reads it */
	FIELD_IGNORED, /* means nothing to what is synced */
	FIELD_WARNED,  /* has no effect: a warning with `text` */
	FIELD_REFUSED  /* would change what is synced: an error with `text` */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	const char *text;
	void (*read)(struct fields *fields, const json_t *value, const char *path, void *to);
};

void fields_error(struct fields *fields, const char *format, ...) PRINTF_LIKE(2, 3);
void fields_warning(struct fields *fields, const char *format, ...) PRINTF_LIKE(2, 3);

/* Reads `object` into `base`; absent fields leave it as it is. `path` is where it stands, for the texts. */
void fields_read(struct fields *fields, const json_t *object, const char *path, const struct field *table,
	size_t count, void *base);
