#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/grants/danger.h"
#include "reconcile/grants/kinds.h"
#include "reconcile/grants/named.h"
#include "reconcile/grants/names.h"
#include "reconcile/grants/owners.h"
#include "reconcile/grants/present.h"
#include "reconcile/postgres/session.h"
#include "reconcile/postgres/sql.h"

enum { FIRST_WITH_PARAMETERS = 150000, ROWS = 3 };

/*
 * One list of rows for all kinds: kind, schema, name, column, role, privilege, grantable, grantor ('' = the owner), whether the grantor has
 * no USAGE of his own of the schema, whether he is a superuser, whether he has the owner's rights, and ORPHAN. aclexplode() of a whole list unpacks it anew for each entry, so it gets one entry at a time (postgres-roles.md 5).
 * What is asked of the role stands behind each (grants_query()); '' is PUBLIC.
 */
#define EXPLODE(acl, owner)                                                                                                 \
	", LATERAL (SELECT " acl                                                                                            \
	" AS acl) AS whole, pg_catalog.unnest(whole.acl) AS item, pg_catalog.aclexplode(ARRAY[item]) AS x, (SELECT g.oid, " \
	"g.rolname FROM pg_catalog.pg_roles g UNION ALL SELECT 0::pg_catalog.oid, ''::pg_catalog.name) r WHERE r.oid = "    \
	"x.grantee AND x.grantee <> " owner " AND "

#define AS_OWNER(owner)                                                                                       \
	"x.grantor <> " owner " AND (SELECT g.rolsuper FROM pg_catalog.pg_roles g WHERE g.oid = x.grantor), " \
	"x.grantor <> " owner " AND pg_catalog.pg_has_role(x.grantor, " owner ", 'USAGE')"

/* Has the grantor, not being the owner, lost the right to give it ('1'), and has he the privilege itself from the owner ('2')? By a grant
   option of the table a column's is given, too, hence `rights`. */
#define ENTRY(list)                                                                                          \
	"EXISTS (SELECT FROM pg_catalog.unnest(" list                                                        \
	") AS i, pg_catalog.aclexplode(ARRAY[i]) AS u WHERE u.grantee = "                                    \
	"x.grantor AND u.privilege_type = x.privilege_type AND "
#define ORPHAN(owner, rights)                                                                                \
	", CASE WHEN x.grantor = " owner " OR " ENTRY(rights) "u.is_grantable) THEN '' WHEN " ENTRY(         \
		"whole.acl") "u.grantor = " owner ") THEN '2' ELSE '1' END "

#define WHO(owner)                                                                                           \
	", r.rolname::text, x.privilege_type, x.is_grantable, CASE WHEN x.grantor = " owner " THEN '' ELSE " \
	"pg_catalog.pg_get_userbyid(x.grantor)::text END, false, " AS_OWNER(owner) ORPHAN(owner, "whole.acl")

/* The grantor's USAGE counts where it is his own or PUBLIC's: what comes through a membership may go in the same pass. */
#define WHO_IN_SCHEMA(owner, rights)                                                                                         \
	", r.rolname::text, x.privilege_type, x.is_grantable, CASE WHEN x.grantor = " owner " THEN '' ELSE "                 \
	"pg_catalog.pg_get_userbyid(x.grantor)::text END, x.grantor <> " owner                                               \
	" AND x.grantor <> n.nspowner AND NOT EXISTS (SELECT FROM pg_catalog.unnest(n.nspacl) AS i, "                        \
	"pg_catalog.aclexplode(ARRAY[i]) AS u WHERE u.grantee IN (0, x.grantor) AND u.privilege_type = 'USAGE'), " AS_OWNER( \
		owner) ORPHAN(owner, rights)

#define DEFAULT_KIND                                                                                         \
	"CASE d.defaclobjtype WHEN 'n' THEN 13 WHEN 'r' THEN 14 WHEN 'S' THEN 15 WHEN 'f' THEN 16 WHEN 'T' " \
	"THEN 17 WHEN 'L' THEN 18 END"

/* Of the roles alone, by what pg_shdepend says of each: there may be millions of large objects. `dbid` is 0 of what belongs to the cluster. */
#define OF_ROLES(catalog, class, dbid)                                                                       \
	"pg_catalog.pg_shdepend s JOIN pg_catalog." catalog                                                  \
	" o ON o.oid = s.objid AND s.classid = " class " AND s.deptype = 'a' AND s.refclassid = 1260 AND s.dbid = " dbid
