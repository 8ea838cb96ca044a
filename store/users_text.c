#include "store/database.h"

#define ROW struct store_users_text
#define COLUMNS(_)                                                                                           \
	_(database, database), _(application, application), _(document, document), _(objects, objects),      \
		_(updated, updated)
#define NAMES SQL_NAMES(COLUMNS)
#define VALUES SQL_VALUES(COLUMNS)
static const struct table table = TABLE(COLUMNS);

bool store_users_text_set(struct store *store, const struct store_users_text *text, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO users_text (" NAMES ") VALUES (" VALUES ") "
		"ON CONFLICT (database) DO UPDATE SET application = excluded.application, "
		"document = excluded.document, objects = excluded.objects, updated = excluded.updated "
		"WHERE (application, document, objects) IS NOT "
		"(excluded.application, excluded.document, excluded.objects)");
	query_set_row(query, &table, text);
	return query_run(query, err);
}

bool store_users_text_get(struct store *store, const char *database, struct arena *mem,
	struct store_users_text *out, bool *found, struct error *err)
{
	struct query *query = query_open(store, "SELECT " NAMES " FROM users_text WHERE database = ?1");
	query_set_text(query, 1, database);
	return query_row(query, &table, mem, out, found, err);
}
