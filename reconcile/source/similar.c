#include "reconcile/source/similar.h"

#include <ctype.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

enum { SHOWN = 4, COMPARED = 64, LIST_BYTES = 400 };

static const char *short_name(const char *name)
{
	if (text_starts(name, "refs/heads/"))
		return name + strlen("refs/heads/");
	if (text_starts(name, "refs/tags/"))
		return name + strlen("refs/tags/");
	return name;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t two = a < b ? a : b;
	return two < c ? two : c;
}

/* Levenshtein over the first bytes, without regard to case. */
static size_t distance(const char *a, const char *b)
{
	size_t row[COMPARED + 1];
	size_t width = strnlen(b, COMPARED);
	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 0; a[i] && i < COMPARED; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < width; j++) {
			size_t above = row[j + 1];
			bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
			row[j + 1] = least(above + 1, row[j] + 1, diagonal + !same);
			diagonal = above;
		}
	}
	return row[width];
}

/* A part of the other counts as near, whatever their lengths: "1.2" and "release-1.2". */
static size_t difference(const char *text, const char *name)
{
	if (*text && (strcasestr(name, text) || strcasestr(text, name)))
		return 1;
	return distance(text, name);
}

bool similar_found(const char *text, const struct remote_refs *refs)
{
	const char *wanted = short_name(text);
	size_t enough = 1 + strlen(wanted) / 4;
	for (size_t i = 0; i < refs->count; i++)
		if (difference(wanted, short_name(refs->items[i].name)) <= enough)
			return true;
	return false;
}

const char *similar_names(const char *text, const struct remote_refs *refs, struct arena *mem)
{
	CLEANUP(buf_done) struct buf list = BUF(LIST_BYTES);
	const char *shown[SHOWN] = {0};
	size_t far[SHOWN];
	size_t count = 0;
	for (size_t i = 0; i < refs->count; i++) {
		const char *name = short_name(refs->items[i].name);
		size_t away = difference(short_name(text), name);
		size_t at = count;
		while (at > 0 && far[at - 1] > away)
			at--;
		if (at == SHOWN)
			continue;
		if (count < SHOWN)
			count++;
		for (size_t j = count - 1; j > at; j--) {
			shown[j] = shown[j - 1];
			far[j] = far[j - 1];
		}
		shown[at] = name;
		far[at] = away;
	}
	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "%s%.80s", i ? ", " : "", shown[i]);
	if (refs->count > count)
		buf_text(&list, ", ...");
	return arena_copy(mem, buf_string(&list));
}
