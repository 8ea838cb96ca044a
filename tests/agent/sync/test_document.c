/*
 * An operation as status.operationState shows it (argocd.md 2.2).
 */
#include "tests/agent/sync/fixture.h"

static void hook_ran(struct world *world, const char *name, enum task_state state)
{
	const struct object *object =
		wants(world, key_of("batch", "Job", name), (struct object_options){.hooks = HOOK_PRE_SYNC});
	const struct task task = {
		.phase = PHASE_PRE_SYNC, .key = object->key, .object = object, .hook_type = HOOK_PRE_SYNC};
	result_set(&world->operation, result_of(&world->operation, &task), state, "Synced", "job/x created");
}

static void applied(struct world *world, const char *name, enum task_state state, const char *status)
{
	struct pass_step *step = applies(world, key_of("", "Secret", name), 0);
	const struct task task = {
		.phase = PHASE_SYNC, .key = step->plan->key, .object = step->plan->object, .step = step};
	result_set(&world->operation, result_of(&world->operation, &task), state, status, "");
}

static void rows_stand_in_the_order_of_execution(void **state)
{
	struct world *world = *state;
	hook_ran(world, "z", TASK_SUCCEEDED);
	applied(world, "b", TASK_RUNNING, "Synced");
	applied(world, "a", TASK_PENDING, "");
	CLEANUP(json_done) json_t *rows = operation_results(&world->operation);
	CLEANUP(memory_freep) char *text = json_canonical(rows);
	assert_string_equal(text,
		"[{\"group\":\"batch\",\"hookPhase\":\"Succeeded\",\"hookType\":\"PreSync\",\"kind\":\"Job\","
		"\"message\":\"job/x created\",\"name\":\"z\",\"namespace\":\"team\",\"status\":\"Synced\","
		"\"syncPhase\":\"PreSync\",\"version\":\"v1\"},"
		"{\"group\":\"\",\"hookPhase\":\"Running\",\"kind\":\"Secret\",\"name\":\"b\",\"namespace\":\"team\","
		"\"status\":\"Synced\",\"syncPhase\":\"Sync\",\"version\":\"v1\"},"
		"{\"group\":\"\",\"kind\":\"Secret\",\"name\":\"a\",\"namespace\":\"team\",\"syncPhase\":\"Sync\","
		"\"version\":\"v1\"}]");
}

static void one_that_runs_has_no_end_and_says_what_it_waits_for(void **state)
{
	struct world *world = *state;
	applied(world, "a", TASK_RUNNING, "Synced");
	operation_wait_for(&world->operation, "waiting for healthy state of %s", "Secret/a");
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	assert_string_equal(json_text_at(value, "phase", ""), "Running");
	assert_string_equal(json_text_at(value, "message", ""), "waiting for healthy state of Secret/a");
	assert_string_equal(json_text_at(value, "startedAt", ""), "2023-11-14T22:13:20Z");
	assert_null(json_object_get(value, "finishedAt"));
	assert_null(json_object_get(value, "retryCount"));
	assert_string_equal(json_text_at(value, "syncResult.revision", ""), world->content.commit);
	assert_string_equal(
		json_text_at(value, "syncResult.source.repoURL", ""), "https://git.example.org/shop");
	assert_int_equal(json_array_size(json_at(value, "syncResult.resources")), 1);
}

static void one_that_waits_for_its_next_attempt_runs_and_has_an_end(void **state)
{
	struct world *world = *state;
	world->operation.state = OPERATION_RETRYING;
	world->operation.attempt = 2;
	world->operation.finished = world->operation.started + 5000000;
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	assert_string_equal(json_text_at(value, "phase", ""), "Running");
	assert_string_equal(json_text_at(value, "finishedAt", ""), "2023-11-14T22:13:25Z");
	assert_int_equal(json_number_at(value, "retryCount", 0), 3);
}

