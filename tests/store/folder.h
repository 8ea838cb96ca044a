/*
 * folder.h - a state folder of its own for each test, removed afterwards
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
	strcpy(fixture->folder, "/tmp/pgitops-store-XXXXXX");
	if (!fixture || !mkdtemp(fixture->folder))
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
