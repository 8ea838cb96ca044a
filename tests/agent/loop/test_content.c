/*
 * The answer of a repository becomes what an Application wants, or the mistakes that keep the last good one in force.
 */
#include "agent/loop/part.h"

#include "tests/agent/loop/fixture.h"

#include "agent/queue.h"
#include "agent/users/users_pass.h"
#include "base/clock.h"
#include "tests/store/fixture.h"

/* How often a users.yaml was parsed. */
static size_t users_parsed;

void __real_users_read(const struct users_place *place, const char *text, size_t length, const char *database,
	const struct roles_policy *policy, struct arena *mem, struct users *users, struct mistakes *mistakes);

void __wrap_users_read(const struct users_place *place, const char *text, size_t length, const char *database,
	const struct roles_policy *policy, struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	users_parsed++;
	__real_users_read(place, text, length, database, policy, mem, users, mistakes);
}

static const char broken[] = "apiVersion: v1\nkind: ConfigMap\n";

static void good_content_is_complete_and_outlives_the_answer(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT, config_map(world, "a"));
	const struct content *content = world->app.content;
	assert_non_null(content);
	assert_string_equal(world->app.commit, COMMIT);
	assert_string_equal(content->commit, COMMIT);
	assert_string_equal(content->source_hash, "one");
	assert_string_equal(content->author, "Ada <ada@example.org>");
	assert_int_equal(content->desired->objects.count, 1);
	const struct object *object = &content->desired->objects.items[0];
	assert_string_equal(object->key.namespace, "team"); /* of the destination */
	assert_string_equal(object->file, "p/a.yaml");
	assert_non_null(strstr(object->json, "\"namespace\":\"team\""));
	assert_null(world->app.broken);
	assert_null(content->warnings);
}

static void a_commit_with_mistakes_leaves_the_last_good_one_in_force(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT, config_map(world, "a"));
	const struct content *before = world->app.content;
	takes(world, NEXT_COMMIT, broken);
	assert_ptr_equal(world->app.content, before);
	assert_string_equal(world->app.commit, COMMIT);
	assert_non_null(strstr(world->app.broken, "commit 2b3c4d5e6f70 cannot be used: p/a.yaml:1"));

	takes(world, NEXT_COMMIT, config_map(world, "b"));
	assert_null(world->app.broken);
	assert_string_equal(world->app.commit, NEXT_COMMIT);
}

static void a_path_that_is_not_there_is_not_an_empty_one(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT, NULL);
	assert_null(world->app.content);
	assert_string_equal(world->app.broken,
		"path p does not exist at commit 1a2b3c4d5e6f of https://git.example.org/shop");
	takes(world, NEXT_COMMIT, "");
	assert_null(world->app.broken);
	assert_int_equal(world->app.content->desired->objects.count, 0);
}

static void an_object_that_stands_there_twice_is_told_apart_from_other_warnings(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT,
		arena_printf(world->mem, "%s---\n%s", config_map(world, "a"), config_map(world, "a")));
	assert_int_equal(world->app.content->desired->objects.count, 1);
	assert_null(world->app.content->warnings);
	assert_non_null(strstr(world->app.content->repeated, "p/a.yaml:"));
}

static void users_that_cannot_be_read_make_the_commit_unusable(void **state)
{
	struct world *world = *state;
	struct database_config database = {.name = "main",
		.application = "shop",
		.config_map = "users",
		.key = "users.yaml",
		.database = "app"};
	world->config.databases = &database;
	world->config.database_count = 1;
	takes(world, COMMIT, config_map(world, "users"));
	assert_null(world->app.content);
	assert_non_null(strstr(world->app.broken,
		"no ConfigMap users with the key users.yaml: database main of the agent file takes its users from it"));

	takes(world, COMMIT,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: users}\ndata:\n  users.yaml: |\n    nonsense: 1\n");
	assert_null(world->app.content);
	assert_non_null(strstr(world->app.broken, "p/a.yaml:6")); /* the line in the file, not in the text */

	database.application = "another";
	takes(world, COMMIT, config_map(world, "users"));
	assert_non_null(world->app.content);
}

