#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
	va_list args;
	char text[ERROR_TEXT_SIZE]; /* an argument may be the old text of this very error */

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0)
		text[0] = '\0';
	text_make_printable(text);
	err->kind = kind;
	memcpy(err->text, text, sizeof(text));
	return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
	va_list args;
	char text[ERROR_TEXT_SIZE];

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text) - 2)
		return false;
	size_t used = (size_t)length;
	size_t left = sizeof(text) - used - 3;
	size_t old = strnlen(err->text, sizeof(err->text));
	size_t keep = old < left ? old : left;
	memcpy(text + used, ": ", 2);
	memcpy(text + used + 2, err->text, keep);
	text[used + 2 + keep] = '\0';
	text_make_printable(text);
	memcpy(err->text, text, used + 2 + keep + 1);
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
