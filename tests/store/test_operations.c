#include "tests/store/fixture.h"

static void an_operation_goes_from_pending_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct store_operation asked = {.kind = "sync",
				       .target = "users",
				       .by = "cli",
				       .request = "{\"prune\":true}",
				       .started = 3,
				       .phase = "Pending"},
			       found, *all;
	size_t count;
	int64_t id;

	check_ok(store_operation_add(f->store, &asked, &id, &f->err), &f->err);
	struct store_operation end = {
		.id = id, .finished = 8, .phase = "Succeeded", .message = "in sync", .result = "{\"items\":[]}"};
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

static void those_that_nobody_took_up_are_pending(void **state)
{
	struct fixture *f = *state;
	struct store_operation *pending;
	size_t count;
	int64_t ids[3];

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		const struct store_operation row = {
			.kind = "sync", .target = "users", .by = "cli", .request = "{}", .phase = "Pending"};
		check_ok(store_operation_add(f->store, &row, &ids[i], &f->err), &f->err);
	}
	const struct store_operation taken = {.id = ids[1], .phase = "Running"};
	check_ok(store_operation_update(f->store, &taken, &f->err), &f->err);
	check_ok(store_operation_pending(f->store, f->mem, &pending, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_int_equal(pending[0].id, ids[0]);
	assert_int_equal(pending[1].id, ids[2]);
	assert_string_equal(pending[1].by, "cli");
}

static int64_t answered(struct fixture *f, const char *kind, const char *result)
{
	const struct store_operation row = {.kind = kind,
		.target = "users",
		.by = "cli",
		.request = "{}",
		.phase = "Succeeded",
		.message = "done",
		.result = result};
	int64_t id;
	check_ok(store_operation_add(f->store, &row, &id, &f->err), &f->err);
	return id;
}

static void only_large_answers_to_questions_are_forgotten(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *kind, *result;
		bool kept;
	} cases[] = {{"manifests", "{\"items\":[1,2,3]}", false}, {"manifests", "{}", true},
		{"diff", "{\"items\":[1,2,3]}", false}, {"users-plan", "{\"items\":[1,2,3]}", false},
		{"users-sync", "{\"items\":[1,2,3]}", true}, {"sync", "{\"items\":[1,2,3]}", true}};
	int64_t ids[COUNT_OF(cases)];

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ids[i] = answered(f, cases[i].kind, cases[i].result);
	check_ok(store_operation_forget(f->store, 8, "gone", &f->err), &f->err);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct store_operation found;
		check_ok(store_operation_get(f->store, ids[i], f->mem, &found, &f->err), &f->err);
		assert_string_equal(found.result, cases[i].kept ? cases[i].result : "");
		assert_string_equal(found.message, cases[i].kept ? "done" : "gone");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(those_that_nobody_took_up_are_pending),
		A_TEST(only_large_answers_to_questions_are_forgotten),
		A_TEST(an_operation_goes_from_pending_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
