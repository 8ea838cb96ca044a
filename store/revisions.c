#include "store/database.h"

#include "base/limits.h"

#define ROW struct store_revision
#define GIVEN(_)                                                                                             \
	_(application, application), _(commit_id, commit), _(author, author), _(message, message),           \
		_(started, started), _(finished, finished), _(phase, phase), _(cause, trigger),              \
		_(outcome, text), _(created, created), _(configured, configured), _(unchanged, unchanged),   \
		_(pruned, pruned), _(failed, failed)
#define COLUMNS(_) GIVEN(_), _(id, id), _(times, times)
#define NAMES SQL_NAMES(COLUMNS)
#define GIVEN_NAMES SQL_NAMES(GIVEN)
#define GIVEN_VALUES SQL_VALUES(GIVEN)
static const struct table table = TABLE(COLUMNS);

static bool insert(struct store *store, const struct store_revision *revision, int64_t *id, struct error *err)
{
	struct query *query =
		query_open(store, "INSERT INTO revision (" GIVEN_NAMES ") VALUES (" GIVEN_VALUES ")");
	query_set_row(query, &table, revision);
	return query_insert(query, id, err);
}

/* The index has them in order: this looks at one application's ids only. */
static bool trim(struct store *store, const char *application, struct error *err)
{
	struct query *query = query_open(store,
		"DELETE FROM revision WHERE application = ?1 AND id < "
		"(SELECT id FROM revision WHERE application = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)");
	query_set_text(query, 1, application);
	query_set_number(query, 2, LIMIT_HISTORY_ROWS - 1);
	return query_run(query, err);
}

bool store_revision_begin(
	struct store *store, const struct store_revision *revision, int64_t *id, struct error *err)
{
	int64_t made;
	if (!store_begin(store, err))
		return false;
	if (!insert(store, revision, &made, err) || !trim(store, revision->application, err)) {
		store_rollback(store);
		return false;
	}
	if (!store_commit(store, err))
		return false;
	if (id)
		*id = made;
	return true;
}

/* Only the outcome: what was begun stays as it was written. */
static bool set_outcome(struct store *store, const struct store_revision *revision, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE revision SET finished = :finished, phase = :phase, outcome = :outcome, created = :created, "
		"configured = :configured, unchanged = :unchanged, pruned = :pruned, failed = :failed WHERE id = :id");
	query_set_row(query, &table, revision);
	return query_run(query, err);
}

/* The row before this one, when it failed at the same commit in the same words; 0 = there is none. */
static bool find_same_failure(
	struct store *store, const struct store_revision *revision, int64_t *id, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT iif((before.commit_id, before.cause, before.phase, before.outcome) = "
		"(this.commit_id, this.cause, this.phase, this.outcome), before.id, 0) "
		"FROM revision this JOIN revision before ON before.application = this.application AND before.id < this.id "
		"WHERE this.id = ?1 AND this.phase IN ('Failed', 'Error') ORDER BY before.id DESC LIMIT 1");
	query_set_number(query, 1, revision->id);
	int64_t found = query_next(query) ? query_number(query, 0) : 0;
	if (!query_close(query, err))
		return false;
	*id = found;
	return true;
}

/* The newer row takes over how often it was and when it began. */
static bool merge(struct store *store, int64_t older, int64_t newer, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE revision SET times = revision.times + older.times, started = older.started "
		"FROM revision older WHERE older.id = ?1 AND revision.id = ?2");
	query_set_number(query, 1, older);
	query_set_number(query, 2, newer);
	if (!query_run(query, err))
		return false;
	query = query_open(store, "DELETE FROM revision WHERE id = ?1");
	query_set_number(query, 1, older);
	return query_run(query, err);
}

bool store_revision_end(struct store *store, const struct store_revision *revision, struct error *err)
{
	int64_t older = 0;
	if (!store_begin(store, err))
		return false;
	bool ok = set_outcome(store, revision, err) && find_same_failure(store, revision, &older, err) &&
		(!older || merge(store, older, revision->id, err));
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}

bool store_revision_list(struct store *store, const char *application, size_t limit, struct arena *mem,
	struct store_revision **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " NAMES
		" FROM revision WHERE ?1 IS NULL OR application = ?1 ORDER BY id DESC LIMIT ?2");
	query_set_text_or_null(query, 1, application);
	query_set_number(query, 2, limit ? (int64_t)limit : -1);
	return query_rows(query, &table, mem, items, count, err);
}
