/*
 * markdown.h - differences and plans as a comment for a forge: a line for each object or user, its details folded
 *
 * Everything foreign is made visible and cannot end the fence or the tag that it stands in. A comment is bounded (forges take
 * about 64 KiB): what does not fit is counted, and a note says so.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"

#define MARKDOWN_BYTES (60 * 1024)

/* Items as GET .../diff has them. */
void markdown_differences(const json_t *items, struct buf *out);

/* In their place: why there are none. */
void markdown_not_compared(const char *reason, struct buf *out);

/* Plans of databases: {database, steps: [{user, action, statement}], deletions, blocked}. */
void markdown_plans(const json_t *items, struct buf *out);
