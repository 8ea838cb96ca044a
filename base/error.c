#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* What is formatted at once; of a longer text the rest is lost. Not the heap: this works when memory is gone. */
enum { FORMAT_SIZE = 4 * ERROR_TEXT_SIZE };

/* What went wrong often stands at the end, behind the thing it went wrong with: both ends are kept. Bytes that are no UTF-8 are
   shown (\xNN): they may be the name of the thing. */
static void keep(struct error *err, char *text)
{
	char shown[4 * ERROR_TEXT_SIZE + 1];
	text_shorten(text, ERROR_TEXT_SIZE - 1);
	text_escape(text, shown);
	text_make_printable(shown);
	text_shorten(shown, ERROR_TEXT_SIZE - 1);
	memcpy(err->text, shown, strlen(shown) + 1);
}

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
	va_list args;
	char text[FORMAT_SIZE]; /* an argument may be the old text of this very error */

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		text[0] = '\0';
	err->kind = kind;
	err->rest = 0;
	keep(err, text);
	return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
	va_list args;
	char text[FORMAT_SIZE];

	va_start(args, format);
	int length = vsnprintf(text, ERROR_TEXT_SIZE, format, args);
	va_end(args);
	if (length < 0 || length >= ERROR_TEXT_SIZE - 2)
		return false;
	snprintf(text + length, sizeof(text) - (size_t)length, ": %s", err->text);
	keep(err, text);
	return false;
}

const char *error_kind_name(enum error_kind kind)
{
	static const char *const names[] = {
		[ERROR_NONE] = "none",
		[ERROR_RETRY] = "retry",
		[ERROR_INVALID] = "invalid",
		[ERROR_MISSING] = "missing",
		[ERROR_CONFLICT] = "conflict",
		[ERROR_DENIED] = "denied",
		[ERROR_STOPPED] = "stopped",
		[ERROR_BUG] = "bug",
	};
	return names[kind];
}
