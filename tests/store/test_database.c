#include "tests/store/fixture.h"

#include "base/limits.h"
#include "base/memory.h"
#include "store/database.h"

static void set_application(struct fixture *f, const char *name, const char *document, int64_t updated)
{
	struct store_application application = {
		.name = name, .document = document, .differences = "[]", .updated = updated};
	check_ok(store_application_set(f->store, &application, &f->err), &f->err);
}

enum { THREADS = 4, PAIRS = 50 };

/* Two rows in one transaction; other threads write at the same time. */
static void *write_pairs(void *argument)
{
	struct store *store = argument;
	struct error err;
	for (int i = 0; i < PAIRS; i++) {
		struct store_operation operation = {.kind = "sync", .target = "a"};
		int64_t first = 0, second = 0;
		if (!store_begin(store, &err) || !store_operation_add(store, &operation, &first, &err) ||
			!store_operation_add(store, &operation, &second, &err) || second != first + 1 ||
			!store_commit(store, &err))
			return store;
	}
	return NULL;
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_application found;
	check_ok(store_begin(f->store, &f->err), &f->err);
	set_application(f, "users", "{}", 1);
	store_rollback(f->store);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	set_application(f, "users", "{}", 1); /* the store is usable afterwards */
}

static void a_rollback_inside_ends_the_whole_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_application found;
	check_ok(store_begin(f->store, &f->err), &f->err);
	set_application(f, "users", "{}", 1);
	check_ok(store_begin(f->store, &f->err), &f->err);
	store_rollback(f->store);
	struct store_application late = {.name = "late", .document = "{}"};
	assert_false(store_application_set(f->store, &late, &f->err));
	assert_false(store_commit(f->store, &f->err));
	assert_int_equal(f->err.kind, ERROR_RETRY);
	assert_false(store_application_get(f->store, "users", f->mem, &found, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

static void transactions_of_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct store_operation *all;
	pthread_t threads[THREADS];
	size_t count;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_pairs, f->store), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	check_ok(store_operation_list(f->store, 0, f->mem, &all, &count, &f->err), &f->err);
	assert_int_equal(count, THREADS * PAIRS * 2);
}

/* Every table refuses what is no text where text belongs: rows mean what the schema says. */
static void tables_are_strict(void **state)
{
	struct fixture *f = *state;
	struct query *query = query_open(f->store,
		"SELECT count(*) FROM sqlite_schema WHERE type = 'table' "
		"AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%) STRICT'");
	assert_true(query_next(query));
	assert_int_equal(query_number(query, 0), 0);
	check_ok(query_close(query, &f->err), &f->err);
	assert_false(database_script(f->store,
		"UPDATE fact SET updated = 'yesterday'; "
		"INSERT INTO fact VALUES ('a', 'b', 'yesterday')",
		&f->err));
	assert_int_equal(f->err.kind, ERROR_BUG);
}

static int64_t pragma(struct fixture *f, const char *sql)
{
	struct query *query = query_open(f->store, sql);
	assert_true(query_next(query));
	int64_t value = query_number(query, 0);
	check_ok(query_close(query, &f->err), &f->err);
	return value;
}

