/*
 * What is written and, above all, what is deleted: every condition of a prune is taken away once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reconcile/plan.h"

#define APP "team"
#define TRACKED(kind, name) APP ":/" kind ":ns/" name

static struct arena *mem;

static int make_arena(void **state)
{
	(void)state;
	mem = arena_new(64 * 1024 * 1024);
	return 0;
}

static int free_arena(void **state)
{
	(void)state;
	arena_free(mem);
	return 0;
}

static struct object wanted(const char *kind, const char *name, const char *hash)
{
	struct object object = {
		.key = {"", kind, "ns", name}, .version = "v1", .file = "a.yaml", .json = "{}", .json_length = 2};
	memcpy(object.hash, hash, strlen(hash) + 1);
	return object;
}

static struct plan_live live(const char *kind, const char *name)
{
	return (struct plan_live){.key = {"", kind, "ns", name},
		.uid = "u1",
		.resource_version = "7",
		.tracking_id = arena_printf(mem, APP ":/%s:ns/%s", kind, name)};
}

static struct plan_owned owned(const char *kind, const char *name, const char *hash)
{
	return (struct plan_owned){.key = {"", kind, "ns", name},
		.version = "v1",
		.uid = "u1",
		.wanted_hash = hash,
		.live_version = "7"};
}

/* One object that nobody wants any more and that everything allows to go. */
struct extra {
	struct plan_live live;
	struct plan_owned owned[12];
	struct object kept;
	struct objects objects;
	struct plan_input input;
};

static struct extra *extra_new(void)
{
	struct extra *extra = arena_alloc(mem, sizeof(*extra));
	extra->live = live("ConfigMap", "old");
	extra->owned[0] = owned("ConfigMap", "old", "h");
	extra->kept = wanted("ConfigMap", "zz", "h");
	extra->objects = (struct objects){&extra->kept, 1};
	extra->input = (struct plan_input){.application = APP,
		.namespace = "ns",
		.commit = "c1",
		.wanted = &extra->objects,
		.live = &extra->live,
		.live_count = 1,
		.owned = extra->owned,
		.owned_count = 1,
		.prune = true};
	return extra;
}

static const struct plan_step *step_named(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strcmp(plan->steps[i].key.name, name) == 0)
			return &plan->steps[i];
	return NULL;
}

static void assert_left(const struct extra *extra, const char *why)
{
	struct plan plan;
	plan_make(&extra->input, mem, &plan);
	const struct plan_step *step = step_named(&plan, "old");
	assert_non_null(step);
	assert_int_equal(step->action, PLAN_LEAVE);
	assert_non_null(strstr(step->reason, why));
	assert_int_equal(plan.prunes, 0);
	/* Of what can be pruned from the next sync on. */
	assert_int_equal(step->adopt, strstr(why, "uid differs") || strstr(why, "new to the inventory"));
}

static void an_object_that_is_not_there_is_created(void **state)
{
	(void)state;
	struct object object = wanted("ConfigMap", "a", "h");
	struct objects objects = {&object, 1};
	const struct plan_input input = {
		.application = APP, .namespace = "ns", .commit = "c", .wanted = &objects};
	struct plan plan;
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.count, 1);
	assert_int_equal(plan.steps[0].action, PLAN_CREATE);
	assert_string_equal(plan.steps[0].tracking_id, TRACKED("ConfigMap", "a"));
}

static void a_known_equal_object_asks_nothing(void **state)
{
	(void)state;
	struct object object = wanted("ConfigMap", "a", "h");
	struct objects objects = {&object, 1};
	struct plan_live there = live("ConfigMap", "a");
	struct plan_owned ours = owned("ConfigMap", "a", "h");
	const struct plan_input input = {.application = APP,
		.namespace = "ns",
		.commit = "c",
		.wanted = &objects,
		.live = &there,
		.live_count = 1,
		.owned = &ours,
		.owned_count = 1};
	struct plan plan;

	plan_make(&input, mem, &plan);
	assert_int_equal(plan.steps[0].action, PLAN_KEEP);

	there.resource_version = "8"; /* somebody wrote */
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.steps[0].action, PLAN_CHECK);

	there.resource_version = "7";
	ours.wanted_hash = "other"; /* Git moved */
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.steps[0].action, PLAN_CHECK);

	ours.wanted_hash = "h";
	there.uid = "u2"; /* deleted and made again */
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.steps[0].action, PLAN_CHECK);

	there.uid = "u1";
	ours.live_version = ""; /* an apply was announced, its outcome is not known */
	plan_make(&input, mem, &plan);
	assert_int_equal(plan.steps[0].action, PLAN_CHECK);
}

