#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_BLOCK = 16 * 1024, LARGEST_BLOCK = 1024 * 1024 };

struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks; /* newest first */
	size_t maximum;
	size_t total;
};

static struct block *block_new(size_t size)
{
	struct block *block = memory_alloc(sizeof(*block) + size);
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

struct arena *arena_new(size_t maximum)
{
	struct arena *mem = memory_alloc(sizeof(*mem));
	*mem = (struct arena){.maximum = maximum};
	return mem;
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_free(struct arena *mem)
{
	if (!mem)
		return;
	free_blocks(mem->blocks);
	free(mem);
}

void arena_wipe(struct arena *mem)
{
	for (struct block *block = mem ? mem->blocks : NULL; block; block = block->next)
		explicit_bzero(block->bytes, block->used);
	arena_free(mem);
}

void arena_freep(struct arena **mem)
{
	arena_free(*mem);
}

void arena_wipep(struct arena **mem)
{
	arena_wipe(*mem);
}

void arena_reset(struct arena *mem)
{
	struct block *first = mem->blocks;
	while (first && first->next) {
		struct block *next = first->next;
		free(first);
		first = next;
	}
	mem->blocks = first;
	mem->total = 0;
	if (first)
		first->used = 0;
}

void *arena_alloc(struct arena *mem, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	size_t rounded = (size + align - 1) / align * align;
	struct block *block = mem->blocks;
	if (!block || block->size - block->used < rounded) {
		size_t wanted = block ? block->size * 2 : FIRST_BLOCK;
		if (wanted > LARGEST_BLOCK)
			wanted = LARGEST_BLOCK;
		if (wanted < rounded)
			wanted = rounded;
		block = block_new(wanted);
		block->next = mem->blocks;
		mem->blocks = block;
	}
	void *piece = block->bytes + block->used;
	block->used += rounded;
	mem->total += rounded;
	return memset(piece, 0, size);
}

void *arena_array(struct arena *mem, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		memory_fail("array is too large", count);
	return arena_alloc(mem, count * size);
}

void *arena_grow(struct arena *mem, void *items, size_t count, size_t size)
{
	bool full = (count & (count - 1)) == 0; /* 0 and the powers of two */
	if (!full)
		return items;
	void *larger = arena_array(mem, count ? count * 2 : 1, size);
	if (count)
		memcpy(larger, items, count * size);
	return larger;
}

char *arena_copy_n(struct arena *mem, const char *bytes, size_t length)
{
	char *copy = arena_alloc(mem, length + 1);
	if (length)
		memcpy(copy, bytes, length);
	return copy;
}

char *arena_copy(struct arena *mem, const char *text)
{
	return text ? arena_copy_n(mem, text, strlen(text)) : NULL;
}

char *arena_printf(struct arena *mem, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		memory_fail("bad format", 0);
	char *text = arena_alloc(mem, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

const char *arena_join(struct arena *mem, const char *text, const char *between, const char *more)
{
	static const char rest[] = "...";
	size_t length = text ? strlen(text) : 0;
	if (!length)
		return arena_copy(mem, more);
	if (length < ARENA_JOINED)
		return arena_printf(mem, "%s%s%s", text, between, more);
	if (strcmp(text + length - strlen(rest), rest) == 0)
		return text;
	return arena_printf(mem, "%s%s%s", text, between, rest);
}

bool arena_full(const struct arena *mem)
{
	return mem->total > mem->maximum;
}

size_t arena_used(const struct arena *mem)
{
	return mem->total;
}
