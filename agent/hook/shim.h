/*
 * shim.h - the small scripts that git runs as hooks
 *
 * They find the program, run the hook that was there before first, and refuse when the program is gone: a guard that is absent
 * must not look like one that agrees.
 */
#pragma once

#include "base/buf.h"

extern const char *const shim_names[]; /* the hooks that are ours */
extern const size_t shim_count;

bool shim_is_ours(const char *name);
bool shim_is_hook(const char *name); /* any client-side hook that git knows */

/* `previous` is the folder that core.hooksPath named, NULL = the hook of the same name with HOOK_BEFORE behind it. */
void shim_write(struct buf *out, const char *name, const char *program, const char *previous);

/* A hook that only runs the one of `previous`. */
void shim_pass(struct buf *out, const char *name, const char *previous);

/* As one word of a shell. */
void shim_quote(struct buf *out, const char *text);
