#include "agent/show/view.h"

#include "tests/store/fixture.h"

static void set_application(struct fixture *f, const char *name, const char *status)
{
	struct store_application application = {
		.name = name,
		.document =
			arena_printf(f->mem, "{\"metadata\":{\"name\":\"%s\"},\"status\":%s}", name, status),
		.differences = "[{\"kind\":\"ConfigMap\",\"name\":\"a\",\"change\":\"update\",\"fields\":[]}]",
		.updated = 1,
	};
	check_ok(store_application_set(f->store, &application, &f->err), &f->err);
}

static json_t *check_view(struct fixture *f, json_t *value)
{
	if (!value)
		fail_msg("%s", f->err.text);
	return value;
}

static const char *item_text(const json_t *list, size_t i, const char *path)
{
	return json_text_at(json_array_get(json_object_get(list, "items"), i), path, "(none)");
}

static void applications_are_shown_as_they_were_written(void **state)
{
	struct fixture *f = *state;
	set_application(f, "users", "{\"sync\":{\"status\":\"Synced\"}}");
	set_application(f, "cluster", "{}");
	CLEANUP(json_done) json_t *list = check_view(f, view_applications(f->store, &f->err));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 2);
	assert_string_equal(item_text(list, 0, "metadata.name"), "cluster");
	assert_string_equal(item_text(list, 1, "status.sync.status"), "Synced");
	CLEANUP(json_done) json_t *one = check_view(f, view_application(f->store, "users", &f->err));
	assert_string_equal(json_text_at(one, "metadata.name", ""), "users");
	CLEANUP(json_done) json_t *diff = check_view(f, view_application_diff(f->store, "users", &f->err));
	assert_string_equal(item_text(diff, 0, "change"), "update");
}

