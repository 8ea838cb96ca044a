/*
 * budget.h - what the program may hold, by the memory that it really has
 *
 * The maxima of limits.h are for a machine with room. In a container the kernel kills what takes more than its memory group has, at each
 * start again, so what Git may bring follows from the group: version 1 or 2, the narrowest of it and those above it. Children count
 * in the same group. Measured on the shipped program (tests/end/test_memory.py): an object costs up to 7.8 KiB at its first sync, and its
 * text four times its length; the rest needs less than BUDGET_REST.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Reads the group; once, before there are threads or a sandbox. Without it there is no budget but that of limits.h. */
void budget_read(void);

/* Bytes of the memory group; 0 = none that counts. */
size_t budget_group(void);

/* What so many objects with so many bytes of JSON cost, and what all that Git wants may cost. */
size_t budget_cost(size_t objects, size_t bytes);
bool budget_fits(size_t objects, size_t bytes);
size_t budget_wanted(void);

/* The largest object of a pack: unpacked, beside the one that it is a difference to. */
size_t budget_git_object(void);

/* What the Git process may take for itself (RLIMIT_DATA): it is in the group, too. 0 = no budget. */
size_t budget_git_memory(void);

/* For tests: the group that a process of these files is in. `root` is where the hierarchies are mounted, `self` a /proc/self/cgroup. */
size_t budget_of(const char *root, const char *self);
