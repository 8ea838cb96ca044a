/*
 * text.h - the bytes of a manifest before they are YAML (internal to this room)
 */
#pragma once

#include "reconcile/mistake.h"

/* Size, encoding, directives. Steps over a byte order mark. False = not to be read, a mistake says why. */
bool manifest_text_check(const char *file, const char **bytes, size_t *length, struct mistakes *mistakes);

/* Line and column, from 1, of the byte at `offset`; columns count characters. */
void manifest_text_position(const char *bytes, size_t offset, int *line, int *column);

/*
 * JSON writes a character beyond U+FFFF as two escapes, \ud83d\ude00; YAML knows only \U0001f600. For a text that begins
 * with JSON objects and has such pairs in them: a copy with the YAML form, to be freed. NULL when there is nothing to change.
 */
char *manifest_text_join_surrogates(const char *bytes, size_t length, size_t *new_length);