/* A pass over the users of a server that is not there, from its start to its end. */
static void pass_over_users(struct agent *agent, struct database *database)
{
	assert_true(users_pass_start(agent, database));
	while (database->running) {
		struct event event = queue_take(agent->queue, clock_steady() + 10000);
		assert_int_equal(event.kind, EVENT_USERS);
		free(event.key);
		users_pass_collect(agent);
	}
}

static const char *users_of(struct world *world, const char *name)
{
	return arena_printf(world->mem,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: users}\ndata:\n  users.yaml: |\n"
		"    users: [{username: %s}]\n",
		name);
}

static void users_are_read_once_however_many_passes_go_over_them(void **state)
{
	struct world *world = *state;
	void *opened = NULL;
	fixture_open(&opened);
	struct fixture *store = opened;
	struct database_config config = {.name = "main",
		.application = "shop",
		.config_map = "users",
		.key = "users.yaml",
		.connection = "host=/nowhere"};
	char namespace[] = "team";
	struct database database = {.config = &config, .app = &world->app, .namespace = namespace},
			*databases[] = {&database};
	struct agent *agent = &world->agent;
	world->config.databases = &config;
	world->config.database_count = 1;
	agent->store = store->store;
	agent->queue = queue_new();
	agent->secrets = secrets_new(NULL);
	agent->databases = databases;
	agent->database_count = 1;

	users_parsed = 0;
	takes(world, COMMIT, users_of(world, "ada"));
	content_target(world->app.content, world->app.synced);
	for (int i = 0; i < 3; i++)
		pass_over_users(agent, &database);
	assert_int_equal(users_parsed, 1);
	assert_ptr_equal(database.content, world->app.content);

	takes(world, NEXT_COMMIT,
		users_of(world, "eve")); /* waits for its sync: those of the last one stay in force */
	pass_over_users(agent, &database);
	assert_string_equal(content_users(database.content, &config)->users.items[0].name, "ada");
	users_pass_plan(&database, world->app.content, 7);
	pass_over_users(agent, &database);
	struct users_wish *planned = users_pass_planned(&database, 7);
	assert_string_equal(content_users(planned->content, &config)->users.items[0].name, "eve");
	users_wish_free(planned);

	content_target(world->app.content, world->app.synced);
	pass_over_users(agent, &database);
	assert_string_equal(content_users(database.content, &config)->users.items[0].name, "eve");
	assert_int_equal(users_parsed, 2);

	content_release(database.content);
	secrets_free(agent->secrets);
	queue_free(agent->queue);
	fixture_done((void **)&store);
}

static void content_that_others_hold_stays_theirs(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT, config_map(world, "a"));
	struct content *held = content_hold(world->app.content);
	takes(world, NEXT_COMMIT, config_map(world, "b"));
	assert_string_equal(held->desired->objects.items[0].key.name, "a");
	content_release(held);
}

/* The answer to a question about another commit. */
static void answers(struct world *world, struct lookup *lookup, const char *commit, const char *text)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1u << 20);
	CLEANUP(memory_freep) char *why = NULL;
	struct source_content content;
	const struct source_result result = answer_of(commit, text, mem, &content);
	const struct part_answer answer = {.sources = world->specs,
		.source_count = lookup->part_count,
		.result = &result,
		.content = &content};
	memcpy(lookup->source_hash, "two", sizeof("two"));
	lookup->parts[0].part = part_make(&answer, &why);
	assert_non_null(lookup->parts[0].part);
	content_take_lookup(&world->agent, &world->app, lookup);
}

static void the_last_good_content_does_not_hide_the_mistakes(void **state)
{
	struct world *world = *state;
	takes(world, NEXT_COMMIT, broken);
	world->app.last_good = lookup_commits(&world->app, COMMIT, NULL);
	answers(world, world->app.last_good, COMMIT, config_map(world, "a"));
	assert_null(world->app.last_good);
	assert_null(world->app.lookups);
	assert_string_equal(world->app.commit, COMMIT);
	assert_non_null(strstr(world->app.broken, "commit 2b3c4d5e6f70"));

	world->app.last_good = lookup_commits(&world->app, NEXT_COMMIT, NULL);
	answers(world, world->app.last_good, NEXT_COMMIT, config_map(world, "b"));
	assert_string_equal(world->app.commit, COMMIT); /* it has content: nothing older comes in between */
}

