#include "tests/store/fixture.h"

#include "base/limits.h"

static int64_t begin_revision(struct fixture *f, const char *application, const char *commit)
{
	struct store_revision revision = {
		.application = application,
		.commit = commit,
		.author = "Ada <ada@example.org>",
		.message = "Add eve",
		.started = 100,
		.phase = "Running",
		.trigger = "automated",
	};
	int64_t id;
	check_ok(store_revision_begin(f->store, &revision, &id, &f->err), &f->err);
	return id;
}

static void history_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct store_operation operation = {.kind = "sync", .target = "users", .phase = "Succeeded"},
			       *operations;
	struct store_revision *revisions;
	struct store_user_change change = {.database = "main", .user = "eve"}, *changes;
	struct store_drift drift = {
		.application = "users", .database = "main", .user = "eve", .field = "roles"};
	size_t count;
	int64_t last = 0;
	char text[32];

	check_ok(store_begin(f->store, &f->err), &f->err);
	begin_revision(f, "quiet", "old");
	for (int i = 0; i < LIMIT_HISTORY_ROWS + 5; i++) {
		begin_revision(f, "users", "c");
		check_ok(store_operation_add(f->store, &operation, &last, &f->err), &f->err);
	}
	for (int i = 0; i < LIMIT_USER_CHANGES + 5; i++)
		check_ok(store_user_change_begin(f->store, &change, NULL, &f->err), &f->err);
	for (int i = 0; i < LIMIT_DRIFT_ROWS + 5; i++) {
		snprintf(text, sizeof(text), "%d", i);
		drift.found = text;
		check_ok(store_drift_add(f->store, &drift, NULL, &f->err), &f->err);
	}
	check_ok(store_fact_set(f->store, "synced:quiet", "c", &f->err), &f->err);
	for (int i = 0; i < LIMIT_FACTS + 5; i++) {
		snprintf(text, sizeof(text), "commit:%d", i);
		check_ok(store_fact_set(f->store, text, "c", &f->err), &f->err);
	}
	check_ok(store_trim(f->store, &f->err), &f->err);
	check_ok(store_commit(f->store, &f->err), &f->err);

	check_ok(store_revision_list(f->store, "users", 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, LIMIT_HISTORY_ROWS);
	check_ok(store_revision_list(f->store, "quiet", 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	check_ok(store_operation_list(f->store, 0, f->mem, &operations, &count, &f->err), &f->err);
	assert_int_equal(count, LIMIT_OPERATIONS);
	assert_int_equal(operations[0].id, last);
	check_ok(store_user_change_list(
			 f->store, &(struct store_user_change_filter){0}, f->mem, &changes, &count, &f->err),
		&f->err);
	assert_int_equal(count, LIMIT_USER_CHANGES);
	assert_int_equal(count_drift(f, false), LIMIT_DRIFT_ROWS);
	assert_null(fact_of(f->store, "commit:0", f->mem));
	assert_non_null(fact_of(f->store, "synced:quiet", f->mem));
	assert_non_null(fact_of(f->store, "commit:2004", f->mem));
}

/* One pass of an Application and of a database that fail as they always do. */
static void failing_pass(struct fixture *f, int64_t now)
{
	const struct store_revision end = {.id = begin_revision(f, "users", "c1"),
		.finished = now,
		.phase = "Failed",
		.text = "ConfigMap/x: forbidden"};
	const char *const users[] = {"ada", "eve"};

	check_ok(store_revision_end(f->store, &end, &f->err), &f->err);
	for (size_t i = 0; i < COUNT_OF(users); i++) {
		const struct store_user_change change = {.database = "main",
			.user = users[i],
			.action = "create",
			.statement = "CREATE ROLE",
			.commit = "c1",
			.started = now};
		int64_t id;
		check_ok(store_user_change_begin(f->store, &change, &id, &f->err), &f->err);
		check_ok(store_user_change_end(f->store, id, now, "permission denied", &f->err), &f->err);
	}
	check_ok(store_trim(f->store, &f->err), &f->err);
}

static void the_same_failure_again_is_no_further_row(void **state)
{
	struct fixture *f = *state;
	enum { PASSES = 10000 };
	struct store_revision *revisions;
	struct store_user_change *changes;
	size_t count;

	check_ok(store_begin(f->store, &f->err), &f->err);
	for (int i = 1; i <= PASSES; i++)
		failing_pass(f, i);
	check_ok(store_commit(f->store, &f->err), &f->err);

	check_ok(store_revision_list(f->store, NULL, 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_int_equal(revisions[0].times, PASSES);
	assert_int_equal(revisions[0].started, 100);
	assert_int_equal(revisions[0].finished, PASSES);
	check_ok(store_user_change_list(
			 f->store, &(struct store_user_change_filter){0}, f->mem, &changes, &count, &f->err),
		&f->err);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(changes[i].times, PASSES);
		assert_int_equal(changes[i].started, 1);
		assert_int_equal(changes[i].finished, PASSES);
	}
}

static void end_revision(struct fixture *f, const char *commit, const char *phase, const char *text)
{
	const struct store_revision end = {
		.id = begin_revision(f, "users", commit), .finished = 200, .phase = phase, .text = text};
	check_ok(store_revision_end(f->store, &end, &f->err), &f->err);
}

static void what_differs_is_a_row_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct store_revision *revisions;
	size_t count;

	end_revision(f, "c1", "Failed", "forbidden");
	end_revision(f, "c1", "Failed", "timed out");
	end_revision(f, "c2", "Failed", "timed out");
	end_revision(f, "c2", "Succeeded", "synced");
	end_revision(f, "c2", "Succeeded", "synced");
	end_revision(f, "c2", "Failed", "timed out");
	check_ok(store_revision_list(f->store, NULL, 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 6);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(revisions[i].times, 1);
}

static void what_a_killed_agent_left_open_is_ended(void **state)
{
	struct fixture *f = *state;
	struct store_revision *revisions;
	struct store_user_change change = {.database = "main", .user = "eve", .outcome = ""}, *changes;
	struct store_operation operation = {.kind = "sync", .target = "users", .phase = "Running"}, *operations;
	size_t count;
	int64_t asked;

	end_revision(f, "c1", "Succeeded", "synced");
	begin_revision(f, "users", "c2");
	begin_revision(f, "resumed", "c1");
	int64_t goes_on = begin_revision(f, "resumed", "c2");
	check_ok(store_operation_add(f->store, &operation, &asked, &f->err), &f->err);
	const struct store_running running = {
		.application = "resumed", .document = "{}", .revision = goes_on, .operation = asked};
	check_ok(store_running_set(f->store, &running, &f->err), &f->err);
	check_ok(store_user_change_begin(f->store, &change, NULL, &f->err), &f->err);
	check_ok(store_operation_add(f->store, &operation, NULL, &f->err), &f->err);
	check_ok(store_sweep(f->store, 900, "the agent ended", &f->err), &f->err);

	check_ok(store_revision_list(f->store, NULL, 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 4);
	assert_int_equal(revisions[0].id, goes_on);
	assert_int_equal(revisions[0].finished, 0);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(revisions[i].finished, 900);
		assert_string_equal(revisions[i].phase, "Error");
		assert_string_equal(revisions[i].text, "the agent ended");
	}
	assert_string_equal(revisions[3].phase, "Succeeded");
	check_ok(store_user_change_list(
			 f->store, &(struct store_user_change_filter){0}, f->mem, &changes, &count, &f->err),
		&f->err);
	assert_string_equal(changes[0].outcome, "the agent ended");
	assert_int_equal(changes[0].finished, 900);
	check_ok(store_operation_list(f->store, 0, f->mem, &operations, &count, &f->err), &f->err);
	assert_string_equal(operations[0].phase, "Error");
	assert_int_equal(operations[0].finished, 900);
	assert_int_equal(operations[1].id, asked);
	assert_int_equal(operations[1].finished, 0);
}

/* Another agent was at work: what is not history may be wrong by now. */
static void the_present_is_forgotten_and_the_past_is_not(void **state)
{
	struct fixture *f = *state;
	const struct store_application application = {.name = "users", .document = "{}", .differences = "[]"};
	const struct store_running running = {.application = "users", .document = "{}"};
	const struct store_object object = {.application = "users", .kind = "ConfigMap", .name = "a"};
	const struct store_users_text text = {.database = "main", .application = "users", .document = "{}"};
	const struct store_drift drift = {
		.application = "users", .kind = "ConfigMap", .name = "a", .field = "x"};
	struct store_application gone;
	struct store_running run;
	struct store_users_text kept;
	struct store_object *objects;
	struct store_revision *revisions;
	const char *synced, *version;
	size_t count;
	bool found;

	begin_revision(f, "users", "c");
	check_ok(store_application_set(f->store, &application, &f->err), &f->err);
	check_ok(store_running_set(f->store, &running, &f->err), &f->err);
	check_ok(store_object_set(f->store, &object, &f->err), &f->err);
	check_ok(store_users_text_set(f->store, &text, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &drift, NULL, &f->err), &f->err);
	check_ok(store_fact_set(f->store, "synced:users", "c", &f->err), &f->err);
	check_ok(store_fact_set(f->store, "agent.version", "1", &f->err), &f->err);
	check_ok(store_forget(f->store, &f->err), &f->err);
	assert_false(store_application_get(f->store, "users", f->mem, &gone, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_false(store_running_get(f->store, "users", f->mem, &run, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	check_ok(store_object_list(f->store, "users", f->mem, &objects, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	check_ok(store_users_text_get(f->store, "main", f->mem, &kept, &found, &f->err), &f->err);
	assert_false(found);
	check_ok(store_drift_count_open(f->store, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	check_ok(store_fact_get(f->store, "synced:users", f->mem, &synced, &f->err), &f->err);
	assert_null(synced);
	check_ok(store_fact_get(f->store, "agent.version", f->mem, &version, &f->err), &f->err);
	assert_string_equal(version, "1");
	check_ok(store_revision_list(f->store, "users", 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(history_is_bounded),
		A_TEST(the_same_failure_again_is_no_further_row),
		A_TEST(what_differs_is_a_row_of_its_own),
		A_TEST(what_a_killed_agent_left_open_is_ended),
		A_TEST(the_present_is_forgotten_and_the_past_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
