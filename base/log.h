/*
 * log.h - one line per event on stderr, written with one write(2)
 *
 * logfmt by default (`time=... level=info msg="..." key=value`), one JSON object a line when asked. Foreign
 * text is escaped, so a line break or a terminal escape in a commit message stays inside its field. Lines
 * of one pass carry its application and revision through the thread's context. Only agent/ logs above debug:
 * below it, errors travel up and are logged once where they are handled.
 */
#pragma once

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

/* Before the first thread starts; the defaults are LOG_INFO and LOG_LOGFMT. */
void log_setup(enum log_level level, enum log_format format);

/* `message` is a fixed sentence; then pairs of key and value, both `const char *`; a pair whose value is ""
   is left out. Ends with NULL. */
void log_debug(const char *message, ...) NULL_TERMINATED;
void log_info(const char *message, ...) NULL_TERMINATED;
void log_warning(const char *message, ...) NULL_TERMINATED;
void log_error(const char *message, ...) NULL_TERMINATED;

/* What every further line of this thread carries; NULL removes a field. The strings are copied (127 bytes). */
void log_context(const char *application, const char *revision);

/* The same error at each poll is one line, then silence until it changes: true when `text` differs from what
   `slot` remembers, which it then remembers. `slot` is a char[64]. An empty text clears it. */
bool log_changed(char slot[64], const char *text);