static void one_that_was_terminated_is_terminating(void **state)
{
	struct world *world = *state;
	world->operation.terminated = true;
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	assert_string_equal(json_text_at(value, "phase", ""), "Terminating");
}

static void one_that_has_ended_has_its_outcome(void **state)
{
	struct world *world = *state;
	hook_ran(world, "z", TASK_FAILED);
	CLEANUP(json_done)
	json_t *value = operation_ended(&world->pass, &world->operation, "Failed", "1 failed");
	assert_string_equal(json_text_at(value, "phase", ""), "Failed");
	assert_string_equal(json_text_at(value, "message", ""), "1 failed");
	assert_non_null(json_object_get(value, "finishedAt"));
	const json_t *row = json_array_get(json_at(value, "syncResult.resources"), 0);
	assert_string_equal(json_text_at(row, "hookPhase", ""), "Failed");
}

/* Without it nobody knows that the Application is being synced at all. */
static void a_text_that_is_no_utf8_takes_nothing_away(void **state)
{
	struct world *world = *state;
	CLEANUP(json_done)
	json_t *value = operation_ended(&world->pass, &world->operation, "Failed", "hook: \xc3");
	assert_string_equal(json_text_at(value, "message", ""), "hook: \\xc3");
	assert_string_equal(json_text_at(value, "phase", ""), "Failed");
}

static void the_source_of_a_rollback_is_that_of_its_history_entry(void **state)
{
	struct world *world = *state;
	world->app.history = json_pack("[{s:i, s:{s:s}}]", "id", 3, "source", "path", "old");
	world->request.rollback_id = 3;
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	assert_string_equal(json_text_at(value, "syncResult.source.path", ""), "old");
}

/* A person reads in it what was asked for; where the store is lost, the operation goes on from it (journal.c). */
static void the_operation_is_all_that_was_asked_for(void **state)
{
	struct world *world = *state;
	char none[] = "", kind[] = "Secret", name[] = "a", option[] = "PruneLast=true";
	char *options[] = {option};
	struct sync_resource resource = {none, kind, none, name};
	world->request.prune = true;
	world->request.resources = &resource;
	world->request.resource_count = 1;
	world->request.options = options;
	world->request.option_count = 1;
	world->request.retry = (struct sync_retry){
		.given = true, .limit = 2, .refresh = true, .duration = 1500, .max = 60000, .factor = 3};
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	CLEANUP(memory_freep) char *text = json_canonical(json_object_get(value, "operation"));
	assert_string_equal(text,
		"{\"initiatedBy\":{\"username\":\"cli\"},"
		"\"retry\":{\"backoff\":{\"duration\":\"1500ms\",\"factor\":3,\"maxDuration\":\"60000ms\"},"
		"\"limit\":2,\"refresh\":true},"
		"\"sync\":{\"prune\":true,\"resources\":[{\"kind\":\"Secret\",\"name\":\"a\"}],"
		"\"revision\":\"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d\",\"syncOptions\":[\"PruneLast=true\"]}}");
}

static void an_operation_that_was_patched_in_is_shown_as_it_was(void **state)
{
	struct world *world = *state;
	CLEANUP(json_done) json_t *patched = json_pack("{s:{s:b}}", "sync", "prune", 1);
	world->request.document = patched;
	CLEANUP(json_done) json_t *value = operation_document(&world->pass, &world->operation);
	assert_true(json_equal(json_object_get(value, "operation"), patched));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(rows_stand_in_the_order_of_execution),
		world_test(one_that_runs_has_no_end_and_says_what_it_waits_for),
		world_test(one_that_waits_for_its_next_attempt_runs_and_has_an_end),
		world_test(one_that_was_terminated_is_terminating),
		world_test(one_that_has_ended_has_its_outcome),
		world_test(a_text_that_is_no_utf8_takes_nothing_away),
		world_test(the_source_of_a_rollback_is_that_of_its_history_entry),
		world_test(the_operation_is_all_that_was_asked_for),
		world_test(an_operation_that_was_patched_in_is_shown_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
