/*
 * What a comparison goes by: the options that count, what a write may do, which kinds come along; dry runs themselves are in
 * tests/end/test_sync_options.py.
 */
#include "tests/agent/sync/fixture.h"

static void options_of_the_operation_come_after_those_of_the_spec(void **state)
{
	struct world *world = *state;
	char on[] = "PruneLast=true", off[] = "CreateNamespace=false";
	char *options[] = {on, off};
	world->app.spec.options = (struct sync_options){.create_namespace = true, .lenient = true};
	world->request.options = options;
	world->request.option_count = 2;
	struct sync_options found = pass_options(&world->pass);
	assert_true(found.prune_last && found.lenient);
	assert_false(found.create_namespace);

	world->app.operation = NULL;
	world->app.asked = &world->request; /* is compared with the options that it will run with */
	assert_true(pass_options(&world->pass).prune_last);
	world->app.asked = NULL;
	found = pass_options(&world->pass);
	assert_true(found.create_namespace);
	assert_false(found.prune_last);
}

static void a_definition_is_known_by_group_and_kind(void **state)
{
	static struct object_key coming[] = {{.group = "a.example", .kind = "A", .name = "as.a.example"},
		{.group = "b.example", .kind = "A", .name = "as.b.example"}};
	struct world *world = *state;
	world->pass.coming = coming;
	world->pass.coming_count = 2;
	const struct object_key known = key_of("b.example", "A", "x"), other = key_of("a.example", "B", "x");
	assert_string_equal(pass_definition(&world->pass, &known), "as.b.example");
	assert_null(pass_definition(&world->pass, &other));
}

static void a_namespace_that_is_not_there_has_a_remedy(void **state)
{
	(void)state;
	struct object object = {.key = key_of("", "Secret", "a")};
	struct error err;
	(void)error_set(&err, ERROR_MISSING, "namespaces \"team\" not found");
	assert_non_null(strstr(pass_remedy(&object, &err), "CreateNamespace=true"));
	object.key.namespace = "";
	assert_string_equal(pass_remedy(&object, &err), "");
	object.key.namespace = "team";
	(void)error_set(&err, ERROR_DENIED, "namespaces is forbidden");
	assert_string_equal(pass_remedy(&object, &err), "");
	(void)error_set(&err, ERROR_MISSING, "the server has no such kind");
	assert_string_equal(pass_remedy(&object, &err), "");
}

static struct cluster_write write_of(struct world *world, const struct pass_step *step)
{
	const struct sync_options options = pass_options(&world->pass);
	return pass_write(&world->pass, step->plan, WRITE_APPLY, &options);
}

static void an_objects_own_word_comes_before_the_applications(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("", "Secret", "a"), 0);
	struct object_options *own = &world->objects[0].options;
	world->app.spec.options = (struct sync_options){.replace = true, .lenient = true};
	assert_true(write_of(world, step).replace);
	assert_true(write_of(world, step).lenient);
	own->replace = CHOICE_FALSE;
	own->validate = CHOICE_TRUE;
	assert_false(write_of(world, step).replace);
	assert_false(write_of(world, step).lenient);
	world->app.spec.options = (struct sync_options){0};
	own->replace = CHOICE_TRUE;
	own->validate = CHOICE_FALSE;
	assert_true(write_of(world, step).replace);
	assert_true(write_of(world, step).lenient);
}

static void force_may_be_asked_by_object_application_or_operation(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("", "Secret", "a"), 0);
	assert_false(write_of(world, step).recreate);
	world->request.force = true;
	assert_true(write_of(world, step).recreate);
	world->request.force = false;
	world->app.spec.options.force = true;
	assert_true(write_of(world, step).recreate);
	world->app.spec.options.force = false;
	world->objects[0].options.force = true;
	assert_true(write_of(world, step).recreate);
}

/* Its uid says nothing while the outcome of an apply is not known. */
static void an_object_is_ours_once_an_apply_has_been_answered(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("", "Secret", "a"), 0);
	struct plan_owned owned = {.uid = "u", .intended = true};
	assert_false(write_of(world, step).ours);
	world->plan[0].owned = &owned;
	assert_false(write_of(world, step).ours);
	owned.intended = false;
	assert_true(write_of(world, step).ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(options_of_the_operation_come_after_those_of_the_spec),
		world_test(a_definition_is_known_by_group_and_kind),
		world_test(a_namespace_that_is_not_there_has_a_remedy),
		world_test(an_objects_own_word_comes_before_the_applications),
		world_test(force_may_be_asked_by_object_application_or_operation),
		world_test(an_object_is_ours_once_an_apply_has_been_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
