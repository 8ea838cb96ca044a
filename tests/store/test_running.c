#include "tests/store/fixture.h"

static void set_running(struct fixture *f, const char *application, const char *document, int64_t updated)
{
	const struct store_running running = {.application = application,
		.document = document,
		.updated = updated,
		.revision = 7,
		.operation = 9};
	check_ok(store_running_set(f->store, &running, &f->err), &f->err);
}

static void an_application_has_one_running_operation_at_most(void **state)
{
	struct fixture *f = *state;
	struct store_running found;

	assert_false(store_running_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	set_running(f, "users", "{\"phase\":\"PreSync\"}", 100);
	set_running(f, "cluster", "{\"phase\":\"Sync\"}", 150);
	set_running(f, "users", "{\"phase\":\"PostSync\"}", 200);
	check_ok(store_running_get(f->store, "users", f->mem, &found, &f->err), &f->err);
	assert_string_equal(found.application, "users");
	assert_string_equal(found.document, "{\"phase\":\"PostSync\"}");
	assert_int_equal(found.updated, 200);
	assert_int_equal(found.revision, 7);
	assert_int_equal(found.operation, 9);
	check_ok(store_running_remove(f->store, "users", &f->err), &f->err);
	assert_false(store_running_get(f->store, "users", f->mem, &found, &f->err));
	check_ok(store_running_get(f->store, "cluster", f->mem, &found, &f->err), &f->err);
}

static void an_equal_document_keeps_its_time(void **state)
{
	struct fixture *f = *state;
	struct store_running found;

	set_running(f, "users", "{}", 100);
	set_running(f, "users", "{}", 200);
	check_ok(store_running_get(f->store, "users", f->mem, &found, &f->err), &f->err);
	assert_int_equal(found.updated, 100);
}

static void it_goes_with_its_application(void **state)
{
	struct fixture *f = *state;
	struct store_running found;

	set_running(f, "users", "{}", 100);
	check_ok(store_application_remove(f->store, "users", &f->err), &f->err);
	assert_false(store_running_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(an_application_has_one_running_operation_at_most),
		A_TEST(an_equal_document_keeps_its_time),
		A_TEST(it_goes_with_its_application),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
