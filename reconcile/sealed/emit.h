/*
 * emit.h - JSON to YAML in the layout that kubectl and kubeseal write
 *
 * Block style, keys sorted, two spaces, lists at the indentation of their key; a string is quoted exactly when it would be
 * read back as something else; several lines become a literal block.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Appends one document without "---". */
void emit_yaml(struct buf *out, const json_t *value);

/* Whether the text can stand without quotes as a YAML scalar and stay a string. */
bool emit_is_plain(const char *text, size_t length);

/* Appends the text as a one-line scalar, quoted where needed. */
void emit_scalar(struct buf *out, const char *text, size_t length);
