/*
 * What an operation must know to go on after its process was killed: written to the store and read again, whatever stands there.
 */
#include "base/log.h"
#include "tests/agent/sync/stored.h"

static struct sync_operation *load(struct world *world)
{
	struct sync_operation *read = NULL;
	struct error err = {0};
	assert_true(journal_load(&world->agent, &world->app, &read, &err));
	return read;
}

static struct sync_operation *save_and_load(struct world *world)
{
	assert_true(journal_save(&world->pass, &world->operation));
	struct sync_operation *read = load(world);
	assert_non_null(read);
	return read;
}

static void put(struct world *world, const char *document)
{
	const struct store_running running = {.application = "shop", .document = document, .updated = 1};
	struct error err;
	assert_true(store_running_set(world->agent.store, &running, &err));
}

/* The saved document as a tree. */
static json_t *saved(struct world *world)
{
	json_t *value;
	struct error err;
	assert_true(journal_save(&world->pass, &world->operation));
	assert_true(json_read(world->operation.saved, strlen(world->operation.saved), &value, &err));
	return value;
}

static const struct object hook_object = {.key = {"batch", "Job", "team", "migrate-"},
	.version = "v1",
	.generated = true,
	.options = {.hooks = HOOK_POST_SYNC, .hook_delete = HOOK_DELETE_SUCCEEDED | HOOK_DELETE_BEFORE}};
static const struct task hook_task = {.phase = PHASE_POST_SYNC,
	.key = {"batch", "Job", "team", "migrate-"},
	.object = &hook_object,
	.hook_type = HOOK_POST_SYNC,
	.name = "migrate-1a2b3c4-postsync-1700000000"};

static void hook_runs(struct sync_operation *operation)
{
	struct task_result *result = result_of(operation, &hook_task);
	result->uid = "u-1";
	result_set(operation, result, TASK_RUNNING, "Synced", "job.batch/migrate created");
}

static void an_operation_goes_on_where_it_was(void **state)
{
	struct world *world = *state;
	struct sync_operation *operation = &world->operation;
	operation->state = OPERATION_STEPPING;
	operation->revision = 7;
	operation->attempt = 2;
	operation->prepared = operation->namespace_made = true;
	operation->phase = PHASE_POST_SYNC;
	operation->wave = INT32_MIN;
	operation_flaw(operation, "first \xc3\xa4");
	operation_flaw(operation, "second");
	struct sync_operation *read = save_and_load(world);
	assert_int_equal(read->state, OPERATION_STEPPING);
	assert_string_equal(read->commit, world->content.commit);
	assert_int_equal(read->started, operation->started);
	assert_int_equal(read->revision, 7);
	assert_int_equal(read->attempt, 2);
	assert_true(read->prepared && read->namespace_made);
	assert_false(read->failed);
	assert_int_equal(read->phase, PHASE_POST_SYNC);
	assert_int_equal(read->wave, INT32_MIN);
	assert_string_equal(read->failures, "first \xc3\xa4; second");
	assert_int_equal(read->failure_count, 2);
	operation_free(read);
}

static void a_retry_still_waits_and_has_its_end(void **state)
{
	struct world *world = *state;
	struct sync_operation *operation = &world->operation;
	operation->state = OPERATION_RETRYING;
	operation->failed = true;
	operation->next_attempt = operation->started + 60000000;
	operation->finished = operation->started + 1000000;
	struct sync_operation *read = save_and_load(world);
	assert_int_equal(read->state, OPERATION_RETRYING);
	assert_true(read->failed);
	assert_int_equal(read->next_attempt, operation->next_attempt);
	assert_int_equal(read->finished, operation->finished);
	operation_free(read);
}

static void a_hook_is_known_by_name_uid_and_policy(void **state)
{
	struct world *world = *state;
	hook_runs(&world->operation);
	struct sync_operation *read = save_and_load(world);
	const struct task_result *result = result_find(read, &hook_task);
	assert_non_null(result);
	assert_int_equal(read->result_count, 1);
	assert_string_equal(result->uid, "u-1");
	assert_string_equal(result->version, "v1");
	assert_int_equal(result->state, TASK_RUNNING);
	assert_true(result->hook);
	assert_int_equal(result->hook_type, HOOK_POST_SYNC);
	assert_int_equal(result->hook_delete, HOOK_DELETE_SUCCEEDED | HOOK_DELETE_BEFORE);
	assert_string_equal(result->message, "job.batch/migrate created");
	operation_free(read);
}

static void an_apply_is_done_again(void **state)
{
	struct world *world = *state;
	struct pass_step *step = applies(world, key_of("", "Secret", "a"), 0);
	const struct task task = {
		.phase = PHASE_SYNC, .key = step->plan->key, .object = step->plan->object, .step = step};
	result_set(&world->operation, result_of(&world->operation, &task), TASK_RUNNING, "Synced", "");
	struct sync_operation *read = save_and_load(world);
	assert_int_equal(read->result_count, 0);
	operation_free(read);
}

