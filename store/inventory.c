#include "store/database.h"

#define ROW struct store_object
#define COLUMNS(_)                                                                                           \
	_(application, application), _(api_group, group), _(kind, kind), _(namespace, namespace),            \
		_(name, name), _(version, version), _(uid, uid), _(wanted_hash, wanted_hash),                \
		_(live_version, live_version), _(intended, intended)
#define NAMES SQL_NAMES(COLUMNS)
#define VALUES SQL_VALUES(COLUMNS)
static const struct table table = TABLE(COLUMNS);

/* An equal row is not written again: most objects of most passes are. */
bool store_object_set(struct store *store, const struct store_object *object, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO inventory (" NAMES ") VALUES (" VALUES ") "
		"ON CONFLICT (application, api_group, kind, namespace, name) DO UPDATE SET version = excluded.version, "
		"uid = excluded.uid, wanted_hash = excluded.wanted_hash, live_version = excluded.live_version, "
		"intended = excluded.intended "
		"WHERE (version, uid, wanted_hash, live_version, intended) IS NOT "
		"(excluded.version, excluded.uid, excluded.wanted_hash, excluded.live_version, excluded.intended)");
	query_set_row(query, &table, object);
	return query_run(query, err);
}

bool store_object_remove(struct store *store, const struct store_object *object, struct error *err)
{
	struct query *query = query_open(store,
		"DELETE FROM inventory WHERE application = :application AND api_group = :api_group AND kind = :kind "
		"AND namespace = :namespace AND name = :name");
	query_set_row(query, &table, object);
	return query_run(query, err);
}

bool store_object_list(struct store *store, const char *application, struct arena *mem,
	struct store_object **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " NAMES
		" FROM inventory WHERE application = ?1 ORDER BY api_group, kind, namespace, name");
	query_set_text(query, 1, application);
	return query_rows(query, &table, mem, items, count, err);
}
