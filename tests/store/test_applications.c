#include "tests/store/fixture.h"

static void set_application(struct fixture *f, const char *name, const char *document, int64_t updated)
{
	struct store_application application = {
		.name = name, .document = document, .differences = "[]", .updated = updated};
	check_ok(store_application_set(f->store, &application, &f->err), &f->err);
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

static void a_head_is_an_application_without_the_rows_of_its_objects(void **state)
{
	struct fixture *f = *state;
	struct store_application *all;
	size_t count;

	set_application(f, "a",
		"{\"spec\":{\"project\":\"p\"},\"status\":{\"operationState\":{\"phase\":\"Succeeded\",\"syncResult\":"
		"{\"resources\":[{\"name\":\"x\"}],\"revision\":\"r\"}},\"resources\":[{\"name\":\"x\"}],"
		"\"sync\":{\"status\":\"Synced\"}}}",
		5);
	set_application(f, "b", "{}", 6);
	set_application(f, "c", "{broken", 7);
	check_ok(store_application_heads(f->store, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, 3);
	assert_string_equal(all[0].document,
		"{\"spec\":{\"project\":\"p\"},\"status\":{\"operationState\":{\"phase\":\"Succeeded\",\"syncResult\":"
		"{\"revision\":\"r\"}},\"sync\":{\"status\":\"Synced\"}}}");
	assert_int_equal(all[0].updated, 5);
	assert_string_equal(all[1].document, "{}");
	assert_string_equal(all[2].document, "{broken");
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

static void removing_an_application_removes_what_is_kept_for_it(void **state)
{
	static const char *const facts[] = {"ignored:users", "synced:users", "tried:users", "synced:cluster"};
	struct fixture *f = *state;
	struct store_object mine = role_binding("users"), other = role_binding("cluster"), *objects;
	struct store_revision *revisions;
	struct store_application found;
	size_t count;

	set_application(f, "users", "{}", 1);
	begin_revision(f, "users", "c1");
	for (size_t i = 0; i < COUNT_OF(facts); i++)
		check_ok(store_fact_set(f->store, facts[i], "x", &f->err), &f->err);
	check_ok(store_object_set(f->store, &mine, &f->err), &f->err);
	check_ok(store_object_set(f->store, &other, &f->err), &f->err);
	check_ok(store_application_remove(f->store, "users", &f->err), &f->err);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	check_ok(store_revision_list(f->store, NULL, 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
	check_ok(store_object_list(f->store, "cluster", f->mem, &objects, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	for (size_t i = 0; i + 1 < COUNT_OF(facts); i++)
		assert_null(fact_of(f->store, facts[i], f->mem));
	assert_string_equal(fact_of(f->store, "synced:cluster", f->mem), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(an_application_is_kept_as_it_was_set),
		A_TEST(a_head_is_an_application_without_the_rows_of_its_objects),
		A_TEST(a_missing_application_is_named),
		A_TEST(an_equal_document_keeps_its_time),
		A_TEST(removing_an_application_removes_what_is_kept_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
