/*
 * stored.h - the world of fixture.h with a store of its own
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "tests/agent/sync/fixture.h"

static char stored_folder[64];

static inline int open_stored(void **state)
{
	struct store_opening how;
	struct error err;
	open_world(state);
	struct world *world = *state;
	snprintf(stored_folder, sizeof(stored_folder), "/tmp/pgitops-stored-XXXXXX");
	if (!mkdtemp(stored_folder))
		return -1;
	return store_open(stored_folder, &world->agent.store, &how, &err) ? 0 : -1;
}

static inline int close_stored(void **state)
{
	struct world *world = *state;
	struct error err;
	store_close(world->agent.store);
	return close_world(state) == 0 && file_remove_folder(stored_folder, &err) ? 0 : -1;
}

#define stored_test(function) cmocka_unit_test_setup_teardown(function, open_stored, close_stored)
