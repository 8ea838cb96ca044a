#include "base/say.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

static void append_escape(uint32_t character, struct buf *out)
{
	if (character == '\n')
		buf_text(out, "\\n");
	else if (character == '\t')
		buf_text(out, "\\t");
	else if (character == '\r')
		buf_text(out, "\\r");
	else if (character < 0x80)
		buf_printf(out, "\\x%02x", (unsigned)character);
	else
		buf_printf(out, "\\u%04x", (unsigned)character);
}

void say_visible(const char *text, bool lines, struct buf *out)
{
	while (*text) {
		uint32_t character;
		size_t length = text_character(text, SIZE_MAX, &character);
		if (!length) {
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)*text++);
			continue;
		}
		if (text_is_hidden(character) && !(lines && character == '\n'))
			append_escape(character, out);
		else
			buf_append(out, text, length);
		text += length;
	}
}

void say(FILE *file, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		memory_fail("a sentence cannot be put together", 0);
	CLEANUP(memory_freep) char *owned = text;
	CLEANUP(buf_done) struct buf visible = BUF(8 * (size_t)length + 1);
	size_t breaks = 0, format_length = strlen(format);
	while (breaks < format_length && format[format_length - 1 - breaks] == '\n')
		breaks++;
	owned[(size_t)length - breaks] = '\0';
	say_visible(owned, false, &visible);
	fprintf(file, "%s%s", buf_string(&visible), format + format_length - breaks);
}
