#include "store/database.h"

#include "base/limits.h"

static bool delete_beyond(struct store *store, const char *sql, int64_t limit, struct error *err)
{
	struct query *query = query_open(store, sql);
	query_set_number(query, 1, limit);
	return query_run(query, err);
}

/* Ids only grow, so the newest N rows of a table are among the newest N ids: an index says at once that there is nothing to
   delete. Revisions are bounded for each application, where they are added (revisions.c). */
static bool trim(struct store *store, struct error *err)
{
	return delete_beyond(store, "DELETE FROM drift WHERE id <= (SELECT max(id) FROM drift) - ?1",
		       LIMIT_DRIFT_ROWS, err) &&
		delete_beyond(store,
			"DELETE FROM user_change WHERE id <= (SELECT max(id) FROM user_change) - ?1",
			LIMIT_USER_CHANGES, err) &&
		delete_beyond(store, "DELETE FROM operation WHERE id <= (SELECT max(id) FROM operation) - ?1",
			LIMIT_OPERATIONS, err) &&
		delete_beyond(store,
			"DELETE FROM fact WHERE key IN (SELECT key FROM fact ORDER BY updated DESC LIMIT -1 OFFSET ?1)",
			LIMIT_FACTS, err);
}

bool store_trim(struct store *store, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	if (trim(store, err))
		return store_commit(store, err);
	store_rollback(store);
	return false;
}