static void a_connection_flushes_fully_and_trusts_no_schema(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(pragma(f, "PRAGMA synchronous"), 2);
	assert_int_equal(pragma(f, "PRAGMA foreign_keys"), 1);
	assert_int_equal(pragma(f, "PRAGMA trusted_schema"), 0);
	assert_int_equal(pragma(f, "PRAGMA busy_timeout"), 5000);
	assert_int_equal(pragma(f, "PRAGMA journal_size_limit"), 4194304);
	struct query *query = query_open(f->store, "PRAGMA journal_mode");
	assert_true(query_next(query));
	assert_string_equal(query_text(query, 0, f->mem), "wal");
	check_ok(query_close(query, &f->err), &f->err);
	/* DEFENSIVE: the schema's own text cannot be written. */
	assert_false(
		database_script(f->store, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema", &f->err));
}

static void a_wrong_statement_is_reported_at_the_end_and_harms_nothing(void **state)
{
	struct fixture *f = *state;
	struct query *query = query_open(f->store, "SELECT anything FROM nowhere WHERE x = ?1");
	query_set_text(query, 1, "a");
	query_set_number(query, 2, 7);
	assert_false(query_next(query));
	assert_false(query_close(query, &f->err));
	assert_int_equal(f->err.kind, ERROR_BUG);
	assert_non_null(strstr(f->err.text, "nowhere"));
	set_application(f, "users", "{}", 1);
}

static void a_statement_is_prepared_once(void **state)
{
	struct fixture *f = *state;
	set_application(f, "users", "{}", 1);
	size_t kinds = f->store->query_count;
	for (int i = 0; i < 100; i++)
		set_application(f, "users", i % 2 ? "{}" : "[]", i);
	assert_int_equal(f->store->query_count, kinds);
}

static void a_full_database_says_so_and_goes_on_when_there_is_room(void **state)
{
	struct fixture *f = *state;
	char *text = memory_alloc(64 * 1024 + 1);
	memset(text, 'x', 64 * 1024);
	int64_t pages = pragma(f, "PRAGMA page_count");
	assert_int_equal(pragma(f, arena_printf(f->mem, "PRAGMA max_page_count = %lld", (long long)pages + 4)),
		pages + 4);

	check_ok(store_begin(f->store, &f->err), &f->err);
	set_application(f, "before", "{}", 1);
	assert_false(store_fact_set(f->store, "large", text, &f->err));
	assert_int_equal(f->err.kind, ERROR_RETRY);
	assert_non_null(strstr(f->err.text, "make room"));
	assert_false(store_commit(f->store, &f->err));
	struct store_application found;
	assert_false(store_application_get(f->store, "before", f->mem, &found, &f->err));

	pragma(f, arena_printf(f->mem, "PRAGMA max_page_count = %lld", (long long)pages + 400));
	check_ok(store_fact_set(f->store, "large", text, &f->err), &f->err);
	check_ok(database_check(f->store, &f->err), &f->err);
	free(text);
}

static void a_text_beyond_the_maximum_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = memory_alloc(LIMIT_STORE_TEXT + 2);
	memset(text, 'x', LIMIT_STORE_TEXT + 1);
	assert_false(store_fact_set(f->store, "large", text, &f->err));
	assert_int_equal(f->err.kind, ERROR_INVALID);
	assert_non_null(strstr(f->err.text, "64 MiB"));
	free(text);
}

static void a_commit_without_a_transaction_is_refused(void **state)
{
	struct fixture *f = *state;
	assert_false(store_commit(f->store, &f->err));
	assert_int_equal(f->err.kind, ERROR_BUG);
	store_rollback(f->store); /* as after a failed begin: does nothing */
	set_application(f, "users", "{}", 1);
}

static void rows_that_do_not_fit_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(arena_freep) struct arena *small = arena_new(1000);
	struct store_user *users;
	size_t count;
	char name[16];

	for (int i = 0; i < 100; i++) {
		const struct store_user user = {"main", name, "{\"reason\":\"a document of some length\"}", 1};
		snprintf(name, sizeof(name), "u%d", i);
		check_ok(store_user_set(f->store, &user, &f->err), &f->err);
	}
	assert_false(store_user_list(f->store, NULL, small, &users, &count, &f->err));
	assert_non_null(strstr(f->err.text, "more memory"));
	check_ok(store_user_list(f->store, NULL, f->mem, &users, &count, &f->err), &f->err);
	assert_int_equal(count, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(rows_that_do_not_fit_are_refused),
		A_TEST(a_rolled_back_transaction_leaves_nothing),
		A_TEST(a_rollback_inside_ends_the_whole_transaction),
		A_TEST(transactions_of_threads_do_not_mix),
		A_TEST(tables_are_strict),
		A_TEST(a_connection_flushes_fully_and_trusts_no_schema),
		A_TEST(a_wrong_statement_is_reported_at_the_end_and_harms_nothing),
		A_TEST(a_statement_is_prepared_once),
		A_TEST(a_full_database_says_so_and_goes_on_when_there_is_room),
		A_TEST(a_text_beyond_the_maximum_is_refused),
		A_TEST(a_commit_without_a_transaction_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
