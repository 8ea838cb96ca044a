/*
 * say.h - sentences for people, with foreign words in them
 *
 * Names of files, roles and objects, messages of servers and of commits are bytes of other people. What a terminal obeys, or what shows them
 * as something else than they are (text_is_hidden(), bytes that are no UTF-8), is written as an escape: \n, \x1b, \u202e.
 */
#pragma once

#include <stdio.h>

#include "base/buf.h"

/* Appends the text so that a terminal shows it and does not obey it. `lines` keeps line breaks. */
void say_visible(const char *text, bool lines, struct buf *out);

/* fprintf() of which nothing is obeyed but line breaks at the end of the format. */
void say(FILE *file, const char *format, ...) PRINTF_LIKE(2, 3);