#define THIS_DATABASE                                                                                        \
	"(SELECT b.oid FROM pg_catalog.pg_database b WHERE b.datname = pg_catalog.current_database())"

/* Rows of what the roles own have no privilege: they may do all with it, and nothing of that is granted. */
#define OWNER(owner)                                                                                                  \
	", r.rolname::text, '', false, '', false, false, false, '' FROM pg_catalog.pg_roles r JOIN pg_catalog." owner \
	" WHERE "

/* In the database that the connection is to. */
static const char *const database_parts[] = {
	"SELECT 2, ''::text, n.nspname::text, ''::text" WHO(
		"n.nspowner") "FROM pg_catalog.pg_namespace n" EXPLODE("n.nspacl", "n.nspowner"),
	"SELECT CASE c.relkind WHEN 'S' THEN 5 ELSE 3 END, n.nspname, c.relname, ''" WHO_IN_SCHEMA("c.relowner",
		"whole.acl") "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace" EXPLODE("c.relacl",
		"c.relowner"),
	"SELECT 4, n.nspname, c.relname, a.attname" WHO_IN_SCHEMA("c.relowner",
		"pg_catalog.array_cat(c.relacl, whole.acl)") "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN "
							     "pg_catalog.pg_namespace n ON n.oid = c.relnamespace" EXPLODE(
								     "a.attacl", "c.relowner"),
	"SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)" WHO_IN_SCHEMA("p.proowner",
		"whole.acl") "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace" EXPLODE("p.proacl",
		"p.proowner"),
	"SELECT 7, n.nspname, t.typname, ''" WHO_IN_SCHEMA("t.typowner",
		"whole.acl") "FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace" EXPLODE("t.typacl",
		"t.typowner"),
	"SELECT 8, '', l.lanname, ''" WHO("l.lanowner") "FROM pg_catalog.pg_language l" EXPLODE(
		"l.lanacl", "l.lanowner"),
	"SELECT 9, '', s.srvname, ''" WHO("s.srvowner") "FROM pg_catalog.pg_foreign_server s" EXPLODE(
		"s.srvacl", "s.srvowner"),
	"SELECT 10, '', o.oid::text, ''" WHO("o.lomowner") "FROM " OF_ROLES("pg_largeobject_metadata", "2613",
		THIS_DATABASE) EXPLODE("o.lomacl", "o.lomowner") "s.refobjid = r.oid AND ",
	"SELECT 11, '', o.fdwname, ''" WHO("o.fdwowner") "FROM " OF_ROLES("pg_foreign_data_wrapper", "2328",
		THIS_DATABASE) EXPLODE("o.fdwacl", "o.fdwowner") "s.refobjid = r.oid AND ",
	"SELECT " DEFAULT_KIND ", COALESCE(n.nspname, ''), pg_catalog.pg_get_userbyid(d.defaclrole), ''" WHO(
		"d.defaclrole") "FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = "
				"d.defaclnamespace" EXPLODE("d.defaclacl",
					"d.defaclrole") "d.defaclobjtype IN ('n', 'r', 'S', 'f', 'T', 'L') AND ",
};

static const char *const database_owners[] = {
	"SELECT 2, '', n.nspname, ''" OWNER("pg_namespace n ON n.nspowner = r.oid"),
	"SELECT CASE c.relkind WHEN 'S' THEN 5 ELSE 3 END, n.nspname, c.relname, ''" OWNER(
		"pg_class c ON c.relowner = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace") "c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND ",
	"SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)" OWNER(
		"pg_proc p ON p.proowner = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"),
	"SELECT 7, n.nspname, t.typname, ''" OWNER(
		"pg_type t ON t.typowner = r.oid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"),
	"SELECT 8, '', l.lanname, ''" OWNER("pg_language l ON l.lanowner = r.oid"),
	"SELECT 9, '', s.srvname, ''" OWNER("pg_foreign_server s ON s.srvowner = r.oid"),
};

/* Of the cluster; the name of a database stands in the first column of text. */
#define ON_DATABASES                                                                                         \
	"SELECT 1, d.datname::text, d.datname::text, ''::text" WHO(                                          \
		"d.datdba") "FROM pg_catalog.pg_database d" EXPLODE("d.datacl", "d.datdba")