static void the_request_is_the_same_whoever_asked(void **state)
{
	struct world *world = *state;
	char none[] = "", kind[] = "Secret", name[] = "a", option[] = "Replace=true",
	     confirm[] = "0123456789abcdef";
	char *options[] = {option};
	struct sync_resource resource = {none, kind, none, name};
	world->request = (struct sync_request){.prune = true,
		.force = true,
		.apply_only = true,
		.revision = "v1.2",
		.resources = &resource,
		.resource_count = 1,
		.options = options,
		.option_count = 1,
		.retry = {.given = true, .limit = -1, .refresh = true, .duration = 2500, .max = 60000, .factor = 1.5},
		.confirm = confirm,
		.by = "ann",
		.operation = 12,
		.rollback_id = 4};
	struct sync_operation *read = save_and_load(world);
	const struct sync_request *request = read->request;
	assert_true(request->prune && request->force && request->apply_only);
	assert_false(request->automated || request->heal || request->dry_run);
	assert_string_equal(request->revision, "v1.2");
	assert_int_equal(request->resource_count, 1);
	assert_string_equal(request->resources[0].name, "a");
	assert_int_equal(request->option_count, 1);
	assert_string_equal(request->options[0], "Replace=true");
	assert_true(request->retry.given && request->retry.refresh);
	assert_int_equal(request->retry.limit, -1);
	assert_int_equal(request->retry.duration, 2500);
	assert_int_equal(request->retry.max, 60000);
	assert_true(request->retry.factor == 1.5);
	assert_string_equal(request->confirm, confirm);
	assert_string_equal(request->by, "ann");
	assert_int_equal(request->operation, 12);
	assert_int_equal(request->rollback_id, 4);
	operation_free(read);
}

static void what_was_confirmed_stays_confirmed_for_its_commit(void **state)
{
	struct world *world = *state;
	char confirm[] = "0123456789abcdef";
	world->request.confirm = confirm;
	(void)prunes(world, key_of("", "Secret", "b"), 0, false);
	(void)prunes(world, key_of("", "ConfigMap", "a"), 0, false);
	world->pass.plan.prunes = 2;
	memcpy(world->pass.plan.confirm, confirm, sizeof(confirm));
	operation_confirm(&world->operation, &world->pass.plan);
	struct sync_operation *read = save_and_load(world);
	assert_int_equal(read->confirmed_count, 2);
	assert_string_equal(read->confirmed[0].kind, "ConfigMap");
	assert_string_equal(read->confirmed[1].name, "b");
	operation_set_content(read, &world->content);
	assert_int_equal(read->confirmed_count, 2);
	struct content newer = world->content;
	newer.references = 1;
	newer.commit[0] = '9';
	operation_set_content(read, &newer);
	assert_int_equal(read->confirmed_count, 0);
	read->content = NULL;
	operation_free(read);
}

static void a_policy_stays_a_policy(void **state)
{
	struct world *world = *state;
	world->request =
		(struct sync_request){.automated = true, .heal = true, .by = "automated", .rollback_id = -1};
	struct sync_operation *read = save_and_load(world);
	assert_true(read->request->automated && read->request->heal);
	assert_string_equal(read->request->by, "automated");
	assert_null(read->request->revision);
	assert_null(read->request->confirm);
	assert_int_equal(read->request->rollback_id, -1);
	operation_free(read);
}

static void what_did_not_change_is_not_written_again(void **state)
{
	struct world *world = *state;
	assert_true(journal_save(&world->pass, &world->operation));
	const char *first = world->operation.saved;
	assert_true(journal_save(&world->pass, &world->operation));
	assert_ptr_equal(world->operation.saved, first);
	world->operation.wave = 3;
	assert_true(journal_save(&world->pass, &world->operation));
	assert_non_null(strstr(world->operation.saved, "\"wave\":3"));
}

static void what_has_ended_is_forgotten(void **state)
{
	struct world *world = *state;
	assert_true(journal_save(&world->pass, &world->operation));
	journal_remove(&world->agent, "shop");
	assert_null(load(world));
	journal_remove(&world->agent, "shop");
}

static void nothing_is_done_where_it_cannot_be_recorded(void **state)
{
	struct world *world = *state;
	struct error err;
	store_close(world->agent.store);
	assert_true(store_open_reader(stored_folder, &world->agent.store, &err));
	assert_false(journal_save(&world->pass, &world->operation));
	assert_int_equal(world->pass.condition_count, 1);
	assert_null(world->operation.saved);
}

/* ---- documents that are damaged, or of another version ---- */

