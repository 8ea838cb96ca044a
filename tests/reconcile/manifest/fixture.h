/*
 * fixture.h - what the tests of this room begin with: an arena, a place for mistakes, and texts read
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "reconcile/manifest/manifest.h"
#include "reconcile/manifest/yaml.h"

struct fixture {
	struct arena *mem;
	struct desired desired;
};

static inline int fixture_open(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(256u << 20)};
	fixture.desired.mistakes.mem = fixture.desired.warnings.mem = fixture.mem;
	*state = &fixture;
	return 0;
}

static inline int fixture_close(void **state)
{
	arena_free(((struct fixture *)*state)->mem);
	return 0;
}

/* All mistakes, one a line. */
static inline const char *fixture_mistakes(const struct fixture *fixture)
{
	const char *all = "";
	for (size_t i = 0; i < fixture->desired.mistakes.count; i++)
		all = arena_printf(fixture->mem, "%s%s\n", all,
			mistake_text(&fixture->desired.mistakes.items[i], fixture->mem));
	return all;
}

static inline const char *fixture_warnings(const struct fixture *fixture)
{
	const char *all = "";
	for (size_t i = 0; i < fixture->desired.warnings.count; i++)
		all = arena_printf(fixture->mem, "%s%s\n", all,
			mistake_text(&fixture->desired.warnings.items[i], fixture->mem));
	return all;
}

static inline void fixture_read(struct fixture *fixture, const char *file, const char *text)
{
	manifest_read(file, text, strlen(text), fixture->mem, &fixture->desired);
}

/* Reads `text` as f.yaml and expects exactly these mistakes. */
static inline void fixture_expect(struct fixture *fixture, const char *text, const char *mistakes)
{
	fixture_read(fixture, "f.yaml", text);
	assert_string_equal(fixture_mistakes(fixture), mistakes);
}

/* The documents of a text; mistakes land in the fixture. */
static inline struct yaml_documents fixture_yaml(struct fixture *fixture, const char *text, size_t length)
{
	struct yaml_documents documents;
	yaml_read("f.yaml", text, length, fixture->mem, &documents, &fixture->desired.mistakes);
	return documents;
}

/* `count` times `text`, in the arena. */
static inline char *fixture_repeat(struct fixture *fixture, const char *text, size_t count)
{
	size_t length = strlen(text);
	char *all = arena_alloc(fixture->mem, length * count + 1);
	for (size_t i = 0; i < count; i++)
		memcpy(all + i * length, text, length);
	return all;
}

#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_open, fixture_close)
