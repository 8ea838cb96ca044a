/*
 * In which order an operation does what: phase, wave, kind, name; and the exceptions that people rely on (argocd.md 2.10).
 */
#include "tests/agent/sync/fixture.h"

static const char *const phases[] = {"PreSync", "Sync", "PostSync", "SyncFail", "PreDelete", "PostDelete"};

/* "Sync 0 Secret/a", with "-" before what is pruned; one a line. */
static const char *text_of(struct world *world, const struct tasks *tasks)
{
	const char *all = "";
	for (size_t i = 0; i < tasks->count; i++) {
		const struct task *task = &tasks->items[i];
		all = arena_printf(world->mem, "%s%s %d %s%s/%s\n", all, phases[task->phase], task->wave,
			task_prunes(task) ? "-" : "", task->key.kind, task->name ? task->name : task->key.name);
	}
	return all;
}

static const char *order(struct world *world)
{
	struct tasks tasks;
	tasks_make(&world->pass, &world->operation, PHASE_PRE_SYNC, PHASE_SYNC_FAIL, &tasks);
	return text_of(world, &tasks);
}

static struct object *hook(struct world *world, const char *name, unsigned hooks, int32_t wave)
{
	return wants(world, key_of("batch", "Job", name),
		(struct object_options){.hooks = (unsigned char)hooks, .wave = wave});
}

static void phase_comes_before_wave_before_kind_before_name(void **state)
{
	struct world *world = *state;
	applies(world, key_of("apps", "Deployment", "a"), 0);
	applies(world, key_of("", "Secret", "z"), 0);
	applies(world, key_of("", "ConfigMap", "b"), 0);
	applies(world, key_of("", "ConfigMap", "a"), 0);
	applies(world, key_of("apps", "Deployment", "early"), -2);
	applies(world, key_of("", "Secret", "late"), 3);
	applies(world, key_of("acid.zalan.do", "postgresql", "db"), 0);
	hook(world, "after", HOOK_POST_SYNC, -5);
	hook(world, "before", HOOK_PRE_SYNC, 9);
	hook(world, "beside", HOOK_SYNC, 0);
	assert_string_equal(order(world),
		"PreSync 9 Job/before\n"
		"Sync -2 Deployment/early\n"
		"Sync 0 Secret/z\n"
		"Sync 0 ConfigMap/a\n"
		"Sync 0 ConfigMap/b\n"
		"Sync 0 Deployment/a\n"
		"Sync 0 Job/beside\n"
		"Sync 0 postgresql/db\n"
		"Sync 3 Secret/late\n"
		"PostSync -5 Job/after\n");
}

static void a_hook_of_two_phases_is_two_tasks(void **state)
{
	struct world *world = *state;
	hook(world, "both", HOOK_PRE_SYNC | HOOK_POST_SYNC, 0);
	assert_string_equal(order(world), "PreSync 0 Job/both\nPostSync 0 Job/both\n");
}

static void only_the_phases_that_are_asked_for_are_there(void **state)
{
	struct world *world = *state;
	struct tasks tasks;
	applies(world, key_of("", "Secret", "a"), 0);
	hook(world, "failed", HOOK_SYNC_FAIL, 0);
	hook(world, "going", HOOK_PRE_DELETE, 0);
	hook(world, "never", HOOK_SKIP, 0);
	tasks_make(&world->pass, &world->operation, PHASE_PRE_SYNC, PHASE_POST_SYNC, &tasks);
	assert_string_equal(text_of(world, &tasks), "Sync 0 Secret/a\n");
	tasks_make(&world->pass, &world->operation, PHASE_SYNC_FAIL, PHASE_SYNC_FAIL, &tasks);
	assert_string_equal(text_of(world, &tasks), "SyncFail 0 Job/failed\n");
	tasks_of_hooks(&world->pass, &world->operation, HOOK_PRE_DELETE, &tasks);
	assert_string_equal(text_of(world, &tasks), "PreDelete 0 Job/going\n");
	tasks_of_hooks(&world->pass, &world->operation, HOOK_POST_DELETE, &tasks);
	assert_int_equal(tasks.count, 0);
}