#define OWN_DATABASES "SELECT 1, d.datname, d.datname, ''" OWNER("pg_database d ON d.datdba = r.oid")
#define ON_TABLESPACES                                                                                        \
	"SELECT 12, '', o.spcname::text, ''" WHO("o.spcowner") "FROM " OF_ROLES("pg_tablespace", "1213", "0") \
		EXPLODE("o.spcacl", "o.spcowner") "s.refobjid = r.oid AND "
#define ON_PARAMETERS                                                                                        \
	"SELECT 0, '', p.parname, ''" WHO("10") "FROM pg_catalog.pg_parameter_acl p" EXPLODE("p.paracl", "10")

/* What GRANTS_ALL stands for, in schemas (%1). Types of tables and arrays have no privileges of their own. */
#define OBJECTS                                                                                                     \
	"SELECT CASE c.relkind WHEN 'S' THEN 5 ELSE 3 END, n.nspname::text, c.relname::text, '' FROM "              \
	"pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN "        \
	"('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname IN (%s) UNION ALL "                                           \
	"SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes) FROM "                            \
	"pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN (%s) "    \
	"UNION ALL SELECT 7, n.nspname, t.typname, '' FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON " \
	"n.oid = t.typnamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid WHERE n.nspname IN (%s) "     \
	"AND t.typtype IN ('b', 'c', 'd', 'e', 'r') AND t.typcategory <> 'A' AND COALESCE(c.relkind, 'c') = 'c'"

/* Which databases there are, whether they can be looked into, and whether one of the roles (%s) may do something there. */
#define DATABASES                                                                                                 \
	"SELECT d.datname, d.datallowconn AND d.datconnlimit <> -2 AND pg_catalog.has_database_privilege(d.oid, " \
	"'CONNECT'), EXISTS (SELECT FROM "                                                                        \
	"pg_catalog.pg_shdepend s JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid WHERE s.dbid = d.oid AND "     \
	"s.refclassid = 1260 AND s.deptype = 'a' AND r.rolname IN (%s)) FROM pg_catalog.pg_database d ORDER BY 1"

/* A database where something is wanted, and a schema of it in which all of a kind is, or a function: which there are is to be known
   then. */
struct place {
	const char *database, *schema; /* "" = none */
};

struct observation {
	struct session *session;
	const struct grants_wanted *wanted;
	struct arena *mem;
	struct grants_present *present;
	struct names_mute mute; /* in the database that is asked */
	const char *roles;      /* names_roles() where none is mute */
	struct place *places;   /* sorted, each once */
	size_t place_count;
};

static const char *roles_of(struct observation *at)
{
	if (at->mute.count)
		return names_roles(at->wanted, &at->mute, at->mem);
	if (!at->roles)
		at->roles = names_roles(at->wanted, &at->mute, at->mem);
	return at->roles;
}

/* Neighbours have much in common. */
static const char *again(const char *last, const char *text, struct arena *mem)
{
	return last && strcmp(last, text) == 0 ? last : arena_copy(mem, text);
}

/* The privileges are few words: each once. */
static const char *privilege_of(enum grant_on on, const char *word, struct arena *mem)
{
	const char *known = grant_privilege(on, word);
	return known ? known : arena_copy(mem, word);
}

static bool is_described(const struct grants_wanted *wanted, const char *role)
{
	return text_is_listed(wanted->roles, wanted->role_count, names_afterwards(wanted, role)) ||
		text_is_listed(wanted->leaving, wanted->leaving_count, role);
}

