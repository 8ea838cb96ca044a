#include "store/database.h"

static void set_identity(struct query *query, const struct store_object *object)
{
	query_set_text(query, 1, object->application);
	query_set_text(query, 2, object->group);
	query_set_text(query, 3, object->kind);
	query_set_text(query, 4, object->namespace);
	query_set_text(query, 5, object->name);
}

/* An equal row is not written again: most objects of most passes are. */
bool store_object_set(struct store *store, const struct store_object *object, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO inventory (application, api_group, kind, namespace, name, version, uid, wanted_hash, "
		"live_version, intended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
		"ON CONFLICT (application, api_group, kind, namespace, name) DO UPDATE SET version = excluded.version, "
		"uid = excluded.uid, wanted_hash = excluded.wanted_hash, live_version = excluded.live_version, "
		"intended = excluded.intended "
		"WHERE (version, uid, wanted_hash, live_version, intended) IS NOT "
		"(excluded.version, excluded.uid, excluded.wanted_hash, excluded.live_version, excluded.intended)");
	set_identity(query, object);
	query_set_text(query, 6, object->version);
	query_set_text(query, 7, object->uid);
	query_set_text(query, 8, object->wanted_hash);
	query_set_text(query, 9, object->live_version);
	query_set_number(query, 10, object->intended);
	return query_run(query, err);
}

bool store_object_remove(struct store *store, const struct store_object *object, struct error *err)
{
	struct query *query = query_open(store,
		"DELETE FROM inventory WHERE application = ?1 AND api_group = ?2 AND kind = ?3 AND namespace = ?4 "
		"AND name = ?5");
	set_identity(query, object);
	return query_run(query, err);
}

static struct store_object read_row(struct query *query, struct arena *mem)
{
	return (struct store_object){
		.application = query_text(query, 0, mem),
		.group = query_text(query, 1, mem),
		.kind = query_text(query, 2, mem),
		.namespace = query_text(query, 3, mem),
		.name = query_text(query, 4, mem),
		.version = query_text(query, 5, mem),
		.uid = query_text(query, 6, mem),
		.wanted_hash = query_text(query, 7, mem),
		.live_version = query_text(query, 8, mem),
		.intended = query_number(query, 9) != 0,
	};
}

bool store_object_list(struct store *store, const char *application, struct arena *mem,
	struct store_object **items, size_t *count, struct error *err)
{
	struct store_object *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store,
		"SELECT application, api_group, kind, namespace, name, version, uid, wanted_hash, live_version, intended "
		"FROM inventory WHERE application = ?1 ORDER BY api_group, kind, namespace, name");
	query_set_text(query, 1, application);
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