static void the_answer_to_a_lookup_changes_nothing_else(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT, config_map(world, "a"));
	struct lookup *good = lookup_commits(&world->app, NEXT_COMMIT, NULL);
	answers(world, good, NEXT_COMMIT, config_map(world, "b"));
	assert_true(good->answered);
	assert_null(good->error);
	assert_string_equal(good->content->commit, NEXT_COMMIT);
	assert_string_equal(good->content->source_hash, "two");
	assert_string_equal(world->app.commit, COMMIT);

	struct lookup *bad = lookup_commits(&world->app, NEXT_COMMIT, NULL);
	world->app.spec.destination = "";
	answers(world, bad, NEXT_COMMIT, config_map(world, "b"));
	assert_true(bad->answered);
	assert_null(bad->content);
	assert_non_null(strstr(bad->error, "cannot be used"));
	assert_null(world->app.broken);
}

static void several_sources_are_one_content_in_their_order(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	takes_of(world, 1, NEXT_COMMIT, config_map(world, "b"));
	assert_null(world->app.content); /* half of it is nothing */
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	const struct content *content = world->app.content;
	assert_non_null(content);
	assert_string_equal(content->commit, COMMIT "," NEXT_COMMIT);
	assert_string_equal(world->app.commit, COMMIT "," NEXT_COMMIT);
	assert_int_equal(content->desired->objects.count, 2);
	const struct object *object = &content->desired->objects.items[1];
	assert_string_equal(object->key.name, "b");
	assert_string_equal(object->key.namespace, "team");
	assert_string_equal(object->file, "https://git.example.org/base//p/a.yaml");
	assert_int_equal(object->source, 1);
}

static void a_new_commit_of_one_needs_nothing_of_the_other(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	struct content *before = content_hold(world->app.content);
	takes_of(world, 0, NEXT_COMMIT, config_map(world, "c"));
	assert_string_equal(world->app.commit, NEXT_COMMIT "," COMMIT);
	assert_int_equal(world->app.content->desired->objects.count, 2);
	assert_string_equal(world->app.content->desired->objects.items[0].key.name, "b");
	assert_string_equal(world->app.content->desired->objects.items[1].key.name, "c");
	assert_string_equal(before->desired->objects.items[0].key.name, "a"); /* whoever holds it still has it */
	content_release(before);
}

static void one_broken_source_holds_back_all_and_is_named(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	takes_of(world, 1, NEXT_COMMIT, broken);
	assert_non_null(strstr(world->app.broken,
		"commit 2b3c4d5e6f70 of https://git.example.org/base cannot be used: "
		"https://git.example.org/base//p/a.yaml:1"));
	takes_of(world, 0, NEXT_COMMIT, config_map(world, "c"));
	assert_non_null(world->app.broken);
	assert_string_equal(world->app.commit, COMMIT "," COMMIT);
	takes_of(world, 1, NEXT_COMMIT, config_map(world, "d"));
	assert_null(world->app.broken);
	assert_string_equal(world->app.commit, NEXT_COMMIT "," NEXT_COMMIT);
}

static void the_later_source_wins_and_both_places_are_said(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "a"));
	const struct content *content = world->app.content;
	assert_int_equal(content->desired->objects.count, 1);
	assert_int_equal(content->desired->objects.items[0].source, 1);
	assert_string_equal(content->repeated,
		"https://git.example.org/base//p/a.yaml:1: ConfigMap team/a stands here and at "
		"https://git.example.org/shop//p/a.yaml:1: the one of the later source, this one, is used");
}

static void files_of_one_commit_need_no_repository_before_their_names(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	world->specs[1] = world->specs[0];
	world->specs[1].directory.path = "q";
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	assert_string_equal(world->app.content->desired->objects.items[0].file, "p/a.yaml");
	world->specs[1].revision = "v2";
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	assert_string_equal(world->app.content->desired->objects.items[1].file,
		"https://git.example.org/shop@v2//p/a.yaml");
}

