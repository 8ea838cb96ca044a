/*
 * merge_text.h - new values in a SealedSecret's text, all other bytes as they were
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

/* `items` (name to sealed text) into spec.encryptedData of the one document. `meant` is what the result must read as; false when
   the layout does not allow it, then `out` is as before and the document has to be written anew. */
bool merge_text(const char *text, size_t length, const json_t *items, const json_t *meant,
	struct buf *out) MUST_CHECK;
