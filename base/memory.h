/*
 * memory.h - heap memory that is there or ends the process
 *
 * Out of memory is not an error anyone can handle half-way through a pass: one line on stderr, abort, and the
 * supervisor starts us anew. The store is transactional, so nothing is lost (see tests/store).
 */
#pragma once

#include "base/base.h"

void *memory_alloc(size_t size);             /* zeroed */
void *memory_resize(void *old, size_t size); /* new bytes are not zeroed */
char *memory_copy(const char *text);         /* NULL gives NULL */
char *memory_printf(const char *format, ...) PRINTF_LIKE(1, 2);
_Noreturn void memory_fail(const char *what, size_t number);

/*
 * Gives back what only the busy time needed: free heap, and the code pages of libraries that were touched once (at start, mostly).
 * They are clean copies of files and come back by themselves when they run again.
 */
void memory_give_back(void);

/* Frees what a `char *`, `void *`, ... points to and sets it to NULL; for CLEANUP too. */
void memory_freep(void *pointer_to_pointer);
