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
	check_ok(store_user_change_list(f->store, NULL, 0, f->mem, &changes, &count, &f->err), &f->err);
	assert_int_equal(count, LIMIT_USER_CHANGES);
	assert_int_equal(count_drift(f, false), LIMIT_DRIFT_ROWS);
	assert_null(store_fact_get(f->store, "commit:0", f->mem));
	assert_non_null(store_fact_get(f->store, "commit:2004", f->mem));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(history_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
