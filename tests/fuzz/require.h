/*
 * require.h - what a fuzz target demands of an answer: said, with its line, before the process ends
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define require(holds) ((holds) ? (void)0 : require_failed(__FILE__, __LINE__, #holds))

static inline void require_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}
