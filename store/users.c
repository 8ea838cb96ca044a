#include "store/database.h"

#include <string.h>

#include "base/digest.h"

bool store_user_set(struct store *store, const struct store_user *user, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO user (database, name, document, updated) VALUES (?1, ?2, ?3, ?4) "
		"ON CONFLICT (database, name) DO UPDATE SET document = excluded.document, updated = excluded.updated "
		"WHERE document <> excluded.document");
	query_set_text(query, 1, user->database);
	query_set_text(query, 2, user->name);
	query_set_text(query, 3, user->document);
	query_set_number(query, 4, user->updated);
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
	struct store_user *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store,
		"SELECT database, name, document, updated FROM user WHERE ?1 IS NULL OR database = ?1 "
		"ORDER BY database, name");
	query_set_text_or_null(query, 1, database);
	while (query_next(query)) {
		rows = arena_grow(mem, rows, found, sizeof(*rows));
		rows[found++] = (struct store_user){
			.database = query_text(query, 0, mem),
			.name = query_text(query, 1, mem),
			.document = query_text(query, 2, mem),
			.updated = query_number(query, 3),
		};
	}
	if (!query_close(query, err))
		return false;
	*items = rows;
	*count = found;
	return true;
}

bool store_user_change_begin(
	struct store *store, const struct store_user_change *change, int64_t *id, struct error *err)
{
	struct query *query = query_open(store,
		"INSERT INTO user_change (database, user, action, statement, commit_id, started, finished, outcome) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	query_set_text(query, 1, change->database);
	query_set_text(query, 2, change->user);
	query_set_text(query, 3, change->action);
	query_set_text(query, 4, change->statement);
	query_set_text(query, 5, change->commit);
	query_set_number(query, 6, change->started);
	query_set_number(query, 7, change->finished);
	query_set_text(query, 8, change->outcome);
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

static struct store_user_change read_change(struct query *query, struct arena *mem)
{
	return (struct store_user_change){
		.id = query_number(query, 0),
		.database = query_text(query, 1, mem),
		.user = query_text(query, 2, mem),
		.action = query_text(query, 3, mem),
		.statement = query_text(query, 4, mem),
		.commit = query_text(query, 5, mem),
		.started = query_number(query, 6),
		.finished = query_number(query, 7),
		.outcome = query_text(query, 8, mem),
		.times = query_number(query, 9),
	};
}

bool store_user_change_list(struct store *store, const char *user, size_t limit, struct arena *mem,
	struct store_user_change **items, size_t *count, struct error *err)
{
	struct store_user_change *rows = NULL;
	size_t found = 0;
	struct query *query = query_open(store,
		"SELECT id, database, user, action, statement, commit_id, started, finished, outcome, times "
		"FROM user_change WHERE ?1 IS NULL OR user = ?1 ORDER BY id DESC LIMIT ?2");
	query_set_text_or_null(query, 1, user);
	query_set_number(query, 2, limit ? (int64_t)limit : -1);
	while (query_next(query)) {
		rows = arena_grow(mem, rows, found, sizeof(*rows));
		rows[found++] = read_change(query, mem);
	}
	if (!query_close(query, err))
		return false;
	*items = rows;
	*count = found;
	return true;
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
