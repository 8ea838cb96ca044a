/*
 * arena.h - memory of one pass: taken piece by piece, given back all at once
 *
 * A pass puts everything it builds into one arena, passed as the parameter `mem`; nothing in it is freed
 * on its own. An arena has a maximum, so that hostile input ends the pass and neither the process nor the machine.
 * Crossing it fails no call: the arena counts as full from then on. So builders allocate freely, a pass asks arena_full()
 * where one step ends and the next begins and fails with a message, and a loop over foreign input that has no limit of its
 * own (limits.h) asks each time around and stops.
 * Secrets never live in an arena (secret.h). Not thread-safe: one arena belongs to one thread at a time.
 */
#pragma once

#include "base/base.h"

struct arena;

/* Never fails: memory that the system refuses ends the process with a line on stderr. `maximum` is in bytes. */
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

/* More was taken than the maximum, and nothing was given back since. What was built may be used, but no more should be. */
bool arena_full(const struct arena *mem);

/* `text` and `more` with `between` between them, for a text of several causes; `text` may be NULL or "". Beyond ARENA_JOINED
   bytes the rest is "...", so that thousands of causes cost no more than the few that somebody reads. */
enum { ARENA_JOINED = 4096 };
const char *arena_join(struct arena *mem, const char *text, const char *between, const char *more);

size_t arena_used(const struct arena *mem);

/* for CLEANUP */
void arena_freep(struct arena **mem);
void arena_wipep(struct arena **mem);
