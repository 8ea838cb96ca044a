#include "store/database.h"

#include <string.h>

#include "base/digest.h"

#define ROW struct store_user
#define USER(_) _(database, database), _(name, name), _(document, document), _(updated, updated)
#define USER_NAMES SQL_NAMES(USER)
#define USER_VALUES SQL_VALUES(USER)
static const struct table users = TABLE(USER);

#undef ROW
#define ROW struct store_user_count
#define COUNT(_) _(database, database), _(status, status), _(count, count), _(held, held)
static const struct table counts = TABLE(COUNT);

#undef ROW
#define ROW struct store_user_change
#define GIVEN(_)                                                                                             \
	_(database, database), _(user, user), _(action, action), _(statement, statement),                    \
		_(commit_id, commit), _(started, started), _(finished, finished), _(outcome, outcome)
#define CHANGE(_) GIVEN(_), _(id, id), _(times, times)
#define CHANGE_NAMES SQL_NAMES(CHANGE)
#define GIVEN_NAMES SQL_NAMES(GIVEN)
#define GIVEN_VALUES SQL_VALUES(GIVEN)
static const struct table changes = TABLE(CHANGE);

bool store_user_set(struct store *store, const struct store_user *user, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO user (" USER_NAMES ") VALUES (" USER_VALUES ") "
		"ON CONFLICT (database, name) DO UPDATE SET document = excluded.document, updated = excluded.updated "
		"WHERE document <> excluded.document");
	query_set_row(query, &users, user);
	return query_run(query, err);
}

static bool forget(
	struct store *store, const char *sql, const char *database, const char *name, struct error *err)
{
	struct query *query = query_open(store, sql);
	query_set_text(query, 1, database);
	query_set_text(query, 2, name);
	return query_run(query, err);
}

bool store_user_remove(struct store *store, const char *database, const char *name, struct error *err)
{
	if (!store_begin(store, err))
		return false;
	bool ok = forget(store, "DELETE FROM user WHERE database = ?1 AND name = ?2", database, name, err) &&
		forget(store, "DELETE FROM verifier WHERE database = ?1 AND user = ?2", database, name, err) &&
		forget(store, "DELETE FROM drift WHERE database = ?1 AND user = ?2 AND healed = 0", database,
			name, err);
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}

bool store_user_list(struct store *store, const char *database, struct arena *mem, struct store_user **items,
	size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " USER_NAMES " FROM user WHERE ?1 IS NULL OR database = ?1 ORDER BY database, name");
	query_set_text_or_null(query, 1, database);
	return query_rows(query, &users, mem, items, count, err);
}

bool store_user_counts(struct store *store, struct arena *mem, struct store_user_count **items, size_t *count,
	struct error *err)
{
	struct query *query = query_open(store,
		"SELECT database, coalesce(json_extract(document, '$.status'), ''), count(*), "
		"count(json_extract(document, '$.held')) FROM user GROUP BY 1, 2 ORDER BY 1, 2");
	return query_rows(query, &counts, mem, items, count, err);
}

bool store_user_change_begin(
	struct store *store, const struct store_user_change *change, int64_t *id, struct error *err)
{
	struct query *query =
		query_open(store, "INSERT INTO user_change (" GIVEN_NAMES ") VALUES (" GIVEN_VALUES ")");
	query_set_row(query, &changes, change);
	return query_insert(query, id, err);
}

static bool set_outcome(
	struct store *store, int64_t id, int64_t finished, const char *outcome, struct error *err)
{
	struct query *query =
		query_open(store, "UPDATE user_change SET finished = ?2, outcome = ?3 WHERE id = ?1");
	query_set_number(query, 1, id);
	query_set_number(query, 2, finished);
	query_set_text(query, 3, outcome);
	return query_run(query, err);
}

