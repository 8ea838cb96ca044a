/*
 * page.h - the status page's files as embed.cmake writes them into a C source at build time
 */
#pragma once

#include <stddef.h>

struct page_file {
	const char *name, *type;
	const unsigned char *bytes;
	size_t length;
};

extern const struct page_file page_files[]; /* the first is the page itself; ends with a NULL name */
