/*
 * A question for content at another revision: who gets the answer, and what is asked again.
 */
#include "agent/loop/lookups.h"
#include "agent/loop/repositories.h"

#include "tests/agent/loop/fixture.h"

/* The answer of a thread to this question. */
static struct fetch *answered(struct world *world, uint64_t lookup, const char *text)
{
	struct fetch *fetch = fetch_new();
	struct source_path *path = arena_alloc(fetch->mem, sizeof(*path));
	struct source_content *content = arena_alloc(fetch->mem, sizeof(*content));
	*path = (struct source_path){"shop", world->app.spec.directory};
	fetch->lookup = lookup;
	fetch->request = (struct source_request){.paths = path, .path_count = 1};
	fetch->ok = text != NULL;
	if (text)
		fetch->result = answer_of(COMMIT, text, fetch->mem, content);
	else
		(void)error_set(&fetch->error, ERROR_RETRY, "the server is away");
	return fetch;
}

static void content_goes_to_the_one_who_asked(void **state)
{
	struct world *world = *state;
	struct lookup *first = lookup_start(&world->app, COMMIT, NULL);
	struct lookup *second = lookup_start(&world->app, "main", NULL);
	first->reading = second->reading = true;
	lookups_answer(&world->agent, answered(world, first->id, config_map(world, "a")));
	assert_true(first->answered && first->content);
	assert_false(first->reading || second->answered);
	assert_true(second->reading);
	assert_false(world->app.dirty); /* no operation waits for it: whoever asked looks for himself */
}

static void a_commit_that_is_not_on_the_disk_is_asked_of_the_server(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_start(&world->app, COMMIT, NULL);
	lookup->reading = lookup->tried_disk = true;
	struct fetch *fetch = answered(world, lookup->id, NULL);
	fetch->request.offline = true;
	lookups_answer(&world->agent, fetch);
	assert_false(lookup->answered || lookup->reading); /* to be asked again */
	lookups_answer(&world->agent, answered(world, lookup->id, NULL));
	assert_true(lookup->answered);
	assert_null(lookup->content);
	assert_string_equal(lookup->error, "the server is away");
}

static void an_answer_that_nobody_waits_for_is_dropped(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_start(&world->app, COMMIT, NULL);
	lookups_answer(&world->agent, answered(world, lookup->id + 1, config_map(world, "a")));
	assert_false(lookup->answered || world->app.dirty);
	struct fetch *fetch = answered(world, lookup->id, config_map(world, "a"));
	world->app.spec.name = "another"; /* the Application is gone */
	lookups_answer(&world->agent, fetch);
	assert_false(lookup->answered);
}

static void a_source_that_cannot_be_read_is_answered_at_once(void **state)
{
	struct world *world = *state;
	CLEANUP(json_done)
	json_t *source = json_pack("{s:s, s:s, s:{s:s}}", "repoURL", "https://git.example.org/shop", "path",
		"p", "plugin", "name", "x");
	world->app.spec.document = json_pack("{s:s, s:s, s:{s:s}, s:{s:{s:s, s:s}, s:{s:s, s:s}}}",
		"apiVersion", "argoproj.io/v1alpha1", "kind", "Application", "metadata", "name", "shop",
		"spec", "source", "repoURL", "https://git.example.org/shop", "path", "p", "destination",
		"server", "https://kubernetes.default.svc", "namespace", "team");
	struct lookup *lookup = lookup_start(&world->app, COMMIT, source);
	lookups_ask(&world->agent, NULL);
	assert_true(lookup->answered);
	assert_false(lookup->reading);
	assert_non_null(strstr(lookup->error, "plugin"));
	assert_int_equal(world->agent.fetching, 0);
}

static void nothing_is_asked_while_all_threads_are_at_work(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_start(&world->app, COMMIT, NULL);
	world->agent.fetching = REPOSITORIES_AT_ONCE;
	lookups_ask(&world->agent, NULL);
	assert_false(lookup->answered || lookup->reading || lookup->tried_disk);
}

static void an_agent_that_ends_is_no_answer(void **state)
{
	struct world *world = *state;
	struct lookup *lookup = lookup_start(&world->app, COMMIT, NULL);
	struct fetch *fetch = answered(world, lookup->id, NULL);
	lookup->reading = lookup->tried_disk = true;
	(void)error_set(&fetch->error, ERROR_STOPPED, "the agent is ending");
	world->agent.queue = queue_new();
	world->agent.fetches[0] = fetch;
	world->agent.fetching = 1;
	queue_done(world->agent.queue, EVENT_FETCHED, &fetch->done);
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
		world_test(a_source_that_cannot_be_read_is_answered_at_once),
		world_test(nothing_is_asked_while_all_threads_are_at_work),
		world_test(an_agent_that_ends_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
