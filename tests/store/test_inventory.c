#include "tests/store/fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(an_object_is_announced_then_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
