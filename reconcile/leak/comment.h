/*
 * comment.h - passwords in the comments of a list of users
 *
 * People keep the old password there: "# password: x", "# old: x", "# was x until May". Every word of such a comment that nobody writes as
 * a word (letters with digits or signs among them) counts.
 */
#pragma once

#include "base/base.h"

typedef void comment_value(void *context, const char *value, size_t length);

/* Calls `value` for each in one comment; how many there are. `value` may be NULL. */
size_t comment_values(const char *comment, size_t length, comment_value *value, void *context);
