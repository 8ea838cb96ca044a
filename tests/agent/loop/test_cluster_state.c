/*
 * A cluster that cannot be seen is said once, with the time since when, and wakes the Applications; so does its return.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/events/metrics.h"
#include "agent/loop/cluster_state.h"
#include "base/file.h"

struct world {
	char folder[64];
	struct agent agent;
	struct app app, *apps[1];
};

static int make(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct store_opening how;
	struct error err;
	*state = world;
	memcpy(world->folder, "/tmp/pgitops-cluster-XXXXXX", sizeof("/tmp/pgitops-cluster-XXXXXX"));
	if (!world || !mkdtemp(world->folder) || !store_open(world->folder, &world->agent.store, &how, &err))
		return -1;
	pthread_mutex_init(&world->agent.lock, NULL);
	world->apps[0] = &world->app;
	world->agent.apps = world->apps;
	world->agent.app_count = 1;
	world->agent.cluster_on = true;
	return 0;
}

static int destroy(void **state)
{
	struct world *world = *state;
	struct error err;
	store_close(world->agent.store);
	pthread_mutex_destroy(&world->agent.lock);
	bool removed = file_remove_folder(world->folder, &err);
	free(world);
	return removed ? 0 : -1;
}

static const struct cluster_health well = {.well = true, .since = 1000000};
static const struct cluster_health silent = {.since = 1000000, .why = "connection refused"};

static void silence_is_told_and_wakes_the_applications(void **state)
{
	struct world *world = *state;
	struct agent *agent = &world->agent;
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 16);
	struct error why, err;

	cluster_state_take(agent, &well);
	assert_false(agent_cluster_stale(agent, &why));
	assert_false(world->app.dirty);
	assert_int_equal(metric_get(METRIC_CLUSTER_UP), 1);

	cluster_state_take(agent, &silent);
	assert_true(agent_cluster_stale(agent, &why));
	assert_string_equal(
		why.text, "the API server has not answered since 1970-01-01T00:00:01Z: connection refused");
	const char *told;
	assert_true(store_fact_get(agent->store, "cluster", mem, &told, &err));
	assert_string_equal(told, why.text);
	assert_true(world->app.dirty);
	assert_int_equal(metric_get(METRIC_CLUSTER_UP), 0);
	assert_true(metric_get(METRIC_CLUSTER_SILENT) > 1000);
}

static void the_same_silence_is_no_news(void **state)
{
	struct world *world = *state;
	struct agent *agent = &world->agent;
	const struct cluster_health other = {.since = 1000000, .why = "timed out"};
	struct error first, second;

	cluster_state_take(agent, &silent);
	assert_true(agent_cluster_stale(agent, &first));
	world->app.dirty = false;
	cluster_state_take(agent, &other);
	assert_false(world->app.dirty);
	assert_true(agent_cluster_stale(agent, &second));
	assert_string_equal(first.text, second.text);
}

static void a_server_that_was_not_asked_yet_is_not_silent(void **state)
{
	struct world *world = *state;
	const struct cluster_health unknown = {0};
	struct error why;
	cluster_state_take(&world->agent, &unknown);
	assert_false(agent_cluster_stale(&world->agent, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silence_is_told_and_wakes_the_applications, make, destroy),
		cmocka_unit_test_setup_teardown(the_same_silence_is_no_news, make, destroy),
		cmocka_unit_test_setup_teardown(a_server_that_was_not_asked_yet_is_not_silent, make, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
