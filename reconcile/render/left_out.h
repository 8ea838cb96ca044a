/*
 * left_out.h - what of a commit or checkout a tool is not shown
 */
#pragma once

#include "base/arena.h"

struct left_out {
	struct arena *mem;
	size_t count;
	const char *named; /* the first ones */
};

void left_out_add(struct left_out *left_out, const char *name, const char *why);

/* "a (symbolic link), b (submodule) and 4 more"; "" = nothing. */
const char *left_out_text(const struct left_out *left_out);
