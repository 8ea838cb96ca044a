/*
 * json_fixture.h - JSON of the tests, written as YAML
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "reconcile/manifest/yaml.h"

static inline int open_arena(void **state)
{
	*state = arena_new(64u << 20);
	return 0;
}

static inline int close_arena(void **state)
{
	arena_free(*state);
	return 0;
}

static inline json_t *json_of(const char *text, struct arena *mem)
{
	struct yaml_documents documents;
	struct mistakes mistakes = {.mem = mem};
	yaml_read("a.yaml", text, strlen(text), mem, &documents, &mistakes);
	if (mistakes.count)
		fail_msg("%s", mistake_text(&mistakes.items[0], mem));
	return yaml_to_json(documents.items[0]);
}

static inline int64_t microseconds(const char *text)
{
	int64_t read;
	if (!clock_parse(text, &read))
		fail_msg("%s", text);
	return read;
}

/* One text a line. */
static inline const char *lines(const char *const *items, size_t count, struct arena *mem)
{
	const char *all = "";
	for (size_t i = 0; i < count; i++)
		all = arena_printf(mem, "%s%s\n", all, items[i]);
	return all;
}
