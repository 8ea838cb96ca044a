/*
 * database.h - SQL for the files of this room: a connection, and queries that cannot be half checked
 *
 * A query is opened, given its values, stepped and closed; whatever goes wrong on the way is remembered and comes out of
 * query_close() or query_run(), so the lines between need no checks. While a query is open, or a transaction, the thread holds
 * the store. Statements are prepared once and kept: `sql` must be a string literal, its address is the key.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

#include "store/store.h"

enum { DATABASE_STATEMENTS = 96 }; /* distinct calls of query_open() in this room, with room to grow */

struct sqlite3;
struct sqlite3_stmt;

struct query {
	struct store *store;
	const char *sql;
	struct sqlite3_stmt *statement;
	int code;  /* SQLite's, of the first failure */
	bool full; /* the rows did not fit into the caller's arena */
};

struct store {
	struct sqlite3 *connection;
	char *path;
	bool reader;
	int lock; /* descriptor of STATE/lock, -1 for readers */
	char *lock_path;
	ino_t inode;  /* of the database, for the writer */
	int depth;    /* of store_begin() */
	bool doomed;  /* a statement of the open transaction failed: nothing of it may be committed */
	bool damaged; /* SQLite found the file to be corrupt, or no database at all */
	pthread_mutex_t mutex; /* recursive */
	struct query queries[DATABASE_STATEMENTS];
	size_t query_count;
};

/* Opens `store->path` and sets the connection up. */
bool database_open(struct store *store, struct error *err) MUST_CHECK;
void database_close(struct store *store);

/* Runs statements that take and return nothing. */
bool database_script(struct store *store, const char *sql, struct error *err) MUST_CHECK;

/* Reads the whole file; false with store->damaged set when it is corrupt. */
bool database_check(struct store *store, struct error *err) MUST_CHECK;

bool database_version(struct store *store, int64_t *version, struct error *err) MUST_CHECK;

/*
 * A table's columns and the members that they are in memory, named once in each file of this room, as a list of _(column, member):
 *
 *	#define ROW struct store_database
 *	#define COLUMNS(_) _(name, name), _(document, document), _(updated, updated)
 *	static const struct table table = TABLE(COLUMNS);
 *
 * For SQL, SQL_NAMES(COLUMNS) is "name, document, updated" and SQL_VALUES(COLUMNS) is ":name, :document, :updated".
 */
struct column {
	const char *parameter; /* ":name" */
	size_t offset;
	enum { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_FLAG } kind;
};

struct table {
	const struct column *columns;
	size_t count;
	size_t size; /* of a row in memory */
};

/* clang-format off */
#define TABLE(list) {TABLE_COLUMNS(list), sizeof(TABLE_COLUMNS(list)) / sizeof(struct column), sizeof(ROW)}
#define TABLE_COLUMNS(list) (const struct column[]){list(TABLE_COLUMN)}
#define TABLE_COLUMN(column, member) {":" #column, offsetof(ROW, member), COLUMN_KIND(((ROW *)0)->member)}
#define COLUMN_KIND(member) _Generic((member), const char *: COLUMN_TEXT, int64_t: COLUMN_NUMBER, bool: COLUMN_FLAG)

#define SQL_NAMES(list) SQL_TEXT(list(SQL_NAME))
#define SQL_VALUES(list) SQL_TEXT(list(SQL_VALUE))
#define SQL_NAME(column, member) column
#define SQL_VALUE(column, member) :column
#define SQL_TEXT(...) SQL_QUOTED(__VA_ARGS__)
#define SQL_QUOTED(...) #__VA_ARGS__
/* clang-format on */

struct query *query_open(struct store *store, const char *sql);

/* Values are numbered from 1 as in the SQL. A NULL text is stored as "". */
void query_set_text(struct query *query, int number, const char *text);
void query_set_text_or_null(struct query *query, int number, const char *text);
void query_set_number(struct query *query, int number, int64_t value);

/* Those members of the row whose parameter (":name") stands in the statement. */
void query_set_row(struct query *query, const struct table *table, const void *row);

/* The next row; false at the end and after a failure. */
bool query_next(struct query *query);

/* Columns are numbered from 0. The text is copied into `mem`; once that is full there are no more rows, and closing fails. */
const char *query_text(struct query *query, int column, struct arena *mem);
int64_t query_number(struct query *query, int column);

/* All rows of a query for the table's columns, in `mem`, and closes. `items` points to a pointer to the table's struct. */
bool query_rows(struct query *query, const struct table *table, struct arena *mem, void *items, size_t *count,
	struct error *err) MUST_CHECK;

/* The one row, if it is there: else `out` is as before and `found` false. */
bool query_row(struct query *query, const struct table *table, struct arena *mem, void *out, bool *found,
	struct error *err) MUST_CHECK;

/* True when all went well. */
bool query_close(struct query *query, struct error *err) MUST_CHECK;

/* Steps to the end and closes. `id` (may be NULL) is the row an INSERT made. */
bool query_run(struct query *query, struct error *err) MUST_CHECK;
bool query_insert(struct query *query, int64_t *id, struct error *err) MUST_CHECK;

/* Opens, runs and closes a statement whose one parameter is this text. */
bool query_run_text(struct store *store, const char *sql, const char *text, struct error *err) MUST_CHECK;

/* migrate.c: brings the schema to the newest version, all steps in one transaction: a command that reads beside an agent that
   is starting meets the version before, or the newest, and after a failure the file is as it was. */
bool migrate(struct store *store, struct error *err) MUST_CHECK;

/* The same with other steps: steps[n] leads from version n to n + 1. */
bool migrate_with(struct store *store, const char *const *steps, size_t count, struct error *err) MUST_CHECK;

/* The version that this program writes and reads. */
int64_t migrate_newest(void);
