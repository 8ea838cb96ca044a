/*
 * yaml_write.h - JSON values to YAML, in the layout that kubectl and kubeseal write
 *
 * Block style, two spaces, lists at the indentation of their key, several lines as a literal block. A string is quoted where some
 * reader - YAML 1.1 or 1.2, kubectl, Go, Python - would take it for something else, and stands in double quotes where it holds what is
 * not to be seen (text_is_hidden()), so that \uXXXX may be put in its place. Equal values give equal bytes. What is written and
 * freed here may be secret: whoever writes such a value sees to freed memory, as for what is read.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

enum yaml_order { YAML_AS_GIVEN, YAML_SORTED }; /* of a map's keys */

/* Appends one document without "---". */
void yaml_write(const json_t *value, enum yaml_order order, struct buf *out);

/* Appends a text as it may stand as key or value on one line, between braces too. UTF-8. */
void yaml_write_text(const char *text, size_t length, struct buf *out);
