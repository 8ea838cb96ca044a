/*
 * splice.h - edits of YAML text in place: all bytes that are not meant to change stay as they are
 *
 * Places come from the parsed tree (lines and columns from 1, columns in characters). Whoever edits parses the result again
 * and compares it with what was meant, so a layout that these few rules do not understand is an error and never a wrong
 * file.
 */
#pragma once

#include "base/buf.h"
#include "reconcile/manifest/yaml.h"

struct span {
	size_t start, end; /* bytes; `end` is behind the last one */
};

/* A text whose places are asked for. */
struct splice {
	const char *text;
	size_t length;
	const size_t *lines; /* offset of each line */
	size_t line_count;
};

/* Borrows the text; the index is in `mem`. */
struct splice splice_index(const char *text, size_t length, struct arena *mem);

/* Offset of a place; the length of the text when it lies behind the end. */
size_t splice_offset(const struct splice *splice, int line, int column);

/* The start of the line behind the one that holds `at`. */
size_t splice_line_end(const char *text, size_t length, size_t at);

/* The scalar of a pair as it is written, with its quotes or its block; `key_column` is the column of its key. */
struct span splice_scalar(const struct splice *splice, const struct yaml_node *value, int key_column);

/* Does the key at this offset stand in braces, and not on a line of its own (or behind "- ")? */
bool splice_is_flow(const char *text, size_t key);

/* Everything of a pair that goes when it is removed from its map: its lines in block style, with "- " kept for the next key;
   up to the next key in flow style. `index` is the pair's place in `map`. */
struct span splice_pair(const struct splice *splice, const struct yaml_node *map, size_t index);

/* Documents of a file: split at lines that begin with "---". Spans include the marker line and what stands before it. */
size_t splice_documents(const char *text, size_t length, struct arena *mem, struct span **documents);
