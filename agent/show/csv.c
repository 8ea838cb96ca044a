#include "agent/show/csv.h"

#include <string.h>

#include "agent/show/output.h"

enum { VALUE_BYTES = 1024 * 1024 };

static void add_value(const char *value, struct buf *out)
{
	CLEANUP(buf_done) struct buf visible = BUF(VALUE_BYTES);
	if (*value && strchr("=+-@", *value))
		buf_char(&visible, '\'');
	output_visible(value, false, &visible);
	const char *text = buf_string(&visible);
	bool quoted = strpbrk(text, ",\"\r\n") || *text == ' ' || (*text && text[strlen(text) - 1] == ' ');
	if (!quoted) {
		buf_text(out, text);
		return;
	}
	buf_char(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			buf_char(out, '"');
		buf_char(out, *text);
	}
	buf_char(out, '"');
}

void csv_line(const char *const *values, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_char(out, ',');
		add_value(values[i] ? values[i] : "", out);
	}
	buf_text(out, "\r\n");
}
