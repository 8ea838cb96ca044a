#include "store/database.h"

static void set_identity(struct query *query, const struct store_drift *drift)
{
	query_set_text(query, 1, drift->application);
	query_set_text(query, 2, drift->group);
	query_set_text(query, 3, drift->kind);
	query_set_text(query, 4, drift->namespace);
	query_set_text(query, 5, drift->name);
	query_set_text(query, 6, drift->database);
	query_set_text(query, 7, drift->user);
	query_set_text(query, 8, drift->field);
}

/* Who did it is sometimes known later than that it was done. */
static bool insert(struct store *store, const struct store_drift *drift, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO drift (application, api_group, kind, namespace, name, database, user, field, found, wanted, "
		"changed_by, time, healed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0) "
		"ON CONFLICT (kind, name, namespace, api_group, user, database, field, found, application) "
		"WHERE healed = 0 DO UPDATE SET wanted = excluded.wanted, "
		"changed_by = iif(excluded.changed_by = '', changed_by, excluded.changed_by) "
		"WHERE wanted <> excluded.wanted OR (excluded.changed_by <> '' AND changed_by <> excluded.changed_by)");
	set_identity(query, drift);
	query_set_text(query, 9, drift->found);
	query_set_text(query, 10, drift->wanted);
	query_set_text(query, 11, drift->by);
	query_set_number(query, 12, drift->time);
	return query_run(query, err);
}

static bool is_first(struct store *store, const struct store_drift *drift, bool *first, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT 1 FROM drift WHERE application = ?1 AND api_group = ?2 AND kind = ?3 AND namespace = ?4 "
		"AND name = ?5 AND database = ?6 AND user = ?7 AND field = ?8 AND found = ?9 AND healed = 0");
	set_identity(query, drift);
	query_set_text(query, 9, drift->found);
	*first = !query_next(query);
	return query_close(query, err);
}

bool store_drift_add(struct store *store, const struct store_drift *drift, bool *first, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	if ((first && !is_first(store, drift, first, err)) || !insert(store, drift, err)) {
		store_rollback(store);
		return false;
	}
	return store_commit(store, err);
}

bool store_drift_heal(struct store *store, const struct store_drift *drift, int64_t when, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE drift SET healed = ?9 WHERE (?1 = '' OR application = ?1) AND api_group = ?2 AND kind = ?3 "
		"AND namespace = ?4 AND name = ?5 AND database = ?6 AND user = ?7 AND (?8 = '' OR field = ?8) "
		"AND healed = 0");
	set_identity(query, drift);
	query_set_number(query, 9, when);
	return query_run(query, err);
}

bool store_drift_count_open(struct store *store, size_t *count, struct error *err)
{
	struct query *query = query_open(store, "SELECT count(*) FROM drift WHERE healed = 0");
	size_t found = query_next(query) ? (size_t)query_number(query, 0) : 0;
	if (!query_close(query, err))
		return false;
	*count = found;
	return true;
}

static struct store_drift read_row(struct query *query, struct arena *mem)
{
	return (struct store_drift){
		.id = query_number(query, 0),
		.application = query_text(query, 1, mem),
		.time = query_number(query, 2),
		.healed = query_number(query, 3),
		.group = query_text(query, 4, mem),
		.kind = query_text(query, 5, mem),
		.namespace = query_text(query, 6, mem),
		.name = query_text(query, 7, mem),
		.database = query_text(query, 8, mem),
		.user = query_text(query, 9, mem),
		.field = query_text(query, 10, mem),
		.wanted = query_text(query, 11, mem),
		.found = query_text(query, 12, mem),
		.by = query_text(query, 13, mem),
	};
}

bool store_drift_list(struct store *store, const struct store_drift_filter *filter, struct arena *mem,
	struct store_drift **items, size_t *count, struct error *err)
{
	struct store_drift *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store,
		"SELECT id, application, time, healed, api_group, kind, namespace, name, database, user, field, wanted, "
		"found, changed_by FROM drift WHERE (?1 IS NULL OR application = ?1) AND (?2 IS NULL OR user = ?2) "
		"AND time >= ?3 AND (?4 = 0 OR healed = 0) ORDER BY id DESC LIMIT ?5");
	query_set_text_or_null(query, 1, filter->application);
	query_set_text_or_null(query, 2, filter->user);
	query_set_number(query, 3, filter->since);
	query_set_number(query, 4, filter->open_only);
	query_set_number(query, 5, filter->limit ? (int64_t)filter->limit : -1);
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
