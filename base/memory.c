#include "base/memory.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Noreturn void memory_fail(const char *what, size_t number)
{
	fprintf(stderr, "pgitops: %s (%zu)\n", what, number);
	abort();
}

void *memory_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);
	if (!memory)
		memory_fail("out of memory", size);
	return memory;
}

void *memory_resize(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);
	if (!memory)
		memory_fail("out of memory", size);
	return memory;
}

char *memory_copy(const char *text)
{
	if (!text)
		return NULL;
	size_t size = strlen(text) + 1;
	return memcpy(memory_alloc(size), text, size);
}

char *memory_printf(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0)
		memory_fail("bad format", 0);
	char *text = memory_alloc((size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}

void memory_give_back(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");

	malloc_trim(0);
	while (maps && fgets(line, sizeof(line), maps)) {
		uintptr_t from, end;
		char rights[5], path[2];
		/* Executable and not writable: never relocated, so every page equals its file and may go. */
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %1s", &from, &end, rights, path) ==
				4 &&
			strcmp(rights, "r-xp") == 0 && path[0] == '/')
			(void)madvise((void *)from, end - from, MADV_DONTNEED);
	}
	if (maps)
		fclose(maps);
}

void memory_freep(void *pointer_to_pointer)
{
	void *memory;
	memcpy(&memory, pointer_to_pointer, sizeof(memory));
	free(memory);
	memory = NULL;
	memcpy(pointer_to_pointer, &memory, sizeof(memory));
}
