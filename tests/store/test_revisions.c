#include "tests/store/fixture.h"

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

	struct store_revision end = {.id = id,
		.finished = 200,
		.phase = "Succeeded",
		.text = "2 created",
		.created = 2,
		.unchanged = 7};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_revision_is_begun_and_ended),
		A_TEST(revisions_are_newest_first_and_limited),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