static void a_generated_name_is_the_same_until_the_next_attempt(void **state)
{
	struct world *world = *state;
	hook(world, "migrate-", HOOK_PRE_SYNC | HOOK_SYNC_FAIL, 0)->generated = true;
	const char *first = "PreSync 0 Job/migrate-1a2b3c4-presync-1700000000\n"
			    "SyncFail 0 Job/migrate-1a2b3c4-syncfail-1700000000\n";
	assert_string_equal(order(world), first);
	assert_string_equal(order(world), first);
	world->operation.attempt = 1;
	assert_non_null(strstr(order(world), "migrate-1a2b3c4-presync-1700000001"));
}

static void what_was_made_last_is_pruned_first(void **state)
{
	struct world *world = *state;
	applies(world, key_of("", "Secret", "stays"), 0);
	prunes(world, key_of("", "ConfigMap", "first"), -1, false);
	prunes(world, key_of("", "ConfigMap", "middle"), 0, false);
	prunes(world, key_of("", "ConfigMap", "last"), 7, false);
	assert_string_equal(order(world),
		"Sync -1 -ConfigMap/last\n"
		"Sync 0 Secret/stays\n"
		"Sync 0 -ConfigMap/middle\n"
		"Sync 7 -ConfigMap/first\n");
}

static void kinds_are_pruned_in_reverse_order_and_after_the_applies_of_their_wave(void **state)
{
	struct world *world = *state;
	prunes(world, key_of("", "Secret", "a"), 0, false);
	prunes(world, key_of("apps", "Deployment", "a"), 0, false);
	applies(world, key_of("acid.zalan.do", "postgresql", "db"), 0);
	assert_string_equal(order(world), "Sync 0 postgresql/db\nSync 0 -Deployment/a\nSync 0 -Secret/a\n");
}

static void with_prune_last_all_prunes_follow_the_last_wave(void **state)
{
	struct world *world = *state;
	applies(world, key_of("", "Secret", "a"), 4);
	prunes(world, key_of("", "ConfigMap", "a"), 0, false);
	prunes(world, key_of("", "ConfigMap", "b"), 2, false);
	hook(world, "after", HOOK_POST_SYNC, 0);
	world->app.spec.options.prune_last = true;
	assert_string_equal(order(world),
		"Sync 4 Secret/a\nSync 5 -ConfigMap/a\nSync 5 -ConfigMap/b\nPostSync 0 Job/after\n");
}

static void an_object_with_prune_last_goes_after_the_other_prunes_too(void **state)
{
	struct world *world = *state;
	applies(world, key_of("", "Secret", "a"), 0);
	prunes(world, key_of("", "ConfigMap", "last"), 5, true);
	prunes(world, key_of("", "ConfigMap", "first"), 0, false);
	assert_string_equal(order(world), "Sync 0 Secret/a\nSync 5 -ConfigMap/first\nSync 6 -ConfigMap/last\n");
}

static void prune_last_holds_where_nothing_is_applied(void **state)
{
	struct world *world = *state;
	prunes(world, key_of("", "ConfigMap", "a"), 0, true);
	prunes(world, key_of("", "ConfigMap", "b"), 0, false);
	assert_string_equal(order(world), "Sync 0 -ConfigMap/b\nSync 1 -ConfigMap/a\n");
}

static void the_highest_wave_is_no_obstacle_to_prune_last(void **state)
{
	struct world *world = *state;
	applies(world, key_of("", "Secret", "a"), INT32_MAX);
	prunes(world, key_of("", "ConfigMap", "a"), 0, true);
	assert_string_equal(order(world), "Sync 2147483647 Secret/a\nSync 2147483647 -ConfigMap/a\n");
}

