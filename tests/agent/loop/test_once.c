/*
 * `--once` ends when nothing more will come of waiting, whatever the answers are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/loop/once.h"
#include "agent/queue.h"
#include "agent/users/users_pass.h"

/* One Application of one repository, and one database with its users. */
struct world {
	struct agent agent;
	struct repository repository, other;
	struct app_source sources[2];
	struct app app, *apps[1];
	struct database database, *databases[1];
};

static struct world *world_new(struct world *world)
{
	*world = (struct world){
		.repository = {.answered = true},
		.app = {.last_pass = 7, .sync_status = "Synced"},
		.database = {.had_pass = true},
	};
	world->other = world->repository;
	world->sources[0].repository = &world->repository;
	world->sources[1].repository = &world->other;
	world->app.sources = world->sources;
	world->app.source_count = 2;
	world->database.app = &world->app;
	world->apps[0] = &world->app;
	world->databases[0] = &world->database;
	world->agent.queue = queue_new();
	world->agent.apps = world->apps;
	world->agent.databases = world->databases;
	world->agent.app_count = world->agent.database_count = 1;
	return world;
}

static void assert_settled(struct world *world, bool settled)
{
	assert_int_equal(once_is_settled(&world->agent), settled);
	queue_free(world->agent.queue);
}

static void every_part_with_its_answer_is_settled(void **state)
{
	(void)state;
	struct world world;
	assert_settled(world_new(&world), true);
}

static void an_error_is_an_answer(void **state)
{
	(void)state;
	struct world world;
	world_new(&world);
	world.repository = (struct repository){.failures = 1, .error.kind = ERROR_RETRY};
	world.database = (struct database){.app = &world.app, .without_users = true, .dirty = true};
	assert_settled(&world, true);

	world_new(&world);
	world.database = (struct database){.app = &world.app, .failures = 1};
	assert_settled(&world, true);

	world_new(&world);
	world.database = (struct database){0}; /* its Application does not exist */
	assert_settled(&world, true);
}

static void what_is_under_way_is_waited_for(void **state)
{
	(void)state;
	struct world world;
	struct users_pass pass = {0};
	int operation;

	world_new(&world)->repository.answered = false;
	assert_settled(&world, false);
	world_new(&world)->other.answered = false;
	assert_settled(&world, false);
	world_new(&world)->repository.reading = true;
	assert_settled(&world, false);
	world_new(&world)->repository.paths_changed = true;
	assert_settled(&world, false);
	world_new(&world)->app.dirty = true;
	assert_settled(&world, false);
	world_new(&world)->app.operation = (struct sync_operation *)&operation;
	assert_settled(&world, false);
	world_new(&world)->app.last_pass = 0;
	assert_settled(&world, false);
	world_new(&world)->database.running = &pass;
	assert_settled(&world, false);
	world_new(&world)->database.dirty = true;
	assert_settled(&world, false);
	world_new(&world)->agent.fetching = 1;
	assert_settled(&world, false);
	queue_push(world_new(&world)->agent.queue, EVENT_OBJECT, "a");
	assert_settled(&world, false);
}

static void only_all_synced_is_good(void **state)
{
	(void)state;
	struct world world;
	assert_true(once_is_good(&world_new(&world)->agent));
	world.app.sync_status = "Unknown";
	assert_false(once_is_good(&world.agent));
	world.app.sync_status = "Synced";
	world.agent.app_count = 0;
	assert_false(once_is_good(&world.agent));
	queue_free(world.agent.queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_part_with_its_answer_is_settled),
		cmocka_unit_test(an_error_is_an_answer),
		cmocka_unit_test(what_is_under_way_is_waited_for),
		cmocka_unit_test(only_all_synced_is_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
