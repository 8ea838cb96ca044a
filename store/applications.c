#include "store/database.h"

/* An equal document is not written again: a quiet pass costs no flush of the disk. */
bool store_application_set(struct store *store, const struct store_application *application, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO application (name, document, differences, updated) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (name) DO UPDATE SET document = excluded.document, differences = excluded.differences, "
		"updated = excluded.updated "
		"WHERE document <> excluded.document OR differences <> excluded.differences");
	query_set_text(query, 1, application->name);
	query_set_text(query, 2, application->document);
	query_set_text(query, 3, application->differences);
	query_set_number(query, 4, application->updated);
	return query_run(query, err);
}

static struct store_application read_row(struct query *query, struct arena *mem)
{
	return (struct store_application){
		.name = query_text(query, 0, mem),
		.document = query_text(query, 1, mem),
		.differences = query_text(query, 2, mem),
		.updated = query_number(query, 3),
	};
}

bool store_application_get(struct store *store, const char *name, struct arena *mem,
	struct store_application *out, struct error *err)
{
	struct store_application found = {0};
	struct query *query = query_open(
		store, "SELECT name, document, differences, updated FROM application WHERE name = ?1");
	query_set_text(query, 1, name);
	if (query_next(query))
		found = read_row(query, mem);
	if (!query_close(query, err))
		return false;
	if (!found.name)
		return error_set(err, ERROR_MISSING, "there is no application \"%s\"", name);
	*out = found;
	return true;
}

bool store_application_list(struct store *store, struct arena *mem, struct store_application **items,
	size_t *count, struct error *err)
{
	struct store_application *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(
		store, "SELECT name, document, differences, updated FROM application ORDER BY name");
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

bool store_application_remove(struct store *store, const char *name, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	bool ok = query_run_text(store, "DELETE FROM application WHERE name = ?1", name, err) &&
		query_run_text(store, "DELETE FROM inventory WHERE application = ?1", name, err) &&
		query_run_text(store, "DELETE FROM revision WHERE application = ?1", name, err) &&
		query_run_text(store, "DELETE FROM running WHERE application = ?1", name, err) &&
		query_run_text(store,
			"DELETE FROM fact WHERE key IN ('synced:' || ?1, 'tried:' || ?1, 'ignored:' || ?1)",
			name, err) &&
		query_run_text(store, "DELETE FROM drift WHERE application = ?1 AND healed = 0", name, err);
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}