/* What is gone is no part of the plan any more. */
static void what_is_left_to_prune_is_never_before_the_step_of_the_operation(void **state)
{
	struct world *world = *state;
	prunes(world, key_of("", "ConfigMap", "confirmed"), 0, false);
	world->operation.phase = PHASE_SYNC;
	world->operation.wave = 5; /* one of wave 5 was there, and went at wave 0 */
	assert_string_equal(order(world), "Sync 5 -ConfigMap/confirmed\n");
	world->operation.wave = INT32_MAX;
	assert_string_equal(order(world), "Sync 2147483647 -ConfigMap/confirmed\n");
}

static void what_is_left_to_prune_keeps_its_order(void **state)
{
	struct world *world = *state;
	const struct pass_step *going = prunes(world, key_of("", "ConfigMap", "going"), 1, false);
	prunes(world, key_of("", "ConfigMap", "next"), 0, false);
	const struct pass_step *stays = prunes(world, key_of("", "ConfigMap", "stays"), 1, false);
	world->plan[2].action = PLAN_LEAVE;
	const struct task tasks[] = {{.phase = PHASE_SYNC, .key = going->plan->key, .step = world->steps},
		{.phase = PHASE_SYNC, .key = stays->plan->key, .step = world->steps + 2}};
	result_of(&world->operation, &tasks[0])->state = TASK_RUNNING;
	result_of(&world->operation, &tasks[1])->state = TASK_SUCCEEDED;
	world->operation.phase = PHASE_SYNC;
	world->operation.wave = 1;
	assert_string_equal(
		order(world), "Sync 1 -ConfigMap/going\nSync 1 -ConfigMap/stays\nSync 2 -ConfigMap/next\n");
}

static void what_stays_moves_no_prune(void **state)
{
	struct world *world = *state;
	const struct pass_step *stays = prunes(world, key_of("", "ConfigMap", "stays"), 5, false);
	world->plan[0].action = PLAN_LEAVE;
	prunes(world, key_of("", "ConfigMap", "goes"), 0, false);
	const struct task task = {.phase = PHASE_SYNC, .key = stays->plan->key, .step = world->steps};
	result_of(&world->operation, &task)->state = TASK_SUCCEEDED;
	world->operation.phase = PHASE_SYNC;
	world->operation.wave = 3;
	assert_string_equal(order(world), "Sync 0 -ConfigMap/stays\nSync 5 -ConfigMap/goes\n");
}

static void a_namespace_comes_with_the_first_that_needs_it(void **state)
{
	struct world *world = *state;
	applies(world, (struct object_key){"", "Namespace", "", "team"}, 5);
	applies(world, (struct object_key){"", "Namespace", "", "other"}, 5);
	applies(world, key_of("", "Secret", "a"), 2);
	applies(world, key_of("", "Secret", "b"), 1);
	assert_string_equal(order(world),
		"Sync 1 Namespace/team\nSync 1 Secret/b\nSync 2 Secret/a\nSync 5 Namespace/other\n");
	hook(world, "before", HOOK_PRE_SYNC, 3);
	assert_string_equal(order(world),
		"PreSync 3 Namespace/team\nPreSync 3 Job/before\n"
		"Sync 1 Secret/b\nSync 2 Secret/a\nSync 5 Namespace/other\n");
}

static void a_definition_comes_with_the_first_of_its_kind(void **state)
{
	static struct object_key coming = {
		.group = "shop.example", .kind = "Basket", .name = "baskets.shop.example"};
	struct world *world = *state;
	world->pass.coming = &coming;
	world->pass.coming_count = 1;
	applies(world,
		(struct object_key){
			"apiextensions.k8s.io", "CustomResourceDefinition", "", "baskets.shop.example"},
		1);
	applies(world, key_of("shop.example", "Basket", "a"), -1);
	applies(world, key_of("other.example", "Basket", "b"), -2);
	assert_string_equal(order(world),
		"Sync -2 Basket/b\nSync -1 CustomResourceDefinition/baskets.shop.example\nSync -1 Basket/a\n");
}

static void what_is_pruned_needs_no_namespace(void **state)
{
	struct world *world = *state;
	applies(world, (struct object_key){"", "Namespace", "", "team"}, 5);
	prunes(world, key_of("", "Secret", "a"), 0, false);
	assert_string_equal(order(world), "Sync 0 -Secret/a\nSync 5 Namespace/team\n");
}