static void take_grants(struct observation *at, const PGresult *rows, const char *database)
{
	const struct grant *last = NULL;
	for (int i = 0; i < session_rows(rows); i++) {
		bool owned = !*session_value(rows, i, 5);
		struct grants *grants = owned                                 ? &at->present->owned
			: is_described(at->wanted, session_value(rows, i, 4)) ? &at->present->grants
									      : &at->present->others;
		enum grant_on on = (enum grant_on)strtol(session_value(rows, i, 0), NULL, 10);
		const char *schema = again(last ? last->schema : NULL, session_value(rows, i, 1), at->mem);
		const char *name = again(last ? last->name : NULL, session_value(rows, i, 2), at->mem);
		const char *role = again(last ? last->role : NULL, session_value(rows, i, 4), at->mem);
		grants->items = arena_grow(at->mem, grants->items, grants->count, sizeof(*grants->items));
		grants->items[grants->count++] = (struct grant){
			.database = database ? database : schema, /* of what belongs to none, "" */
			.on = on,
			.schema = database ? schema : "",
			.name = on < GRANT_DEFAULT_SCHEMAS ? name : names_afterwards(at->wanted, name),
			.column = session_text(rows, i, 3, at->mem),
			.role = names_afterwards(at->wanted, role),
			.privilege = owned ? "" : privilege_of(on, session_value(rows, i, 5), at->mem),
			.grantable = session_is_true(rows, i, 6),
			.grantor = names_afterwards(at->wanted, session_text(rows, i, 7, at->mem)),
			.blind = session_is_true(rows, i, 8),
			.stuck = session_is_true(rows, i, 9),
			.lasts = session_is_true(rows, i, 10),
			.orphan = *session_value(rows, i, 11),
			.plain = *session_value(rows, i, 11) == '2',
		};
		last = &grants->items[grants->count - 1];
	}
}

static void take_objects(struct observation *at, const PGresult *rows, const char *database)
{
	struct grants_present *present = at->present;
	for (int i = 0; i < session_rows(rows); i++) {
		present->objects = arena_grow(
			at->mem, present->objects, present->object_count, sizeof(*present->objects));
		present->objects[present->object_count++] = (struct grant_object){
			.database = database,
			.on = (enum grant_on)strtol(session_value(rows, i, 0), NULL, 10),
			.schema = session_text(rows, i, 1, at->mem),
			.name = session_text(rows, i, 2, at->mem),
			.arguments = session_text(rows, i, 3, at->mem),
		};
	}
}

/* Rows of one object, which is in danger in several ways, stand beside each other once they are sorted. */
static void take_dangers(struct observation *at, const PGresult *rows, const char *database)
{
	struct grants_present *present = at->present;
	for (int i = 0; i < session_rows(rows); i++) {
		present->dangers = arena_grow(
			at->mem, present->dangers, present->danger_count, sizeof(*present->dangers));
		present->dangers[present->danger_count++] = (struct grant_danger){
			.object = {database, session_text(rows, i, 1, at->mem),
				session_text(rows, i, 2, at->mem), session_text(rows, i, 3, at->mem),
				(enum grant_on)strtol(session_value(rows, i, 0), NULL, 10)},
			.dangers = (unsigned)strtoul(session_value(rows, i, 4), NULL, 10),
		};
	}
}

static void sort_dangers(struct grants_present *present)
{
	size_t kept = 0;
	if (present->danger_count)
		qsort(present->dangers, present->danger_count, sizeof(*present->dangers), grant_object_compare);
	for (size_t i = 0; i < present->danger_count; i++)
		if (kept && grant_object_compare(&present->dangers[kept - 1], &present->dangers[i]) == 0)
			present->dangers[kept - 1].dangers |= present->dangers[i].dangers;
		else
			present->dangers[kept++] = present->dangers[i];
	present->danger_count = kept;
}

static void take_mighty(struct observation *at, const PGresult *rows)
{
	struct grants_present *present = at->present;
	for (int i = 0; i < session_rows(rows); i++) {
		present->mighty =
			arena_grow(at->mem, present->mighty, present->mighty_count, sizeof(*present->mighty));
		present->mighty[present->mighty_count++] =
			names_afterwards(at->wanted, session_text(rows, i, 0, at->mem));
	}
	text_sort_unique(present->mighty, &present->mighty_count);
}

/* While somebody goes (leavers.h): who else may give something on, and all on objects where one of those gave something. */
static const char *others_of_leavers(const struct observation *at)
{
	if (!at->wanted->going_count)
		return "";
	return arena_printf(at->mem,
		"x.is_grantable OR EXISTS (SELECT FROM pg_catalog.unnest(whole.acl) AS i, pg_catalog.aclexplode(ARRAY[i]) AS g, "
		"pg_catalog.pg_roles f WHERE f.oid = g.grantor AND f.rolname IN (%s)) OR ",
		names_list(&at->mute, at->wanted->going, at->wanted->going_count, at->mem));
}