static void an_object_with_everything_in_order_is_pruned(void **state)
{
	(void)state;
	struct extra *extra = extra_new();
	struct plan plan;
	plan_make(&extra->input, mem, &plan);
	assert_int_equal(step_named(&plan, "old")->action, PLAN_PRUNE);
	assert_int_equal(plan.prunes, 1);
	assert_false(plan.blocked);
	assert_string_equal(plan.confirm, "");
}

static void each_missing_condition_leaves_it(void **state)
{
	(void)state;
	struct extra *extra = extra_new();
	extra->input.prune = false;
	assert_left(extra, "requires pruning");

	extra = extra_new();
	extra->input.no_prune = true;
	extra->input.no_prune_reason = "not all was read";
	assert_left(extra, "not all was read");

	extra = extra_new();
	extra->input.owned_count = 0;
	assert_left(extra, "new to the inventory");

	extra = extra_new();
	extra->live.tracking_id = TRACKED("ConfigMap", "copied");
	assert_left(extra, "tracking id");

	extra = extra_new();
	extra->live.uid = "u2";
	assert_left(extra, "uid differs");

	extra = extra_new();
	extra->owned[0].uid = "";
	assert_left(extra, "uid differs");

	extra = extra_new();
	extra->live.wanted_by = "other";
	assert_left(extra, "Application other wants it");

	extra = extra_new();
	extra->input.prune_option = CHOICE_FALSE;
	assert_left(extra, "Prune=false of the Application");

	extra = extra_new();
	extra->live.has_owner = true;
	assert_left(extra, "owner");

	extra = extra_new();
	extra->live.options.prune = CHOICE_FALSE;
	assert_left(extra, "Prune=false");

	extra = extra_new();
	extra->live.deleting = true;
	assert_left(extra, "being deleted");
}

static void an_apply_that_was_cut_off_does_not_keep_its_object_for_ever(void **state)
{
	(void)state;
	struct plan plan;
	struct extra *extra = extra_new();
	extra->owned[0].uid = "";
	extra->owned[0].intended = true;
	plan_make(&extra->input, mem, &plan);
	assert_int_equal(step_named(&plan, "old")->action, PLAN_PRUNE);
}

static void what_carries_our_mark_alone_is_adopted_first(void **state)
{
	(void)state;
	struct plan plan;
	struct extra *extra = extra_new();
	extra->input.owned_count = 0;
	plan_make(&extra->input, mem, &plan);
	assert_true(step_named(&plan, "old")->adopt);

	extra->live.tracking_id = TRACKED("ConfigMap", "copied");
	plan_make(&extra->input, mem, &plan);
	assert_false(step_named(&plan, "old")->adopt);
}

static void an_objects_own_word_comes_before_the_applications(void **state)
{
	(void)state;
	struct plan plan;
	struct extra *extra = extra_new();
	extra->input.prune_option = CHOICE_FALSE;
	extra->live.options.prune = CHOICE_TRUE;
	plan_make(&extra->input, mem, &plan);
	assert_int_equal(step_named(&plan, "old")->action, PLAN_PRUNE);
	assert_false(step_named(&plan, "old")->confirm);

	extra->live.options.prune = CHOICE_CONFIRM;
	plan_make(&extra->input, mem, &plan);
	assert_int_equal(step_named(&plan, "old")->action, PLAN_PRUNE);
	assert_true(step_named(&plan, "old")->confirm);
}

static void hooks_are_no_part_of_a_plan(void **state)
{
	(void)state;
	struct plan plan;
	struct extra *extra = extra_new();
	extra->live.options.hooks = HOOK_PRE_SYNC;
	plan_make(&extra->input, mem, &plan);
	assert_null(step_named(&plan, "old"));
}

