/*
 * What differs from the content in force, put together with it: the same as if all had been read.
 */
#include "agent/loop/part.h"

#include "tests/agent/loop/fixture.h"

#include "base/limits.h"

static void reads(struct world *world, const char *file, const char *text, struct desired *desired)
{
	manifest_read(file, text, strlen(text), world->mem, desired);
}

/* The answer at a commit for which `desired` was read against the content in force, where these names are not as they were. */
static void takes_based(struct world *world, const char *commit, const struct desired *desired,
	const char **changed, size_t count)
{
	struct source_content content;
	struct source_result result = answer_of(commit, "", world->mem, &content);
	content.desired = *desired;
	content.based = true;
	content.changed = changed;
	content.changed_count = count;
	assert_non_null(content_base(&world->app));
	content_take(&world->app, 0, &result, &content);
	content_unite(&world->agent, &world->app);
	assert_null(world->app.broken);
	assert_string_equal(world->app.commit, commit);
}

static void begins(struct world *world, const struct desired *desired)
{
	struct source_content content;
	struct source_result result = answer_of(COMMIT, "", world->mem, &content);
	content.desired = *desired;
	content_take(&world->app, 0, &result, &content);
	content_unite(&world->agent, &world->app);
	assert_non_null(world->app.content);
}

static struct desired *nothing(struct world *world)
{
	struct desired *desired = arena_alloc(world->mem, sizeof(*desired));
	desired->mistakes.mem = desired->warnings.mem = world->mem;
	return desired;
}

/* "a=p/a.yaml b=p/x/b.yaml": names of the objects in force, and where they stand. */
static const char *content_of(struct world *world)
{
	const struct objects *objects = &world->app.content->desired->objects;
	const char *text = "";
	for (size_t i = 0; i < objects->count; i++)
		text = arena_printf(world->mem, "%s%s%s=%s", text, i ? " " : "", objects->items[i].key.name,
			objects->items[i].file);
	return text;
}

static void four_files(struct world *world)
{
	struct desired *desired = nothing(world);
	reads(world, "p/a.yaml", config_map(world, "a"), desired);
	reads(world, "p/x/b.yaml", config_map(world, "b"), desired);
	reads(world, "p/x/y/c.yaml", config_map(world, "c"), desired);
	reads(world, "p/xy.yaml", config_map(world, "d"), desired);
	begins(world, desired);
}

static void what_did_not_change_stays(void **state)
{
	struct world *world = *state;
	four_files(world);
	const char *before = arena_copy(world->mem, world->app.content->desired->objects.items[1].json);
	struct desired *desired = nothing(world);
	reads(world, "p/a.yaml", config_map(world, "e"), desired);
	takes_based(world, NEXT_COMMIT, desired, (const char *[]){"p/a.yaml"}, 1);
	assert_string_equal(content_of(world), "b=p/x/b.yaml c=p/x/y/c.yaml d=p/xy.yaml e=p/a.yaml");
	const struct object *kept = &world->app.content->desired->objects.items[0];
	assert_string_equal(kept->json, before);
	assert_string_equal(kept->key.namespace, "team");

	takes_based(world, COMMIT, nothing(world), NULL, 0);
	assert_int_equal(world->app.content->desired->objects.count, 4);
}

static void a_folder_takes_all_that_is_below_it(void **state)
{
	struct world *world = *state;
	four_files(world);
	takes_based(world, NEXT_COMMIT, nothing(world), (const char *[]){"p/x/y", "p/not.yaml"}, 2);
	assert_string_equal(content_of(world), "a=p/a.yaml b=p/x/b.yaml d=p/xy.yaml");
	takes_based(world, COMMIT, nothing(world), (const char *[]){"p/x"}, 1);
	assert_string_equal(content_of(world), "a=p/a.yaml d=p/xy.yaml"); /* p/xy.yaml is not in p/x */
}

/* In the order of the files, whichever of them was read now. */
static void the_last_of_two_with_one_key_wins(void **state)
{
	struct world *world = *state;
	four_files(world);
	struct desired *desired = nothing(world);
	reads(world, "p/b.yaml", config_map(world, "b"), desired);
	reads(world, "p/z.yaml", config_map(world, "a"), desired);
	takes_based(world, NEXT_COMMIT, desired, NULL, 0);
	assert_string_equal(content_of(world), "a=p/z.yaml b=p/x/b.yaml c=p/x/y/c.yaml d=p/xy.yaml");
	assert_non_null(strstr(world->app.content->repeated, "stands here and at p/b.yaml:1"));
	assert_null(content_base(&world->app)); /* the other one is not there any more */
}

static int knows_nothing(void *context, const char *group, const char *kind)
{
	(void)context, (void)group, (void)kind;
	return -1;
}

static void what_hangs_together_is_read_together(void **state)
{
	struct world *world = *state;
	assert_null(content_base(&world->app));
	takes(world, COMMIT, config_map(world, "a"));
	assert_string_equal(content_base(&world->app), COMMIT);

	memcpy(world->app.source_hash, "two", sizeof("two"));
	assert_null(content_base(&world->app)); /* the spec says something else now */
	memcpy(world->app.source_hash, "one", sizeof("one"));

	struct desired *desired = world->app.content->desired;
	desired_complete(desired, "team", knows_nothing, NULL, world->mem);
	assert_true(desired->guessed);
	assert_null(content_base(&world->app));

	takes(world, NEXT_COMMIT,
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
		"metadata: {name: shops.example.org}\n"
		"spec: {group: example.org, names: {kind: Shop, plural: shops}}\n");
	assert_null(content_base(&world->app));

	has_two_sources(world);
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	assert_null(content_base(&world->app));
}

static void what_is_too_much_together_is_a_mistake(void **state)
{
	struct world *world = *state;
	struct source_content content;
	struct desired *large = nothing(world);
	takes(world, COMMIT, config_map(world, "a"));
	large->objects.count = LIMIT_OBJECTS;
	large->objects.items = arena_array(world->mem, LIMIT_OBJECTS, sizeof(*large->objects.items));
	for (size_t i = 0; i < large->objects.count; i++)
		large->objects.items[i] = world->app.content->desired->objects.items[0];
	struct source_result result = answer_of(NEXT_COMMIT, "", world->mem, &content);
	content.desired = *large;
	content.based = true;
	content_take(&world->app, 0, &result, &content);
	content_unite(&world->agent, &world->app);
	assert_string_equal(world->app.commit, COMMIT);
	assert_non_null(strstr(world->app.broken, "more than 20000 objects in one path"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(what_did_not_change_stays),
		world_test(a_folder_takes_all_that_is_below_it),
		world_test(the_last_of_two_with_one_key_wins),
		world_test(what_hangs_together_is_read_together),
		world_test(what_is_too_much_together_is_a_mistake),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
