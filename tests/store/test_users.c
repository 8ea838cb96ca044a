#include "tests/store/fixture.h"

static const struct store_drift membership = {
	.application = "users",
	.time = 11,
	.database = "main",
	.user = "eve",
	.field = "roles",
	.wanted = "reader",
	.found = "",
	.by = "postgres",
};

static void a_removed_user_takes_its_open_drift_along(void **state)
{
	struct fixture *f = *state;
	struct store_user user = {.database = "main", .name = "eve", .document = "{}", .updated = 1}, *all;
	size_t count;

	check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	store_verifier_remember(f->store, "main", "eve", "SCRAM-SHA-256$x", "7");
	check_ok(store_drift_add(f->store, &membership, NULL, &f->err), &f->err);
	check_ok(store_user_remove(f->store, "main", "eve", &f->err), &f->err);
	check_ok(store_user_list(f->store, NULL, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	assert_int_equal(count_drift(f, false), 0);
	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$x", "7"));
}

static void users_are_listed_by_database_and_name(void **state)
{
	struct fixture *f = *state;
	static const char *const names[][2] = {{"main", "zoe"}, {"main", "ada"}, {"alpha", "mia"}};
	struct store_user *all;
	size_t count;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct store_user user = {.database = names[i][0], .name = names[i][1], .document = "{}"};
		check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	}
	check_ok(store_user_list(f->store, NULL, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 3);
	assert_string_equal(all[0].name, "mia");
	assert_string_equal(all[1].name, "ada");
	assert_string_equal(all[2].name, "zoe");
	check_ok(store_user_list(f->store, "main", f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].name, "ada");
}

static void users_are_counted_by_database_and_status(void **state)
{
	struct fixture *f = *state;
	static const struct store_user users[] = {
		{.database = "main", .name = "ada", .document = "{\"status\":\"Synced\"}"},
		{.database = "main", .name = "bob", .document = "{\"status\":\"Retiring\",\"held\":true}"},
		{.database = "main", .name = "eve", .document = "{\"status\":\"Synced\"}"},
		{.database = "alpha", .name = "mia", .document = "{}"},
	};
	struct store_user_count *counts;
	size_t count;

	for (size_t i = 0; i < COUNT_OF(users); i++)
		check_ok(store_user_set(f->store, &users[i], &f->err), &f->err);
	check_ok(store_user_counts(f->store, f->mem, &counts, &count, &f->err), &f->err);
	assert_int_equal(count, 3);
	assert_string_equal(counts[0].database, "alpha");
	assert_string_equal(counts[0].status, "");
	assert_string_equal(counts[1].status, "Retiring");
	assert_int_equal(counts[1].held, 1);
	assert_string_equal(counts[2].status, "Synced");
	assert_int_equal(counts[2].count, 2);
	assert_int_equal(counts[2].held, 0);
}

static void a_user_change_is_announced_then_done(void **state)
{
	struct fixture *f = *state;
	struct store_user_change change =
					 {
						 .database = "main",
						 .user = "eve",
						 .action = "create",
						 .statement = "CREATE ROLE \"eve\" LOGIN PASSWORD '<hidden>'",
						 .commit = "c1",
						 .started = 7,
					 },
				 *all;
	size_t count;
	int64_t id;

	check_ok(store_user_change_begin(f->store, &change, &id, &f->err), &f->err);
	check_ok(store_user_change_list(f->store, &(struct store_user_change_filter){.user = "eve"}, f->mem,
			 &all, &count, &f->err),
		&f->err);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].finished, 0);
	assert_string_equal(all[0].outcome, "");
	check_ok(store_user_change_end(f->store, id, 9, "done", &f->err), &f->err);
	check_ok(store_user_change_list(f->store, &(struct store_user_change_filter){.limit = 5}, f->mem,
			 &all, &count, &f->err),
		&f->err);
	assert_int_equal(all[0].finished, 9);
	assert_string_equal(all[0].outcome, "done");
	assert_string_equal(all[0].statement, change.statement);
	check_ok(store_user_change_list(f->store,
			 &(struct store_user_change_filter){.user = "other", .limit = 5}, f->mem, &all,
			 &count, &f->err),
		&f->err);
	assert_int_equal(count, 0);
}

static void changes_are_asked_for_by_database_and_time(void **state)
{
	struct fixture *f = *state;
	static const struct {
		struct store_user_change_filter filter;
		size_t count;
	} cases[] = {
		{{.database = "main"}, 2},
		{{.database = "main", .user = "bob"}, 1},
		{{.since = 20}, 2},
		{{.since = 20, .database = "main"}, 1},
		{{.since = 31}, 0},
	};
	struct store_user_change *all;
	size_t count;
	/* The last of them began before and ended after. */
	static const struct store_user_change rows[] = {{.database = "main", .user = "eve", .started = 7},
		{.database = "other", .user = "eve", .started = 20},
		{.database = "main", .user = "bob", .started = 9}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct store_user_change row = rows[i];
		int64_t id;
		row.action = "create";
		row.statement = row.commit = "";
		check_ok(store_user_change_begin(f->store, &row, &id, &f->err), &f->err);
		if (i == 2)
			check_ok(store_user_change_end(f->store, id, 30, "done", &f->err), &f->err);
	}
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		check_ok(store_user_change_list(f->store, &cases[i].filter, f->mem, &all, &count, &f->err),
			&f->err);
		assert_int_equal(count, cases[i].count);
	}
}

static void a_verifier_is_known_for_its_version_only_and_never_readable(void **state)
{
	struct fixture *f = *state;
	struct buf file = BUF(16 * 1024 * 1024);

	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7"));
	store_verifier_remember(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7");
	assert_true(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7"));
	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "8"));
	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$other", "7"));
	assert_false(store_verifier_known(f->store, "alpha", "eve", "SCRAM-SHA-256$canary", "7"));
	static const char *const parts[] = {"", "-wal"};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		const char *path = arena_printf(f->mem, "%s/pgitops.db%s", f->folder, parts[i]);
		check_ok(file_read(path, &file, &f->err), &f->err);
	}
	assert_null(memmem(file.data, file.length, "canary", 6));
	buf_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_removed_user_takes_its_open_drift_along),
		A_TEST(users_are_listed_by_database_and_name),
		A_TEST(users_are_counted_by_database_and_status),
		A_TEST(a_user_change_is_announced_then_done),
		A_TEST(changes_are_asked_for_by_database_and_time),
		A_TEST(a_verifier_is_known_for_its_version_only_and_never_readable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
