#include "reconcile/grants/danger.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/grants/kinds.h"

enum { NAMES_TOLD = 3 };

/* The numbers stand in the query, too. */
enum danger {
	DANGER_TABLE = 1,
	DANGER_EXTENSION = 2,
	DANGER_CATALOG = 4,
	DANGER_DEFINER = 8,
	DANGER_CLOSED = 16,
	DANGER_PATH = 32,
	DANGER_MAPPING = 64,
};

#define WRITES "INSERT", "UPDATE", "DELETE"

static const struct {
	enum danger danger;
	const char *privileges[4];
	const char *why;
} dangers[] = {
	{DANGER_TABLE, {"TRIGGER"},
		"its owner has a superuser's power, and a trigger runs with the power of whoever writes to the table"},
	{DANGER_TABLE, {"REFERENCES"},
		"its owner has a superuser's power, and a foreign key's check runs with it, casts of the other table's "
		"types included"},
	{DANGER_EXTENSION, {WRITES},
		"it belongs to an extension, which may run what stands in it as a superuser"},
	{DANGER_CATALOG, {WRITES}, "it is a superuser's view of PostgreSQL's catalogs"},
	{DANGER_DEFINER, {"EXECUTE"}, "it runs with the power of its owner, which is a superuser's"},
	{DANGER_CLOSED, {"EXECUTE"},
		"it is of a language that reaches the server's files and programs, and closed to PUBLIC"},
	{DANGER_PATH, {"CREATE"},
		"what is made there is found and run by somebody with a superuser's power, whose search_path has it"},
	{DANGER_MAPPING, {"USAGE"}, "the user mapping of PUBLIC there logs in as a superuser"},
};

#define MIGHTY                                                                                                    \
	"WITH RECURSIVE mighty AS (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolsuper OR r.rolname IN "     \
	"('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') OR (r.rolcreaterole AND " \
	"pg_catalog.current_setting('server_version_num')::int < 160000) UNION SELECT m.member FROM "             \
	"pg_catalog.pg_auth_members m JOIN mighty ON mighty.oid = m.roleid) "

const char danger_roles_query[] =
	MIGHTY "SELECT r.rolname FROM pg_catalog.pg_roles r JOIN mighty ON mighty.oid = r.oid";

/* Is the schema named in a setting? */
#define ON_PATH(settings)                                                                                         \
	"EXISTS (SELECT FROM pg_catalog.unnest(" settings                                                         \
	") AS c, pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.substr(c, 13), ',')) AS i WHERE c LIKE " \
	"'search\\_path=%' AND pg_catalog.btrim(i, ' \"') = n.nspname)"

#define TABLES                                                                                                \
	"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN mighty ON " \
	"mighty.oid = c.relowner WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname IN (%1) "
#define FUNCTIONS "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "

/* %1 stands for the schemas. Catalogs are known by their numbers in a view's text: what is pinned is in no pg_depend. */
static const char query[] = MIGHTY
	"SELECT 3, n.nspname::text, c.relname::text, ''::text, 1 " TABLES
	"UNION ALL SELECT 3, n.nspname, c.relname, '', 2 " TABLES
	"AND EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = "
	"c.oid AND d.deptype = 'e') "
	"UNION ALL SELECT 3, n.nspname, c.relname, '', 4 " TABLES
	"AND EXISTS (SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type = '1' AND "
	"w.ev_action::text ~ ':relid ([0-9]{1,4}|1[0-5][0-9]{3}) ') "
	"UNION ALL SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes), 8 " FUNCTIONS
	"JOIN mighty ON mighty.oid = p.proowner WHERE p.prosecdef AND n.nspname IN (%1) "
	"UNION ALL SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes), 16 " FUNCTIONS
	"JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE NOT l.lanpltrusted AND n.nspname IN (%1) AND p.proacl IS "
	"NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) x WHERE x.grantee = 0) "
	"UNION ALL SELECT 2, '', n.nspname, '', 32 FROM pg_catalog.pg_namespace n WHERE n.nspname IN (%1) AND (EXISTS "
	"(SELECT FROM mighty JOIN pg_catalog.pg_roles r ON r.oid = mighty.oid WHERE r.rolname = n.nspname) OR EXISTS "
	"(SELECT FROM pg_catalog.pg_db_role_setting s JOIN mighty ON mighty.oid = s.setrole WHERE " ON_PATH("s.setconfig") ") OR EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN mighty ON mighty.oid = p.proowner WHERE p.prosecdef AND " ON_PATH(
		"p.proconfig") ")) "
			       "UNION ALL SELECT 9, '', s.srvname, '', 64 FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_user_mappings m ON "
			       "m.srvid = s.oid AND m.umuser = 0 WHERE EXISTS (SELECT FROM pg_catalog.unnest(m.umoptions) AS o JOIN "
			       "pg_catalog.pg_roles r ON o = 'user=' || r.rolname AND r.rolsuper)";

