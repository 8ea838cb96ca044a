#include "store/database.h"

#define ROW struct store_operation
#define GIVEN(_)                                                                                             \
	_(kind, kind), _(target, target), _(requested_by, by), _(request, request), _(started, started),     \
		_(finished, finished), _(phase, phase), _(message, message), _(result, result)
#define COLUMNS(_) GIVEN(_), _(id, id)
#define NAMES SQL_NAMES(COLUMNS)
#define GIVEN_NAMES SQL_NAMES(GIVEN)
#define GIVEN_VALUES SQL_VALUES(GIVEN)
static const struct table table = TABLE(COLUMNS);

bool store_operation_add(
	struct store *store, const struct store_operation *operation, int64_t *id, struct error *err)
{
	struct query *query =
		query_open(store, "INSERT INTO operation (" GIVEN_NAMES ") VALUES (" GIVEN_VALUES ")");
	query_set_row(query, &table, operation);
	return query_insert(query, id, err);
}

/* Only how it goes: what was asked for stays as it was written. */
bool store_operation_update(struct store *store, const struct store_operation *operation, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE operation SET finished = :finished, phase = :phase, message = :message, result = :result WHERE id = :id");
	query_set_row(query, &table, operation);
	return query_run(query, err);
}

bool store_operation_get(
	struct store *store, int64_t id, struct arena *mem, struct store_operation *out, struct error *err)
{
	bool found;
	struct query *query = query_open(store, "SELECT " NAMES " FROM operation WHERE id = ?1");
	query_set_number(query, 1, id);
	return query_row(query, &table, mem, out, &found, err) &&
		(found || error_set(err, ERROR_MISSING, "there is no operation %lld", (long long)id));
}

bool store_operation_list(struct store *store, size_t limit, struct arena *mem,
	struct store_operation **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store, "SELECT " NAMES " FROM operation ORDER BY id DESC LIMIT ?1");
	query_set_number(query, 1, limit ? (int64_t)limit : -1);
	return query_rows(query, &table, mem, items, count, err);
}

bool store_operation_pending(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err)
{
	struct query *query =
		query_open(store, "SELECT " NAMES " FROM operation WHERE phase = 'Pending' ORDER BY id");
	return query_rows(query, &table, mem, items, count, err);
}

bool store_operation_failures(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " NAMES " FROM operation "
		"WHERE id IN (SELECT max(id) FROM operation WHERE kind = 'users-sync' GROUP BY target) "
		"AND phase IN ('Failed', 'Error') ORDER BY id DESC");
	return query_rows(query, &table, mem, items, count, err);
}

bool store_operation_forget(struct store *store, size_t kept, const char *message, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE operation SET message = ?2, result = '' "
		"WHERE kind IN ('manifests', 'diff', 'users-plan') AND length(result) > ?1");
	query_set_number(query, 1, (int64_t)kept);
	query_set_text(query, 2, message);
	return query_run(query, err);
}
