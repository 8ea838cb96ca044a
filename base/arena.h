/*
 * arena.h - memory of one pass: taken piece by piece, given back all at once
 *
 * A pass puts everything it builds into one arena, passed as the parameter `mem`; nothing in it is freed
 * on its own. An arena has a maximum, so that hostile input ends the pass and not the machine: crossing it
 * aborts the process, therefore every reader of foreign bytes has a smaller limit of its own (limits.h).
 * Secrets never live in an arena (secret.h). Not thread-safe: one arena belongs to one thread at a time.
 */
#pragma once

#include "base/base.h"

struct arena;

/* Never fails: out of memory ends the process with a line on stderr. `maximum` is in bytes. */
struct arena *arena_new(size_t maximum);
void arena_free(struct arena *mem); /* accepts NULL */

/* Overwrites everything first: for the one reader that must parse a file with secrets in it. */
void arena_wipe(struct arena *mem);

/* Forgets everything, keeps the first block for the next pass. */
void arena_reset(struct arena *mem);

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *mem, size_t size);

/* `count` zeroed elements; overflow of the product aborts. */
void *arena_array(struct arena *mem, size_t count, size_t size);

/* Makes room for element number `count` (0-based) of a growing array, doubling it: 1, 2, 4, ... elements.
   `items` is what the last call returned (NULL at first) and `count` the elements it holds. */
void *arena_grow(struct arena *mem, void *items, size_t count, size_t size);

char *arena_copy(struct arena *mem, const char *text);                   /* NULL gives NULL */
char *arena_copy_n(struct arena *mem, const char *bytes, size_t length); /* NUL added */
char *arena_printf(struct arena *mem, const char *format, ...) PRINTF_LIKE(2, 3);

size_t arena_used(const struct arena *mem);

/* for CLEANUP */
void arena_freep(struct arena **mem);
void arena_wipep(struct arena **mem);
