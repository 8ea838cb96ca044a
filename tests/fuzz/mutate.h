/*
 * mutate.h - inputs that nobody wrote: files of a corpus, changed here and there
 *
 * The same seed makes the same inputs, on any machine: what one run found the next one finds.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { MUTATE_LARGEST = 1 << 16 };

struct mutate {
	uint64_t state; /* of the generator: the seed */
	uint8_t *const *files;
	const size_t *sizes; /* of larger ones the beginning is taken */
	size_t count;
};

/* The next input into `out`, which has room for MUTATE_LARGEST bytes; its size. */
size_t mutate_next(struct mutate *mutate, uint8_t *out);
