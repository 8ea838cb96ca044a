/*
 * options.h - the parameters that one connection is made with (internal to the room)
 *
 * What stands in the agent file's `connection`, then what the agent adds. Nothing is copied: values live as long as what they
 * were taken from.
 */
#pragma once

#include <libpq-fe.h>

#include "base/error.h"

enum { OPTIONS_MOST = 80 }; /* libpq knows about 50, and each stands here once */

struct options {
	const char *keywords[OPTIONS_MOST + 1];
	const char *values[OPTIONS_MOST + 1];
	size_t count;
};

/* `parsed` holds the values and is the caller's. ERROR_INVALID never quotes the text: a password may stand in it. */
bool options_parse(const char *connection, PQconninfoOption **parsed, struct options *options,
	struct error *err) MUST_CHECK;

/* Instead of the value that was there. */
void options_set(struct options *options, const char *keyword, const char *value);
/* The same where there was none. */
void options_default(struct options *options, const char *keyword, const char *value);
const char *options_get(const struct options *options, const char *keyword); /* NULL = not there */

/* for CLEANUP */
void options_free_parsed(PQconninfoOption **parsed);
