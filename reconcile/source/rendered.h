/*
 * rendered.h - what kustomize and helm wrote, kept beside the bare repository under the digest of all it was made of
 *
 * So nothing is rendered again while commit, options and program are the same, after a restart neither. A cache as the repository is:
 * the Git process reads it with the rights it has, and what is missing is made anew.
 */
#pragma once

#include "base/buf.h"
#include "reconcile/source/source.h"

/* `tree`: the whole commit's, since a path may use what lies beside it. `program`: which binary it is, and of when. */
const char *rendered_key(const struct source_path *path, enum render_tool tool, const char *tree,
	const char *program, struct arena *mem);

/* False = it is not there. */
bool rendered_read(const char *place, const char *key, struct buf *text, struct arena *mem) MUST_CHECK;

/* Moves the file `from` there. */
bool rendered_keep(const char *place, const char *key, const char *from, struct arena *mem,
	struct error *err) MUST_CHECK;

/* Removes what was not used for longest, down to LIMIT_RENDERED_FILES and LIMIT_RENDERED_BYTES. */
void rendered_trim(const char *place, struct arena *mem);