static const char *schemas_of(const struct grants_wanted *wanted, const char *database,
	const struct names_mute *mute, struct arena *mem)
{
	const char **names = arena_array(mem, wanted->grants.count + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < wanted->grants.count; i++) {
		const struct grant *grant = &wanted->grants.items[i];
		const char *schema = grant->on == GRANT_ON_SCHEMA ? grant->name : grant->schema;
		if (strcmp(grant->database, database) == 0 && *schema &&
			(!count || strcmp(names[count - 1], schema) != 0))
			names[count++] = schema;
	}
	text_sort_unique(names, &count);
	return names_list(mute, names, count, mem);
}

void danger_query(const struct grants_wanted *wanted, const char *database, const struct names_mute *mute,
	struct arena *mem, struct buf *sql)
{
	const char *schemas = schemas_of(wanted, database, mute, mem), *at = query;
	for (const char *mark; (mark = strstr(at, "%1")); at = mark + strlen("%1")) {
		buf_append(sql, at, (size_t)(mark - at));
		buf_text(sql, schemas);
	}
	buf_text(sql, at);
}

/* All that is known of the object. A column's dangers are its table's. */
static unsigned found(const struct grants_present *present, const struct grant *grant)
{
	enum grant_on on = grant->on == GRANT_ON_COLUMN ? GRANT_ON_TABLE : grant->on;
	const char *arguments = on == GRANT_ON_FUNCTION && grant->column ? grant->column : "";
	const struct grant_danger key = {{grant->database, grant->schema, grant->name, arguments, on}, 0};
	if (on == GRANT_DEFAULT_TABLES || on == GRANT_DEFAULT_FUNCTIONS) {
		bool mighty = text_is_listed(present->mighty, present->mighty_count, grant->name);
		return !mighty ? 0 : on == GRANT_DEFAULT_TABLES ? DANGER_TABLE : DANGER_DEFINER;
	}
	const struct grant_danger *row = present->danger_count
		? bsearch(&key, present->dangers, present->danger_count, sizeof(key), grant_object_compare)
		: NULL;
	return row ? row->dangers : 0;
}

const char *danger_word(const struct grant *grant, struct arena *mem)
{
	const char *dot = *grant->schema ? "." : "";
	return arena_printf(
		mem, "%s %s.%s%s%s", grant->privilege, grant->database, grant->schema, dot, grant->name);
}

const char *danger_of(const struct grants_present *present, const struct grants_wanted *wanted,
	const struct grant *grant, struct arena *mem)
{
	unsigned bits = found(present, grant);
	for (size_t i = 0; bits && i < COUNT_OF(dangers); i++)
		for (size_t p = 0; (bits & dangers[i].danger) && dangers[i].privileges[p]; p++)
			if (strcmp(dangers[i].privileges[p], grant->privilege) == 0)
				return text_glob_any(wanted->allowed, wanted->allowed_count,
					       danger_word(grant, mem))
					? NULL
					: dangers[i].why;
	return NULL;
}

bool danger_is_unknown(const struct grants_present *present, const struct grant *grant)
{
	const struct grant_object key = {grant->database, grant->schema, grant->name, "", GRANT_ON_TABLE};
	bool may = false;
	if (grant->on != GRANT_ON_TABLE && grant->on != GRANT_ON_COLUMN)
		return false;
	for (size_t i = 0; i < COUNT_OF(dangers); i++)
		for (size_t p = 0; dangers[i].privileges[p]; p++)
			may |= strcmp(dangers[i].privileges[p], grant->privilege) == 0;
	return may &&
		!(present->object_count &&
			bsearch(&key, present->objects, present->object_count, sizeof(key),
				grant_object_compare));
}

/* --- told together --- */

static bool same_reason(const struct danger_left *a, const struct danger_left *b)
{
	return a->why == b->why && strcmp(a->grant->role, b->grant->role) == 0 &&
		strcmp(a->grant->database, b->grant->database) == 0;
}

static bool told_before(const struct danger_left *left, size_t at)
{
	for (size_t i = at; i-- > 0;)
		if (same_reason(&left[i], &left[at]))
			return true;
	return false;
}

static const char *warning_of(const struct danger_left *left, size_t count, struct arena *mem)
{
	const struct grant *first = left->grant;
	const char *names = "", *more = "";
	size_t number = 0;
	for (size_t i = 0; i < count; i++)
		if (same_reason(left, &left[i]) && number++ < NAMES_TOLD)
			names = arena_join(mem, names, ", ", grant_describe(left[i].grant, mem));
	if (number > NAMES_TOLD)
		more = arena_printf(mem, " and %zu more", number - NAMES_TOLD);
	return arena_printf(mem,
		"role \"%s\" is not given %s on %s%s, which ALL or \"*\" would have meant: %s. A superuser can grant it by "
		"hand, or the agent file allow it: policy: {allowGrants: [\"%s\"]}",
		first->role, first->privilege, names, more, left->why, danger_word(first, mem));
}

void danger_warn(const struct danger_left *left, size_t count, struct arena *mem, struct grants_plan *plan)
{
	for (size_t i = 0; i < count; i++)
		if (!told_before(left, i))
			grants_warn(plan, warning_of(&left[i], count - i, mem), mem);
}
