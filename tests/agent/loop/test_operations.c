#include "agent/loop/operations.h"

#include "agent/loop/manifests.h"
#include "agent/sync/finish.h"
#include "agent/sync/operation.h"
#include "agent/queue.h"
#include "base/limits.h"
#include "reconcile/desired.h"
#include "tests/store/fixture.h"

/* An agent without threads: what the HTTP thread would ask is asked, and what the reconciler would take is taken. */
struct played {
	struct fixture *f;
	struct agent agent;
	struct config config;
	struct app app, *apps[1];
	struct content content;
	struct desired desired;
	struct object objects[2];
};

static int make(void **state)
{
	struct played *played = calloc(1, sizeof(*played));
	void *fixture = NULL;
	if (!played || fixture_open(&fixture) != 0)
		return -1;
	played->f = fixture;
	played->apps[0] = &played->app;
	played->app.spec.name = "a";
	played->app.recalled = true;
	played->app.spec.document = json_pack("{s:{s:{s:s, s:s, s:s}}}", "spec", "source", "repoURL",
		"https://h/x", "path", "a", "targetRevision", "main");
	strcpy(played->app.commit, "0123456789abcdef0123456789abcdef01234567");
	played->agent = (struct agent){.config = &played->config,
		.store = played->f->store,
		.queue = queue_new(),
		.apps = played->apps,
		.app_count = 1};
	const struct store_application row = {.name = "a", .document = "{}", .differences = "[]"};
	played->content.desired = &played->desired;
	*state = played;
	return store_application_set(played->f->store, &row, &played->f->err) ? 0 : -1;
}

static int done(void **state)
{
	struct played *played = *state;
	void *fixture = played->f;
	sync_request_free(played->app.asked);
	json_decref(played->app.spec.document);
	json_decref(played->app.history);
	status_free(&played->app);
	queue_free(played->agent.queue);
	free(played);
	return fixture_done(&fixture);
}

static struct agent_request request_of(const char *kind, const json_t *body)
{
	return (struct agent_request){.kind = kind, .target = "a", .by = "cli", .body = body};
}

/* Asks and lets the reconciler take it; the operation's id. */
static int64_t ask(struct played *played, const char *kind, const char *body_text)
{
	CLEANUP(json_done) json_t *body = NULL;
	struct error *err = &played->f->err;
	struct http_agent http = operations_http(&played->agent);
	int64_t id = 0;
	check_ok(json_read(body_text, strlen(body_text), &body, err), err);
	const struct agent_request request = request_of(kind, body);
	check_ok(http.request(http.context, &request, &id, err), err);
	struct event event = queue_take(played->agent.queue, 0);
	assert_int_equal(event.kind, EVENT_OPERATION);
	free(event.key);
	operations_take(&played->agent);
	return id;
}

static struct store_operation row_of(struct played *played, int64_t id)
{
	struct store_operation row = {0};
	check_ok(store_operation_get(played->f->store, id, played->f->mem, &row, &played->f->err),
		&played->f->err);
	return row;
}

static void assert_answer(struct played *played, int64_t id, const char *phase, const char *message)
{
	const struct store_operation row = row_of(played, id);
	assert_string_equal(row.phase, phase);
	assert_string_equal(row.message, message);
}

static void a_sync_asks_for_all_that_its_body_says(void **state)
{
	struct played *played = *state;
	int64_t id = ask(played, "sync",
		"{\"revision\":\"v1\",\"prune\":true,\"force\":true,\"confirm\":\"f0\",\"syncOptions\":[\"PruneLast=true\"],"
		"\"resources\":[{\"kind\":\"ConfigMap\",\"name\":\"b\"}],\"retry\":{\"limit\":2}}");
	const struct sync_request *asked = played->app.asked;
	assert_non_null(asked);
	assert_int_equal(asked->operation, id);
	assert_string_equal(asked->revision, "v1");
	assert_string_equal(asked->confirm, "f0");
	assert_string_equal(asked->by, "cli");
	assert_true(asked->prune && asked->force && !asked->apply_only && !asked->dry_run);
	assert_int_equal(asked->option_count, 1);
	assert_int_equal(asked->resource_count, 1);
	assert_int_equal(asked->retry.limit, 2);
	assert_int_equal(asked->rollback_id, -1);
	assert_null(asked->document);
	assert_answer(played, id, "Running", "");
	assert_answer(played, ask(played, "sync", "{}"), "Failed",
		"another sync of this application is waiting already");
}

