/*
 * output.h - what a reading command prints: a table that aligns, JSON, or YAML
 */
#pragma once

#include "base/json.h"

enum output_format { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML };

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

/* The style that a status word deserves: Synced, Healthy -> good, OutOfSync, Degraded -> bad, Progressing -> busy. */
enum cell_style output_style_of(const char *status);
