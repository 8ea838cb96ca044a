/*
 * connection.h - what can be told of a libpq connection string without libpq (internal to config.c)
 */
#pragma once

#include "base/arena.h"

/* Holds the string a password, or anything that may be one? True also when it cannot be understood. */
bool connection_has_password(const char *connection);

/* The value of this keyword, in `mem`; NULL = none, or an empty one. */
const char *connection_word(const char *connection, const char *keyword, struct arena *mem);
