/*
 * postgresql_gone.c - users and databases that are taken out of spec, and databases that nobody would make
 *
 * The operator makes and never drops (zalando-operator.md 2.1, 3): what is taken out stays as it is, and a database that is called
 * otherwise is a new one, empty, beside the old. Who takes something out expects another thing, so it is said before.
 */
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "reconcile/kubernetes/manager.h"
#include "reconcile/kubernetes/postgresql_internal.h"

enum { NAMED = 5 }; /* of what goes: the rest is counted */

static const json_t *map_of(const json_t *object, const char *field)
{
	return json_object_get(json_object_get(object, "spec"), field);
}

/* Somebody else has put it there and keeps it: an apply without it takes nothing away. */
static bool is_kept(const json_t *live, const char *field, const char *name, struct arena *mem)
{
	const char *map = arena_printf(mem, "f:%s", field), *key = arena_printf(mem, "f:%s", name);
	size_t i;
	const json_t *entry;
	json_array_foreach (json_at(live, "metadata.managedFields"), i, entry) {
		const char *manager = json_text_at(entry, "manager", "");
		const json_t *spec = json_object_get(json_object_get(entry, "fieldsV1"), "f:spec");
		bool owns = json_object_get(json_object_get(spec, map), key);
		if (owns && !text_equal(manager, MANAGER_OURS) && !manager_gives_way(manager))
			return true;
	}
	return false;
}

/* The names that are in the live map alone, as a person reads them; NULL = none. */
static const char *names_gone(const struct refusals *refusals, const char *field)
{
	const json_t *wanted = map_of(refusals->wanted, field);
	json_t *live = json_object_get(json_object_get(refusals->live, "spec"), field);
	const char *name, *names = NULL;
	json_t *unused;
	size_t count = 0;
	json_object_foreach (live, name, unused) {
		if (json_object_get(wanted, name) || is_kept(refusals->live, field, name, refusals->mem))
			continue;
		if (count++ < NAMED)
			names = names ? arena_printf(refusals->mem, "%s, %.63s", names, name)
				      : arena_printf(refusals->mem, "%.63s", name);
	}
	return count > NAMED ? arena_printf(refusals->mem, "%s and %zu more", names, count - NAMED) : names;
}

static const struct {
	const char *field, *word, *what;
} gone[] = {
	{"users", "remove-user",
		"the operator leaves the role, what it may do and its Secret, so whoever has the password still logs in; "
		"lock or drop the role by hand"},
	{"databases", "remove-database",
		"the operator drops and renames no database: the old one stays as it is, and one of another name is made anew, empty"},
	{"preparedDatabases", "remove-prepared-database",
		"the operator leaves the database, its schemas and roles, and keeps their passwords and privileges no longer"},
};

static void refuse_names(struct refusals *refusals)
{
	for (size_t i = 0; i < COUNT_OF(gone); i++) {
		const char *names = names_gone(refusals, gone[i].field);
		if (names)
			refuse_unless(refusals, gone[i].word,
				arena_printf(refusals->mem, "spec.%s loses %s: %s", gone[i].field, names,
					gone[i].what));
	}
}

/* Of a prepared database and each of its schemas: DB_owner, DB_SCHEMA_owner, and with defaultUsers their logins. */
static bool is_prepared(const json_t *prepared, const char *owner)
{
	static const char *const ends[] = {
		"_owner", "_owner_user", "_reader", "_writer", "_reader_user", "_writer_user"};
	bool ends_so = false;
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		ends_so = ends_so || text_ends(owner, ends[i]);
	return ends_so && json_is_object(prepared);
}

static bool is_made(const struct refusals *refusals, const char *owner)
{
	return json_object_get(map_of(refusals->wanted, "users"), owner) ||
		is_prepared(map_of(refusals->wanted, "preparedDatabases"), owner);
}

/* Its owner is no role that the operator is told of here. One that was so before has been answered, one way or the other. */
static void refuse_ownerless(struct refusals *refusals)
{
	json_t *databases = json_object_get(json_object_get(refusals->wanted, "spec"), "databases");
	const json_t *live = map_of(refusals->live, "databases");
	const char *name;
	json_t *value;
	json_object_foreach (databases, name, value) {
		const char *owner = json_string_value(value);
		if (!owner || is_made(refusals, owner) ||
			text_equal(json_string_value(json_object_get(live, name)), owner))
			continue;
		refuse_unless(refusals, "foreign-owner",
			arena_printf(refusals->mem,
				"spec.databases.%.63s belongs to \"%.63s\", which is not in spec.users: the operator passes over "
				"such a database without a word, unless it is an infrastructure or team role",
				name, owner));
	}
}

void refuse_gone(struct refusals *refusals)
{
	refuse_names(refusals);
	refuse_ownerless(refusals);
}