static void a_repository_that_cannot_be_read_holds_back_the_others(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	takes_of(world, 1, COMMIT, config_map(world, "b"));
	world->repositories[1].error.kind = ERROR_RETRY;
	takes_of(world, 0, NEXT_COMMIT, config_map(world, "c"));
	assert_string_equal(world->app.commit, COMMIT "," COMMIT);
	assert_null(world->app.broken);
	world->repositories[1].error.kind = ERROR_NONE;
	content_unite(&world->agent, &world->app); /* nothing is new there */
	assert_string_equal(world->app.commit, NEXT_COMMIT "," COMMIT);
}

static void a_source_of_files_alone_counts_by_its_commit(void **state)
{
	struct world *world = *state;
	struct source_result result = {.author = "", .message = ""};
	has_two_sources(world);
	world->specs[1].files_only = true;
	memcpy(result.commit, NEXT_COMMIT, sizeof(result.commit));
	takes_of(world, 0, COMMIT, config_map(world, "a"));
	content_take(&world->app, 1, &result, NULL);
	content_unite(&world->agent, &world->app);
	assert_string_equal(world->app.commit, COMMIT "," NEXT_COMMIT);
	assert_int_equal(world->app.content->desired->objects.count, 1);
	assert_string_equal(world->app.content->desired->objects.items[0].file, "p/a.yaml");
}

static void mistakes_beyond_what_is_shown_are_counted(void **state)
{
	struct world *world = *state;
	CLEANUP(arena_freep) struct arena *mem = arena_new(16u << 20);
	struct source_content content;
	struct source_result result = answer_of(COMMIT, "", mem, &content);
	for (int i = 0; i < 5000; i++)
		mistakes_add(&content.desired.mistakes, "p/a.yaml", i + 1, 0, "wrong");
	content_take(&world->app, 0, &result, &content);
	content_unite(&world->agent, &world->app);
	assert_non_null(strstr(world->app.broken, "p/a.yaml:1: wrong; p/a.yaml:2: wrong"));
	assert_non_null(strstr(world->app.broken, " more"));
	assert_true(strlen(world->app.broken) < 65 * 1024);
}

static void content_knows_the_kinds_that_it_defines(void **state)
{
	struct world *world = *state;
	takes(world, COMMIT,
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
		"metadata: {name: shops.example.org}\n"
		"spec: {group: example.org, names: {kind: Shop, plural: shops}}\n");
	const struct content *content = world->app.content;
	assert_non_null(content);
	assert_int_equal(content->definition_count, 1);
	assert_string_equal(content->definitions[0].group, "example.org");
	assert_string_equal(content->definitions[0].kind, "Shop");
	assert_string_equal(content->definitions[0].name, "shops.example.org");
	takes(world, NEXT_COMMIT, config_map(world, "a"));
	assert_int_equal(world->app.content->definition_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(good_content_is_complete_and_outlives_the_answer),
		world_test(a_commit_with_mistakes_leaves_the_last_good_one_in_force),
		world_test(a_path_that_is_not_there_is_not_an_empty_one),
		world_test(an_object_that_stands_there_twice_is_told_apart_from_other_warnings),
		world_test(users_that_cannot_be_read_make_the_commit_unusable),
		world_test(users_are_read_once_however_many_passes_go_over_them),
		world_test(content_that_others_hold_stays_theirs),
		world_test(the_last_good_content_does_not_hide_the_mistakes),
		world_test(the_answer_to_a_lookup_changes_nothing_else),
		world_test(mistakes_beyond_what_is_shown_are_counted),
		world_test(content_knows_the_kinds_that_it_defines),
		world_test(several_sources_are_one_content_in_their_order),
		world_test(a_new_commit_of_one_needs_nothing_of_the_other),
		world_test(one_broken_source_holds_back_all_and_is_named),
		world_test(the_later_source_wins_and_both_places_are_said),
		world_test(files_of_one_commit_need_no_repository_before_their_names),
		world_test(a_repository_that_cannot_be_read_holds_back_the_others),
		world_test(a_source_of_files_alone_counts_by_its_commit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
