#include "tests/store/fixture.h"

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
	check_ok(store_user_list(f->store, NULL, f->mem, &users, &count, &f->err), &f->err);
	assert_int_equal(count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_removed_database_takes_its_users_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
