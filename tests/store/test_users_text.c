#include "tests/store/fixture.h"

static void set_text(struct fixture *f, const char *application, const char *objects, int64_t updated)
{
	const struct store_users_text text = {.database = "main",
		.application = application,
		.document = "{\"commit\":\"c1\"}",
		.objects = objects,
		.updated = updated};
	check_ok(store_users_text_set(f->store, &text, &f->err), &f->err);
}

static bool get_text(struct fixture *f, struct store_users_text *text)
{
	bool found = false;
	check_ok(store_users_text_get(f->store, "main", f->mem, text, &found, &f->err), &f->err);
	return found;
}

static void a_database_has_one_list_in_force(void **state)
{
	struct fixture *f = *state;
	struct store_users_text text;

	assert_false(get_text(f, &text));
	set_text(f, "team", "one", 100);
	set_text(f, "users", "two", 200);
	assert_true(get_text(f, &text));
	assert_string_equal(text.application, "users");
	assert_string_equal(text.document, "{\"commit\":\"c1\"}");
	assert_string_equal(text.objects, "two");
	assert_int_equal(text.updated, 200);
}

static void the_same_list_again_keeps_its_time(void **state)
{
	struct fixture *f = *state;
	struct store_users_text text;

	set_text(f, "team", "one", 100);
	set_text(f, "team", "one", 200);
	assert_true(get_text(f, &text));
	assert_int_equal(text.updated, 100);
}

static void it_goes_with_its_application_and_with_its_database(void **state)
{
	struct fixture *f = *state;
	struct store_users_text text;

	set_text(f, "team", "one", 100);
	check_ok(store_application_remove(f->store, "other", &f->err), &f->err);
	assert_true(get_text(f, &text));
	check_ok(store_application_remove(f->store, "team", &f->err), &f->err);
	assert_false(get_text(f, &text));
	set_text(f, "team", "one", 100);
	check_ok(store_database_remove(f->store, "main", &f->err), &f->err);
	assert_false(get_text(f, &text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_database_has_one_list_in_force),
		A_TEST(the_same_list_again_keeps_its_time),
		A_TEST(it_goes_with_its_application_and_with_its_database),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
