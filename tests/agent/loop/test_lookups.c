/*
 * A question for content at another revision: who gets the answer, and what is asked again.
 */
#include "agent/loop/lookups.h"
#include "agent/loop/repositories.h"

#include "tests/agent/loop/fixture.h"

/* The answer of a thread to this question, about one source. */
static struct fetch *answered_of(struct world *world, uint64_t lookup, size_t source, const char *text)
{
	struct fetch *fetch = fetch_new();
	struct source_path *path = arena_alloc(fetch->mem, sizeof(*path));
	struct source_content *content = arena_alloc(fetch->mem, sizeof(*content));
	*path = (struct source_path){"shop", world->specs[source].directory, source, NULL};
	fetch->application = "shop";
	fetch->lookup = lookup;
	fetch->sources = world->specs;
	fetch->source_count = world->app.spec.source_count;
	fetch->source = source;
	fetch->request = (struct source_request){.paths = path, .path_count = 1};
	fetch->ok = text != NULL;
	if (text)
		fetch->result = answer_of(source ? NEXT_COMMIT : COMMIT, text, fetch->mem, content);
	else
		(void)error_set(&fetch->error, ERROR_RETRY, "the server is away");
	return fetch;
}

static struct fetch *answered(struct world *world, uint64_t lookup, const char *text)
{
	return answered_of(world, lookup, 0, text);
}

static void content_goes_to_the_one_who_asked(void **state)
{
	struct world *world = *state;
	struct lookup *first = lookup_commits(&world->app, COMMIT, NULL);
	struct lookup *second = lookup_commits(&world->app, "main", NULL);
	first->parts[0].reading = second->parts[0].reading = true;
	lookups_answer(&world->agent, answered(world, first->id, config_map(world, "a")));
	assert_true(first->answered && first->content);
	assert_false(first->parts[0].reading || second->answered);
	assert_true(second->parts[0].reading);
	assert_false(world->app.dirty); /* no operation waits for it: whoever asked looks for himself */
}

static void of_several_sources_all_are_waited_for(void **state)
{
	struct world *world = *state;
	has_two_sources(world);
	struct lookup *lookup = lookup_commits(&world->app, COMMIT "," NEXT_COMMIT, NULL);
	lookups_answer(&world->agent, answered_of(world, lookup->id, 1, config_map(world, "b")));
	assert_false(lookup->answered);
	lookups_answer(&world->agent, answered_of(world, lookup->id, 0, config_map(world, "a")));
	assert_true(lookup->answered && lookup->content);
	assert_string_equal(lookup->content->commit, COMMIT "," NEXT_COMMIT);

	struct lookup *broken = lookup_commits(&world->app, COMMIT "," NEXT_COMMIT, NULL);
	lookups_answer(&world->agent, answered_of(world, broken->id, 1, "kind: ConfigMap\n"));
	assert_true(broken->answered);
	assert_non_null(strstr(broken->error, "of https://git.example.org/base cannot be used"));
	lookups_answer(&world->agent, answered_of(world, broken->id, 0, config_map(world, "a")));
	assert_null(broken->content); /* it was answered */
}

static void a_commit_that_is_not_on_the_disk_is_asked_of_the_server(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_commits(&world->app, COMMIT, NULL);
	lookup->parts[0].reading = lookup->parts[0].tried_disk = true;
	struct fetch *fetch = answered(world, lookup->id, NULL);
	fetch->request.offline = true;
	lookups_answer(&world->agent, fetch);
	assert_false(lookup->answered || lookup->parts[0].reading); /* to be asked again */
	lookups_answer(&world->agent, answered(world, lookup->id, NULL));
	assert_true(lookup->answered);
	assert_null(lookup->content);
	assert_string_equal(lookup->error, "the server is away");
}

static void what_was_in_force_is_asked_of_the_disk_alone(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = world->app.last_good = lookup_commits(&world->app, COMMIT, NULL);
	lookup->disk_only = true;
	struct fetch *fetch = answered(world, lookup->id, NULL);
	fetch->request.offline = true;
	lookups_answer(&world->agent, fetch);
	assert_null(world->app.last_good);
	assert_null(world->app.lookups); /* nobody else waits for it */
	assert_true(world->app.dirty);
}

