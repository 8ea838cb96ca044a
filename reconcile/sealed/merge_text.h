/*
 * merge_text.h - new values in a SealedSecret's text, all other bytes as they were
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

/* The one document as it must read afterwards, `meant`: what that has more or other is put into the text. False when the layout does not
   allow it, or something would have to go; then `out` is as before and the document has to be written anew. */
bool merge_text(const char *text, size_t length, const json_t *meant, struct buf *out) MUST_CHECK;