/* The rows of all parts in one list. */
static void grants_query(struct observation *at, const char *const *parts, size_t count,
	const char *const *owners, size_t owner_count, struct buf *sql)
{
	const char *more = others_of_leavers(at), *roles = roles_of(at);
	for (size_t i = 0; i < count; i++)
		buf_printf(sql, "%s%s(%sr.rolname IN (%s))", i ? " UNION ALL " : "", parts[i], more, roles);
	for (size_t i = 0; i < owner_count; i++)
		buf_printf(sql, " UNION ALL %sr.rolname IN (%s)", owners[i], roles);
}

static int compare_places(const void *a, const void *b)
{
	const struct place *left = a, *right = b;
	int order = strcmp(left->database, right->database);
	return order ? order : strcmp(left->schema, right->schema);
}

/* Of all that is wanted, once: it may be a privilege for each of thousands of objects. */
static void find_places(struct observation *at)
{
	const struct grants *grants = &at->wanted->grants;
	struct place *places = arena_array(at->mem, grants->count + 1, sizeof(*places));
	size_t count = 0;
	for (size_t i = 0; i < grants->count; i++) {
		const struct grant *grant = &grants->items[i];
		bool many = strcmp(grant->name, GRANTS_ALL) == 0 || grant->on == GRANT_ON_FUNCTION;
		const struct place place = {grant->database, many ? grant->schema : ""};
		if (!count || compare_places(&places[count - 1], &place) != 0)
			places[count++] = place;
	}
	if (count)
		qsort(places, count, sizeof(*places), compare_places);
	for (size_t i = 0; i < count; i++)
		if (!at->place_count || compare_places(&places[at->place_count - 1], &places[i]) != 0)
			places[at->place_count++] = places[i];
	at->places = places;
}

static const char *open_schemas(const struct observation *at, const char *database)
{
	const char **names = arena_array(at->mem, at->place_count + 1, sizeof(*names));
	size_t count = 0;
	for (size_t i = 0; i < at->place_count; i++)
		if (*at->places[i].schema && strcmp(at->places[i].database, database) == 0)
			names[count++] = at->places[i].schema;
	return names_list(&at->mute, names, count, at->mem);
}

/* `foreign`: the failure is about the bytes of a name. */
static bool ask(struct observation *at, PGconn *conn, const struct buf *sql, size_t count, PGresult **rows,
	bool *foreign, struct error *err)
{
	struct outcome outcome;
	if (buf_failed(sql))
		return error_set(err, ERROR_INVALID, "the roles whose privileges are described are too many");
	if (session_send(at->session, conn, buf_string(sql), count, &outcome) &&
		session_collect(at->session, conn, count, rows, count, &outcome) && rows[count - 1])
		return true;
	*foreign = strcmp(outcome.sqlstate, NAMES_FOREIGN) == 0;
	*err = outcome.error;
	return error_prefix(err, "reading privileges");
}

static bool look_into(
	struct observation *at, PGconn *conn, const char *database, bool *foreign, struct error *err)
{
	CLEANUP(session_clear) PGresult *grants = NULL;
	CLEANUP(session_clear) PGresult *objects = NULL;
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_PASS_MEMORY);
	CLEANUP(session_clear) PGresult *dangers = NULL;
	PGresult *rows[ROWS] = {NULL};
	const char *schemas = open_schemas(at, database);
	grants_query(at, database_parts, COUNT_OF(database_parts), database_owners, COUNT_OF(database_owners),
		&sql);
	buf_text(&sql, "; ");
	buf_printf(&sql, OBJECTS, schemas, schemas, schemas);
	named_query(at->wanted, database, &at->mute, at->mem, &sql);
	buf_text(&sql, "; ");
	danger_query(at->wanted, database, &at->mute, at->mem, &sql);
	bool ok = ask(at, conn, &sql, ROWS, rows, foreign, err);
	grants = rows[0];
	objects = rows[1];
	dangers = rows[2];
	if (!ok)
		return false;
	take_grants(at, grants, database);
	take_objects(at, objects, database);
	take_dangers(at, dangers, database);
	struct grants_present *present = at->present;
	present->looked = arena_grow(at->mem, present->looked, present->looked_count, sizeof(*present->looked));
	present->looked[present->looked_count++] = database;
	return true;
}

