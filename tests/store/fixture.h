/*
 * fixture.h - a state folder of its own for each test, removed afterwards
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "store/store.h"

struct fixture {
	char folder[64];
	struct store *store;
	struct arena *mem;
	struct error err;
};

static inline int fixture_make(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	if (!fixture)
		return -1;
	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/pgitops-store-XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	fixture->mem = arena_new(64 * 1024 * 1024);
	*state = fixture;
	return 0;
}

static inline int fixture_open(void **state)
{
	struct store_opening how;
	struct fixture *fixture;
	if (fixture_make(state) != 0)
		return -1;
	fixture = *state;
	return store_open(fixture->folder, &fixture->store, &how, &fixture->err) ? 0 : -1;
}

static inline int fixture_done(void **state)
{
	struct fixture *fixture = *state;
	store_close(fixture->store);
	arena_free(fixture->mem);
	bool removed = file_remove_folder(fixture->folder, &fixture->err);
	free(fixture);
	return removed ? 0 : -1;
}

/* The error's text is what one wants to see when a call fails. */
static inline void check_ok(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s", err->text);
}

/* NULL = there is none. */
static inline const char *fact_of(struct store *store, const char *key, struct arena *mem)
{
	const char *value = NULL;
	struct error err;
	check_ok(store_fact_get(store, key, mem, &value, &err), &err);
	return value;
}

/* How many records of drift there are. */
static inline size_t count_drift(struct fixture *f, bool open_only)
{
	struct store_drift_filter filter = {.open_only = open_only};
	struct store_drift *all;
	size_t count;
	check_ok(store_drift_list(f->store, &filter, f->mem, &all, &count, &f->err), &f->err);
	return count;
}

/* A path in the state folder. */
static inline const char *in_folder(struct fixture *f, const char *name)
{
	return arena_printf(f->mem, "%s/%s", f->folder, name);
}

#define A_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_open, fixture_done)
