/*
 * markdown_access.h - who may do what as a table for a forge or a report; bounded as markdown.h says
 */
#pragma once

#include "agent/show/access_rows.h"
#include "base/buf.h"

void markdown_access(const struct access_row *rows, size_t count, struct buf *out);
