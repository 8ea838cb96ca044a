#include "store/database.h"

#include "base/memory.h"

/* schema_N.sql, made into C by CMakeLists.txt */
extern const char schema_1_sql[], schema_2_sql[], schema_3_sql[];

/* A released step is never edited: a change of the schema is a further step. */
static const char *const steps[] = {schema_1_sql, schema_2_sql, schema_3_sql};

int64_t migrate_newest(void)
{
	return COUNT_OF(steps);
}

static bool take(struct store *store, const char *step, int64_t version, struct error *err)
{
	CLEANUP(memory_freep)
	char *set_version = memory_printf("PRAGMA user_version = %lld", (long long)version);
	return (database_script(store, step, err) && database_script(store, set_version, err)) ||
		error_prefix(err, "migration to version %lld", (long long)version);
}

bool migrate_with(struct store *store, const char *const *list, size_t count, struct error *err)
{
	int64_t version;
	if (!database_version(store, &version, err))
		return false;
	if (version < 0 || (uint64_t)version > count)
		return error_set(err, ERROR_INVALID,
			"store %s has schema version %lld, this program knows up to %zu: run the newer program, or "
			"move the file away to start with an empty history",
			store->path, (long long)version, count);
	if ((uint64_t)version == count)
		return true;
	if (!store_begin(store, err))
		return false;
	for (size_t next = (size_t)version; next < count; next++)
		if (!take(store, list[next], (int64_t)next + 1, err)) {
			store_rollback(store);
			return false;
		}
	return store_commit(store, err);
}

bool migrate(struct store *store, struct error *err)
{
	return migrate_with(store, steps, COUNT_OF(steps), err);
}
