#include "store/database.h"

#include <sqlite3.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

enum { BUSY_MILLISECONDS = 5000 };

/* What a failure means to the caller, and what a person can do about it. */
static const struct {
	int code;
	enum error_kind kind;
	const char *remedy;
} failures[] = {
	{SQLITE_FULL, ERROR_RETRY, "make room on that volume; nothing is lost, recording goes on by itself"},
	{SQLITE_IOERR, ERROR_RETRY, "check the volume (full, read-only, failing)"},
	{SQLITE_BUSY, ERROR_RETRY, "another process holds it for long; try again"},
	{SQLITE_LOCKED, ERROR_RETRY, "another process holds it for long; try again"},
	{SQLITE_CANTOPEN, ERROR_DENIED, "check that this user may read and write the state folder"},
	{SQLITE_READONLY, ERROR_DENIED, "the state folder must be writable for this user"},
	{SQLITE_PERM, ERROR_DENIED, "check the permissions of the state folder"},
	{SQLITE_TOOBIG, ERROR_INVALID, "one text may have 64 MiB"},
	{SQLITE_CORRUPT, ERROR_BUG, "restart the agent: it moves the file aside and rebuilds it"},
	{SQLITE_NOTADB, ERROR_BUG, "restart the agent: it moves the file aside and rebuilds it"},
};

static bool fail(struct store *store, int code, struct error *err)
{
	int primary = code & 0xff;
	const char *remedy = "this is a mistake in the program";
	const char *detail = sqlite3_errcode(store->connection) == primary ? sqlite3_errmsg(store->connection)
									   : sqlite3_errstr(code);
	enum error_kind kind = ERROR_BUG;

	if (primary == SQLITE_NOMEM)
		memory_fail("cannot use the store", 0);
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		if (failures[i].code == primary) {
			kind = failures[i].kind;
			remedy = failures[i].remedy;
		}
	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		store->damaged = true;
	return error_set(err, kind, "store %s: %s: %s", store->path, detail, remedy);
}

/* A read-only connection still writes the -shm file: that is how it and the writer see each other. */
static bool set_up(struct store *store, struct error *err)
{
	sqlite3 *connection = store->connection;

	sqlite3_busy_timeout(connection, BUSY_MILLISECONDS);
	sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, LIMIT_STORE_TEXT);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	if (!database_script(store,
		    "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024", err))
		return false;
	if (store->reader)
		return database_script(store, "PRAGMA query_only = ON", err);
	return database_script(store,
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304",
		err);
}

