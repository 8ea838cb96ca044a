/*
 * mistake.h - what is wrong in a file, and where
 *
 * A path is read to its end and every mistake is reported at once; one mistake stops the pass of its Application
 * (nothing half applied, nothing pruned). Warnings use the same type and stop nothing. The text says what is
 * wrong and what to do; it never quotes a value that may be secret.
 */
#pragma once

#include "base/arena.h"

struct mistake {
	const char *file; /* path inside the repository, or as given on the command line; "" = the text names it, as of one that cannot be read */
	int line;         /* from 1; 0 = the file as a whole */
	int column;       /* from 1; 0 = not known */
	const char *text;
};

struct mistakes {
	struct arena *mem; /* owns everything below; set by the caller */
	struct mistake *items;
	size_t count;
	size_t dropped; /* beyond LIMIT_MISTAKES */
};

void mistakes_add(struct mistakes *mistakes, const char *file, int line, int column, const char *format, ...)
	PRINTF_LIKE(5, 6);

/* "file:line:column: text", leaving out what is 0 or "". In `mem`. */
const char *mistake_text(const struct mistake *mistake, struct arena *mem);

/* By file, line, column; stable. */
void mistakes_sort(struct mistakes *mistakes);
