/*
 * known.h - the passwords that must not appear anywhere, made ready for being looked for
 *
 * How much of a chance a value needs before finding it says something:
 *   8 bytes and more      anywhere
 *   4 to 7 bytes, and longer ones that are one word of letters   as a word of their own; in base64 when it is all that was encoded
 *   up to 3 bytes, the user's own name, and the words that everybody tries first ("postgres", "password")   not at all: they stand in
 *                         every second file, and refusing those teaches people --no-verify. known_weak() names them, so that
 *                         somebody changes them
 * Of a value of several lines each line of 8 bytes and more is looked for as well, since a manifest indents them.
 */
#pragma once

#include "base/base.h"

struct known;

struct known *known_new(void);
void known_free(struct known *known); /* wipes the values; accepts NULL */

/* Copies both. Adding the same twice is adding it once. */
void known_add(struct known *known, const char *who, const void *bytes, size_t length);

/* After the last known_add() and before known_find(). */
void known_ready(struct known *known);

size_t known_count(const struct known *known);

/* Who has a password that is not looked for; NULL = nobody. */
const char *known_weak(const struct known *known, size_t index);

struct known_hit {
	size_t offset, end; /* in the bytes */
	const char *who;
	const void *value; /* the password as a whole */
	size_t length;
};

/* The next one at or behind `from`. `encoded`: the bytes are what one base64 text decodes to. */
bool known_find(const struct known *known, const char *bytes, size_t length, bool encoded, size_t from,
	struct known_hit *hit);
