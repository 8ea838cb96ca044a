#include "tests/store/fixture.h"

static void a_fact_is_set_changed_and_removed(void **state)
{
	struct fixture *f = *state;
	assert_null(fact_of(f->store, "cluster", f->mem));
	check_ok(store_fact_set(f->store, "cluster", "v1.36.3", &f->err), &f->err);
	check_ok(store_fact_set(f->store, "cluster", "v1.36.4", &f->err), &f->err);
	assert_string_equal(fact_of(f->store, "cluster", f->mem), "v1.36.4");
	check_ok(store_fact_set(f->store, "cluster", NULL, &f->err), &f->err);
	assert_null(fact_of(f->store, "cluster", f->mem));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_fact_is_set_changed_and_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