bool database_open(struct store *store, struct error *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | (store->reader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	int code = sqlite3_open_v2(store->path, &store->connection, flags, NULL);
	if (code != SQLITE_OK)
		fail(store, code, err);
	else if (set_up(store, err))
		return true;
	database_close(store);
	return false;
}

void database_close(struct store *store)
{
	for (size_t i = 0; i < store->query_count; i++)
		sqlite3_finalize(store->queries[i].statement);
	store->query_count = 0;
	sqlite3_close(store->connection);
	store->connection = NULL;
}

bool database_script(struct store *store, const char *sql, struct error *err)
{
	pthread_mutex_lock(&store->mutex);
	int code = sqlite3_exec(store->connection, sql, NULL, NULL, NULL);
	bool ok = code == SQLITE_OK || fail(store, code, err);
	pthread_mutex_unlock(&store->mutex);
	return ok;
}

bool database_check(struct store *store, struct error *err)
{
	struct query *query = query_open(store, "PRAGMA quick_check(1)");
	bool sound = query_next(query) &&
		strcmp((const char *)sqlite3_column_text(query->statement, 0), "ok") == 0;
	if (!query_close(query, err))
		return false;
	return sound || fail(store, SQLITE_CORRUPT, err);
}

bool database_version(struct store *store, int64_t *version, struct error *err)
{
	struct query *query = query_open(store, "PRAGMA user_version");
	int64_t found = query_next(query) ? query_number(query, 0) : 0;
	if (!query_close(query, err))
		return false;
	*version = found;
	return true;
}

bool store_begin(struct store *store, struct error *err)
{
	pthread_mutex_lock(&store->mutex);
	if (store->depth == 0 && !database_script(store, store->reader ? "BEGIN" : "BEGIN IMMEDIATE", err)) {
		pthread_mutex_unlock(&store->mutex);
		return false;
	}
	store->depth++;
	return true;
}

/* Ends one level; the outermost one commits or rolls back. */
static bool end(struct store *store, struct error *err)
{
	bool ok = true;
	if (--store->depth > 0)
		return true;
	if (store->doomed)
		ok = error_set(err, ERROR_RETRY,
			"store %s: an earlier statement of this transaction failed: nothing of it was recorded",
			store->path);
	else
		ok = database_script(store, "COMMIT", err);
	/* SQLite may have rolled back by itself: a full disk, an I/O error. */
	if (!ok && !sqlite3_get_autocommit(store->connection))
		sqlite3_exec(store->connection, "ROLLBACK", NULL, NULL, NULL);
	store->doomed = false;
	return ok;
}

/* Holding the mutex with a depth of 0 means that this thread has no transaction: others keep it until theirs ends. */
static bool leave(struct store *store, bool commit, struct error *err)
{
	pthread_mutex_lock(&store->mutex);
	bool ok = store->depth > 0;
	if (ok) {
		store->doomed = store->doomed || !commit;
		ok = end(store, err);
		pthread_mutex_unlock(&store->mutex);
	} else
		error_set(err, ERROR_BUG, "store %s: there is no transaction to end", store->path);
	pthread_mutex_unlock(&store->mutex);
	return ok;
}

bool store_commit(struct store *store, struct error *err)
{
	return leave(store, true, err);
}

void store_rollback(struct store *store)
{
	struct error expected;
	leave(store, false, &expected);
}

static struct query *find(struct store *store, const char *sql)
{
	for (size_t i = 0; i < store->query_count; i++)
		if (store->queries[i].sql == sql)
			return &store->queries[i];
	if (store->query_count == DATABASE_STATEMENTS)
		memory_fail("more kinds of statements than DATABASE_STATEMENTS", DATABASE_STATEMENTS);
	struct query *query = &store->queries[store->query_count++];
	*query = (struct query){.store = store, .sql = sql};
	return query;
}

/* The first failure is the one to report. */
static void note(struct query *query, int code)
{
	if (query->code == SQLITE_OK && code != SQLITE_OK && code != SQLITE_DONE && code != SQLITE_ROW)
		query->code = code;
}

struct query *query_open(struct store *store, const char *sql)
{
	pthread_mutex_lock(&store->mutex);
	struct query *query = find(store, sql);
	query->full = false;
	query->code = store->doomed ? SQLITE_ABORT : SQLITE_OK;
	if (!query->statement)
		note(query,
			sqlite3_prepare_v3(store->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
				&query->statement, NULL));
	return query;
}

void query_set_text(struct query *query, int number, const char *text)
{
	query_set_text_or_null(query, number, text ? text : "");
}

void query_set_text_or_null(struct query *query, int number, const char *text)
{
	if (query->code == SQLITE_OK)
		note(query, sqlite3_bind_text(query->statement, number, text, -1, SQLITE_STATIC));
}

void query_set_number(struct query *query, int number, int64_t value)
{
	if (query->code == SQLITE_OK)
		note(query, sqlite3_bind_int64(query->statement, number, value));
}

bool query_next(struct query *query)
{
	if (query->code != SQLITE_OK || query->full)
		return false;
	int code = sqlite3_step(query->statement);
	note(query, code);
	return code == SQLITE_ROW;
}

const char *query_text(struct query *query, int column, struct arena *mem)
{
	const char *text = (const char *)sqlite3_column_text(query->statement, column);
	const char *copy = arena_copy(mem, text ? text : "");
	query->full = query->full || arena_full(mem);
	return copy;
}

int64_t query_number(struct query *query, int column)
{
	return sqlite3_column_int64(query->statement, column);
}

static void set_member(struct query *query, const struct column *column, const void *row)
{
	int number = sqlite3_bind_parameter_index(query->statement, column->parameter);
	const void *member = (const char *)row + column->offset;
	if (!number)
		return;
	if (column->kind == COLUMN_TEXT)
		query_set_text(query, number, *(const char *const *)member);
	else if (column->kind == COLUMN_NUMBER)
		query_set_number(query, number, *(const int64_t *)member);
	else
		query_set_number(query, number, *(const bool *)member);
}

void query_set_row(struct query *query, const struct table *table, const void *row)
{
	for (size_t i = 0; query->code == SQLITE_OK && i < table->count; i++)
		set_member(query, &table->columns[i], row);
}

static void read_row(struct query *query, const struct table *table, struct arena *mem, void *row)
{
	for (size_t i = 0; i < table->count; i++) {
		void *member = (char *)row + table->columns[i].offset;
		int column = (int)i;
		if (table->columns[i].kind == COLUMN_TEXT)
			*(const char **)member = query_text(query, column, mem);
		else if (table->columns[i].kind == COLUMN_NUMBER)
			*(int64_t *)member = query_number(query, column);
		else
			*(bool *)member = query_number(query, column) != 0;
	}
}

bool query_rows(struct query *query, const struct table *table, struct arena *mem, void *items, size_t *count,
	struct error *err)
{
	char *rows = NULL;
	size_t found = 0;
	while (query_next(query)) {
		rows = arena_grow(mem, rows, found, table->size);
		read_row(query, table, mem, rows + found++ * table->size);
	}
	if (!query_close(query, err))
		return false;
	memcpy(items, &rows, sizeof(rows));
	*count = found;
	return true;
}

bool query_row(struct query *query, const struct table *table, struct arena *mem, void *out, bool *found,
	struct error *err)
{
	void *row = arena_alloc(mem, table->size);
	bool there = query_next(query);
	if (there)
		read_row(query, table, mem, row);
	if (!query_close(query, err))
		return false;
	if (there)
		memcpy(out, row, table->size);
	*found = there;
	return true;
}

bool query_close(struct query *query, struct error *err)
{
	struct store *store = query->store;
	bool ok = true;
	if (query->code == SQLITE_ABORT && store->doomed)
		ok = error_set(err, ERROR_RETRY, "store %s: the transaction has failed already", store->path);
	else if (query->code != SQLITE_OK)
		ok = fail(store, query->code, err);
	else if (query->full)
		ok = error_set(err, ERROR_INVALID,
			"store %s: what was asked for needs more memory than one answer may have", store->path);
	if (!ok && query->code != SQLITE_OK && store->depth)
		store->doomed = true;
	if (query->statement) {
		sqlite3_reset(query->statement);
		sqlite3_clear_bindings(query->statement); /* they point at the caller's strings */
	}
	pthread_mutex_unlock(&store->mutex);
	return ok;
}

bool query_run(struct query *query, struct error *err)
{
	while (query_next(query))
		continue;
	return query_close(query, err);
}

bool query_run_text(struct store *store, const char *sql, const char *text, struct error *err)
{
	struct query *query = query_open(store, sql);
	query_set_text(query, 1, text);
	return query_run(query, err);
}

bool query_insert(struct query *query, int64_t *id, struct error *err)
{
	struct store *store = query->store;
	while (query_next(query))
		continue;
	int64_t made = sqlite3_last_insert_rowid(store->connection);
	if (!query_close(query, err))
		return false;
	if (id)
		*id = made;
	return true;
}
