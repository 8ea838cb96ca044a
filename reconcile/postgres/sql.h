/*
 * sql.h - names and strings as SQL text (internal to the room)
 *
 * For bytes without NUL, on a session with standard_conforming_strings on and client_encoding SQL_ASCII: both are pinned
 * (pins.h), so the plan can write SQL without a connection. No encoding that a server may have puts a quote or backslash into another
 * character.
 */
#pragma once

#include "base/arena.h"

/* "a""b" */
const char *sql_identifier(const char *name, struct arena *mem);

/* 'a''b'; a text with a backslash becomes E'...', right whatever the server's setting. */
const char *sql_literal(const char *text, struct arena *mem);