static void a_part_a_heal_and_the_strategy_apply_have_no_hooks(void **state)
{
	struct world *world = *state;
	char none[] = "", kind[] = "Secret", name[] = "a";
	struct sync_resource resource = {none, kind, none, name};
	applies(world, key_of("", "Secret", "a"), 0);
	applies(world, key_of("", "Secret", "b"), 0)->out_of_sync = false;
	hook(world, "before", HOOK_PRE_SYNC, 0);
	world->request.apply_only = true;
	assert_string_equal(order(world), "Sync 0 Secret/a\nSync 0 Secret/b\n");
	world->request = (struct sync_request){.resources = &resource, .resource_count = 1};
	assert_string_equal(order(world), "Sync 0 Secret/a\n");
	world->request = (struct sync_request){.heal = true};
	assert_string_equal(order(world), "Sync 0 Secret/a\n");
}

static void a_heal_keeps_what_it_has_written(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("", "Secret", "a"), 0);
	world->request.heal = true;
	step->out_of_sync = false;
	assert_string_equal(order(world), "");
	step->written = true;
	assert_string_equal(order(world), "Sync 0 Secret/a\n");
}

static void only_more_than_one_step_waits_for_health(void **state)
{
	struct world *world = *state;
	struct tasks tasks;
	applies(world, key_of("", "Secret", "a"), 0);
	applies(world, key_of("", "Secret", "b"), 0);
	tasks_make(&world->pass, &world->operation, PHASE_PRE_SYNC, PHASE_POST_SYNC, &tasks);
	assert_false(tasks.several);
	applies(world, key_of("", "Secret", "c"), 1);
	tasks_make(&world->pass, &world->operation, PHASE_PRE_SYNC, PHASE_POST_SYNC, &tasks);
	assert_true(tasks.several);
}

static void nothing_to_do_is_no_task(void **state)
{
	struct world *world = *state;
	struct tasks tasks;
	tasks_make(&world->pass, &world->operation, PHASE_PRE_SYNC, PHASE_POST_SYNC, &tasks);
	assert_int_equal(tasks.count, 0);
	assert_false(tasks.several);
}

static void a_task_is_named_as_kubectl_does(void **state)
{
	struct world *world = *state;
	const struct task deployment = {.key = key_of("apps", "Deployment", "Web")};
	const struct task generated = {.key = key_of("", "Pod", "a-"), .name = "a-1"};
	assert_string_equal(task_name(&deployment, world->mem), "deployment.apps/Web");
	assert_string_equal(task_name(&generated, world->mem), "pod/a-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(phase_comes_before_wave_before_kind_before_name),
		world_test(a_hook_of_two_phases_is_two_tasks),
		world_test(only_the_phases_that_are_asked_for_are_there),
		world_test(a_generated_name_is_the_same_until_the_next_attempt),
		world_test(what_was_made_last_is_pruned_first),
		world_test(kinds_are_pruned_in_reverse_order_and_after_the_applies_of_their_wave),
		world_test(with_prune_last_all_prunes_follow_the_last_wave),
		world_test(an_object_with_prune_last_goes_after_the_other_prunes_too),
		world_test(prune_last_holds_where_nothing_is_applied),
		world_test(the_highest_wave_is_no_obstacle_to_prune_last),
		world_test(what_is_left_to_prune_is_never_before_the_step_of_the_operation),
		world_test(what_is_left_to_prune_keeps_its_order),
		world_test(what_stays_moves_no_prune),
		world_test(a_namespace_comes_with_the_first_that_needs_it),
		world_test(a_definition_comes_with_the_first_of_its_kind),
		world_test(what_is_pruned_needs_no_namespace),
		world_test(a_part_a_heal_and_the_strategy_apply_have_no_hooks),
		world_test(a_heal_keeps_what_it_has_written),
		world_test(only_more_than_one_step_waits_for_health),
		world_test(nothing_to_do_is_no_task),
		world_test(a_task_is_named_as_kubectl_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
