/*
 * What is in the cluster, where it cannot be seen: said, and looked at again without anybody's telling.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/database.h"
#include "tests/agent/sync/stored.h"

static struct error track_error;

bool __wrap_cluster_track(struct cluster *cluster, const char *tracker, const struct object_key *keys,
	size_t count, struct error *err);
bool __wrap_cluster_track(struct cluster *cluster, const char *tracker, const struct object_key *keys,
	size_t count, struct error *err)
{
	(void)cluster, (void)tracker, (void)keys, (void)count;
	*err = track_error;
	return false;
}

static void check_looks_again(struct world *world, const char *why)
{
	assert_false(pass_observe(&world->pass));
	assert_false(world->pass.complete);
	assert_int_equal(world->pass.condition_count, 1);
	assert_string_equal(world->pass.conditions[0].type, "ComparisonError");
	assert_non_null(strstr(world->pass.conditions[0].message, why));
	assert_true(world->pass.look_again > clock_steady());
}

static void an_inventory_that_cannot_be_read_is_not_empty(void **state)
{
	struct world *world = *state;
	struct error err;
	assert_true(database_script(world->agent.store, "ALTER TABLE inventory RENAME TO away", &err));
	check_looks_again(world, "inventory");
}

static void rules_of_the_last_comparison_that_cannot_be_read_are_not_the_same(void **state)
{
	struct world *world = *state;
	struct error err;
	assert_true(database_script(world->agent.store, "ALTER TABLE fact RENAME TO away", &err));
	check_looks_again(world, "fact");
}

static void a_collection_that_cannot_be_listed_is_asked_for_again(void **state)
{
	struct world *world = *state;
	error_set(&track_error, ERROR_RETRY, "GET /api/v1/configmaps: timed out");
	check_looks_again(world, "timed out");
}

int main(void)
{
	log_setup(LOG_ERROR, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		stored_test(an_inventory_that_cannot_be_read_is_not_empty),
		stored_test(rules_of_the_last_comparison_that_cannot_be_read_are_not_the_same),
		stored_test(a_collection_that_cannot_be_listed_is_asked_for_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
