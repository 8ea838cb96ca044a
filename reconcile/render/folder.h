/*
 * folder.h - a checkout as a tool is shown it: a copy, under the limits of a commit
 */
#pragma once

#include "base/arena.h"
#include "base/error.h"

/* Makes `to`. Symbolic links, `.git` and files over LIMIT_RENDER_FILE_BYTES are left out; `left_out` names what may be missed ("" =
   nothing). ERROR_INVALID when there is more than LIMIT_RENDER_TREE_FILES or _BYTES. */
bool folder_copy(const char *from, const char *to, struct arena *mem, const char **left_out,
	struct error *err) MUST_CHECK;
