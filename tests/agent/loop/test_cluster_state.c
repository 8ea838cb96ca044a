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
	int cluster; /* never looked into while it does not answer */
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
	world->agent.cluster = (struct cluster *)&world->cluster;
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

static void silence_is_told_and_wakes_the_applications(void **state)
{
	struct world *world = *state;
	struct agent *agent = &world->agent;
	CLEANUP(arena_freep) struct arena *mem = arena_new(1 << 16);
	struct error err, why;

	cluster_state_look(agent);
	assert_false(agent_cluster_stale(agent, &why));
	assert_false(world->app.dirty);
	assert_int_equal(metric_get(METRIC_CLUSTER_UP), 1);

	(void)!error_set(&err, ERROR_RETRY, "connection refused");
	cluster_state_heard(agent, &err);
	cluster_state_look(agent);
	assert_true(agent_cluster_stale(agent, &why));
	assert_non_null(strstr(why.text, "the API server has not answered since "));
	assert_non_null(strstr(why.text, "connection refused"));
	assert_string_equal(store_fact_get(agent->store, "cluster", mem), why.text);
	assert_true(world->app.dirty);
	assert_int_equal(metric_get(METRIC_CLUSTER_UP), 0);
}

static void the_same_silence_is_no_news(void **state)
{
	struct world *world = *state;
	struct agent *agent = &world->agent;
	struct error err, first, second;

	(void)!error_set(&err, ERROR_RETRY, "connection refused");
	cluster_state_heard(agent, &err);
	cluster_state_look(agent);
	assert_true(agent_cluster_stale(agent, &first));
	world->app.dirty = false;
	(void)!error_set(&err, ERROR_RETRY, "timed out");
	cluster_state_heard(agent, &err);
	cluster_state_look(agent);
	assert_false(world->app.dirty);
	assert_true(agent_cluster_stale(agent, &second));
	assert_string_equal(first.text, second.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(silence_is_told_and_wakes_the_applications, make, destroy),
		cmocka_unit_test_setup_teardown(the_same_silence_is_no_news, make, destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
