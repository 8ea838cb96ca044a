#include "store/database.h"

#include "base/limits.h"

static bool delete_beyond(struct store *store, const char *sql, int64_t limit, struct error *err)
{
	struct query *query = query_open(store, sql);
	query_set_number(query, 1, limit);
	return query_run(query, err);
}

/*
 * The newest N rows stay. Revisions are bounded for each Application, where they are added (revisions.c). Of the facts only the
 * commits of repositories are more than the configuration names: a fact that is set again counts as new once a day (facts.c), so
 * those in use stay.
 */
static bool trim(struct store *store, struct error *err)
{
	return delete_beyond(store,
		       "DELETE FROM drift WHERE id <= (SELECT id FROM drift ORDER BY id DESC LIMIT 1 OFFSET ?1)",
		       LIMIT_DRIFT_ROWS, err) &&
		delete_beyond(store,
			"DELETE FROM user_change WHERE id <= "
			"(SELECT id FROM user_change ORDER BY id DESC LIMIT 1 OFFSET ?1)",
			LIMIT_USER_CHANGES, err) &&
		delete_beyond(store,
			"DELETE FROM operation WHERE id <= (SELECT id FROM operation ORDER BY id DESC LIMIT 1 OFFSET ?1)",
			LIMIT_OPERATIONS, err) &&
		delete_beyond(store,
			"DELETE FROM fact WHERE key IN (SELECT key FROM fact WHERE key GLOB 'commit:*' "
			"ORDER BY updated DESC LIMIT -1 OFFSET ?1)",
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

bool store_forget(struct store *store, struct error *err)
{
	static const char present[] = "DELETE FROM application; DELETE FROM running; DELETE FROM inventory; "
				      "DELETE FROM user; DELETE FROM verifier; DELETE FROM database; "
				      "DELETE FROM users_text; DELETE FROM drift WHERE healed = 0; "
				      "DELETE FROM fact WHERE key NOT GLOB 'agent.*'";
	if (!store_begin(store, err))
		return false;
	if (database_script(store, present, err))
		return store_commit(store, err);
	store_rollback(store);
	return false;
}

static bool end_open(struct store *store, const char *sql, int64_t now, const char *outcome, struct error *err)
{
	struct query *query = query_open(store, sql);
	query_set_number(query, 1, now);
	query_set_text(query, 2, outcome);
	return query_run(query, err);
}

/* What a running operation goes on with is not over. */
static bool sweep(struct store *store, int64_t now, const char *outcome, struct error *err)
{
	return end_open(store,
		       "UPDATE revision SET finished = ?1, phase = 'Error', outcome = ?2 WHERE finished = 0 "
		       "AND id NOT IN (SELECT revision FROM running)",
		       now, outcome, err) &&
		end_open(store, "UPDATE user_change SET finished = ?1, outcome = ?2 WHERE finished = 0", now,
			outcome, err) &&
		end_open(store,
			"UPDATE operation SET finished = ?1, phase = 'Error', message = ?2 WHERE finished = 0 "
			"AND id NOT IN (SELECT operation FROM running)",
			now, outcome, err);
}

bool store_sweep(struct store *store, int64_t now, const char *outcome, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	if (sweep(store, now, outcome, err))
		return store_commit(store, err);
	store_rollback(store);
	return false;
}
