/*
 * What an Application was before this process. A store that cannot be asked is never a store in which nothing stands.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/sync/recall.h"
#include "base/log.h"
#include "store/database.h"
#include "tests/agent/sync/stored.h"

#define SYNCED "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d one"
#define RUNNING                                                                                              \
	"{\"request\":{\"operation\":{\"sync\":{}}},\"state\":1,\"commit\":\"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\"}"

static void remember(struct world *world)
{
	const struct store_application row = {.name = "shop",
		.document =
			"{\"status\":{\"operationState\":{\"phase\":\"Succeeded\"},\"history\":[{\"id\":4}]}}",
		.differences = "[]"};
	struct error err;
	world->app.operation = NULL;
	assert_true(store_application_set(world->agent.store, &row, &err));
	assert_true(store_fact_set(world->agent.store, "synced:shop", SYNCED, &err));
	assert_true(store_fact_set(world->agent.store, "tried:shop", SYNCED, &err));
}

static void drop_operation(struct world *world)
{
	operation_free(world->app.operation);
	world->app.operation = NULL;
	json_done(&world->app.taken);
	while (world->app.lookups)
		lookup_drop(&world->app, world->app.lookups);
}

static void what_was_synced_tried_and_kept_as_history_is_known_again(void **state)
{
	struct world *world = *state;
	remember(world);
	assert_true(recall(&world->agent, &world->app));
	assert_string_equal(world->app.synced, SYNCED);
	assert_string_equal(world->app.tried, SYNCED);
	assert_int_equal(world->app.last_phase, SYNC_SUCCEEDED);
	assert_int_equal(json_number_at(json_array_get(world->app.history, 0), "id", 0), 4);
	assert_null(world->app.operation);
}

static void an_application_that_nobody_knows_begins_anew(void **state)
{
	struct world *world = *state;
	world->app.operation = NULL;
	assert_true(recall(&world->agent, &world->app));
	assert_true(world->app.recalled);
	assert_string_equal(world->app.synced, "");
	assert_int_equal(world->app.last_phase, SYNC_NONE);
}

/* Each part of what is known can be the one that cannot be read: none of them is taken for nothing, and all of it is asked again. */
static void a_store_that_cannot_be_read_is_asked_again(void **state)
{
	static const char *const tables[] = {"application", "fact", "running"};
	struct world *world = *state;
	const struct store_running running = {.application = "shop", .document = RUNNING, .updated = 1};
	struct error err;
	remember(world);
	assert_true(store_running_set(world->agent.store, &running, &err));

	for (size_t i = 0; i < COUNT_OF(tables); i++) {
		const char *away = arena_printf(world->mem, "ALTER TABLE %s RENAME TO away", tables[i]);
		const char *back = arena_printf(world->mem, "ALTER TABLE away RENAME TO %s", tables[i]);
		assert_true(database_script(world->agent.store, away, &err));
		assert_false(recall(&world->agent, &world->app));
		assert_false(world->app.recalled);
		assert_string_equal(world->app.synced, "");
		assert_null(world->app.history);
		assert_null(world->app.operation);
		assert_true(database_script(world->agent.store, back, &err));
	}
	assert_true(recall(&world->agent, &world->app));
	assert_string_equal(world->app.synced, SYNCED);
	assert_non_null(world->app.operation);
	assert_string_equal(world->app.lookups->parts[0].revision, "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d");
	drop_operation(world);
}

int main(void)
{
	log_setup(LOG_ERROR, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		stored_test(what_was_synced_tried_and_kept_as_history_is_known_again),
		stored_test(an_application_that_nobody_knows_begins_anew),
		stored_test(a_store_that_cannot_be_read_is_asked_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
