#include "store/database.h"

#define ROW struct store_drift
#define GIVEN(_)                                                                                             \
	_(application, application), _(api_group, group), _(kind, kind), _(namespace, namespace),            \
		_(name, name), _(database, database), _(user, user), _(field, field), _(found, found),       \
		_(wanted, wanted), _(changed_by, by), _(time, time)
#define COLUMNS(_) GIVEN(_), _(healed, healed), _(id, id)
#define NAMES SQL_NAMES(COLUMNS)
#define GIVEN_NAMES SQL_NAMES(GIVEN)
#define GIVEN_VALUES SQL_VALUES(GIVEN)
static const struct table table = TABLE(COLUMNS);

#define SAME_PLACE                                                                                           \
	"api_group = :api_group AND kind = :kind AND namespace = :namespace AND name = :name AND database = :database AND user = :user"

/* Who did it is sometimes known later than that it was done. */
static bool insert(struct store *store, const struct store_drift *drift, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO drift (" GIVEN_NAMES ", healed) VALUES (" GIVEN_VALUES ", 0) "
		"ON CONFLICT (kind, name, namespace, api_group, user, database, field, found, application) "
		"WHERE healed = 0 DO UPDATE SET wanted = excluded.wanted, "
		"changed_by = iif(excluded.changed_by = '', changed_by, excluded.changed_by) "
		"WHERE wanted <> excluded.wanted OR (excluded.changed_by <> '' AND changed_by <> excluded.changed_by)");
	query_set_row(query, &table, drift);
	return query_run(query, err);
}

static bool is_first(struct store *store, const struct store_drift *drift, bool *first, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT 1 FROM drift WHERE application = :application AND " SAME_PLACE " AND field = :field "
		"AND found = :found AND healed = 0");
	query_set_row(query, &table, drift);
	*first = !query_next(query);
	return query_close(query, err);
}

bool store_drift_add(struct store *store, const struct store_drift *drift, bool *first, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	if ((first && !is_first(store, drift, first, err)) || !insert(store, drift, err)) {
		store_rollback(store);
		return false;
	}
	return store_commit(store, err);
}

bool store_drift_heal(struct store *store, const struct store_drift *drift, int64_t when, struct error *err)
{
	struct store_drift healed = *drift;
	struct query *query = query_open(store,
		"UPDATE drift SET healed = :healed WHERE (:application = '' OR application = :application) AND " SAME_PLACE
		" AND (:field = '' OR field = :field) AND healed = 0");
	healed.healed = when;
	query_set_row(query, &table, &healed);
	return query_run(query, err);
}

bool store_drift_count_open(struct store *store, size_t *count, struct error *err)
{
	struct query *query = query_open(store, "SELECT count(*) FROM drift WHERE healed = 0");
	size_t found = query_next(query) ? (size_t)query_number(query, 0) : 0;
	if (!query_close(query, err))
		return false;
	*count = found;
	return true;
}

bool store_drift_list(struct store *store, const struct store_drift_filter *filter, struct arena *mem,
	struct store_drift **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " NAMES
		" FROM drift WHERE (?1 IS NULL OR application = ?1) AND (?2 IS NULL OR user = ?2) "
		"AND time >= ?3 AND (?4 = 0 OR healed = 0) ORDER BY id DESC LIMIT ?5");
	query_set_text_or_null(query, 1, filter->application);
	query_set_text_or_null(query, 2, filter->user);
	query_set_number(query, 3, filter->since);
	query_set_number(query, 4, filter->open_only);
	query_set_number(query, 5, filter->limit ? (int64_t)filter->limit : -1);
	return query_rows(query, &table, mem, items, count, err);
}