/* The last change of this user by the same statement, when it failed in the same words; 0 = there is none. */
static bool find_same_failure(struct store *store, int64_t newer, int64_t *id, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT iif(before.finished > 0 AND (before.commit_id, before.outcome) = (this.commit_id, this.outcome), "
		"before.id, 0) FROM user_change this JOIN user_change before ON before.user = this.user AND before.id < this.id "
		"AND (before.database, before.action, before.statement) = (this.database, this.action, this.statement) "
		"WHERE this.id = ?1 AND this.outcome <> 'done' ORDER BY before.id DESC LIMIT 1");
	query_set_number(query, 1, newer);
	int64_t found = query_next(query) ? query_number(query, 0) : 0;
	if (!query_close(query, err))
		return false;
	*id = found;
	return true;
}

/* The newer row takes over how often it was and when it began. */
static bool merge_changes(struct store *store, int64_t older, int64_t newer, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE user_change SET times = user_change.times + older.times, started = older.started "
		"FROM user_change older WHERE older.id = ?1 AND user_change.id = ?2");
	query_set_number(query, 1, older);
	query_set_number(query, 2, newer);
	if (!query_run(query, err))
		return false;
	query = query_open(store, "DELETE FROM user_change WHERE id = ?1");
	query_set_number(query, 1, older);
	return query_run(query, err);
}

bool store_user_change_end(
	struct store *store, int64_t id, int64_t finished, const char *outcome, struct error *err)
{
	int64_t older = 0;
	if (!store_begin(store, err))
		return false;
	bool ok = set_outcome(store, id, finished, outcome, err) &&
		find_same_failure(store, id, &older, err) && (!older || merge_changes(store, older, id, err));
	if (ok)
		return store_commit(store, err);
	store_rollback(store);
	return false;
}

bool store_user_change_end_open(
	struct store *store, const char *database, int64_t finished, const char *outcome, struct error *err)
{
	struct query *query = query_open(store,
		"UPDATE user_change SET finished = ?2, outcome = ?3 WHERE finished = 0 AND database = ?1");
	query_set_text(query, 1, database);
	query_set_number(query, 2, finished);
	query_set_text(query, 3, outcome);
	return query_run(query, err);
}

bool store_user_change_list(struct store *store, const struct store_user_change_filter *filter,
	struct arena *mem, struct store_user_change **items, size_t *count, struct error *err)
{
	struct query *query = query_open(store,
		"SELECT " CHANGE_NAMES
		" FROM user_change WHERE (?1 IS NULL OR user = ?1) AND (?2 IS NULL OR database = ?2) "
		"AND max(started, finished) >= ?3 ORDER BY id DESC LIMIT ?4");
	query_set_text_or_null(query, 1, filter->user);
	query_set_text_or_null(query, 2, filter->database);
	query_set_number(query, 3, filter->since);
	query_set_number(query, 4, filter->limit ? (int64_t)filter->limit : -1);
	return query_rows(query, &changes, mem, items, count, err);
}

bool store_verifier_known(struct store *store, const char *database, const char *user, const char *verifier,
	const char *version)
{
	struct error ignored; /* not known: the verifier is derived once more, which is slow and right */
	char digest[DIGEST_HEX_SIZE];

	digest_sha256_hex(verifier, strlen(verifier), digest);
	struct query *query = query_open(store,
		"SELECT 1 FROM verifier WHERE database = ?1 AND user = ?2 AND digest = ?3 AND version = ?4");
	query_set_text(query, 1, database);
	query_set_text(query, 2, user);
	query_set_text(query, 3, digest);
	query_set_text(query, 4, version);
	bool known = query_next(query);
	return query_close(query, &ignored) && known;
}

void store_verifier_remember(struct store *store, const char *database, const char *user,
	const char *verifier, const char *version)
{
	struct error ignored;
	char digest[DIGEST_HEX_SIZE];

	digest_sha256_hex(verifier, strlen(verifier), digest);
	struct query *query = query_open(store,
		"INSERT INTO verifier (database, user, digest, version) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (database, user) DO UPDATE SET digest = excluded.digest, version = excluded.version "
		"WHERE digest <> excluded.digest OR version <> excluded.version");
	query_set_text(query, 1, database);
	query_set_text(query, 2, user);
	query_set_text(query, 3, digest);
	query_set_text(query, 4, version);
	if (!query_run(query, &ignored))
		return; /* asked again next time */
}