static void assert_unreadable(struct world *world, const char *document)
{
	struct store_running ignored;
	struct error err;
	put(world, document);
	struct sync_operation *read = load(world);
	if (read)
		fail_msg("was read: %s", document);
	assert_false(store_running_get(world->agent.store, "shop", world->mem, &ignored, &err));
}

static void what_cannot_be_read_is_forgotten(void **state)
{
	static const char *const documents[] = {"", "{", "null", "[]", "{}", "{\"request\":{}}",
		"{\"request\":{\"operation\":{}}}", "{\"request\":{\"operation\":{\"sync\":{\"new\":1}}}}"};
	struct world *world = *state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++)
		assert_unreadable(world, documents[i]);
}

static void a_number_beyond_what_it_means_is_no_operation(void **state)
{
	static const struct {
		const char *key;
		json_int_t value;
	} damages[] = {{"state", OPERATION_ENDED}, {"state", -1}, {"state", 1LL << 32}, {"phase", -1},
		{"phase", PHASE_POST_DELETE + 1}, {"wave", 1LL << 31}, {"attempt", -1}, {"failures", -1},
		{"started", -1}, {"started", INT64_MAX}, {"nextAttempt", INT64_MIN}, {"finished", INT64_MAX}},
	  of_results[] = {{"phase", -1}, {"phase", PHASE_POST_DELETE + 1}, {"state", -1},
		  {"state", TASK_FAILED + 1}, {"hookType", -1}, {"hookDelete", 1LL << 40}};
	struct world *world = *state;
	hook_runs(&world->operation);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		CLEANUP(json_done) json_t *value = saved(world);
		json_object_set_new(value, damages[i].key, json_integer(damages[i].value));
		CLEANUP(memory_freep) char *text = json_canonical(value);
		assert_unreadable(world, text);
	}
	for (size_t i = 0; i < sizeof(of_results) / sizeof(*of_results); i++) {
		CLEANUP(json_done) json_t *value = saved(world);
		json_object_set_new(json_array_get(json_object_get(value, "results"), 0), of_results[i].key,
			json_integer(of_results[i].value));
		CLEANUP(memory_freep) char *text = json_canonical(value);
		assert_unreadable(world, text);
	}
}

static void a_commit_that_is_none_is_no_operation(void **state)
{
	struct world *world = *state;
	CLEANUP(json_done) json_t *value = saved(world);
	json_object_set_new(value, "commit", json_string("\xc3\xa4\xc3\xa4"));
	CLEANUP(memory_freep) char *text = json_canonical(value);
	assert_unreadable(world, text);
}

/* Whatever is read can be shown and freed. */
static void show(struct world *world, struct sync_operation *read)
{
	if (!read)
		return;
	struct app app = world->app;
	app.operation = read;
	struct pass pass = {.agent = &world->agent, .app = &app, .mem = world->mem};
	CLEANUP(json_done) json_t *value = operation_document(&pass, read);
	assert_non_null(value);
	operation_free(read);
}

static void a_document_cut_anywhere_is_survived(void **state)
{
	struct world *world = *state;
	hook_runs(&world->operation);
	assert_true(journal_save(&world->pass, &world->operation));
	const char *whole = arena_copy(world->mem, world->operation.saved);
	for (size_t length = 0; length < strlen(whole); length++)
		assert_unreadable(world, arena_copy_n(world->mem, whole, length));
}

/* Each value in turn is something else. */
static void a_document_of_other_types_is_survived(void **state)
{
	static const char *const others[] = {
		"null", "[]", "{}", "\"x\"", "-7", "true", "99999999999", "[[1],{}]"};
	struct world *world = *state;
	hook_runs(&world->operation);
	CLEANUP(json_done) json_t *whole = saved(world);
	const char *key;
	json_t *ignored;
	json_object_foreach (whole, key, ignored)
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			CLEANUP(json_done) json_t *value = json_copy(whole);
			json_object_set_new(value, key, json_loads(others[i], JSON_DECODE_ANY, NULL));
			CLEANUP(memory_freep) char *text = json_canonical(value);
			put(world, text);
			show(world, load(world));
		}
	json_t *result = json_array_get(json_object_get(whole, "results"), 0);
	json_object_foreach (result, key, ignored)
		for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
			CLEANUP(json_done) json_t *value = json_deep_copy(whole);
			json_object_set_new(json_array_get(json_object_get(value, "results"), 0), key,
				json_loads(others[i], JSON_DECODE_ANY, NULL));
			CLEANUP(memory_freep) char *text = json_canonical(value);
			put(world, text);
			show(world, load(world));
		}
}

/* ---- without the store ---- */

