#include "agent/show/output.h"

#include <stdlib.h>
#include <string.h>

#include "agent/show/output_character.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"
#include "reconcile/manifest/yaml_write.h"

static const char *const colours[] = {
	[CELL_PLAIN] = "",
	[CELL_GOOD] = "\033[32m",
	[CELL_BAD] = "\033[31m",
	[CELL_BUSY] = "\033[33m",
	[CELL_DIM] = "\033[2m",
};

static const struct {
	const char *word;
	enum cell_style style;
} words[] = {
	{"Synced", CELL_GOOD},
	{"Healthy", CELL_GOOD},
	{"Succeeded", CELL_GOOD},
	{"Connected", CELL_GOOD},
	{"running", CELL_GOOD},
	{"done", CELL_GOOD},
	{"healed", CELL_GOOD},
	{"OutOfSync", CELL_BAD},
	{"Degraded", CELL_BAD},
	{"Missing", CELL_BAD},
	{"Failed", CELL_BAD},
	{"Error", CELL_BAD},
	{"SyncFailed", CELL_BAD},
	{"Refused", CELL_BAD},
	{"Drifted", CELL_BAD},
	{"open", CELL_BAD},
	{"not running", CELL_BAD},
	{"Progressing", CELL_BUSY},
	{"Running", CELL_BUSY},
	{"Pending", CELL_BUSY},
	{"Terminating", CELL_BUSY},
	{"Retiring", CELL_BUSY},
	{"Waiting", CELL_BUSY},
	{"Suspended", CELL_BUSY},
	{"PruneSkipped", CELL_BUSY},
	{"Unknown", CELL_DIM},
	{"-", CELL_DIM},
};

static const struct output_change changes[] = {
	{"create", "+", CELL_GOOD, "is not there"},
	{"prune", "-", CELL_BAD, "is not in Git any more"},
	{"update", "~", CELL_BUSY, "differs"},
};

const struct output_change *output_change_of(const char *change)
{
	size_t i = 0;
	while (i + 1 < COUNT_OF(changes) && !text_equal(changes[i].change, change))
		i++;
	return &changes[i];
}

enum cell_style output_style_of(const char *status)
{
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (text_equal(words[i].word, status))
			return words[i].style;
	return CELL_PLAIN;
}

void output_visible(const char *text, bool lines, struct buf *out)
{
	say_visible(text, lines, out);
}

size_t output_width(const char *text)
{
	size_t width = 0;
	while (*text) {
		uint32_t character;
		size_t length = text_character(text, SIZE_MAX, &character);
		width += length ? character_width(character) : 1;
		text += length ? length : 1;
	}
	return width;
}

void output_text(const struct output *output, FILE *file, const char *text, enum cell_style style)
{
	CLEANUP(buf_done) struct buf visible = BUF(LIMIT_ANSWER_BYTES);
	bool coloured = output->colour && style != CELL_PLAIN;
	output_visible(text, false, &visible);
	fprintf(file, "%s%s%s", coloured ? colours[style] : "", buf_string(&visible),
		coloured ? "\033[0m" : "");
}

/* ---- tables ---- */

struct cell {
	char *text; /* visible */
	size_t width;
	enum cell_style style;
};

struct table {
	const struct output *output;
	size_t columns;
	struct cell *cells; /* row by row; the headers are the first row */
	size_t count, capacity;
};

void table_cell(struct table *table, const char *text, enum cell_style style)
{
	struct buf visible = BUF(LIMIT_ANSWER_BYTES);
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 64;
		table->cells = memory_resize(table->cells, table->capacity * sizeof(*table->cells));
	}
	output_visible(text ? text : "", false, &visible);
	struct cell cell = {.text = memory_copy(buf_string(&visible)), .style = style};
	cell.width = output_width(cell.text);
	table->cells[table->count++] = cell;
	buf_done(&visible);
}

struct table *table_new(const struct output *output, const char *const *headers, size_t columns)
{
	struct table *table = memory_alloc(sizeof(*table));
	table->output = output;
	table->columns = columns;
	for (size_t i = 0; i < columns; i++)
		table_cell(table, headers[i], CELL_DIM);
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(table);
}

static size_t column_width(const struct table *table, size_t column, size_t first)
{
	size_t width = 0;
	for (size_t i = first + column; i < table->count; i += table->columns)
		if (table->cells[i].width > width)
			width = table->cells[i].width;
	return width;
}

/* Two spaces between columns, none at the end of a line. */
static void print_cell(const struct table *table, const struct cell *cell, size_t width, bool last)
{
	bool coloured = table->output->colour && cell->style != CELL_PLAIN && *cell->text;
	printf("%s%s%s", coloured ? colours[cell->style] : "", cell->text, coloured ? "\033[0m" : "");
	printf("%*s", last ? 0 : (int)(width - cell->width + 2), "");
}

void table_print(struct table *table)
{
	size_t first = table->output->headers ? 0 : table->columns;
	size_t *widths = memory_alloc((table->columns + 1) * sizeof(*widths));

	for (size_t column = 0; column < table->columns; column++)
		widths[column] = column_width(table, column, first);
	for (size_t row = first; row + table->columns <= table->count; row += table->columns) {
		size_t used = table->columns; /* empty cells at the end are no reason for trailing blanks */
		while (used > 1 && !*table->cells[row + used - 1].text)
			used--;
		for (size_t column = 0; column < used; column++)
			print_cell(table, &table->cells[row + column], widths[column], column + 1 == used);
		putchar('\n');
	}
	free(widths);
}

/* ---- documents ---- */

/* Writers of JSON and YAML escape what they must; the other characters that a terminal obeys are escaped here. They stand in double
   quotes only, where \uXXXX means the same; beyond U+FFFF JSON has two of them, and YAML another one. */
static void append_unicode(uint32_t character, bool json, struct buf *out)
{
	unsigned code = character;
	if (code < 0x10000)
		buf_printf(out, "\\u%04x", code);
	else if (json)
		buf_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
	else
		buf_printf(out, "\\U%08x", code);
}

static void append_escaped(const char *text, bool json, struct buf *out)
{
	while (*text) {
		uint32_t character;
		size_t length = text_character(text, SIZE_MAX, &character);
		if (length && character != '\n' && text_is_hidden(character))
			append_unicode(character, json, out);
		else
			buf_append(out, text, length ? length : 1);
		text += length ? length : 1;
	}
}

void output_json(const json_t *value, struct buf *out)
{
	CLEANUP(memory_freep) char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
	append_escaped(text ? text : "null", true, out);
	buf_char(out, '\n');
}

void output_yaml(const json_t *value, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF(out->maximum);
	yaml_write(value, YAML_AS_GIVEN, &text);
	append_escaped(buf_string(&text), false, out);
}

void output_document(const struct output *output, const json_t *value)
{
	CLEANUP(buf_done) struct buf out = BUF(4 * LIMIT_ANSWER_BYTES);
	if (output->format == OUTPUT_YAML)
		output_yaml(value, &out);
	else
		output_json(value, &out);
	fwrite(out.data, 1, out.length, stdout);
}
