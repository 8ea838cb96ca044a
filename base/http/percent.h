/*
 * percent.h - what a URL may hold of any text (RFC 3986, section 2)
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

/* Everything but unreserved characters becomes %XX. */
void percent_encode(struct buf *out, const char *text);

/* A text in `mem`; a '%' that two hexadecimal digits do not follow stays as it is, and %00 ends the text. */
const char *percent_decode(const char *text, size_t length, struct arena *mem);
