#include "tests/store/fixture.h"

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

static void the_same_open_drift_is_one_record(void **state)
{
	struct fixture *f = *state;
	struct store_drift again = replicas, other = replicas;
	bool first;

	check_ok(store_drift_add(f->store, &replicas, &first, &f->err), &f->err);
	assert_true(first);
	again.time = 50;
	again.by = "kubectl-edit";
	check_ok(store_drift_add(f->store, &again, &first, &f->err), &f->err);
	assert_false(first);
	assert_int_equal(count_drift(f, true), 1);
	other.found = "5";
	check_ok(store_drift_add(f->store, &other, &first, &f->err), &f->err);
	assert_true(first);

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
	bool first;

	check_ok(store_drift_add(f->store, &replicas, &first, &f->err), &f->err);
	size_t open;
	check_ok(store_drift_count_open(f->store, &open, &f->err), &f->err);
	assert_int_equal(open, 1);
	check_ok(store_drift_heal(f->store, &replicas, 20, &f->err), &f->err);
	assert_int_equal(count_drift(f, true), 0);
	check_ok(store_drift_count_open(f->store, &open, &f->err), &f->err);
	assert_int_equal(open, 0);
	check_ok(store_drift_add(f->store, &replicas, &first, &f->err), &f->err);
	assert_true(first);
	assert_int_equal(count_drift(f, false), 2);
}

static void healing_one_user_leaves_others_and_other_fields(void **state)
{
	struct fixture *f = *state;
	struct store_drift password = membership, mallory = membership, only_roles = membership,
			   all_of_eve = membership;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(the_same_open_drift_is_one_record),
		A_TEST(healed_drift_comes_back_as_a_new_record),
		A_TEST(healing_one_user_leaves_others_and_other_fields),
		A_TEST(drift_is_filtered_by_time_and_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
