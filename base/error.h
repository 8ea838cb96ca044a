/*
 * error.h - why something failed, and what to do about it
 *
 * An error is a value in the caller's frame: nothing to allocate, nothing to free, and it works when memory
 * is gone. A function that can fail returns bool and takes `struct error *` last; on failure its outputs
 * are untouched. The kind says what to do next, never which library failed; only agent/ branches on it.
 * No secret ever stands in the text: it goes to logs, to status and to the terminal.
 */
#pragma once

#include "base/base.h"

enum error_kind {
	ERROR_NONE,
	ERROR_RETRY,    /* the outside is not there or busy: back off and try again */
	ERROR_INVALID,  /* what was asked is wrong: wait until somebody changes it */
	ERROR_MISSING,  /* the thing asked for does not exist */
	ERROR_CONFLICT, /* somebody else owns it */
	ERROR_DENIED,   /* credentials or permissions */
	ERROR_STOPPED,  /* the program is ending */
	ERROR_BUG       /* cannot happen: stop loudly */
};

enum { ERROR_TEXT_SIZE = 1024 };

struct error {
	enum error_kind kind;
	int64_t rest; /* seconds for which the other side wants not to be asked again; 0 = it does not say. error_set() clears it */
	char text[ERROR_TEXT_SIZE]; /* printable, NUL-terminated, cut at the end if longer */
};

/* Sets kind and text; control characters of foreign text become '?'. Returns false: `return error_set(...)`. */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "what we were doing: " in front of the text that is there. Returns false. */
bool error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The kind's name for logs and JSON: "retry", "invalid", ... */
const char *error_kind_name(enum error_kind kind);
