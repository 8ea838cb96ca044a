#include "store/database.h"

bool store_operation_add(
	struct store *store, const struct store_operation *operation, int64_t *id, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO operation (kind, target, requested_by, request, started, finished, phase, message, result) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
	query_set_text(query, 1, operation->kind);
	query_set_text(query, 2, operation->target);
	query_set_text(query, 3, operation->by);
	query_set_text(query, 4, operation->request);
	query_set_number(query, 5, operation->started);
	query_set_number(query, 6, operation->finished);
	query_set_text(query, 7, operation->phase);
	query_set_text(query, 8, operation->message);
	query_set_text(query, 9, operation->result);
	return query_insert(query, id, err);
}

/* Only how it goes: what was asked for stays as it was written. */
bool store_operation_update(struct store *store, const struct store_operation *operation, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE operation SET finished = ?2, phase = ?3, message = ?4, result = ?5 WHERE id = ?1");
	query_set_number(query, 1, operation->id);
	query_set_number(query, 2, operation->finished);
	query_set_text(query, 3, operation->phase);
	query_set_text(query, 4, operation->message);
	query_set_text(query, 5, operation->result);
	return query_run(query, err);
}

static struct store_operation read_row(struct query *query, struct arena *mem)
{
	return (struct store_operation){
		.id = query_number(query, 0),
		.kind = query_text(query, 1, mem),
		.target = query_text(query, 2, mem),
		.by = query_text(query, 3, mem),
		.request = query_text(query, 4, mem),
		.started = query_number(query, 5),
		.finished = query_number(query, 6),
		.phase = query_text(query, 7, mem),
		.message = query_text(query, 8, mem),
		.result = query_text(query, 9, mem),
	};
}

bool store_operation_get(
	struct store *store, int64_t id, struct arena *mem, struct store_operation *out, struct error *err)
{
	struct store_operation found = {0};
	struct query *query = query_open(store,
		"SELECT id, kind, target, requested_by, request, started, finished, phase, message, result "
		"FROM operation WHERE id = ?1");
	query_set_number(query, 1, id);
	if (query_next(query))
		found = read_row(query, mem);
	if (!query_close(query, err))
		return false;
	if (!found.kind)
		return error_set(err, ERROR_MISSING, "there is no operation %lld", (long long)id);
	*out = found;
	return true;
}

static bool read_rows(struct query *query, struct arena *mem, struct store_operation **items, size_t *count,
	struct error *err)
{
	struct store_operation *rows = NULL;
	size_t found = 0;
	while (query_next(query)) {
		rows = arena_grow(mem, rows, found, sizeof(*rows));
		rows[found++] = read_row(query, mem);
	}
	if (!query_close(query, err))
		return false;
	*items = rows;
	*count = found;
	return true;
}

bool store_operation_list(struct store *store, size_t limit, struct arena *mem,
	struct store_operation **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT id, kind, target, requested_by, request, started, finished, phase, message, result "
		"FROM operation ORDER BY id DESC LIMIT ?1");
	query_set_number(query, 1, limit ? (int64_t)limit : -1);
	return read_rows(query, mem, items, count, err);
}

bool store_operation_pending(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT id, kind, target, requested_by, request, started, finished, phase, message, result "
		"FROM operation WHERE phase = 'Pending' ORDER BY id");
	return read_rows(query, mem, items, count, err);
}

bool store_operation_failures(struct store *store, struct arena *mem, struct store_operation **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT id, kind, target, requested_by, request, started, finished, phase, message, result FROM operation "
		"WHERE id IN (SELECT max(id) FROM operation WHERE kind = 'users-sync' GROUP BY target) "
		"AND phase IN ('Failed', 'Error') ORDER BY id DESC");
	return read_rows(query, mem, items, count, err);
}
