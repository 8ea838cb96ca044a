#include "store/database.h"

bool store_running_set(struct store *store, const struct store_running *running, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO running (application, document, updated, revision, operation) VALUES (?1, ?2, ?3, ?4, ?5) "
		"ON CONFLICT (application) DO UPDATE SET document = excluded.document, updated = excluded.updated, "
		"revision = excluded.revision, operation = excluded.operation "
		"WHERE (document, revision, operation) IS NOT (excluded.document, excluded.revision, excluded.operation)");
	query_set_text(query, 1, running->application);
	query_set_text(query, 2, running->document);
	query_set_number(query, 3, running->updated);
	query_set_number(query, 4, running->revision);
	query_set_number(query, 5, running->operation);
	return query_run(query, err);
}

bool store_running_get(struct store *store, const char *application, struct arena *mem,
	struct store_running *out, struct error *err)
{
	struct store_running found = {0};
	struct query *query = query_open(store,
		"SELECT application, document, updated, revision, operation FROM running WHERE application = ?1");
	query_set_text(query, 1, application);
	if (query_next(query))
		found = (struct store_running){
			.application = query_text(query, 0, mem),
			.document = query_text(query, 1, mem),
			.updated = query_number(query, 2),
			.revision = query_number(query, 3),
			.operation = query_number(query, 4),
		};
	if (!query_close(query, err))
		return false;
	if (!found.application)
		return error_set(err, ERROR_MISSING, "no operation of application \"%s\" runs", application);
	*out = found;
	return true;
}

bool store_running_remove(struct store *store, const char *application, struct error *err)
{
	return query_run_text(store, "DELETE FROM running WHERE application = ?1", application, err);
}
