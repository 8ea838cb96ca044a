/*
 * connection.h - what can be told of a libpq connection string without libpq (internal to config.c)
 */
#pragma once

#include "base/arena.h"

/* Holds the string a password, or anything that may be one? True also when it cannot be understood. */
bool connection_has_password(const char *connection);

/* The dbname it names, in `mem`, or NULL. */
const char *connection_database(const char *connection, struct arena *mem);
