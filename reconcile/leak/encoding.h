/*
 * encoding.h - bytes as text, whoever wrote them
 */
#pragma once

#include "base/buf.h"

/* As UTF-8. What is no character becomes '?'. */
void encoding_character(uint32_t character, struct buf *out);

/* UTF-16 (told by where its zeros are) as UTF-8, or the bytes without NUL. False when there is neither. `out` takes up to twice the bytes. */
bool encoding_without_zeros(const char *bytes, size_t length, struct buf *out);

/* The text that a reader of YAML gets: no byte order mark, UTF-8 (from UTF-16 or ISO 8859-1), line ends as '\n', no NUL. */
void encoding_text(const char *bytes, size_t length, struct buf *out);

/* So many control characters that no person wrote it. */
bool encoding_is_binary(const char *bytes, size_t length);
