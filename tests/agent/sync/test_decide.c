/*
 * Whether the policy wants a sync now, and what a sync that has ended means for the next one.
 */
#include "tests/agent/sync/fixture.h"

static int64_t now; /* steady milliseconds */

/* The linker puts this in the place of clock_steady(). */
int64_t __wrap_clock_steady(void);
int64_t __wrap_clock_steady(void)
{
	return now;
}

static int open_policy(void **state)
{
	open_world(state);
	struct world *world = *state;
	now = 5000000;
	world->app.operation = NULL;
	world->app.spec.automated = true;
	world->app.spec.retry_max = 180000;
	world->pass.to_write = 1;
	return 0;
}

static bool decides(struct world *world, bool heal)
{
	struct sync_request automatic = {0};
	bool wanted = pass_decide(&world->pass, &automatic);
	if (wanted) {
		assert_true(automatic.automated);
		assert_int_equal(automatic.heal, heal);
		assert_int_equal(automatic.rollback_id, -1);
	}
	return wanted;
}

/* What a sync of this content leaves behind. */
static void synced(struct world *world, bool failed)
{
	const struct sync_request request = {.automated = true};
	pass_remember(&world->pass, &request, failed);
}

static void healed(struct world *world)
{
	const struct sync_request request = {.automated = true, .heal = true};
	pass_remember(&world->pass, &request, false);
}

static void a_new_target_is_synced_by_the_policy_alone(void **state)
{
	struct world *world = *state;
	assert_true(decides(world, false));
	world->app.spec.automated = false;
	assert_false(decides(world, false));
}

static void a_target_that_changes_nothing_is_no_sync(void **state)
{
	struct world *world = *state;
	world->pass.to_write = 0;
	assert_false(decides(world, false));
	prunes(world, key_of("", "Secret", "a"), 0, false);
	assert_false(decides(world, false)); /* prune is off */
	world->app.spec.prune = true;
	assert_true(decides(world, false));
	world->plan[0].action = PLAN_LEAVE;
	assert_false(decides(world, false));
}

static void another_source_is_a_new_target_like_another_commit(void **state)
{
	struct world *world = *state;
	synced(world, false);
	assert_false(decides(world, false));
	memcpy(world->content.source_hash, "two", sizeof("two"));
	assert_true(decides(world, false));
	synced(world, false);
	world->content.commit[0] = 'f';
	assert_true(decides(world, false));
}

static void drift_is_healed_only_with_self_heal(void **state)
{
	struct world *world = *state;
	synced(world, false);
	assert_false(decides(world, true));
	world->app.spec.self_heal = true;
	assert_true(decides(world, true));
	world->pass.to_write = 0;
	assert_false(decides(world, true));
}

static void a_failed_target_is_tried_again_only_with_self_heal_and_at_leisure(void **state)
{
	struct world *world = *state;
	synced(world, true);
	now += 10 * world->app.spec.retry_max;
	assert_false(decides(world, false));

	world->app.spec.self_heal = true;
	synced(world, true);
	assert_false(decides(world, false));
	now += world->app.spec.retry_max - 1;
	assert_false(decides(world, false));
	now++;
	assert_true(decides(world, false));
}

static void a_failed_target_does_not_hold_up_the_next(void **state)
{
	struct world *world = *state;
	synced(world, true);
	assert_false(decides(world, false));
	world->content.commit[0] = 'f';
	assert_true(decides(world, false));
}

static void each_heal_in_a_row_waits_longer(void **state)
{
	static const int64_t waits[] = {0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
	struct world *world = *state;
	world->app.spec.self_heal = true;
	synced(world, false);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		healed(world);
		if (waits[i]) {
			now += waits[i] - 1;
			assert_false(decides(world, true));
			now++;
		}
		assert_true(decides(world, true));
	}
}

static void ten_quiet_minutes_begin_anew(void **state)
{
	struct world *world = *state;
	world->app.spec.self_heal = true;
	synced(world, false);
	for (int i = 0; i < 8; i++)
		healed(world);
	assert_false(decides(world, true));
	now += 600000;
	assert_true(decides(world, true));
	healed(world);
	assert_true(decides(world, true));
}

static void a_new_target_does_not_wait_for_the_back_off(void **state)
{
	struct world *world = *state;
	world->app.spec.self_heal = true;
	synced(world, false);
	for (int i = 0; i < 8; i++)
		healed(world);
	world->content.commit[0] = 'f';
	assert_true(decides(world, false));
}

static void a_part_is_not_the_target(void **state)
{
	struct world *world = *state;
	const struct sync_request part = {.resource_count = 1};
	pass_remember(&world->pass, &part, false);
	assert_string_equal(world->app.synced, "");
	assert_string_equal(world->app.tried, "");
	assert_true(decides(world, false));
}

static void a_heal_that_failed_is_a_failed_sync(void **state)
{
	struct world *world = *state;
	const struct sync_request heal = {.heal = true};
	world->app.spec.self_heal = true;
	synced(world, false);
	pass_remember(&world->pass, &heal, true);
	assert_int_equal(world->app.last_phase, SYNC_FAILED);
	assert_false(decides(world, false));
}

static void what_does_not_differ_counts_as_synced(void **state)
{
	struct world *world = *state;
	pass_settle(&world->pass);
	assert_string_equal(world->app.synced, "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d one");
	assert_string_equal(world->app.tried, world->app.synced);
	assert_int_equal(world->app.last_phase, SYNC_SUCCEEDED);
	world->app.spec.self_heal = true;
	assert_true(decides(world, true)); /* from now on a difference is drift */
}

static void what_was_mended_by_hand_is_not_failed_any_more(void **state)
{
	struct world *world = *state;
	synced(world, false);
	synced(world, true);
	pass_settle(&world->pass);
	assert_int_equal(world->app.last_phase, SYNC_SUCCEEDED);
}

#define policy_test(function) cmocka_unit_test_setup_teardown(function, open_policy, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		policy_test(a_new_target_is_synced_by_the_policy_alone),
		policy_test(a_target_that_changes_nothing_is_no_sync),
		policy_test(another_source_is_a_new_target_like_another_commit),
		policy_test(drift_is_healed_only_with_self_heal),
		policy_test(a_failed_target_is_tried_again_only_with_self_heal_and_at_leisure),
		policy_test(a_failed_target_does_not_hold_up_the_next),
		policy_test(each_heal_in_a_row_waits_longer),
		policy_test(ten_quiet_minutes_begin_anew),
		policy_test(a_new_target_does_not_wait_for_the_back_off),
		policy_test(a_part_is_not_the_target),
		policy_test(a_heal_that_failed_is_a_failed_sync),
		policy_test(what_does_not_differ_counts_as_synced),
		policy_test(what_was_mended_by_hand_is_not_failed_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
