#include "tests/store/fixture.h"

#include "store/database.h"

/* A file of its own, so that the steps are the test's and not the program's. */
static struct store *open_empty(struct fixture *f)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_mutexattr_t recursive;

	assert_non_null(store);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&store->mutex, &recursive);
	store->path = strdup(in_folder(f, "other.db"));
	fclose(fopen(store->path, "w"));
	check_ok(database_open(store, &f->err), &f->err);
	return store;
}

static void close_empty(struct store *store)
{
	database_close(store);
	free(store->path);
	free(store);
}

static int64_t version_of(struct fixture *f, struct store *store)
{
	int64_t version = -1;
	check_ok(database_version(store, &version, &f->err), &f->err);
	return version;
}

static void steps_are_taken_in_order_and_once(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {
		"CREATE TABLE a (x INTEGER) STRICT", "ALTER TABLE a ADD COLUMN y INTEGER"};
	struct store *store = open_empty(f);

	check_ok(migrate_with(store, steps, 1, &f->err), &f->err);
	assert_int_equal(version_of(f, store), 1);
	check_ok(database_script(store, "INSERT INTO a (x) VALUES (7)", &f->err), &f->err);
	check_ok(migrate_with(store, steps, 2, &f->err), &f->err);
	check_ok(migrate_with(store, steps, 2, &f->err), &f->err);
	assert_int_equal(version_of(f, store), 2);
	check_ok(database_script(store, "UPDATE a SET y = x + 1 WHERE x = 7", &f->err), &f->err);
	close_empty(store);
}

/* Nobody who reads beside it meets a version in between. */
static void a_failed_step_leaves_nothing_of_those_before_it(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {"CREATE TABLE a (x INTEGER) STRICT",
		"CREATE TABLE b (x INTEGER) STRICT",
		"CREATE TABLE c (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT"};
	struct store *store = open_empty(f);

	assert_false(migrate_with(store, steps, 3, &f->err));
	assert_non_null(strstr(f->err.text, "migration to version 3"));
	assert_int_equal(version_of(f, store), 0);
	check_ok(migrate_with(store, steps, 1, &f->err), &f->err);
	assert_false(migrate_with(store, steps, 3, &f->err));
	assert_int_equal(version_of(f, store), 1);
	/* The half that had worked is gone as well. */
	check_ok(database_script(store,
			 "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE c (x INTEGER) STRICT", &f->err),
		&f->err);
	close_empty(store);
}

static void a_newer_schema_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const steps[] = {"CREATE TABLE a (x INTEGER) STRICT"};
	struct store *store = open_empty(f);

	check_ok(database_script(store, "PRAGMA user_version = 2", &f->err), &f->err);
	assert_false(migrate_with(store, steps, 1, &f->err));
	assert_int_equal(f->err.kind, ERROR_INVALID);
	assert_non_null(strstr(f->err.text, "schema version 2"));
	assert_int_equal(version_of(f, store), 2);
	close_empty(store);
}

static void the_program_brings_a_store_to_its_own_version(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(version_of(f, f->store), migrate_newest());
}

/* An update of the agent meets the store of the one before it. */
static void a_store_of_version_1_keeps_what_it_holds(void **state)
{
	struct fixture *f = *state;
	struct store_opening how;
	struct store_revision *revisions;
	struct store_user_change *changes;
	struct store_object *objects;
	struct buf sql = BUF(64 * 1024);
	struct store *old = open_empty(f);
	size_t count;

	check_ok(file_read(TEST_DATA "/version_1.sql", &sql, &f->err), &f->err);
	check_ok(database_script(old, buf_string(&sql), &f->err), &f->err);
	buf_done(&sql);
	close_empty(old);
	store_close(f->store);
	f->store = NULL;
	assert_int_equal(rename(in_folder(f, "other.db"), in_folder(f, "pgitops.db")), 0);

	check_ok(store_open(f->folder, &f->store, &how, &f->err), &f->err);
	assert_false(how.rebuilt);
	assert_int_equal(version_of(f, f->store), migrate_newest());
	check_ok(store_revision_list(f->store, "users", 0, f->mem, &revisions, &count, &f->err), &f->err);
	assert_int_equal(count, 2);
	assert_string_equal(revisions[1].text, "successfully synced");
	assert_int_equal(revisions[1].times, 1);
	check_ok(store_user_change_list(f->store, &(struct store_user_change_filter){.user = "eve"}, f->mem,
			 &changes, &count, &f->err),
		&f->err);
	assert_int_equal(count, 1);
	assert_int_equal(changes[0].times, 1);
	check_ok(store_object_list(f->store, "users", f->mem, &objects, &count, &f->err), &f->err);
	assert_int_equal(count, 1);
	assert_string_equal(objects[0].uid, "u1");
	assert_string_equal(fact_of(f->store, "synced:users", f->mem), "c1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(steps_are_taken_in_order_and_once),
		A_TEST(a_failed_step_leaves_nothing_of_those_before_it),
		A_TEST(a_newer_schema_is_refused),
		A_TEST(a_store_of_version_1_keeps_what_it_holds),
		A_TEST(the_program_brings_a_store_to_its_own_version),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