static void what_cannot_be_obeyed_is_refused_before_anything_is_recorded(void **state)
{
	struct played *played = *state;
	struct http_agent http = operations_http(&played->agent);
	struct error err;
	int64_t id = 0;
	size_t count;
	struct store_operation *rows;
	CLEANUP(json_done) json_t *body = json_pack("{s:[s]}", "syncOptions", "Sing=true");
	const struct agent_request request = request_of("sync", body);
	assert_false(http.request(http.context, &request, &id, &err));
	assert_int_equal(err.kind, ERROR_INVALID);
	assert_int_equal(strncmp(err.text, "syncOptions: \"Sing=true\" is not supported", 41), 0);
	check_ok(store_operation_list(played->f->store, 0, played->f->mem, &rows, &count, &err), &err);
	assert_int_equal(count, 0);
}

static void a_rollback_names_a_deployment_of_an_application_that_is_synced_by_hand(void **state)
{
	struct played *played = *state;
	played->app.history =
		json_pack("[{s:i, s:s}, {s:i, s:s}]", "id", 0, "revision", "c0", "id", 1, "revision", "c1");
	assert_answer(played, ask(played, "rollback", "{\"id\":7}"), "Failed",
		"a has no deployment with the id 7: `pgitops app history a` names those there are");
	played->app.spec.automated = true;
	int64_t refused = ask(played, "rollback", "{\"id\":0}");
	assert_string_equal(row_of(played, refused).phase, "Failed");
	assert_non_null(strstr(row_of(played, refused).message, "spec.syncPolicy.automated.enabled"));
	assert_null(played->app.asked);
	played->app.spec.automated = false;
	ask(played, "rollback", "{\"id\":0,\"prune\":true}");
	assert_non_null(played->app.asked);
	assert_int_equal(played->app.asked->rollback_id, 0);
	assert_true(played->app.asked->prune);
}

static void only_a_running_sync_can_be_terminated(void **state)
{
	struct played *played = *state;
	struct sync_operation running = {.failed = false};
	assert_answer(played, ask(played, "terminate", "{}"), "Failed",
		"no operation of this application is in progress");
	assert_int_equal(played->app.terminate, 0);
	played->app.operation = &running;
	int64_t id = ask(played, "terminate", "{}");
	assert_int_equal(played->app.terminate, id);
	assert_true(played->app.dirty);
	assert_answer(played, id, "Running", "");
	assert_answer(
		played, ask(played, "terminate", "{}"), "Failed", "this sync is being terminated already");
}

static void a_held_application_may_be_looked_at_and_ended_but_not_synced(void **state)
{
	struct played *played = *state;
	played->app.spec.skip_reconcile = true;
	played->app.content = &played->content;
	assert_string_equal(row_of(played, ask(played, "sync", "{}")).phase, "Error");
	assert_string_equal(row_of(played, ask(played, "refresh", "{}")).phase, "Error");
	assert_string_equal(row_of(played, ask(played, "manifests", "{}")).phase, "Succeeded");
	assert_string_equal(row_of(played, ask(played, "terminate", "{}")).phase, "Failed");
}

/* ---- manifests ---- */

static void want(struct played *played, size_t i, struct object_key key, const char *json)
{
	played->objects[i] =
		(struct object){.key = key, .version = "v1", .json = json, .json_length = strlen(json)};
	played->desired.objects = (struct objects){played->objects, i + 1};
	played->app.content = &played->content;
}

