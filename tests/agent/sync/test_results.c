/*
 * What an operation remembers of each thing it does, and of what went wrong.
 */
#include "base/text.h"
#include "tests/agent/sync/fixture.h"

static struct task apply_of(struct world *world, const char *name)
{
	struct pass_step *step = applies(world, key_of("", "Secret", name), 0);
	return (struct task){
		.phase = PHASE_SYNC, .key = step->plan->key, .object = step->plan->object, .step = step};
}

static struct task hook_of_phase(struct world *world, int phase, unsigned hook)
{
	const struct object *object = wants(world, key_of("batch", "Job", "migrate"),
		(struct object_options){.hooks = (unsigned char)hook, .hook_delete = HOOK_DELETE_FAILED});
	return (struct task){.phase = phase, .key = object->key, .object = object, .hook_type = hook};
}

static void each_task_has_one_result(void **state)
{
	struct world *world = *state;
	const struct task a = apply_of(world, "a"), b = apply_of(world, "b");
	assert_null(result_find(&world->operation, &a));
	(void)result_of(&world->operation, &a);
	(void)result_of(&world->operation, &b);
	(void)result_of(&world->operation, &a);
	assert_int_equal(world->operation.result_count, 2);
	assert_string_equal(result_find(&world->operation, &b)->key.name, "b");
	assert_int_equal(result_find(&world->operation, &a)->state, TASK_PENDING);
	assert_false(result_find(&world->operation, &a)->hook);
}

static void a_hook_has_a_result_in_each_of_its_phases(void **state)
{
	struct world *world = *state;
	const struct task before = hook_of_phase(world, PHASE_PRE_SYNC, HOOK_PRE_SYNC);
	const struct task after = {.phase = PHASE_POST_SYNC,
		.key = before.key,
		.object = before.object,
		.hook_type = HOOK_POST_SYNC};
	result_of(&world->operation, &before)->state = TASK_SUCCEEDED;
	assert_null(result_find(&world->operation, &after));
	const struct task_result *result = result_of(&world->operation, &after);
	assert_int_equal(result->state, TASK_PENDING);
	assert_true(result->hook);
	assert_int_equal(result->hook_type, HOOK_POST_SYNC);
	assert_int_equal(result->hook_delete, HOOK_DELETE_FAILED);
}

static void a_generated_hook_is_known_by_the_name_it_got(void **state)
{
	struct world *world = *state;
	struct task task = hook_of_phase(world, PHASE_PRE_SYNC, HOOK_PRE_SYNC);
	task.name = "migrate-1";
	assert_string_equal(result_of(&world->operation, &task)->key.name, "migrate-1");
	task.name = "migrate-2";
	assert_null(result_find(&world->operation, &task));
}

static void a_prune_has_the_version_it_was_applied_in(void **state)
{
	struct world *world = *state;
	struct pass_step *step = prunes(world, key_of("", "Secret", "a"), 0, false);
	const struct task task = {.phase = PHASE_SYNC, .key = step->plan->key, .step = step};
	assert_string_equal(result_of(&world->operation, &task)->version, "v1");
	assert_true(result_of(&world->operation, &task)->pruned);
	step = prunes(world, key_of("", "Secret", "b"), 0, false);
	world->plan[1].owned = NULL; /* left by another: it stays */
	const struct task unknown = {.phase = PHASE_SYNC, .key = step->plan->key, .step = step};
	assert_string_equal(result_of(&world->operation, &unknown)->version, "");
}

static void a_result_keeps_its_texts_beyond_the_pass(void **state)
{
	struct world *world = *state;
	const struct task task = apply_of(world, "a");
	char message[] = "created";
	result_set(&world->operation, result_of(&world->operation, &task), TASK_RUNNING, "Synced", message);
	message[0] = 'X';
	assert_string_equal(result_find(&world->operation, &task)->message, "created");
}

static void thousands_of_results_are_found_again(void **state)
{
	struct world *world = *state;
	struct task task = apply_of(world, "a");
	for (int i = 0; i < 3000; i++) {
		task.key.name = arena_printf(world->mem, "a%d", i);
		(void)result_of(&world->operation, &task);
	}
	for (int i = 0; i < 3000; i++) {
		task.key.name = arena_printf(world->mem, "a%d", i);
		assert_string_equal(result_find(&world->operation, &task)->key.name, task.key.name);
	}
	assert_int_equal(world->operation.result_count, 3000);
}

static void the_first_failures_are_told_and_all_are_counted(void **state)
{
	struct world *world = *state;
	for (int i = 0; i < 7; i++)
		operation_flaw(&world->operation, arena_printf(world->mem, "%d", i));
	assert_string_equal(world->operation.failures, "0; 1; 2; 3; 4");
	assert_int_equal(world->operation.failure_count, 7);
	assert_false(world->operation.failed); /* the rest is done first */
	operation_fail(&world->operation, "x");
	assert_true(world->operation.failed);
}

static void another_attempt_knows_nothing_of_the_last(void **state)
{
	struct world *world = *state;
	const struct task task = apply_of(world, "a");
	(void)result_of(&world->operation, &task);
	operation_fail(&world->operation, "x");
	world->operation.counts.created = 3;
	results_clear(&world->operation);
	assert_null(result_find(&world->operation, &task));
	assert_null(world->operation.failures);
	assert_false(world->operation.failed);
	assert_int_equal(world->operation.failure_count + world->operation.result_count, 0);
	assert_int_equal(world->operation.counts.created, 0);
}

static void what_is_waited_for_is_whole_characters(void **state)
{
	struct world *world = *state;
	CLEANUP(buf_done) struct buf text = BUF(4096);
	for (int i = 0; i < 700; i++)
		buf_printf(&text, "%s", "\xc3\xa4");
	for (int cut = 1; cut < 6; cut++) {
		operation_wait_for(&world->operation, "%.*s. Retrying", 300 + cut, buf_string(&text));
		assert_true(text_is_utf8(world->operation.waiting, strlen(world->operation.waiting)));
		assert_true(text_ends(world->operation.waiting, ". Retrying"));
		operation_wait_for(&world->operation, "%*s%s", cut, "", buf_string(&text));
		assert_true(text_is_utf8(world->operation.waiting, strlen(world->operation.waiting)));
	}
	operation_wait_over(&world->operation);
	assert_null(world->operation.waiting);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(each_task_has_one_result),
		world_test(a_hook_has_a_result_in_each_of_its_phases),
		world_test(a_generated_hook_is_known_by_the_name_it_got),
		world_test(a_prune_has_the_version_it_was_applied_in),
		world_test(a_result_keeps_its_texts_beyond_the_pass),
		world_test(thousands_of_results_are_found_again),
		world_test(the_first_failures_are_told_and_all_are_counted),
		world_test(another_attempt_knows_nothing_of_the_last),
		world_test(what_is_waited_for_is_whole_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
