/*
 * csv.h - a line of comma-separated values (RFC 4180), for spreadsheets
 *
 * Everything is foreign: it is made visible as on a terminal, so a value never has a line break. A value that a spreadsheet would take
 * for a formula (it begins with = + - @) gets a ' before it, as OWASP advises: a role may be called =HYPERLINK(...). Who needs names to the byte
 * takes JSON.
 */
#pragma once

#include "base/buf.h"

/* With the line's end, CR LF. NULL is an empty value. */
void csv_line(const char *const *values, size_t count, struct buf *out);
