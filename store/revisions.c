#include "store/database.h"

#include "base/limits.h"

static bool insert(struct store *store, const struct store_revision *revision, int64_t *id, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO revision (application, commit_id, author, message, started, finished, phase, cause, outcome, "
		"created, configured, unchanged, pruned, failed) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
	query_set_text(query, 1, revision->application);
	query_set_text(query, 2, revision->commit);
	query_set_text(query, 3, revision->author);
	query_set_text(query, 4, revision->message);
	query_set_number(query, 5, revision->started);
	query_set_number(query, 6, revision->finished);
	query_set_text(query, 7, revision->phase);
	query_set_text(query, 8, revision->trigger);
	query_set_text(query, 9, revision->text);
	query_set_number(query, 10, revision->created);
	query_set_number(query, 11, revision->configured);
	query_set_number(query, 12, revision->unchanged);
	query_set_number(query, 13, revision->pruned);
	query_set_number(query, 14, revision->failed);
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
		"UPDATE revision SET finished = ?2, phase = ?3, outcome = ?4, created = ?5, configured = ?6, "
		"unchanged = ?7, pruned = ?8, failed = ?9 WHERE id = ?1");
	query_set_number(query, 1, revision->id);
	query_set_number(query, 2, revision->finished);
	query_set_text(query, 3, revision->phase);
	query_set_text(query, 4, revision->text);
	query_set_number(query, 5, revision->created);
	query_set_number(query, 6, revision->configured);
	query_set_number(query, 7, revision->unchanged);
	query_set_number(query, 8, revision->pruned);
	query_set_number(query, 9, revision->failed);
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

static struct store_revision read_row(struct query *query, struct arena *mem)
{
	return (struct store_revision){
		.id = query_number(query, 0),
		.application = query_text(query, 1, mem),
		.commit = query_text(query, 2, mem),
		.author = query_text(query, 3, mem),
		.message = query_text(query, 4, mem),
		.started = query_number(query, 5),
		.finished = query_number(query, 6),
		.phase = query_text(query, 7, mem),
		.trigger = query_text(query, 8, mem),
		.text = query_text(query, 9, mem),
		.created = query_number(query, 10),
		.configured = query_number(query, 11),
		.unchanged = query_number(query, 12),
		.pruned = query_number(query, 13),
		.failed = query_number(query, 14),
		.times = query_number(query, 15),
	};
}

bool store_revision_list(struct store *store, const char *application, size_t limit, struct arena *mem,
	struct store_revision **items, size_t *count, struct error *err)
{
	struct store_revision *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store,
		"SELECT id, application, commit_id, author, message, started, finished, phase, cause, outcome, created, "
		"configured, unchanged, pruned, failed, times FROM revision "
		"WHERE ?1 IS NULL OR application = ?1 ORDER BY id DESC LIMIT ?2");
	query_set_text_or_null(query, 1, application);
	query_set_number(query, 2, limit ? (int64_t)limit : -1);
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
