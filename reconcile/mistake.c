#include "reconcile/mistake.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

void mistakes_add(struct mistakes *mistakes, const char *file, int line, int column, const char *format, ...)
{
	char text[2048];
	va_list args;

	if (mistakes->count >= LIMIT_MISTAKES) {
		mistakes->dropped++;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_make_printable(text);
	mistakes->items = arena_grow(mistakes->mem, mistakes->items, mistakes->count, sizeof(*mistakes->items));
	mistakes->items[mistakes->count++] = (struct mistake){
		.file = arena_copy(mistakes->mem, file),
		.line = line,
		.column = column,
		.text = arena_copy(mistakes->mem, text),
	};
}

const char *mistake_text(const struct mistake *mistake, struct arena *mem)
{
	if (!*mistake->file)
		return mistake->text;
	if (!mistake->line)
		return arena_printf(mem, "%s: %s", mistake->file, mistake->text);
	if (!mistake->column)
		return arena_printf(mem, "%s:%d: %s", mistake->file, mistake->line, mistake->text);
	return arena_printf(mem, "%s:%d:%d: %s", mistake->file, mistake->line, mistake->column, mistake->text);
}

static int compare(const void *a, const void *b)
{
	const struct mistake *left = a, *right = b;
	int order = strcmp(left->file, right->file);
	if (!order)
		order = (left->line > right->line) - (left->line < right->line);
	if (!order)
		order = (left->column > right->column) - (left->column < right->column);
	if (!order)
		order = strcmp(left->text, right->text);
	return order;
}

void mistakes_sort(struct mistakes *mistakes)
{
	if (mistakes->count)
		qsort(mistakes->items, mistakes->count, sizeof(*mistakes->items), compare);
}