static void what_is_not_there_is_missing_everywhere(void **state)
{
	struct fixture *f = *state;
	assert_null(view_application(f->store, "nope", &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_null(view_application_diff(f->store, "nope", &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_null(view_history(f->store, "nope", &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_null(view_application_resources(f->store, "nope", &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_null(view_operation(f->store, 7, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

static void an_unreadable_document_is_an_error_and_not_an_empty_list(void **state)
{
	struct fixture *f = *state;
	struct store_application broken = {.name = "users", .document = "{\"a\":", .differences = "[]"};
	check_ok(store_application_set(f->store, &broken, &f->err), &f->err);
	assert_null(view_applications(f->store, &f->err));
	assert_non_null(strstr(f->err.text, "application users in the store"));
	assert_null(view_status(f->store, &f->err));
}

static void history_has_times_and_counts(void **state)
{
	struct fixture *f = *state;
	struct store_revision revision = {.application = "users",
		.commit = "c1",
		.author = "Ada",
		.message = "m",
		.started = 1767323045000000,
		.phase = "Running",
		.trigger = "manual",
		.created = 3};
	set_application(f, "users", "{}");
	check_ok(store_revision_begin(f->store, &revision, NULL, &f->err), &f->err);
	CLEANUP(json_done) json_t *list = check_view(f, view_history(f->store, "users", &f->err));
	const json_t *item = json_array_get(json_object_get(list, "items"), 0);
	assert_string_equal(json_text_at(item, "started", ""), "2026-01-02T03:04:05.000Z");
	assert_true(json_is_null(json_object_get(item, "finished")));
	assert_string_equal(json_text_at(item, "trigger", ""), "manual");
	assert_int_equal(json_number_at(item, "created", 0), 3);
}

static int64_t add_revision(struct fixture *f, const char *commit, int64_t started, const char *phase)
{
	struct store_revision revision = {
		.application = "users", .commit = commit, .started = started, .phase = phase, .trigger = "manual"};
	check_ok(store_revision_begin(f->store, &revision, &revision.id, &f->err), &f->err);
	return revision.id;
}

/* The store counts all tries of all Applications; people see the ids of status.history, and only where a way leads back. */
static void history_has_the_ids_of_the_status(void **state)
{
	struct fixture *f = *state;
	static const int64_t second = 1767323045000000; /* 2026-01-02T03:04:05Z */
	set_application(f, "users",
		"{\"history\":["
		"{\"id\":4,\"revision\":\"gone\",\"deployStartedAt\":\"2026-01-02T03:04:01Z\"},"
		"{\"id\":5,\"revision\":\"c1\",\"deployStartedAt\":\"2026-01-02T03:04:05Z\"},"
		"{\"id\":6,\"revision\":\"c1\",\"deployStartedAt\":\"2026-01-02T03:04:05Z\"},"
		"{\"id\":7,\"revision\":\"c2\",\"deployStartedAt\":\"2026-01-02T03:04:05Z\"},"
		"{\"id\":8,\"revisions\":[\"c1\",\"c3\"],\"deployStartedAt\":\"2026-01-02T03:04:05Z\"}]}");
	add_revision(f, "c0", second - 60000000, "Succeeded");
	add_revision(f, "c1", second + 100000, "Succeeded");
	add_revision(f, "c1", second + 200000, "Failed");
	add_revision(f, "c1", second + 300000, "Succeeded");
	add_revision(f, "c2", second + 900000, "Succeeded");
	add_revision(f, "c1,c3", second + 900000, "Succeeded"); /* of two sources */
	CLEANUP(json_done) json_t *list = check_view(f, view_history(f->store, "users", &f->err));
	const json_t *newest = json_array_get(json_object_get(list, "items"), 0);
	assert_int_equal(json_array_size(json_object_get(newest, "revisions")), 2);
	static const int64_t wanted[] = {8, 7, 6, -1, 5, -1};
	assert_int_equal(json_array_size(json_object_get(list, "items")), COUNT_OF(wanted));
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		const json_t *item = json_array_get(json_object_get(list, "items"), i);
		assert_int_equal(json_number_at(item, "id", -1), wanted[i]);
	}
}

static void resources_carry_what_the_last_operation_said_of_them_and_its_hooks(void **state)
{
	struct fixture *f = *state;
	set_application(f, "users",
		"{\"resources\":["
		"{\"kind\":\"ConfigMap\",\"namespace\":\"n\",\"name\":\"a\",\"status\":\"Synced\",\"syncWave\":2},"
		"{\"kind\":\"ConfigMap\",\"namespace\":\"n\",\"name\":\"b\",\"status\":\"OutOfSync\",\"requiresPruning\":true},"
		"{\"kind\":\"Secret\",\"namespace\":\"n\",\"name\":\"a\",\"status\":\"OutOfSync\",\"message\":\"its own\"}],"
		"\"operationState\":{\"syncResult\":{\"resources\":["
		"{\"group\":\"batch\",\"kind\":\"Job\",\"namespace\":\"n\",\"name\":\"j\",\"hookType\":\"PreSync\",\"hookPhase\":\"Failed\",\"message\":\"backoff\"},"
		"{\"group\":\"\",\"kind\":\"ConfigMap\",\"namespace\":\"n\",\"name\":\"a\",\"hookPhase\":\"Running\",\"message\":\"configured\"},"
		"{\"kind\":\"Secret\",\"namespace\":\"n\",\"name\":\"a\",\"message\":\"the operation's\"},"
		"{\"kind\":\"ConfigMap\",\"namespace\":\"n\",\"name\":\"pruned\",\"message\":\"pruned\"}]}}}");
	CLEANUP(json_done)
	json_t *list = check_view(f, view_application_resources(f->store, "users", &f->err));
	assert_int_equal(json_array_size(json_object_get(list, "items")), 4);
	assert_string_equal(item_text(list, 0, "message"), "configured");
	assert_string_equal(item_text(list, 0, "hookPhase"), "Running");
	assert_string_equal(
		item_text(list, 1, "message"), "not in Git any more: a sync with --prune removes it");
	assert_string_equal(item_text(list, 2, "message"), "its own");
	assert_string_equal(item_text(list, 3, "name"), "j");
	assert_string_equal(item_text(list, 3, "hookType"), "PreSync");
	assert_string_equal(item_text(list, 3, "message"), "backoff");
}

static void drift_names_an_object_or_a_user(void **state)
{
	struct fixture *f = *state;
	struct store_drift object = {.application = "cluster",
		.time = 1,
		.group = "acid.zalan.do",
		.kind = "postgresql",
		.namespace = "default",
		.name = "acid",
		.field = "spec.numberOfInstances",
		.wanted = "2",
		.found = "3"};
	struct store_drift user = {
		.application = "users", .time = 2, .database = "main", .user = "eve", .field = "roles"};
	struct store_drift_filter all = {0};
	check_ok(store_drift_add(f->store, &object, NULL, &f->err), &f->err);
	check_ok(store_drift_add(f->store, &user, NULL, &f->err), &f->err);
	check_ok(store_drift_heal(f->store, &object, 1767323045000000, &f->err), &f->err);
	CLEANUP(json_done) json_t *list = check_view(f, view_drift(f->store, &all, &f->err));
	assert_string_equal(item_text(list, 0, "user.database"), "main");
	assert_string_equal(item_text(list, 0, "user.name"), "eve");
	assert_string_equal(item_text(list, 0, "object.kind"), "(none)");
	assert_string_equal(item_text(list, 0, "healed"), "(none)");
	assert_string_equal(item_text(list, 1, "object.group"), "acid.zalan.do");
	assert_string_equal(item_text(list, 1, "found"), "3");
	assert_string_equal(item_text(list, 1, "healed"), "2026-01-02T03:04:05.000Z");
}

static void an_operation_shows_its_request_and_result_as_json(void **state)
{
	struct fixture *f = *state;
	struct store_operation operation = {.kind = "sync",
		.target = "users",
		.by = "cli",
		.request = "{\"prune\":true}",
		.started = 1,
		.phase = "Pending"};
	int64_t id;
	check_ok(store_operation_add(f->store, &operation, &id, &f->err), &f->err);
	CLEANUP(json_done) json_t *pending = check_view(f, view_operation(f->store, id, &f->err));
	assert_true(json_bool_at(pending, "request.prune", false));
	assert_true(json_is_null(json_object_get(pending, "result")));
	assert_true(json_is_null(json_object_get(pending, "finished")));
	struct store_operation end = {
		.id = id, .finished = 2, .phase = "Succeeded", .result = "{\"items\":[1]}"};
	check_ok(store_operation_update(f->store, &end, &f->err), &f->err);
	CLEANUP(json_done) json_t *done = check_view(f, view_operation(f->store, id, &f->err));
	assert_int_equal(json_array_size(json_at(done, "result.items")), 1);
	assert_true(json_is_string(json_object_get(done, "finished")));
}

static void users_and_their_changes_are_listed(void **state)
{
	struct fixture *f = *state;
	struct store_user user = {
		.database = "main", .name = "eve", .document = "{\"name\":\"eve\",\"status\":\"Synced\"}"};
	struct store_user_change change = {.database = "main",
		.user = "eve",
		.action = "create",
		.started = 5,
		.statement = "CREATE ROLE \"eve\"",
		.commit = "c1"};
	check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	check_ok(store_user_change_begin(f->store, &change, NULL, &f->err), &f->err);
	CLEANUP(json_done) json_t *users = check_view(f, view_users(f->store, &f->err));
	assert_string_equal(item_text(users, 0, "name"), "eve");
	CLEANUP(json_done)
	json_t *changes = check_view(
		f, view_user_changes(f->store, &(struct store_user_change_filter){.user = "eve"}, &f->err));
	assert_string_equal(item_text(changes, 0, "statement"), "CREATE ROLE \"eve\"");
	CLEANUP(json_done)
	json_t *none = check_view(
		f, view_user_changes(f->store, &(struct store_user_change_filter){.user = "ada"}, &f->err));
	assert_int_equal(json_array_size(json_object_get(none, "items")), 0);
}

/* ---- status ---- */

static void add_operation(struct fixture *f, const char *kind, const char *target, const char *phase)
{
	struct store_operation operation = {
		.kind = kind, .target = target, .phase = phase, .message = "why", .started = 1, .finished = 2};
	check_ok(store_operation_add(f->store, &operation, NULL, &f->err), &f->err);
}

static bool has_error(const json_t *status, const char *where, const char *name, const char *type)
{
	const json_t *item;
	size_t i;
	json_array_foreach (json_object_get(status, "errors"), i, item)
		if (strcmp(json_text_at(item, "where", ""), where) == 0 &&
			strcmp(json_text_at(item, "name", ""), name) == 0 &&
			strcmp(json_text_at(item, "type", ""), type) == 0)
			return true;
	return false;
}

static void status_sums_up_users_and_drift(void **state)
{
	struct fixture *f = *state;
	static const char *const states[] = {"Synced", "Synced", "Drifted"};
	struct store_drift drift = {.application = "users", .database = "main", .user = "eve", .time = 1};
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct store_user user = {.database = "main",
			.name = arena_printf(f->mem, "u%zu", i),
			.document =
				arena_printf(f->mem, "{\"name\":\"u%zu\",\"status\":\"%s\"}", i, states[i])};
		check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	}
	for (int i = 0; i < 15; i++) {
		drift.found = arena_printf(f->mem, "%d", i);
		check_ok(store_drift_add(f->store, &drift, NULL, &f->err), &f->err);
	}
	check_ok(store_fact_set(f->store, "agent.version", "0.1.0", &f->err), &f->err);
	CLEANUP(json_done) json_t *status = check_view(f, view_status(f->store, &f->err));
	assert_int_equal(json_number_at(status, "users.total", 0), 3);
	assert_int_equal(json_number_at(status, "users.byStatus.Synced", 0), 2);
	assert_int_equal(json_number_at(status, "users.byStatus.Drifted", 0), 1);
	assert_int_equal(json_array_size(json_at(status, "users.notSynced")), 1);
	assert_int_equal(json_number_at(status, "drift.open", 0), 15);
	assert_int_equal(json_array_size(json_at(status, "drift.items")), 10);
	assert_string_equal(json_text_at(status, "agent.version", ""), "0.1.0");
}

static void status_lists_what_is_wrong_now(void **state)
{
	struct fixture *f = *state;
	set_application(f, "cluster",
		"{\"conditions\":[{\"type\":\"ComparisonError\",\"message\":\"m\"},{\"type\":\"RepeatedResourceWarning\"}],"
		"\"operationState\":{\"phase\":\"Failed\",\"message\":\"refused\"}}");
	set_application(f, "users", "{\"operationState\":{\"phase\":\"Succeeded\"}}");
	struct store_database down = {
		.name = "reports", .document = "{\"name\":\"reports\",\"status\":\"Waiting\"}"};
	struct store_database up = {.name = "main", .document = "{\"name\":\"main\",\"status\":\"Connected\"}"};
	check_ok(store_database_set(f->store, &down, &f->err), &f->err);
	check_ok(store_database_set(f->store, &up, &f->err), &f->err);
	add_operation(f, "users-sync", "main", "Failed");
	add_operation(f, "users-sync", "main", "Succeeded"); /* has answered the failure */
	add_operation(f, "users-sync", "reports", "Failed");
	add_operation(f, "users-sync", "archive", "Error");
	add_operation(f, "users-sync", "archive", "Running"); /* may answer it */
	add_operation(f, "users-sync", "removed", "Failed"); /* the agent file has no such database any more */
	add_operation(f, "users-plan", "main", "Failed");    /* who asked was told; nothing is wrong since */
	for (size_t i = 0; i < 60; i++)                      /* others do not hide it */
		add_operation(f, "manifests", "users", "Error");
	CLEANUP(json_done) json_t *status = check_view(f, view_status(f->store, &f->err));
	assert_true(has_error(status, "application", "cluster", "ComparisonError"));
	assert_true(has_error(status, "application", "cluster", "sync"));
	assert_true(has_error(status, "database", "reports", "Waiting"));
	assert_true(has_error(status, "operation", "reports", "users-sync"));
	assert_int_equal(json_array_size(json_object_get(status, "errors")), 4);
	assert_int_equal(json_array_size(json_object_get(status, "applications")), 2);
}

static void status_of_an_empty_store_has_all_its_parts(void **state)
{
	struct fixture *f = *state;
	static const char *const parts[] = {"agent", "applications", "databases", "users", "drift", "errors"};
	CLEANUP(json_done) json_t *status = check_view(f, view_status(f->store, &f->err));
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		assert_non_null(json_object_get(status, parts[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(applications_are_shown_as_they_were_written),
		A_TEST(what_is_not_there_is_missing_everywhere),
		A_TEST(an_unreadable_document_is_an_error_and_not_an_empty_list),
		A_TEST(history_has_times_and_counts),
		A_TEST(history_has_the_ids_of_the_status),
		A_TEST(resources_carry_what_the_last_operation_said_of_them_and_its_hooks),
		A_TEST(drift_names_an_object_or_a_user),
		A_TEST(an_operation_shows_its_request_and_result_as_json),
		A_TEST(users_and_their_changes_are_listed),
		A_TEST(status_sums_up_users_and_drift),
		A_TEST(status_lists_what_is_wrong_now),
		A_TEST(status_of_an_empty_store_has_all_its_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
