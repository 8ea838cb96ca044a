#include "agent/show/markdown_access.h"

#include <string.h>

#include "agent/show/markdown.h"
#include "agent/show/output.h"

enum { NOTE_BYTES = 256, LINE_BYTES = 64 * 1024 };

/* Foreign text: what means something in a table, in HTML or in Markdown is written as its number. */
static void add_cell(struct buf *out, const char *text)
{
	CLEANUP(buf_done) struct buf visible = BUF(LINE_BYTES);
	output_visible(text, false, &visible);
	buf_text(out, "| ");
	for (const char *at = buf_string(&visible); *at; at++)
		if (strchr("&<>|`*_[]\\~#!@$:", *at) && !(*at == ':' && at[1] != '/'))
			buf_printf(out, "&#%d;", *at);
		else
			buf_char(out, *at);
	buf_char(out, ' ');
}

static void add_row(struct buf *out, const struct access_row *row)
{
	const char *const cells[] = {
		row->user, row->database, row->object, row->privileges, row->through, row->given, row->note};
	for (size_t i = 0; i < COUNT_OF(cells); i++)
		add_cell(out, cells[i]);
	buf_text(out, "|\n");
}

void markdown_access(const struct access_row *rows, size_t count, struct buf *out)
{
	buf_text(out,
		"| User | Database | Object | Privileges | Through | Given by | Note |\n"
		"|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buf_done) struct buf line = BUF(LINE_BYTES);
		add_row(&line, &rows[i]);
		if (buf_failed(&line) || out->length + line.length + NOTE_BYTES > MARKDOWN_BYTES) {
			buf_printf(out,
				"\n**%zu more %s not shown: a comment has room for %d KiB.** Use `-o csv` for all of "
				"it.\n",
				count - i, count - i == 1 ? "is" : "are", MARKDOWN_BYTES / 1024);
			return;
		}
		buf_append(out, line.data, line.length);
	}
}
