#include "store/database.h"

#define ROW struct store_database
#define COLUMNS(_) _(name, name), _(document, document), _(updated, updated)
#define NAMES SQL_NAMES(COLUMNS)
#define VALUES SQL_VALUES(COLUMNS)
static const struct table table = TABLE(COLUMNS);

bool store_database_set(struct store *store, const struct store_database *database, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO database (" NAMES ") VALUES (" VALUES ") "
		"ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated = excluded.updated "
		"WHERE document <> excluded.document");
	query_set_row(query, &table, database);
	return query_run(query, err);
}

bool store_database_remove(struct store *store, const char *name, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	bool ok = query_run_text(store, "DELETE FROM database WHERE name = ?1", name, err) &&
		query_run_text(store, "DELETE FROM user WHERE database = ?1", name, err) &&
		query_run_text(store, "DELETE FROM verifier WHERE database = ?1", name, err) &&
		query_run_text(store, "DELETE FROM users_text WHERE database = ?1", name, err) &&
		query_run_text(store, "DELETE FROM fact WHERE key = 'users:' || ?1", name, err) &&
		query_run_text(store, "DELETE FROM drift WHERE database = ?1 AND healed = 0", name, err);
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}

bool store_database_list(struct store *store, struct arena *mem, struct store_database **items, size_t *count,
	struct error *err)
{
	struct query *query = query_open(store, "SELECT " NAMES " FROM database ORDER BY name");
	return query_rows(query, &table, mem, items, count, err);
}
