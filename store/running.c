#include "store/database.h"

#define ROW struct store_running
#define COLUMNS(_)                                                                                           \
	_(application, application), _(document, document), _(updated, updated), _(revision, revision),      \
		_(operation, operation)
#define NAMES SQL_NAMES(COLUMNS)
#define VALUES SQL_VALUES(COLUMNS)
static const struct table table = TABLE(COLUMNS);

bool store_running_set(struct store *store, const struct store_running *running, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO running (" NAMES ") VALUES (" VALUES ") "
		"ON CONFLICT (application) DO UPDATE SET document = excluded.document, updated = excluded.updated, "
		"revision = excluded.revision, operation = excluded.operation "
		"WHERE (document, revision, operation) IS NOT (excluded.document, excluded.revision, excluded.operation)");
	query_set_row(query, &table, running);
	return query_run(query, err);
}

bool store_running_get(struct store *store, const char *application, struct arena *mem,
	struct store_running *out, struct error *err)
{
	bool found;
	struct query *query = query_open(store, "SELECT " NAMES " FROM running WHERE application = ?1");
	query_set_text(query, 1, application);
	return query_row(query, &table, mem, out, &found, err) &&
		(found || error_set(err, ERROR_MISSING, "no operation of application \"%s\" runs", application));
}

bool store_running_remove(struct store *store, const char *application, struct error *err)
{
	return query_run_text(store, "DELETE FROM running WHERE application = ?1", application, err);
}
