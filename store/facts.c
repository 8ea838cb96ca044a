#include "store/database.h"

#include "base/clock.h"

bool store_fact_set(struct store *store, const char *key, const char *value, struct error *err)
{
	if (!value)
		return query_run_text(store, "DELETE FROM fact WHERE key = ?1", key, err);
	struct query *query = query_open(store,
		"INSERT INTO fact (key, value, updated) VALUES (?1, ?2, ?3) "
		"ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = excluded.updated "
		"WHERE value <> excluded.value OR updated < excluded.updated - 86400000000");
	query_set_text(query, 1, key);
	query_set_text(query, 2, value);
	query_set_number(query, 3, clock_now());
	return query_run(query, err);
}

bool store_fact_get(
	struct store *store, const char *key, struct arena *mem, const char **value, struct error *err)
{
	const char *found = NULL;
	struct query *query = query_open(store, "SELECT value FROM fact WHERE key = ?1");
	query_set_text(query, 1, key);
	if (query_next(query))
		found = query_text(query, 0, mem);
	if (!query_close(query, err))
		return false;
	*value = found;
	return true;
}
