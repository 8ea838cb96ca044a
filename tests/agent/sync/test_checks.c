/*
 * The answer of a dry run holds as long as neither the wanted nor the live object is another one.
 */
#include "agent/sync/checks.h"
#include "tests/agent/sync/fixture.h"

/* An object that a dry run has found to differ in one field. */
static struct pass_step *differs(struct world *world, const char *name)
{
	static struct difference difference = {"data.a", "1", "2", "kubectl", 5};
	struct pass_step *step = applies(world, key_of("", "ConfigMap", name), 0);
	struct plan_live *live = arena_alloc(world->mem, sizeof(*live));
	struct object *object = &world->objects[world->desired.objects.count - 1];
	*live = (struct plan_live){.key = step->plan->key, .uid = "u", .resource_version = "7"};
	memcpy(object->hash, "abc", sizeof("abc"));
	step->plan->action = PLAN_CHECK;
	step->plan->live = live;
	step->checked = true;
	step->check = (struct cluster_write){.outcome = WRITE_CONFIGURED,
		.uid_now = "u",
		.resource_version_now = "7",
		.differences = &difference,
		.difference_count = 1};
	return step;
}

static bool is_kept(struct world *world, const struct pass_step *step)
{
	struct cluster_write answer = {0};
	bool found = checks_find(world->app.checks, step->plan, &answer);
	if (found) {
		assert_int_equal(answer.outcome, WRITE_CONFIGURED);
		assert_int_equal(answer.difference_count, 1);
		assert_string_equal(answer.differences[0].path, "data.a");
		assert_string_equal(answer.differences[0].by, "kubectl");
		assert_ptr_equal(answer.object, step->plan->object);
	}
	return found;
}

static int close_checks(void **state)
{
	struct world *world = *state;
	checks_free(world->app.checks);
	return close_world(state);
}

static void what_differs_need_not_be_asked_again(void **state)
{
	struct world *world = *state;
	struct pass_step *b = differs(world, "b"), *a = differs(world, "a");
	assert_false(is_kept(world, a));
	checks_keep(&world->pass);
	assert_true(is_kept(world, a) && is_kept(world, b));
	a->check = (struct cluster_write){0};
	assert_true(checks_find(world->app.checks, a->plan, &a->check));
	checks_keep(&world->pass); /* an answer that was kept is kept on, out of the memory that is given back */
	assert_true(is_kept(world, a) && is_kept(world, b));
}

static void another_wanted_or_live_object_is_asked_about_again(void **state)
{
	struct world *world = *state;
	struct pass_step *step = differs(world, "a");
	struct plan_live live = *step->plan->live;
	checks_keep(&world->pass);
	memcpy(world->objects[0].hash, "xyz", sizeof("xyz"));
	assert_false(is_kept(world, step));
	memcpy(world->objects[0].hash, "abc", sizeof("abc"));
	assert_true(is_kept(world, step));
	step->plan->live = &live;
	live.resource_version = "8";
	assert_false(is_kept(world, step));
	live.resource_version = "7";
	live.uid = "another";
	assert_false(is_kept(world, step));
	step->plan->live = NULL;
	assert_false(is_kept(world, step));
}

static void what_would_be_made_need_not_be_asked_again_until_it_is_there(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("apps", "Deployment", "a"), 0);
	struct cluster_write answer = {0};
	step->checked = true;
	step->check.outcome = WRITE_CREATED;
	checks_keep(&world->pass);
	assert_true(checks_find(world->app.checks, step->plan, &answer));
	assert_int_equal(answer.outcome, WRITE_CREATED);
	struct plan_live live = {.key = step->plan->key, .uid = "u", .resource_version = "7"};
	step->plan->live = &live;
	assert_false(checks_find(world->app.checks, step->plan, &answer));
}

static void only_what_the_watch_knows_and_nobody_wrote_is_kept(void **state)
{
	struct world *world = *state;
	struct pass_step *written = differs(world, "written"), *later = differs(world, "later"),
			 *refused = differs(world, "refused"), *same = differs(world, "same");
	written->written = true;
	later->check.resource_version_now = "8";
	refused->check.outcome = WRITE_FAILED;
	same->check.outcome = WRITE_UNCHANGED;
	checks_keep(&world->pass);
	assert_null(world->app.checks);
	assert_false(is_kept(world, written) || is_kept(world, later) || is_kept(world, refused) ||
		is_kept(world, same));
}

static void a_pass_that_compared_nothing_keeps_nothing(void **state)
{
	struct world *world = *state;
	(void)differs(world, "a");
	checks_keep(&world->pass);
	assert_non_null(world->app.checks);
	world->pass.steps = NULL;
	checks_keep(&world->pass);
	assert_null(world->app.checks);
	checks_free(NULL);
}

#define checks_test(function) cmocka_unit_test_setup_teardown(function, open_world, close_checks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		checks_test(what_differs_need_not_be_asked_again),
		checks_test(another_wanted_or_live_object_is_asked_about_again),
		checks_test(what_would_be_made_need_not_be_asked_again_until_it_is_there),
		checks_test(only_what_the_watch_knows_and_nobody_wrote_is_kept),
		checks_test(a_pass_that_compared_nothing_keeps_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
