/*
 * Which content a request means: of one source, and of several.
 */
#include "agent/sync/pin.h"

#include "tests/agent/sync/fixture.h"

#define A "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define B "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"

static struct application_source sources[] = {
	{.repo_url = "https://h/x", .revision = "main", .tag_prefix = "", .ref = "", .directory.path = "a"},
	{.repo_url = "https://h/y", .revision = "v1", .tag_prefix = "", .ref = "", .directory.path = "b"},
};

static struct sync_request *request_of(struct world *world, size_t source_count)
{
	world->app.spec.sources = sources;
	world->app.spec.source_count = source_count;
	memcpy(world->app.commit, A "," B, source_count == 1 ? COMMIT_LENGTH : sizeof(A "," B));
	return sync_request_new();
}

static bool pinned(struct world *world, struct sync_request *request, struct pin *pin, const char **why)
{
	*why = NULL;
	return pin_request(&world->app, request, world->mem, pin, why);
}

static void what_names_nothing_else_is_the_newest_by_its_commit(void **state)
{
	struct world *world = *state;
	struct sync_request *request = request_of(world, 1);
	struct pin pin;
	const char *why;
	assert_true(pinned(world, request, &pin, &why) && pin.newest);
	assert_int_equal(pin.count, 1);
	assert_string_equal(pin.revisions[0], A);
	request->revision = "main";
	assert_true(pinned(world, request, &pin, &why) && pin.newest);
	request->revision = "v7";
	assert_true(pinned(world, request, &pin, &why));
	assert_false(pin.newest);
	assert_string_equal(pin.revisions[0], "v7");
	assert_true(pin_names_content(&world->app, request));
	sync_request_free(request);
}

static void one_revision_of_several_sources_has_to_say_whose_it_is(void **state)
{
	struct world *world = *state;
	struct sync_request *request = request_of(world, 2);
	struct pin pin;
	const char *why;
	request->revision = "v7";
	assert_false(pinned(world, request, &pin, &why));
	assert_non_null(strstr(why, "shop has 2"));
	assert_non_null(
		strstr(why, "--revisions REV --source-positions N; 1 = https://h/x a, 2 = https://h/y b"));
	sync_request_free(request);
}

static void a_position_says_whose_it_is_and_the_rest_stays(void **state)
{
	struct world *world = *state;
	struct sync_request *request = request_of(world, 2);
	const char *revisions[] = {"v7"};
	size_t positions[] = {2};
	struct pin pin;
	const char *why;
	request->revisions = revisions;
	request->positions = positions;
	request->revision_count = 1;
	assert_true(pinned(world, request, &pin, &why));
	assert_false(pin.newest);
	assert_string_equal(pin.revisions[0], A);
	assert_string_equal(pin.revisions[1], "v7");
	assert_int_equal(request->revision_count, 2); /* as everybody reads it from here on */
	assert_string_equal(request->revisions[0], "");
	assert_null(request->positions);

	positions[0] = 3;
	request->revisions = revisions;
	request->positions = positions;
	request->revision_count = 1;
	assert_false(pinned(world, request, &pin, &why));
	assert_string_equal(why, "source position 3 is out of range: there are 2 sources");
	request->positions = NULL;
	assert_false(pinned(world, request, &pin, &why));
	assert_non_null(strstr(why, "revisions has 1 of them, and there are 2 sources"));
	sync_request_free(request);
}

static void an_entry_of_the_history_has_a_commit_of_each(void **state)
{
	struct world *world = *state;
	struct sync_request *request = request_of(world, 2);
	struct pin pin;
	const char *why;
	world->app.history = json_pack(
		"[{s:i, s:[s, s], s:[{s:s}, {s:s}]}, {s:i, s:s, s:{s:s}}, {s:i, s:s, s:[{s:s}, {s:s}]}]",
		"id", 0, "revisions", B, A, "sources", "path", "a", "path", "b", "id", 1, "revision", A,
		"source", "path", "a", "id", 2, "revision", A, "sources", "path", "a", "path", "b");
	request->rollback_id = 0;
	assert_true(pinned(world, request, &pin, &why));
	assert_int_equal(pin.count, 2);
	assert_string_equal(pin.revisions[0], B);
	assert_string_equal(pin.revisions[1], A);
	assert_true(json_is_array(pin.source));
	request->rollback_id = 1; /* from when it had one source */
	assert_true(pinned(world, request, &pin, &why));
	assert_int_equal(pin.count, 1);
	assert_string_equal(json_text_at(pin.source, "path", ""), "a");
	request->rollback_id = 2;
	assert_false(pinned(world, request, &pin, &why));
	assert_non_null(strstr(why, "a commit of each"));
	sync_request_free(request);
}

static void other_sources_are_read_at_their_own_revisions(void **state)
{
	struct world *world = *state;
	struct sync_request *request = request_of(world, 1);
	struct pin pin;
	const char *why;
	request->source = json_pack("[{s:s}, {s:s}]", "path", "a", "path", "b");
	assert_true(pinned(world, request, &pin, &why));
	assert_false(pin.newest);
	assert_int_equal(pin.count, 2);
	assert_string_equal(pin.revisions[0], "");
	assert_string_equal(pin.revisions[1], "");
	sync_request_free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(what_names_nothing_else_is_the_newest_by_its_commit),
		world_test(one_revision_of_several_sources_has_to_say_whose_it_is),
		world_test(a_position_says_whose_it_is_and_the_rest_stays),
		world_test(an_entry_of_the_history_has_a_commit_of_each),
		world_test(other_sources_are_read_at_their_own_revisions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
