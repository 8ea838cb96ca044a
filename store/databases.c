#include "store/database.h"

bool store_database_set(struct store *store, const struct store_database *database, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO database (name, document, updated) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (name) DO UPDATE SET document = excluded.document, updated = excluded.updated "
		"WHERE document <> excluded.document");
	query_set_text(query, 1, database->name);
	query_set_text(query, 2, database->document);
	query_set_number(query, 3, database->updated);
	return query_run(query, err);
}

bool store_database_remove(struct store *store, const char *name, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	bool ok = query_run_text(store, "DELETE FROM database WHERE name = ?1", name, err) &&
		query_run_text(store, "DELETE FROM user WHERE database = ?1", name, err) &&
		query_run_text(store, "DELETE FROM verifier WHERE database = ?1", name, err) &&
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
	struct store_database *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store, "SELECT name, document, updated FROM database ORDER BY name");
	while (query_next(query)) {
		rows = arena_grow(mem, rows, found, sizeof(*rows));
		rows[found++] = (struct store_database){
			.name = query_text(query, 0, mem),
			.document = query_text(query, 1, mem),
			.updated = query_number(query, 2),
		};
	}
	if (!query_close(query, err))
		return false;
	*items = rows;
	*count = found;
	return true;
}
