/*
 * file.h - whole files: read with a maximum, replaced atomically
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/* Appends the file to `buf`, whose maximum is the file's. ERROR_MISSING when there is none. */
bool file_read(const char *path, struct buf *buf, struct error *err) MUST_CHECK;

/* Everything to this descriptor; false = `errno` says why. */
/* A file that is in memory alone, and closed on exec; -1 with errno. Once it is sealed, nobody who gets the descriptor can change or grow
   it: its memory is that of the agent's own group. */
int file_in_memory(const char *name);
bool file_seal(int fd) MUST_CHECK;
bool file_fix_size(int fd, size_t bytes) MUST_CHECK; /* zeros; may be written, and not beyond that */

bool file_write_all(int fd, const void *bytes, size_t length) MUST_CHECK;

/* Writes beside `path`, flushes, renames over it: readers see the old or the new file, never a part. */
bool file_replace(
	const char *path, const void *bytes, size_t length, unsigned mode, struct error *err) MUST_CHECK;

/* As file_replace for a file of a person: behind a symbolic link the file that it names is replaced and the link stays, and a file that
   is there keeps its mode; `mode` is for a new one. */
bool file_update(
	const char *path, const void *bytes, size_t length, unsigned mode, struct error *err) MUST_CHECK;

/* As file_replace, and never over a file that is there: ERROR_CONFLICT. */
bool file_create(
	const char *path, const void *bytes, size_t length, unsigned mode, struct error *err) MUST_CHECK;

/* mkdir -p with mode 0700 for what is made. */
bool file_make_folder(const char *path, struct error *err) MUST_CHECK;

/* Removes a folder and all in it, never following symbolic links; a missing one is fine. */
bool file_remove_folder(const char *path, struct error *err) MUST_CHECK;