static void an_answer_that_nobody_waits_for_is_dropped(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_commits(&world->app, COMMIT, NULL);
	lookups_answer(&world->agent, answered(world, lookup->id + 1, config_map(world, "a")));
	assert_false(lookup->answered || world->app.dirty);
	struct fetch *fetch = answered(world, lookup->id, config_map(world, "a"));
	world->app.spec.name = "another"; /* the Application is gone */
	lookups_answer(&world->agent, fetch);
	assert_false(lookup->answered);
}

/* An Application as its object has it, with this source. */
static json_t *document_of(const char *path)
{
	return json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:s, s:s}, s:{s:s, s:s}}}", "apiVersion",
		"argoproj.io/v1alpha1", "kind", "Application", "metadata", "name", "shop", "spec", "source",
		"repoURL", "https://git.example.org/shop", "path", path, "destination", "server",
		"https://kubernetes.default.svc", "namespace", "team");
}

static void there_is_a_commit_of_each_source_and_they_stay_the_same(void **state)
{
	struct world *world = *state;
	world->app.spec.document = document_of("p");
	struct lookup *lookup = lookup_commits(&world->app, COMMIT "," NEXT_COMMIT, NULL);
	lookups_ask(&world->agent, NULL);
	assert_true(lookup->answered);
	assert_string_equal(lookup->error, "it has 1 source, and the commits are those of 2");

	struct lookup *second = lookup_commits(&world->app, COMMIT, NULL);
	memcpy(second->source_hash, "other", sizeof("other"));
	lookups_ask(&world->agent, NULL);
	assert_string_equal(second->error, "its sources were changed while they were read: ask again");
}

static void a_source_that_cannot_be_read_is_answered_at_once(void **state)
{
	struct world *world = *state;
	CLEANUP(json_done)
	json_t *source = json_pack("{s:s, s:s, s:{s:s}}", "repoURL", "https://git.example.org/shop", "path",
		"p", "plugin", "name", "x");
	world->app.spec.document = document_of("p");
	struct lookup *lookup = lookup_commits(&world->app, COMMIT, source);
	lookups_ask(&world->agent, NULL);
	assert_true(lookup->answered);
	assert_false(lookup->parts[0].reading);
	assert_non_null(strstr(lookup->error, "plugin"));
	assert_int_equal(world->agent.fetching, 0);
}

static void nothing_is_asked_while_all_threads_are_at_work(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_commits(&world->app, COMMIT, NULL);
	world->agent.fetching = REPOSITORIES_AT_ONCE;
	lookups_ask(&world->agent, NULL);
	assert_false(lookup->answered || lookup->parts[0].reading || lookup->parts[0].tried_disk);
}

static void *last_word(void *context)
{
	struct world *world = context;
	queue_done(world->agent.queue, EVENT_FETCHED, &world->agent.fetches[0]->done);
	return NULL;
}

static void an_agent_that_ends_is_no_answer(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_commits(&world->app, COMMIT, NULL);
	struct fetch *fetch = answered(world, lookup->id, NULL);
	lookup->parts[0].reading = lookup->parts[0].tried_disk = true;
	(void)error_set(&fetch->error, ERROR_STOPPED, "the agent is ending");
	world->agent.queue = queue_new();
	world->agent.fetches[0] = fetch;
	world->agent.fetching = 1;
	assert_int_equal(pthread_create(&fetch->thread, NULL, last_word, world), 0);
	while (world->agent.fetching)
		repositories_collect(&world->agent);
	assert_int_equal(world->agent.fetching, 0);
	assert_false(lookup->answered || world->app.dirty); /* the next process asks again */
	queue_free(world->agent.queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(content_goes_to_the_one_who_asked),
		world_test(a_commit_that_is_not_on_the_disk_is_asked_of_the_server),
		world_test(an_answer_that_nobody_waits_for_is_dropped),
		world_test(of_several_sources_all_are_waited_for),
		world_test(what_was_in_force_is_asked_of_the_disk_alone),
		world_test(there_is_a_commit_of_each_source_and_they_stay_the_same),
		world_test(a_source_that_cannot_be_read_is_answered_at_once),
		world_test(nothing_is_asked_while_all_threads_are_at_work),
		world_test(an_agent_that_ends_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
