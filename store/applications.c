#include "store/database.h"

#define ROW struct store_application
#define COLUMNS(_) _(name, name), _(document, document), _(differences, differences), _(updated, updated)
#define NAMES SQL_NAMES(COLUMNS)
#define VALUES SQL_VALUES(COLUMNS)
static const struct table table = TABLE(COLUMNS);

/* An equal document is not written again: a quiet pass costs no flush of the disk. */
bool store_application_set(struct store *store, const struct store_application *application, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO application (" NAMES ") VALUES (" VALUES ") "
		"ON CONFLICT (name) DO UPDATE SET document = excluded.document, differences = excluded.differences, "
		"updated = excluded.updated "
		"WHERE document <> excluded.document OR differences <> excluded.differences");
	query_set_row(query, &table, application);
	return query_run(query, err);
}

bool store_application_get(struct store *store, const char *name, struct arena *mem,
	struct store_application *out, struct error *err)
{
	bool found;
	struct query *query = query_open(store, "SELECT " NAMES " FROM application WHERE name = ?1");
	query_set_text(query, 1, name);
	return query_row(query, &table, mem, out, &found, err) &&
		(found || error_set(err, ERROR_MISSING, "there is no application \"%s\"", name));
}

bool store_application_list(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store, "SELECT " NAMES " FROM application ORDER BY name");
	return query_rows(query, &table, mem, items, count, err);
}

/* What is no JSON is given as it is: its reader names the Application. */
bool store_application_heads(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT name, CASE WHEN json_valid(document) THEN json_remove(document, '$.status.resources', "
		"'$.status.operationState.syncResult.resources') ELSE document END, '', updated "
		"FROM application ORDER BY name");
	return query_rows(query, &table, mem, items, count, err);
}

bool store_application_remove(struct store *store, const char *name, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	bool ok = query_run_text(store, "DELETE FROM application WHERE name = ?1", name, err) &&
		query_run_text(store, "DELETE FROM inventory WHERE application = ?1", name, err) &&
		query_run_text(store, "DELETE FROM revision WHERE application = ?1", name, err) &&
		query_run_text(store, "DELETE FROM running WHERE application = ?1", name, err) &&
		query_run_text(store, "DELETE FROM users_text WHERE application = ?1", name, err) &&
		query_run_text(store,
			"DELETE FROM fact WHERE key IN ('synced:' || ?1, 'tried:' || ?1, 'ignored:' || ?1)",
			name, err) &&
		query_run_text(store, "DELETE FROM drift WHERE application = ?1 AND healed = 0", name, err);
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}
