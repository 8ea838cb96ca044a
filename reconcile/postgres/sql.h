/*
 * sql.h - names and strings as SQL text (internal to the room)
 *
 * For text that is valid UTF-8 without NUL, on a session with client_encoding UTF8 and standard_conforming_strings on:
 * both are pinned by session_connect, so the plan can write SQL without a connection.
 */
#pragma once

#include "base/arena.h"

/* "a""b" */
const char *sql_identifier(const char *name, struct arena *mem);

/* 'a''b'; a text with a backslash becomes E'...', right whatever the server's setting. */
const char *sql_literal(const char *text, struct arena *mem);