static void manifests_hide_the_values_of_secrets(void **state)
{
	struct played *played = *state;
	want(played, 0, (struct object_key){"", "ConfigMap", "n", "a"},
		"{\"data\":{\"user\":\"eve\"},\"kind\":\"ConfigMap\"}");
	want(played, 1, (struct object_key){"", "Secret", "n", "b"},
		"{\"data\":{\"p\":\"Y2FuYXJ5\"},\"kind\":\"Secret\",\"stringData\":{\"q\":\"canary\"}}");
	const struct store_operation row = row_of(played, ask(played, "manifests", "{}"));
	assert_string_equal(row.phase, "Succeeded");
	assert_string_equal(row.message, "2 objects at 0123456789ab");
	assert_string_equal(row.result,
		"{\"items\":[{\"data\":{\"user\":\"eve\"},\"kind\":\"ConfigMap\"},"
		"{\"data\":{\"p\":\"<hidden>\"},\"kind\":\"Secret\",\"stringData\":{\"q\":\"<hidden>\"}}],"
		"\"revision\":\"0123456789abcdef0123456789abcdef01234567\"}");
}

static void manifests_that_are_not_known_or_too_large_are_an_error_that_says_so(void **state)
{
	struct played *played = *state;
	assert_answer(played, ask(played, "manifests", "{}"), "Error", "nothing was read from Git yet");
	played->app.broken = (char[]){"a.yaml:1: wrong"};
	assert_answer(played, ask(played, "manifests", "{}"), "Error",
		"nothing was read from Git yet: a.yaml:1: wrong");
	want(played, 0, (struct object_key){"", "ConfigMap", "n", "a"}, "{}");
	played->objects[0].json_length = LIMIT_MANIFESTS_BYTES + 1;
	assert_answer(played, ask(played, "manifests", "{}"), "Error",
		"the 1 objects are 8388609 bytes, more than 8388608: read them in Git, at commit 0123456789ab");
}

static void only_a_few_answers_with_manifests_are_kept(void **state)
{
	struct played *played = *state;
	int64_t ids[18];
	want(played, 0, (struct object_key){"", "ConfigMap", "n", "a"}, "{}");
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = ask(played, "manifests", "{}");
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		assert_true((*row_of(played, ids[i]).result != '\0') == (i >= 2));
}

/* The next agent knows none of them, and so could not end their keeping. */
static void large_answers_go_with_their_agent(void **state)
{
	struct played *played = *state;
	char *text = (char *)arena_alloc(played->f->mem, LIMIT_ANSWER_KEPT + 1);
	memset(text, 'x', LIMIT_ANSWER_KEPT);
	want(played, 0, (struct object_key){"", "ConfigMap", "n", "a"}, "{}");
	int64_t small = ask(played, "manifests", "{}");
	want(played, 0, (struct object_key){"", "ConfigMap", "n", "a"},
		arena_printf(played->f->mem, "{\"data\":\"%s\"}", text));
	int64_t large = ask(played, "manifests", "{}");
	assert_true(strlen(row_of(played, large).result) > LIMIT_ANSWER_KEPT);
	operations_sweep(&played->agent);
	assert_true(*row_of(played, small).result);
	assert_string_equal(row_of(played, large).result, "");
	assert_string_equal(row_of(played, large).message, LARGE_ANSWER_GONE);
}

#define A_PLAYED_TEST(function) cmocka_unit_test_setup_teardown(function, make, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_PLAYED_TEST(a_sync_asks_for_all_that_its_body_says),
		A_PLAYED_TEST(what_cannot_be_obeyed_is_refused_before_anything_is_recorded),
		A_PLAYED_TEST(a_rollback_names_a_deployment_of_an_application_that_is_synced_by_hand),
		A_PLAYED_TEST(only_a_running_sync_can_be_terminated),
		A_PLAYED_TEST(a_held_application_may_be_looked_at_and_ended_but_not_synced),
		A_PLAYED_TEST(manifests_hide_the_values_of_secrets),
		A_PLAYED_TEST(manifests_that_are_not_known_or_too_large_are_an_error_that_says_so),
		A_PLAYED_TEST(only_a_few_answers_with_manifests_are_kept),
		A_PLAYED_TEST(large_answers_go_with_their_agent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
