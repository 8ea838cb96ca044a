/*
 * output.h - what a reading command prints: a table that aligns, JSON, or YAML
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"

enum output_format { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_MARKDOWN, OUTPUT_CSV };

struct output {
	enum output_format format;
	bool headers;
	bool colour; /* stdout is a terminal, NO_COLOR is not set, TERM is not dumb */
};

enum cell_style { CELL_PLAIN, CELL_GOOD, CELL_BAD, CELL_BUSY, CELL_DIM };

/* A table grows row by row and is printed once, aligned by display width (UTF-8 aware). Foreign text is made
   printable: control characters never reach the terminal. */
struct table;
struct table *table_new(const struct output *output, const char *const *headers, size_t columns);
void table_free(struct table *table);
void table_cell(struct table *table, const char *text, enum cell_style style); /* next cell, left to right */
void table_print(struct table *table);

/* JSON (indented) or YAML of the value on stdout; only for these two formats. */
void output_document(const struct output *output, const json_t *value);

/* The same into a buffer. YAML is block style; a string that any reader could take for something else is quoted. */
void output_json(const json_t *value, struct buf *out);
void output_yaml(const json_t *value, struct buf *out);

/* say_visible() of base/say.h: foreign text so that a terminal shows it and does not obey it. */
void output_visible(const char *text, bool lines, struct buf *out);

/* Columns of a terminal that the text takes: wide characters two, combining marks none. */
size_t output_width(const char *text);

/* Foreign text, made visible, in the colour of `style` when the output has colours. */
void output_text(const struct output *output, FILE *file, const char *text, enum cell_style style);

/* How a `change` of a difference is told: create, update, prune. Anything else is an update. */
struct output_change {
	const char *change, *sign;
	enum cell_style style;
	const char *meaning;
};
const struct output_change *output_change_of(const char *change);

/* The style that a status word deserves: Synced, Healthy -> good, OutOfSync, Degraded -> bad, Progressing -> busy. */
enum cell_style output_style_of(const char *status);
