#include "tests/store/folder.h"

#include <pthread.h>

#include "base/limits.h"

static void set_application(struct fixture *f, const char *name, const char *document, int64_t updated)
{
	struct store_application application = {
		.name = name, .document = document, .differences = "[]", .updated = updated};
	check_ok(store_application_set(f->store, &application, &f->err), &f->err);
}

static void an_application_is_kept_as_it_was_set(void **state)
{
	struct fixture *f = *state;
	struct store_application found, *all;
	size_t count;

	set_application(f, "users", "{\"a\":\"ü\"}", 5);
	set_application(f, "cluster", "{}", 6);
	check_ok(store_application_get(f->store, "users", f->mem, &found, &f->err), &f->err);
	assert_string_equal(found.document, "{\"a\":\"ü\"}");
	assert_string_equal(found.differences, "[]");
	assert_int_equal(found.updated, 5);
	check_ok(store_application_list(f->store, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].name, "cluster");
}

static void a_missing_application_is_named(void **state)
{
	struct fixture *f = *state;
	struct store_application found;
	assert_false(store_application_get(f->store, "nope", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_non_null(strstr(f->err.text, "\"nope\""));
}

static void an_equal_document_keeps_its_time(void **state)
{
	struct fixture *f = *state;
	struct store_application found;

	set_application(f, "users", "{}", 5);
	set_application(f, "users", "{}", 9);
	check_ok(store_application_get(f->store, "users", f->mem, &found, &f->err), &f->err);
	assert_int_equal(found.updated, 5);
	set_application(f, "users", "{\"b\":1}", 10);
	check_ok(store_application_get(f->store, "users", f->mem, &found, &f->err), &f->err);
	assert_int_equal(found.updated, 10);
}

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

static void a_revision_is_begun_and_ended(void **state)
{
	struct fixture *f = *state;
	struct store_revision *all;
	size_t count;
	int64_t id = begin_revision(f, "users", "c1");

	check_ok(store_revision_list(f->store, "users", 0, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].finished, 0);
	assert_string_equal(all[0].phase, "Running");

	struct store_revision end = {.id = id, .finished = 200, .phase = "Succeeded", .text = "2 created",
		.created = 2, .unchanged = 7};
	check_ok(store_revision_end(f->store, &end, &f->err), &f->err);
	check_ok(store_revision_list(f->store, NULL, 10, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_string_equal(all[0].commit, "c1");
	assert_string_equal(all[0].author, "Ada <ada@example.org>");
	assert_string_equal(all[0].trigger, "automated");
	assert_string_equal(all[0].text, "2 created");
	assert_int_equal(all[0].started, 100);
	assert_int_equal(all[0].finished, 200);
	assert_int_equal(all[0].created, 2);
	assert_int_equal(all[0].unchanged, 7);
}

static void revisions_are_newest_first_and_limited(void **state)
{
	struct fixture *f = *state;
	struct store_revision *all;
	size_t count;

	begin_revision(f, "users", "c1");
	begin_revision(f, "cluster", "c2");
	begin_revision(f, "users", "c3");
	check_ok(store_revision_list(f->store, NULL, 2, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].commit, "c3");
	check_ok(store_revision_list(f->store, "users", 0, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[1].commit, "c1");
}

static struct store_object role_binding(const char *application)
{
	return (struct store_object){
		.application = application,
		.group = "rbac.authorization.k8s.io",
		.version = "v1",
		.kind = "RoleBinding",
		.namespace = "postgres",
		.name = "read",
		.intended = true,
	};
}

static void an_object_is_announced_then_known(void **state)
{
	struct fixture *f = *state;
	struct store_object object = role_binding("users"), *all;
	size_t count;

	check_ok(store_object_set(f->store, &object, &f->err), &f->err);
	check_ok(store_object_list(f->store, "users", f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_true(all[0].intended);
	assert_string_equal(all[0].uid, "");

	object.uid = "u-1";
	object.wanted_hash = "abc";
	object.live_version = "17";
	object.intended = false;
	check_ok(store_object_set(f->store, &object, &f->err), &f->err);
	check_ok(store_object_list(f->store, "users", f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_false(all[0].intended);
	assert_string_equal(all[0].uid, "u-1");
	assert_string_equal(all[0].wanted_hash, "abc");
	assert_string_equal(all[0].live_version, "17");
	assert_string_equal(all[0].version, "v1");

	check_ok(store_object_remove(f->store, &object, &f->err), &f->err);
	check_ok(store_object_list(f->store, "users", f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
}

static void removing_an_application_removes_what_is_kept_for_it(void **state)
{
	struct fixture *f = *state;
	struct store_object mine = role_binding("users"), other = role_binding("cluster"), *objects;
	struct store_revision *revisions;
	struct store_application found;
	size_t count;

	set_application(f, "users", "{}", 1);
	begin_revision(f, "users", "c1");
	check_ok(store_object_set(f->store, &mine, &f->err), &f->err);
	check_ok(store_object_set(f->store, &other, &f->err), &f->err);
	check_ok(store_application_remove(f->store, "users", &f->err), &f->err);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	check_ok(store_revision_list(f->store, NULL, 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	check_ok(store_object_list(f->store, "cluster", f->mem, &objects, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
}

static const struct store_drift replicas = {
	.application = "cluster",
	.time = 10,
	.group = "acid.zalan.do",
	.kind = "postgresql",
	.namespace = "default",
	.name = "acid-minimal-cluster",
	.field = "spec.numberOfInstances",
	.wanted = "2",
	.found = "3",
};

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

static size_t count_drift(struct fixture *f, bool open_only)
{
	struct store_drift_filter filter = {.open_only = open_only};
	struct store_drift *all;
	size_t count;
	check_ok(store_drift_list(f->store, &filter, f->mem, &all, &count, &f->err), &f->err);
	return count;
}

static void the_same_open_drift_is_one_record(void **state)
{
	struct fixture *f = *state;
	struct store_drift again = replicas, other = replicas;
	int64_t first, second, third;

	check_ok(store_drift_add(f->store, &replicas, &first, &f->err), &f->err);
	again.time = 50;
	again.by = "kubectl-edit";
	check_ok(store_drift_add(f->store, &again, &second, &f->err), &f->err);
	assert_int_equal(first, second);
	assert_int_equal(count_drift(f, true), 1);
	other.found = "5";
	check_ok(store_drift_add(f->store, &other, &third, &f->err), &f->err);
	assert_int_not_equal(first, third);

	struct store_drift_filter filter = {.application = "cluster"};
	struct store_drift *all;
	size_t count;
	check_ok(store_drift_list(f->store, &filter, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[1].by, "kubectl-edit");
	assert_int_equal(all[1].time, 10);
}

static void healed_drift_comes_back_as_a_new_record(void **state)
{
	struct fixture *f = *state;
	int64_t first, second;

	check_ok(store_drift_add(f->store, &replicas, &first, &f->err), &f->err);
	check_ok(store_drift_heal(f->store, &replicas, 20, &f->err), &f->err);
	assert_int_equal(count_drift(f, true), 0);
	check_ok(store_drift_add(f->store, &replicas, &second, &f->err), &f->err);
	assert_int_not_equal(first, second);
	assert_int_equal(count_drift(f, false), 2);
}

static void healing_one_user_leaves_others_and_other_fields(void **state)
{
	struct fixture *f = *state;
	struct store_drift password = membership, mallory = membership, only_roles = membership, all_of_eve = membership;

	password.field = "password";
	mallory.user = "mallory";
	all_of_eve.field = "";
	check_ok(store_drift_add(f->store, &membership, NULL, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &password, NULL, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &mallory, NULL, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &replicas, NULL, &f->err), &f->err);
	check_ok(store_drift_heal(f->store, &only_roles, 20, &f->err), &f->err);
	assert_int_equal(count_drift(f, true), 3);
	check_ok(store_drift_heal(f->store, &all_of_eve, 21, &f->err), &f->err);
	assert_int_equal(count_drift(f, true), 2);

	struct store_drift_filter filter = {.user = "eve"};
	struct store_drift *all;
	size_t count;
	check_ok(store_drift_list(f->store, &filter, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(all[0].field, "password");
	assert_int_equal(all[0].healed, 21);
	assert_int_equal(all[1].healed, 20);
	assert_string_equal(all[1].by, "postgres");
}

static void drift_is_filtered_by_time_and_limited(void **state)
{
	struct fixture *f = *state;
	struct store_drift *all;
	size_t count;

	check_ok(store_drift_add(f->store, &replicas, NULL, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &membership, NULL, &f->err), &f->err);
	struct store_drift_filter since = {.since = 11};
	check_ok(store_drift_list(f->store, &since, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_string_equal(all[0].user, "eve");
	struct store_drift_filter limited = {.limit = 1};
	check_ok(store_drift_list(f->store, &limited, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
}

static void a_removed_user_takes_its_open_drift_along(void **state)
{
	struct fixture *f = *state;
	struct store_user user = {.database = "main", .name = "eve", .document = "{}", .updated = 1}, *all;
	size_t count;

	check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	store_verifier_remember(f->store, "main", "eve", "SCRAM-SHA-256$x", "7");
	check_ok(store_drift_add(f->store, &membership, NULL, &f->err), &f->err);
	check_ok(store_user_remove(f->store, "main", "eve", &f->err), &f->err);
	check_ok(store_user_list(f->store, f->mem, &all, &count, &f->err), &f->err);
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
	check_ok(store_user_list(f->store, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 3);
	assert_string_equal(all[0].name, "mia");
	assert_string_equal(all[1].name, "ada");
	assert_string_equal(all[2].name, "zoe");
}

static void a_removed_database_takes_its_users_along(void **state)
{
	struct fixture *f = *state;
	struct store_database one = {.name = "main", .document = "{\"status\":\"Connected\"}"}, *databases;
	struct store_user user = {.database = "main", .name = "eve", .document = "{}"}, *users;
	size_t count;

	check_ok(store_database_set(f->store, &one, &f->err), &f->err);
	check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	check_ok(store_database_list(f->store, f->mem, &databases, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_string_equal(databases[0].document, "{\"status\":\"Connected\"}");
	check_ok(store_database_remove(f->store, "main", &f->err), &f->err);
	check_ok(store_database_list(f->store, f->mem, &databases, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	check_ok(store_user_list(f->store, f->mem, &users, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
}

static void a_user_change_is_announced_then_done(void **state)
{
	struct fixture *f = *state;
	struct store_user_change change = {
		.database = "main",
		.user = "eve",
		.action = "create",
		.statement = "CREATE ROLE \"eve\" LOGIN PASSWORD '<hidden>'",
		.commit = "c1",
		.started = 7,
	}, *all;
	size_t count;
	int64_t id;

	check_ok(store_user_change_begin(f->store, &change, &id, &f->err), &f->err);
	check_ok(store_user_change_list(f->store, "eve", 0, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_int_equal(all[0].finished, 0);
	assert_string_equal(all[0].outcome, "");
	check_ok(store_user_change_end(f->store, id, 9, "done", &f->err), &f->err);
	check_ok(store_user_change_list(f->store, NULL, 5, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(all[0].finished, 9);
	assert_string_equal(all[0].outcome, "done");
	assert_string_equal(all[0].statement, change.statement);
	check_ok(store_user_change_list(f->store, "other", 5, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
}

static void a_verifier_is_known_for_its_version_only_and_never_readable(void **state)
{
	struct fixture *f = *state;
	struct buf file = BUF(16 * 1024 * 1024);
	char path[128];

	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7"));
	store_verifier_remember(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7");
	assert_true(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "7"));
	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$canary", "8"));
	assert_false(store_verifier_known(f->store, "main", "eve", "SCRAM-SHA-256$other", "7"));
	assert_false(store_verifier_known(f->store, "alpha", "eve", "SCRAM-SHA-256$canary", "7"));
	static const char *const parts[] = {"", "-wal"};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		snprintf(path, sizeof(path), "%s/pgitops.db%s", f->folder, parts[i]);
		check_ok(file_read(path, &file, &f->err), &f->err);
	}
	assert_null(memmem(file.data, file.length, "canary", 6));
	buf_done(&file);
}

static void an_operation_goes_from_pending_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct store_operation asked = {.kind = "sync", .target = "users", .by = "cli", .request = "{\"prune\":true}",
		.started = 3, .phase = "Pending"}, found, *all;
	size_t count;
	int64_t id;

	check_ok(store_operation_add(f->store, &asked, &id, &f->err), &f->err);
	struct store_operation end = {.id = id, .finished = 8, .phase = "Succeeded", .message = "in sync",
		.result = "{\"items\":[]}"};
	check_ok(store_operation_update(f->store, &end, &f->err), &f->err);
	check_ok(store_operation_get(f->store, id, f->mem, &found, &f->err), &f->err);
	assert_string_equal(found.kind, "sync");
	assert_string_equal(found.by, "cli");
	assert_string_equal(found.request, "{\"prune\":true}");
	assert_string_equal(found.phase, "Succeeded");
	assert_string_equal(found.result, "{\"items\":[]}");
	assert_int_equal(found.finished, 8);
	check_ok(store_operation_list(f->store, 1, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_false(store_operation_get(f->store, 99, f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

static void a_fact_is_set_changed_and_removed(void **state)
{
	struct fixture *f = *state;
	assert_null(store_fact_get(f->store, "cluster", f->mem));
	check_ok(store_fact_set(f->store, "cluster", "v1.36.3", &f->err), &f->err);
	check_ok(store_fact_set(f->store, "cluster", "v1.36.4", &f->err), &f->err);
	assert_string_equal(store_fact_get(f->store, "cluster", f->mem), "v1.36.4");
	check_ok(store_fact_set(f->store, "cluster", NULL, &f->err), &f->err);
	assert_null(store_fact_get(f->store, "cluster", f->mem));
}

static void history_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct store_operation operation = {.kind = "sync", .target = "users", .phase = "Succeeded"}, *operations;
	struct store_revision *revisions;
	struct store_user_change change = {.database = "main", .user = "eve"}, *changes;
	struct store_drift drift = membership;
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

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_application found;
	check_ok(store_begin(f->store, &f->err), &f->err);
	set_application(f, "users", "{}", 1);
	store_rollback(f->store);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	set_application(f, "users", "{}", 1); /* the store is usable afterwards */
}

static void a_rollback_inside_ends_the_whole_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_application found;
	check_ok(store_begin(f->store, &f->err), &f->err);
	set_application(f, "users", "{}", 1);
	check_ok(store_begin(f->store, &f->err), &f->err);
	store_rollback(f->store);
	struct store_application late = {.name = "late", .document = "{}"};
	assert_false(store_application_set(f->store, &late, &f->err));
	assert_false(store_commit(f->store, &f->err));
	assert_int_equal(f->err.kind, ERROR_RETRY);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

enum { THREADS = 4, PAIRS = 50 };

/* Two rows in one transaction; other threads write at the same time. */
static void *write_pairs(void *argument)
{
	struct store *store = argument;
	struct error err;
	for (int i = 0; i < PAIRS; i++) {
		struct store_operation operation = {.kind = "sync", .target = "a"};
		int64_t first = 0, second = 0;
		if (!store_begin(store, &err) || !store_operation_add(store, &operation, &first, &err) ||
			!store_operation_add(store, &operation, &second, &err) || second != first + 1 ||
			!store_commit(store, &err))
			return store;
	}
	return NULL;
}

static void transactions_of_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct store_operation *all;
	pthread_t threads[THREADS];
	size_t count;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_pairs, f->store), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	check_ok(store_operation_list(f->store, 0, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, THREADS * PAIRS * 2);
}

#define A_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_open, fixture_done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(an_application_is_kept_as_it_was_set),
		A_TEST(a_missing_application_is_named),
		A_TEST(an_equal_document_keeps_its_time),
		A_TEST(a_revision_is_begun_and_ended),
		A_TEST(revisions_are_newest_first_and_limited),
		A_TEST(an_object_is_announced_then_known),
		A_TEST(removing_an_application_removes_what_is_kept_for_it),
		A_TEST(the_same_open_drift_is_one_record),
		A_TEST(healed_drift_comes_back_as_a_new_record),
		A_TEST(healing_one_user_leaves_others_and_other_fields),
		A_TEST(drift_is_filtered_by_time_and_limited),
		A_TEST(a_removed_user_takes_its_open_drift_along),
		A_TEST(users_are_listed_by_database_and_name),
		A_TEST(a_removed_database_takes_its_users_along),
		A_TEST(a_user_change_is_announced_then_done),
		A_TEST(a_verifier_is_known_for_its_version_only_and_never_readable),
		A_TEST(an_operation_goes_from_pending_to_its_end),
		A_TEST(a_fact_is_set_changed_and_removed),
		A_TEST(history_is_bounded),
		A_TEST(a_rolled_back_transaction_leaves_nothing),
		A_TEST(a_rollback_inside_ends_the_whole_transaction),
		A_TEST(transactions_of_threads_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