static bool observe_database(struct observation *at, const char *database, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	bool foreign = false;
	at->mute.count = 0;
	if (!session_open(at->session, database, &conn, err))
		return false;
	return look_into(at, conn, database, &foreign, err) ||
		(foreign && names_find_mute(at->session, conn, at->wanted, database, at->mem, &at->mute) &&
			look_into(at, conn, database, &foreign, err));
}

static void take_database(struct observation *at, const char *name)
{
	struct grants_present *present = at->present;
	present->objects =
		arena_grow(at->mem, present->objects, present->object_count, sizeof(*present->objects));
	present->objects[present->object_count++] =
		(struct grant_object){name, "", name, "", GRANT_ON_DATABASE};
}

static bool is_wanted(const struct observation *at, const char *database)
{
	for (size_t i = 0; i < at->place_count; i++)
		if (strcmp(at->places[i].database, database) == 0)
			return true;
	return false;
}

static bool look_at_cluster(struct observation *at, PGresult **databases, bool *foreign, struct error *err)
{
	static const char *const parts[] = {ON_DATABASES, ON_TABLESPACES, ON_PARAMETERS},
				 *const owners[] = {OWN_DATABASES};
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_PASS_MEMORY);
	PGresult *rows[ROWS] = {NULL};
	bool parameters = at->present->version >= FIRST_WITH_PARAMETERS;
	grants_query(at, parts, parameters ? 3 : 2, owners, COUNT_OF(owners), &sql);
	buf_text(&sql, "; ");
	buf_printf(&sql, DATABASES "; %s", roles_of(at), danger_roles_query);
	bool ok = ask(at, at->session->conn, &sql, ROWS, rows, foreign, err);
	if (ok) {
		take_grants(at, rows[0], NULL);
		take_mighty(at, rows[2]);
	}
	session_clear(&rows[0]);
	session_clear(&rows[2]);
	*databases = rows[1];
	return ok;
}

static bool observe_cluster(struct observation *at, PGresult **databases, struct error *err)
{
	PGconn *conn = at->session->conn;
	bool foreign = false;
	return look_at_cluster(at, databases, &foreign, err) ||
		(foreign && names_find_mute(at->session, conn, at->wanted, "", at->mem, &at->mute) &&
			look_at_cluster(at, databases, &foreign, err));
}

static void take_closed(struct observation *at, const char *database, const char *why)
{
	struct grants_present *present = at->present;
	present->closed = arena_grow(at->mem, present->closed, present->closed_count, sizeof(*present->closed));
	present->closed[present->closed_count++] = (struct grants_closed){database, arena_copy(at->mem, why)};
}

/* One that cannot be looked into keeps the others from nothing: its owner, pg_hba.conf or a limit may shut the agent out of it. */
static void observe_databases(struct observation *at, const PGresult *databases)
{
	for (int i = 0; i < session_rows(databases); i++) {
		const char *name = session_text(databases, i, 0, at->mem);
		bool open = session_is_true(databases, i, 1);
		bool named = session_is_true(databases, i, 2);
		struct error why = {0};
		take_database(at, name);
		if (!named && !is_wanted(at, name))
			continue;
		if (!open)
			error_set(&why, ERROR_DENIED, "it allows the agent no connections");
		else if (observe_database(at, name, &why))
			continue;
		take_closed(at, name, why.text);
	}
}

bool grants_observe(struct session *session, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_present **present, struct error *err)
{
	CLEANUP(session_clear) PGresult *databases = NULL;
	struct grants_present *made = arena_alloc(mem, sizeof(*made));
	struct observation at = {.session = session, .wanted = wanted, .mem = mem, .present = made};
	made->version = session->version;
	*present = made;
	if (!wanted->role_count && !wanted->leaving_count)
		return true;
	find_places(&at);
	if (!observe_cluster(&at, &databases, err))
		return false;
	observe_databases(&at, databases);
	struct grants *const lists[] = {&made->grants, &made->owned, &made->others};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (lists[i]->count)
			qsort(lists[i]->items, lists[i]->count, sizeof(*lists[i]->items), grant_compare);
	owners_change(made, wanted, mem);
	text_sort_unique(made->looked, &made->looked_count);
	sort_dangers(made);
	if (made->object_count)
		qsort(made->objects, made->object_count, sizeof(*made->objects), grant_object_compare);
	return true;
}