static void protected_kinds_need_their_annotation(void **state)
{
	(void)state;
	static const struct {
		const char *group, *kind;
	} kinds[] = {{"", "PersistentVolumeClaim"}, {"acid.zalan.do", "postgresql"}};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct extra *extra = extra_new();
		extra->live.key.group = extra->owned[0].key.group = kinds[i].group;
		extra->live.key.kind = extra->owned[0].key.kind = kinds[i].kind;
		extra->live.tracking_id = object_tracking_id(&extra->live.key, APP, "ns", mem);
		assert_left(extra, "pgitops.dev/allow-prune");

		struct plan plan;
		extra->live.prune_allowed = true;
		plan_make(&extra->input, mem, &plan);
		assert_int_equal(step_named(&plan, "old")->action, PLAN_PRUNE);
	}
}

/* `count` owned objects, `gone` of them not wanted any more. */
static struct plan_input many(size_t count, size_t gone, struct objects *objects)
{
	struct plan_live *there = arena_array(mem, count, sizeof(*there));
	struct plan_owned *ours = arena_array(mem, count, sizeof(*ours));
	struct object *want = arena_array(mem, count, sizeof(*want));
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_printf(mem, "c%05zu", i);
		there[i] = live("ConfigMap", name);
		ours[i] = owned("ConfigMap", name, "h");
		if (i >= gone)
			want[i - gone] = wanted("ConfigMap", name, "h");
	}
	*objects = (struct objects){want, count - gone};
	return (struct plan_input){.application = APP,
		.namespace = "ns",
		.commit = "c1",
		.wanted = objects,
		.live = there,
		.live_count = count,
		.owned = ours,
		.owned_count = count,
		.prune = true};
}

static void many_prunes_at_once_wait_for_a_confirmation(void **state)
{
	(void)state;
	struct objects objects;
	struct plan plan;

	struct plan_input input = many(20, 5, &objects);
	plan_make(&input, mem, &plan);
	assert_false(plan.blocked);
	assert_int_equal(plan.prunes, 5);

	input = many(20, 6, &objects);
	plan_make(&input, mem, &plan);
	assert_true(plan.blocked);
	assert_int_equal(plan.prunes, 6);
	assert_int_equal(step_named(&plan, "c00000")->action, PLAN_LEAVE);
	assert_non_null(strstr(step_named(&plan, "c00000")->reason, plan.confirm));

	input = many(200, 20, &objects); /* ten per cent */
	plan_make(&input, mem, &plan);
	assert_false(plan.blocked);

	input = many(200, 21, &objects);
	plan_make(&input, mem, &plan);
	assert_true(plan.blocked);
}

static void an_empty_wish_removes_nothing_without_confirmation(void **state)
{
	(void)state;
	struct objects objects;
	struct plan plan;
	struct plan_input input = many(2, 2, &objects);
	plan_make(&input, mem, &plan);
	assert_true(plan.blocked);

	input.allow_empty = true; /* the Application says so */
	plan_make(&input, mem, &plan);
	assert_false(plan.blocked);
	assert_int_equal(plan.prunes, 2);
}

static void a_confirmation_is_good_for_one_commit_and_one_list(void **state)
{
	(void)state;
	struct objects objects;
	struct plan plan, other;
	struct plan_input input = many(20, 6, &objects);

	plan_make(&input, mem, &plan);
	input.confirmed = plan.confirm;
	plan_make(&input, mem, &other);
	assert_false(other.blocked);
	assert_int_equal(step_named(&other, "c00000")->action, PLAN_PRUNE);

	input.commit = "c2";
	plan_make(&input, mem, &other);
	assert_true(other.blocked);
	assert_string_not_equal(other.confirm, plan.confirm);

	struct plan_input longer = many(20, 7, &objects);
	longer.confirmed = plan.confirm;
	plan_make(&longer, mem, &other);
	assert_true(other.blocked);
}