static json_t *running_state(void)
{
	return json_pack("{s:s, s:s, s:{s:{s:b}, s:{s:s}}, s:{s:s, s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s},"
			 "{s:s, s:s, s:s}]}}",
		"phase", "Running", "startedAt", "2026-01-02T03:04:05Z", "operation", "sync", "prune", 1,
		"initiatedBy", "username", "ann", "syncResult", "revision",
		"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d", "resources", "group", "batch", "version", "v1",
		"kind", "Job", "namespace", "team", "name", "migrate-1a2b3c4-postsync-1700000000", "hookType",
		"PostSync", "hookPhase", "Running", "syncPhase", "PostSync", "kind", "Secret", "name", "a",
		"status", "Synced");
}

static void the_status_is_enough_where_the_store_was_lost(void **state)
{
	struct world *world = *state;
	world->app.operation_state = running_state();
	struct sync_operation *read = journal_from_status(&world->app);
	assert_non_null(read);
	assert_int_equal(read->state, OPERATION_STEPPING);
	assert_true(read->prepared && read->request->prune);
	assert_string_equal(read->request->by, "ann");
	assert_string_equal(read->commit, "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d");
	assert_int_equal(read->result_count, 1); /* the hook alone */
	assert_int_equal(result_find(read, &hook_task)->state, TASK_RUNNING);
	assert_int_equal(read->started, 1767323045000000);
	operation_free(read);
}

/* A part stays a part: otherwise a kill and a lost store would make a whole sync of it. */
static void what_the_status_shows_of_a_partial_sync_is_read_again(void **state)
{
	struct world *world = *state;
	char none[] = "", kind[] = "Secret", name[] = "a";
	struct sync_resource resource = {none, kind, none, name};
	world->request.resources = &resource;
	world->request.resource_count = 1;
	hook_runs(&world->operation);
	world->app.operation_state = operation_document(&world->pass, &world->operation);
	struct sync_operation *read = journal_from_status(&world->app);
	assert_non_null(read);
	assert_int_equal(read->request->resource_count, 1);
	assert_string_equal(read->request->resources[0].name, "a");
	assert_string_equal(result_find(read, &hook_task)->message, "job.batch/migrate created");
	operation_free(read);
}

static void the_commits_of_several_sources_are_read_again(void **state)
{
	struct world *world = *state;
	json_t *state_of = running_state(), *result = json_object_get(state_of, "syncResult");
	json_object_set_new(result, "revision", json_string(""));
	json_object_set_new(result, "revisions",
		json_pack("[s, s]", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
			"2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"));
	world->app.operation_state = state_of;
	struct sync_operation *read = journal_from_status(&world->app);
	assert_non_null(read);
	assert_string_equal(read->commit,
		"1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d,2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a");
	operation_free(read);
}

static void a_status_that_shows_no_running_operation_is_none(void **state)
{
	static const struct {
		const char *key, *value;
	} others[] = {{"phase", "Succeeded"}, {"phase", ""}, {"startedAt", "yesterday"},
		{"finishedAt", "2026-01-02T03:04:06Z"}, {"operation", "x"}, {"syncResult", "x"}};
	struct world *world = *state;
	assert_null(journal_from_status(&world->app));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		json_decref(world->app.operation_state);
		world->app.operation_state = running_state();
		json_object_set_new(world->app.operation_state, others[i].key, json_string(others[i].value));
		assert_null(journal_from_status(&world->app));
	}
	json_decref(world->app.operation_state);
	world->app.operation_state = running_state();
	json_object_set_new(json_object_get(world->app.operation_state, "syncResult"), "revision",
		json_string("\xc3\xa4 is no commit, though it has forty bytes"));
	assert_null(journal_from_status(&world->app));
}

int main(void)
{
	log_setup(LOG_ERROR, LOG_LOGFMT);
	const struct CMUnitTest tests[] = {
		stored_test(an_operation_goes_on_where_it_was),
		stored_test(a_retry_still_waits_and_has_its_end),
		stored_test(the_commits_of_several_sources_are_read_again),
		stored_test(a_hook_is_known_by_name_uid_and_policy),
		stored_test(an_apply_is_done_again),
		stored_test(the_request_is_the_same_whoever_asked),
		stored_test(what_was_confirmed_stays_confirmed_for_its_commit),
		stored_test(a_policy_stays_a_policy),
		stored_test(what_did_not_change_is_not_written_again),
		stored_test(what_has_ended_is_forgotten),
		stored_test(nothing_is_done_where_it_cannot_be_recorded),
		stored_test(what_cannot_be_read_is_forgotten),
		stored_test(a_number_beyond_what_it_means_is_no_operation),
		stored_test(a_commit_that_is_none_is_no_operation),
		stored_test(a_document_cut_anywhere_is_survived),
		stored_test(a_document_of_other_types_is_survived),
		stored_test(the_status_is_enough_where_the_store_was_lost),
		stored_test(what_the_status_shows_of_a_partial_sync_is_read_again),
		stored_test(a_status_that_shows_no_running_operation_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
