/*
 * layout.h - a commit as files on disk, for programs that read nothing else
 *
 * Names are checked as everywhere (tree.h). Symbolic links, submodules and files over LIMIT_RENDER_FILE_BYTES are left out, and said.
 */
#pragma once

#include "reconcile/source/repository.h"

/* Fills `folder`, which is made. ERROR_INVALID when the commit is larger than LIMIT_RENDER_TREE_FILES or _BYTES. `left_out` names what
   is not there: "" = nothing. */
bool layout_write(const struct repository *repository, const git_oid *tree, const char *folder,
	struct arena *mem, const char **left_out, struct error *err) MUST_CHECK;
