#include "reconcile/grants/named.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/grants/kinds.h"
#include "reconcile/postgres/sql.h"

/* Where the catalogs have the objects of a kind; the list of names is to follow, in brackets. Relations of one name are of one kind. */
static const struct {
	enum grant_on on;
	const char *sql;
	bool in_schema;
} catalogs[] = {
	{GRANT_ON_SCHEMA,
		"SELECT 2, ''::text, n.nspname::text, '' FROM pg_catalog.pg_namespace n WHERE n.nspname", false},
	{GRANT_ON_TABLE,
		"SELECT CASE c.relkind WHEN 'S' THEN 5 ELSE 3 END, n.nspname, c.relname, '' FROM pg_catalog.pg_class c JOIN "
		"pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND "
		"(n.nspname, c.relname)",
		true},
	{GRANT_ON_TYPE,
		"SELECT 7, n.nspname, t.typname, '' FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = "
		"t.typnamespace WHERE (n.nspname, t.typname)",
		true},
	{GRANT_ON_LANGUAGE, "SELECT 8, '', l.lanname, '' FROM pg_catalog.pg_language l WHERE l.lanname", false},
	{GRANT_ON_SERVER, "SELECT 9, '', s.srvname, '' FROM pg_catalog.pg_foreign_server s WHERE s.srvname",
		false},
};

/* Tables, sequences and columns are asked about as relations. */
static enum grant_on asked_as(enum grant_on on)
{
	return on == GRANT_ON_SEQUENCE || on == GRANT_ON_COLUMN ? GRANT_ON_TABLE : on;
}

static bool is_named(const struct grant *grant)
{
	return strcmp(grant->name, GRANTS_ALL) != 0 && !grant_kinds[grant->on].defaults &&
		grant->on != GRANT_ON_FUNCTION;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of one kind as SQL, each once; many roles have the same. */
static void print_names(const struct grants_wanted *wanted, const char *database,
	const struct names_mute *mute, size_t kind, struct arena *mem, struct buf *sql)
{
	const struct grants *grants = &wanted->grants;
	const char **names = arena_array(mem, grants->count + 1, sizeof(*names));
	size_t count = 0, printed = 0;
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *grant = &grants->items[i];
		bool schema = catalogs[kind].on == GRANT_ON_SCHEMA && *grant->schema;
		bool here = strcmp(grant->database, database) == 0 &&
			(schema || (is_named(grant) && asked_as(grant->on) == catalogs[kind].on));
		if (!here || names_is_mute(mute, grant->schema) || names_is_mute(mute, grant->name))
			continue;
		names[count++] = catalogs[kind].in_schema
			? arena_printf(mem, "(%s, %s)", sql_literal(grant->schema, mem),
				  sql_literal(grant->name, mem))
			: sql_literal(schema ? grant->schema : grant->name, mem);
	}
	if (count)
		qsort(names, count, sizeof(*names), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (!i || strcmp(names[i - 1], names[i]) != 0)
			buf_printf(sql, "%s%s", printed++ ? ", " : "", names[i]);
}

void named_query(const struct grants_wanted *wanted, const char *database, const struct names_mute *mute,
	struct arena *mem, struct buf *sql)
{
	for (size_t kind = 0; kind < COUNT_OF(catalogs); kind++) {
		CLEANUP(buf_done) struct buf names = BUF(LIMIT_PASS_MEMORY);
		print_names(wanted, database, mute, kind, mem, &names);
		if (names.length)
			buf_printf(sql, " UNION ALL %s IN (%s)", catalogs[kind].sql, buf_string(&names));
	}
}

static bool is_there(const struct grants_present *present, const char *database, enum grant_on on,
	const char *schema, const char *name)
{
	const struct grant_object key = {database, schema, name, "", on};
	return present->object_count &&
		bsearch(&key, present->objects, present->object_count, sizeof(key), grant_object_compare);
}

size_t named_first(const struct grants_present *present, const struct grant *grant)
{
	const struct grant_object key = {grant->database, grant->schema, "", "", grant->on};
	size_t low = 0, high = present->object_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (grant_object_compare(&present->objects[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What is not there of a privilege's place, for people; NULL = it is, or nobody knows. */
static const char *missing_of(const struct grants_present *present, const struct grant *grant, struct arena *mem)
{
	const char *database = grant->database;
	if (!*database)
		return NULL; /* a parameter */
	if (!is_there(present, database, GRANT_ON_DATABASE, "", database))
		return arena_printf(mem, "database %s", database);
	if (!text_is_listed(present->looked, present->looked_count, database) || grant->on == GRANT_ON_DATABASE)
		return NULL;
	if (*grant->schema && !is_there(present, database, GRANT_ON_SCHEMA, "", grant->schema))
		return arena_printf(mem, "%s: schema %s", database, grant->schema);
	enum grant_on on = grant->on == GRANT_ON_COLUMN ? GRANT_ON_TABLE : grant->on;
	if (!is_named(grant) || is_there(present, database, on, grant->schema, grant->name))
		return NULL;
	return arena_printf(mem, "%s: %s %s%s%s", database, grant_kinds[on].singular, grant->schema,
		*grant->schema ? "." : "", grant->name);
}

/* Of thousands of privileges on the same things each is said once. */
void named_missing(const struct grants_present *present, const struct grants_wanted *wanted,
	struct arena *mem, struct grants_plan *plan)
{
	for (size_t i = 0; i < wanted->grants.count; i++) {
		const struct grant *grant = &wanted->grants.items[i];
		const struct grants_missing *last =
			plan->missing_count ? &plan->missing[plan->missing_count - 1] : NULL;
		const char *what = missing_of(present, grant, mem);
		if (!what || (last && strcmp(last->role, grant->role) == 0 && strcmp(last->what, what) == 0))
			continue;
		plan->missing = arena_grow(mem, plan->missing, plan->missing_count, sizeof(*plan->missing));
		plan->missing[plan->missing_count++] =
			(struct grants_missing){grant->role, grant->database, what, grant->line};
	}
}
