/*
 * views.h - the texts that a text may stand for: decoded once, and what was decoded, again
 *
 *   base64   each run of its letters, at each of the four places where it could begin, line breaks and what stands around them left out
 *   escapes  \n \" \uXXXX of JSON, YAML and C; %41 and '+' of URLs; &amp; &#65; of HTML; '' of YAML and SQL
 *   UTF-16   in either order, and NUL bytes anywhere
 *
 * Up to VIEWS_DEPTH of them inside each other. Work and memory are a small multiple of the text's length.
 */
#pragma once

#include "base/base.h"

enum { VIEWS_DEPTH = 3 };

/* From this offset on the text stands in this line. */
struct view_mark {
	size_t offset;
	int line;
};

struct view {
	const struct view *parent; /* NULL = the text itself */
	const char *bytes;
	size_t length;
	bool base64; /* these bytes are what one run decodes to */
	int line;    /* of the first byte */
	const struct view *origin; /* where a run of base64 stands: at `start` of this view, with all that is in it; NULL = it has lines */
	size_t start;
	unsigned escapes; /* which were decoded so far */
	int depth;
	struct view_mark *marks; /* NULL = lines are counted from `line` */
	size_t mark_count;
};

int view_line(const struct view *view, size_t offset);

typedef void view_visit(void *context, const struct view *view);

/* Calls `visit` for the text and for each view of it. Base64 of fewer than `shortest` letters is passed over. */
void views_walk(const char *bytes, size_t length, int line, size_t shortest, view_visit *visit, void *context);