/* A sync that prunes in several passes: what is left is another list than the one that was confirmed, and a part of it. */
static void what_is_left_of_a_confirmed_list_is_confirmed(void **state)
{
	(void)state;
	struct objects objects;
	struct object_key list[12];
	struct plan plan, other;
	struct plan_input input = many(20, 12, &objects);
	size_t count = 0;

	plan_make(&input, mem, &plan);
	for (size_t i = 0; i < plan.count; i++)
		if (!plan.steps[i].object)
			list[count++] = plan.steps[i].key;
	assert_int_equal(count, 12);
	input.confirmed = plan.confirm;
	input.confirmed_list = list;
	input.confirmed_count = count;
	input.live++; /* the first of them is gone */
	input.live_count--;
	plan_make(&input, mem, &other);
	assert_string_not_equal(other.confirm, plan.confirm);
	assert_false(other.blocked);
	assert_int_equal(other.prunes, 11);

	input.confirmed_count--; /* one of those that would go was not on it */
	plan_make(&input, mem, &other);
	assert_true(other.blocked);
}

/* What planning the removal of `count` objects takes, without what describes them. */
static size_t memory_of_pruning(size_t count)
{
	CLEANUP(arena_freep) struct arena *own = arena_new(SIZE_MAX);
	struct objects objects;
	struct plan plan;
	struct plan_input input = many(count + 1, count, &objects);
	plan_make(&input, own, &plan);
	assert_int_equal(plan.prunes, count);
	assert_true(plan.blocked);
	return arena_used(own);
}

static void planning_takes_memory_in_proportion_to_the_objects(void **state)
{
	(void)state;
	assert_in_range(memory_of_pruning(12000), 0, memory_of_pruning(6000) * 21 / 10);
}

static void steps_go_up_by_kind_and_prunes_come_down(void **state)
{
	(void)state;
	struct object object[3] = {
		wanted("ConfigMap", "m", "h"), wanted("Secret", "s", "h"), wanted("Service", "v", "h")};
	struct objects objects = {object, 3};
	struct plan_live there[2] = {live("ConfigMap", "old-m"), live("ServiceAccount", "old-a")};
	struct plan_owned ours[2] = {owned("ConfigMap", "old-m", "h"), owned("ServiceAccount", "old-a", "h")};
	const struct plan_input input = {.application = APP,
		.namespace = "ns",
		.commit = "c",
		.wanted = &objects,
		.live = there,
		.live_count = 2,
		.owned = ours,
		.owned_count = 2,
		.prune = true};
	static const char *const order[] = {"s", "m", "v", "old-m", "old-a"};
	struct plan plan;

	plan_make(&input, mem, &plan);
	assert_int_equal(plan.count, COUNT_OF(order));
	for (size_t i = 0; i < plan.count; i++)
		assert_string_equal(plan.steps[i].key.name, order[i]);
}

static void a_custom_resource_definition_is_never_tracked(void **state)
{
	(void)state;
	struct object crd = {.key = {"apiextensions.k8s.io", "CustomResourceDefinition", "", "x"},
		.version = "v1",
		.file = "f",
		.json = "{}",
		.json_length = 2,
		.hash = "h"};
	struct objects objects = {&crd, 1};
	const struct plan_input input = {
		.application = APP, .namespace = "ns", .commit = "c", .wanted = &objects};
	struct plan plan;
	plan_make(&input, mem, &plan);
	assert_null(plan.steps[0].tracking_id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_that_is_not_there_is_created),
		cmocka_unit_test(a_known_equal_object_asks_nothing),
		cmocka_unit_test(an_object_with_everything_in_order_is_pruned),
		cmocka_unit_test(each_missing_condition_leaves_it),
		cmocka_unit_test(an_apply_that_was_cut_off_does_not_keep_its_object_for_ever),
		cmocka_unit_test(what_carries_our_mark_alone_is_adopted_first),
		cmocka_unit_test(an_objects_own_word_comes_before_the_applications),
		cmocka_unit_test(hooks_are_no_part_of_a_plan),
		cmocka_unit_test(protected_kinds_need_their_annotation),
		cmocka_unit_test(many_prunes_at_once_wait_for_a_confirmation),
		cmocka_unit_test(an_empty_wish_removes_nothing_without_confirmation),
		cmocka_unit_test(a_confirmation_is_good_for_one_commit_and_one_list),
		cmocka_unit_test(what_is_left_of_a_confirmed_list_is_confirmed),
		cmocka_unit_test(planning_takes_memory_in_proportion_to_the_objects),
		cmocka_unit_test(steps_go_up_by_kind_and_prunes_come_down),
		cmocka_unit_test(a_custom_resource_definition_is_never_tracked),
	};
	return cmocka_run_group_tests(tests, make_arena, free_arena);
}
