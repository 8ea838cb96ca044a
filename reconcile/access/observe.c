#include "reconcile/access/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"

/* --- the cluster --- */

/* Not pg_authid: no verifier is read. */
#define READ_ROLES                                                                                             \
	"SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, " \
	"rolbypassrls, CASE WHEN rolvaliduntil < 'infinity' THEN rolvaliduntil::text END, "                    \
	"COALESCE(rolvaliduntil <= pg_catalog.now(), false), "                                                 \
	"pg_catalog.int8(pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.now()))) "                  \
	"FROM pg_catalog.pg_roles"

/* What counts of several grantors is what any of them gave. Before 16 a membership is inherited when its member does that. */
#define READ_MEMBERSHIPS                                                                                         \
	"SELECT m.roleid, m.member, pg_catalog.bool_or(m.admin_option), pg_catalog.bool_or(r.rolinherit), true " \
	"FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member GROUP BY 1, 2"
#define READ_MEMBERSHIPS_16                                                                                  \
	"SELECT roleid, member, pg_catalog.bool_or(admin_option), pg_catalog.bool_or(inherit_option), "      \
	"pg_catalog.bool_or(set_option) FROM pg_catalog.pg_auth_members GROUP BY 1, 2"
#define READ_DATABASES                                                                                       \
	"SELECT datname, datdba, datallowconn AND datconnlimit <> -2, datistemplate FROM "                   \
	"pg_catalog.pg_database"

/*
 * Rows of privileges have one form: kind, schema, name, column, owner, grantee, privilege, grantable, is the list PostgreSQL's default,
 * row security, that of the owner too, and for how many objects it stands. aclexplode() of a whole list unpacks it anew for each entry, so it
 * gets one entry at a time (postgres-roles.md 5). That somebody owns the object is a row, too.
 */
#define ENTRIES(acl)                                                                                         \
	"SELECT item, x.grantee, x.privilege_type, x.is_grantable FROM pg_catalog.unnest(" acl               \
	") AS item, pg_catalog.aclexplode(ARRAY[item]) AS x"
#define LISTED(acl) " CROSS JOIN LATERAL (" ENTRIES(acl) ") AS e(item, grantee, privilege, grantable)"
#define OWNED(acl, kind, owner)                                                                              \
	" CROSS JOIN LATERAL (" ENTRIES("COALESCE(" acl ", pg_catalog.acldefault('" kind "', " owner         \
					"))") " UNION ALL SELECT NULL, " owner                               \
					      ", 'OWNER', true) AS e(item, grantee, privilege, grantable)"
#define WHO(owner, acl, secured, forced)                                                                     \
	", " owner ", e.grantee, e.privilege, e.grantable, " acl " IS NULL, " secured ", " forced            \
	", 0::bigint "
#define PLAIN(owner, acl) WHO(owner, acl, "false", "false")

#define ON_DATABASES                                                                                         \
	"SELECT 1, d.datname::text, d.datname::text, ''::text" PLAIN(                                        \
		"d.datdba", "d.datacl") "FROM pg_catalog.pg_database d" OWNED("d.datacl", "d", "d.datdba")
#define ON_TABLESPACES                                                                                       \
	" UNION ALL SELECT 12, '', t.spcname, ''" PLAIN(                                                     \
		"t.spcowner", "t.spcacl") "FROM "                                                            \
					  "pg_catalog.pg_tablespace t" OWNED("t.spcacl", "t", "t.spcowner")
#define ON_PARAMETERS                                                                                        \
	" UNION ALL SELECT 0, '', p.parname, ''" PLAIN(                                                      \
		"10::oid", "p.paracl") "FROM pg_catalog.pg_parameter_acl p" LISTED("p.paracl")

/* --- a database --- */

#define NAMESPACE(oid) " JOIN pg_catalog.pg_namespace n ON n.oid = " oid

/* An object of initdb counts only as far as somebody granted something on it since. */
#define CHANGED_BY(oid, acl, class, more)                                                                    \
	"(" oid " >= 16384 OR e.grantee >= 16384 OR e.grantee = 0 AND " acl " IS NOT NULL" more " AND NOT "  \
	"EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.classoid = " class " AND i.objoid = " oid    \
										   " AND e.item = ANY (i.initprivs)))"
/* What initdb granted in that schema is not noted there. */
#define CHANGED(oid, acl, class) CHANGED_BY(oid, acl, class, " AND n.nspname <> 'information_schema'")

/* Only superusers change PostgreSQL's own tables, whatever is granted (IsSystemClass). */
#define CLASS_KIND "CASE c.relkind WHEN 'S' THEN 5 ELSE 3 END"
#define CLASSES                                                                                                                                                                                                                                                                \
	"SELECT " CLASS_KIND                                                                                                                                                                                                                                                   \
	", n.nspname::text, c.relname::text, ''::text" WHO("c.relowner", "c.relacl", "c.relrowsecurity",                                                                                                                                                                       \
		"c.relforcerowsecurity") "FROM "                                                                                                                                                                                                                               \
					 "pg_catalog.pg_class c" NAMESPACE("c.relnamespace") " CROSS JOIN LATERAL (" ENTRIES(                                                                                                                                                  \
						 "COALESCE(c.relacl, pg_catalog.acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner))") " UNION ALL SELECT NULL, c.relowner, 'OWNER', true) AS e(item, grantee, privilege, grantable) "             \
																				   "WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND c.relpersistence <> 't' AND NOT (c.oid < 12000 AND " \
																				   "c.relkind = 'r' AND e.privilege IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))"
#define COLUMNS                                                                                                                  \
	"SELECT 4, n.nspname, c.relname, a.attname" WHO("c.relowner", "a.attacl", "c.relrowsecurity",                            \
		"c.relforcerowsecurity") "FROM "                                                                                 \
					 "pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid" NAMESPACE( \
						 "c.relnamespace")                                                               \
						 LISTED("a.attacl") " WHERE NOT a.attisdropped AND c.relpersistence <> 't'"
#define SCHEMAS                                                                                              \
	"SELECT 2, ''::text, n.nspname::text, ''::text, n.nspowner, e.grantee, e.privilege, e.grantable, "   \
	"n.nspacl IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_init_privs i WHERE i.classoid = 2615 AND "    \
	"i.objoid = n.oid AND e.item = ANY (i.initprivs)), false, false, 0::bigint FROM "                    \
	"pg_catalog.pg_namespace n" OWNED("n.nspacl", "n", "n.nspowner") " WHERE true"

/* Where it is for everybody by PostgreSQL's default, functions and types are counted, schema by schema: there are thousands. */
#define BY_DEFAULT(kind, privilege)                                                                          \
	"SELECT " kind ", n.nspname, '*', '', 0::oid, 0::oid, '" privilege "', false, true, false, false, "  \
	"pg_catalog.count(*) FROM "
#define REAL_TYPE                                                                                            \
	"t.typtype IN ('b', 'c', 'd', 'e', 'r') AND t.typcategory <> 'A' AND COALESCE(c.relkind, 'c') = 'c'"
#define TYPES                                                                                                \
	"pg_catalog.pg_type t" NAMESPACE(                                                                    \
		"t.typnamespace") " LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid"
#define DEFAULT_KIND                                                                                         \
	"CASE d.defaclobjtype WHEN 'n' THEN 13 WHEN 'r' THEN 14 WHEN 'S' THEN 15 WHEN 'f' THEN 16 WHEN 'T' THEN 17 WHEN 'L' THEN 18 END"

/* Of one role: %s = those whose grants are hers. */
#define HERS " AND e.grantee IN (%s)"

/* There may be millions: of more than some with the same privilege it is how many. */
#define LARGE_OBJECTS                                                                                          \
	"SELECT 10, '', CASE WHEN l.many THEN '*' ELSE l.oid::text END, '', l.owner, l.grantee, l.privilege, " \
	"l.grantable, false, false, false, CASE WHEN l.many THEN pg_catalog.count(*) ELSE 0 END FROM (SELECT " \
	"l.oid, CASE e.grantee WHEN l.lomowner THEN l.lomowner ELSE 0 END AS owner, e.grantee, e.privilege, "  \
	"e.grantable, pg_catalog.count(*) OVER (PARTITION BY e.grantee, e.privilege, e.grantable, "            \
	"e.grantee = l.lomowner) > 100 AS many FROM pg_catalog.pg_largeobject_metadata l" OWNED(               \
		"l.lomacl", "L", "l.lomowner") " WHERE true" HERS ") AS l GROUP BY 3, 5, 6, 7, 8, l.many"
static const char *const role_parts[] = {
	SCHEMAS
	" AND pg_catalog.left(n.nspname::text, 8) NOT IN ('pg_temp_', 'pg_toast') AND (n.oid = 2200 OR n.nspname IN ('pg_catalog', 'information_schema') OR " CHANGED(
		"n.oid", "n.nspacl", "2615") ")" HERS,
	CLASSES " AND " CHANGED("c.oid", "c.relacl", "1259") HERS,
	COLUMNS " AND " CHANGED("c.oid", "a.attacl", "1259") HERS,
	"SELECT 6, n.nspname, p.proname, pg_catalog.oidvectortypes(p.proargtypes)" PLAIN("p.proowner",
		"p.proacl") "FROM pg_catalog.pg_proc p" NAMESPACE("p.pronamespace") OWNED("p.proacl", "f",
		"p.proowner") " WHERE NOT (e.grantee = 0 AND p.proacl IS NULL) AND " CHANGED("p.oid",
		"p.proacl", "1255") HERS,
	BY_DEFAULT("6", "EXECUTE") "pg_catalog.pg_proc p" NAMESPACE(
		"p.pronamespace") " WHERE p.proacl IS NULL AND p.oid >= 16384 GROUP BY n.nspname",
	"SELECT 7, n.nspname, t.typname, ''" PLAIN("t.typowner", "t.typacl") "FROM " TYPES OWNED(
		"t.typacl", "T", "t.typowner") " WHERE " REAL_TYPE
					       " AND NOT (e.grantee = 0 AND t.typacl IS NULL) AND " CHANGED(
						       "t.oid", "t.typacl", "1247") HERS,
	BY_DEFAULT("7", "USAGE") TYPES " WHERE " REAL_TYPE
				       " AND t.typacl IS NULL AND t.oid >= 16384 GROUP BY n.nspname",
	"SELECT 8, '', l.lanname, ''" PLAIN("l.lanowner", "l.lanacl") "FROM pg_catalog.pg_language l" OWNED(
		"l.lanacl", "l", "l.lanowner") " WHERE " CHANGED_BY("l.oid", "l.lanacl", "2612", "") HERS,
	"SELECT 9, '', s.srvname, ''" PLAIN("s.srvowner", "s.srvacl") "FROM pg_catalog.pg_foreign_server s" OWNED(
		"s.srvacl", "S", "s.srvowner") " WHERE true" HERS,
	LARGE_OBJECTS,
	"SELECT 11, '', w.fdwname, ''" PLAIN(
		"w.fdwowner", "w.fdwacl") "FROM pg_catalog.pg_foreign_data_wrapper w" OWNED("w.fdwacl", "F",
		"w.fdwowner") " WHERE true" HERS,
	/* What is granted to its own maker comes with owning. */
	"SELECT " DEFAULT_KIND
	", COALESCE(n.nspname, ''), pg_catalog.pg_get_userbyid(d.defaclrole), ''" PLAIN("d.defaclrole",
		"d.defaclacl") "FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = "
			       "d.defaclnamespace" LISTED(
				       "d.defaclacl") " WHERE e.grantee <> d.defaclrole AND "
						      "d.defaclobjtype IN ('n', 'r', 'S', 'f', 'T', 'L')" HERS,
};

/* --- reading --- */

static int by_database(const void *a, const void *b)
{
	return strcmp(((const struct world_database *)a)->name, ((const struct world_database *)b)->name);
}

static void take_roles(struct world *world, const PGresult *rows)
{
	int count = session_rows(rows);
	world->roles = arena_array(world->mem, (size_t)count + 1, sizeof(*world->roles));
	for (int i = 0; i < count; i++) {
		const char *until = session_text(rows, i, 9, world->mem);
		world->roles[world->role_count++] = (struct world_role){
			.oid = session_number(rows, i, 0),
			.name = session_text(rows, i, 1, world->mem),
			.super = session_is_true(rows, i, 2),
			.inherit = session_is_true(rows, i, 3),
			.create_role = session_is_true(rows, i, 4),
			.create_db = session_is_true(rows, i, 5),
			.login = session_is_true(rows, i, 6),
			.replication = session_is_true(rows, i, 7),
			.bypass_rls = session_is_true(rows, i, 8),
			.until = until ? until : "",
			.expired = session_is_true(rows, i, 10),
		};
	}
	world->now = count ? strtoll(session_value(rows, 0, 11), NULL, 10) : 0;
	world_index_roles(world);
}

static int by_member(const void *a, const void *b)
{
	const struct world_edge *left = a, *right = b;
	int order = (left->member > right->member) - (left->member < right->member);
	return order ? order : (left->role > right->role) - (left->role < right->role);
}

static void take_memberships(struct world *world, const PGresult *rows)
{
	int count = session_rows(rows);
	world->edges = arena_array(world->mem, (size_t)count + 1, sizeof(*world->edges));
	for (int i = 0; i < count; i++) {
		const struct world_edge edge = {
			.role = world_role_by_oid(world, session_number(rows, i, 0)),
			.member = world_role_by_oid(world, session_number(rows, i, 1)),
			.admin = session_is_true(rows, i, 2),
			.inherit = session_is_true(rows, i, 3),
			.set = session_is_true(rows, i, 4),
		};
		if (edge.role < world->role_count && edge.member < world->role_count)
			world->edges[world->edge_count++] = edge;
	}
	world->place = arena_array(world->mem, world->role_count + 1, sizeof(*world->place));
	world->leading = arena_array(world->mem, world->role_count + 1, sizeof(*world->leading));
	qsort(world->edges, world->edge_count, sizeof(*world->edges), by_member);
	for (size_t i = 0; i < world->edge_count; i++) {
		struct world_role *member = &world->roles[world->edges[i].member];
		if (!member->edges++)
			member->first_edge = i;
	}
}

static void take_databases(struct world *world, const PGresult *rows)
{
	int count = session_rows(rows);
	world->databases = arena_array(world->mem, (size_t)count + 1, sizeof(*world->databases));
	for (int i = 0; i < count; i++)
		world->databases[world->database_count++] = (struct world_database){
			.name = session_text(rows, i, 0, world->mem),
			.owner = world_role_by_oid(world, session_number(rows, i, 1)),
			.open = session_is_true(rows, i, 2),
			.template = session_is_true(rows, i, 3),
		};
	qsort(world->databases, world->database_count, sizeof(*world->databases), by_database);
}

static size_t find_database(const struct world *world, const char *name)
{
	size_t i = 0;
	while (i < world->database_count && strcmp(world->databases[i].name, name) != 0)
		i++;
	return i < world->database_count ? i : NOBODY;
}

/* Neighbours have much in common. */
static const char *again(const char *last, const char *text, struct arena *mem)
{
	return last && strcmp(last, text) == 0 ? last : arena_copy(mem, text);
}

/* `database` NOBODY = those of the cluster: a row on a database names it as its schema. */
static void take_rows(struct world *world, const PGresult *rows, size_t database)
{
	struct arena *mem = world->mem;
	for (int i = 0; i < session_rows(rows); i++) {
		enum grant_on on = (enum grant_on)session_number(rows, i, 0);
		bool named = database == NOBODY && on == GRANT_ON_DATABASE;
		const struct world_row *last = i ? &world->rows[world->row_count - 1] : NULL;
		const char *privilege = grant_privilege(on, session_value(rows, i, 6));
		const struct world_row row = {
			.database = named ? find_database(world, session_value(rows, i, 1)) : database,
			.on = on,
			.schema = named ? ""
					: again(last ? last->schema : NULL, session_value(rows, i, 1), mem),
			.name = again(last ? last->name : NULL, session_value(rows, i, 2), mem),
			.column = again(last ? last->column : NULL, session_value(rows, i, 3), mem),
			.owner = world_role_by_oid(world, session_number(rows, i, 4)),
			.grantee = world_role_by_oid(world, session_number(rows, i, 5)),
			.privilege = privilege ? privilege : arena_copy(mem, session_value(rows, i, 6)),
			.grantable = session_is_true(rows, i, 7),
			.by_default = session_is_true(rows, i, 8),
			.secured = session_is_true(rows, i, 9),
			.forced = session_is_true(rows, i, 10),
			.stands_for = session_number(rows, i, 11),
		};
		world->rows = arena_grow(mem, world->rows, world->row_count, sizeof(*world->rows));
		world->rows[world->row_count++] = row;
	}
}

static bool ask(struct session *session, PGconn *conn, const struct buf *sql, size_t tables, PGresult **rows,
	struct error *err)
{
	struct outcome outcome;
	if (buf_failed(sql))
		return error_set(err, ERROR_INVALID, "the roles that this is about are too many");
	if (session_send(session, conn, buf_string(sql), tables + 2, &outcome) &&
		session_collect(session, conn, tables + 2, rows, tables, &outcome) && rows[tables - 1])
		return true;
	*err = outcome.error;
	return error_prefix(err, "reading who may do what");
}

#define BEGIN "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "

static bool observe_cluster(struct session *session, struct world *world, struct error *err)
{
	enum { TABLES = 4 };
	PGresult *tables[TABLES] = {NULL};
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_BATCH_BYTES);
	buf_printf(&sql, BEGIN READ_ROLES "; %s; " READ_DATABASES "; " ON_DATABASES ON_TABLESPACES "%s; COMMIT",
		world->version >= FIRST_WITH_GRANT_OPTIONS ? READ_MEMBERSHIPS_16 : READ_MEMBERSHIPS,
		world->version >= FIRST_WITH_PARAMETERS ? ON_PARAMETERS : "");
	bool ok = ask(session, session->conn, &sql, TABLES, tables, err);
	if (ok) {
		take_roles(world, tables[0]);
		take_memberships(world, tables[1]);
		take_databases(world, tables[2]);
		take_rows(world, tables[3], NOBODY);
	}
	for (size_t i = 0; i < TABLES; i++)
		session_clear(&tables[i]);
	return ok;
}

/* --- what is asked for is there --- */

static bool no_such(const char *what, const char *name, const char **names, size_t count, struct error *err)
{
	char hint[TEXT_HINT_SIZE];
	return error_set(err, ERROR_MISSING, "there is no %s \"%s\"%s", what, name,
		text_hint(text_nearest(name, names, count), hint));
}

static bool find_asked(struct world *world, struct error *err)
{
	const struct access_question *question = world->question;
	const char **names =
		arena_array(world->mem, world->role_count + world->database_count + 1, sizeof(*names));
	world->asked = !question->role                       ? NOBODY
		: strcmp(question->role, ACCESS_PUBLIC) == 0 ? EVERYBODY
							     : world_role(world, question->role);
	if (question->role && world->asked == NOBODY) {
		for (size_t i = 0; i < world->role_count; i++)
			names[i] = world->roles[i].name;
		return no_such("role", question->role, names, world->role_count, err);
	}
	if (!question->database || find_database(world, question->database) != NOBODY)
		return true;
	for (size_t i = 0; i < world->database_count; i++)
		names[i] = world->databases[i].name;
	return no_such("database", question->database, names, world->database_count, err);
}

static bool no_table(struct session *session, PGconn *conn, struct world *world, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	const struct access_question *question = world->question;
	if (!session_query(session, conn,
		    "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c" NAMESPACE(
			    "c.relnamespace") " WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND c.relpersistence <> 't'",
		    &rows, err))
		return false;
	size_t count = (size_t)session_rows(rows);
	const char **names = arena_array(world->mem, count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = session_text(rows, (int)i, 0, world->mem);
	return no_such("table", arena_printf(world->mem, "%s.%s", question->schema, question->table), names,
		count, err);
}

/* --- a database --- */

static const char *grantees(struct world *world)
{
	CLEANUP(buf_done) struct buf list = BUF(LIMIT_BATCH_BYTES);
	struct reach reach = {0};
	buf_text(&list, "0");
	if (world->asked < world->role_count) {
		reach_walk(world, REACH_ANY, NOBODY, reach_start(world, world->asked), &reach);
		for (size_t i = 0; i < reach.count; i++)
			buf_printf(&list, ", %u", world->roles[reach.roles[i]].oid);
		if (world->owners != NOBODY)
			buf_printf(&list, ", %u", world->roles[world->owners].oid);
	}
	return buf_failed(&list) ? NULL : arena_copy(world->mem, buf_string(&list));
}

static bool write_query(struct world *world, struct buf *sql)
{
	const struct access_question *question = world->question;
	buf_text(sql, BEGIN);
	if (question->table) {
		const char *schema = sql_literal(question->schema, world->mem);
		const char *table = sql_literal(question->table, world->mem);
		buf_printf(sql,
			SCHEMAS " AND n.nspname = %s UNION ALL " CLASSES " AND n.nspname = %s AND c.relname = %s "
				"UNION ALL " COLUMNS " AND n.nspname = %s AND c.relname = %s",
			schema, schema, table, schema, table);
	} else {
		const char *oids = grantees(world);
		for (size_t i = 0; i < COUNT_OF(role_parts); i++) {
			const char *hers = strstr(role_parts[i], "%s");
			buf_text(sql, i ? " UNION ALL " : "");
			buf_append(sql, role_parts[i],
				hers ? (size_t)(hers - role_parts[i]) : strlen(role_parts[i]));
			buf_text(sql, hers ? (oids ? oids : "0") : "");
			buf_text(sql, hers ? hers + 2 : "");
		}
		if (!oids)
			return false;
	}
	buf_text(sql, "; COMMIT");
	return true;
}

static bool found_table(const struct world *world, size_t from)
{
	for (size_t i = from; i < world->row_count; i++)
		if (world->rows[i].on != GRANT_ON_SCHEMA)
			return true;
	return false;
}

static bool observe_database(
	struct session *session, struct world *world, size_t database, bool *found, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	CLEANUP(session_clear) PGresult *rows = NULL;
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_BATCH_BYTES);
	size_t before = world->row_count;
	if (!write_query(world, &sql))
		return error_set(err, ERROR_INVALID, "the roles that this is about are too many");
	if (!session_open(session, world->databases[database].name, &conn, err) ||
		!ask(session, conn, &sql, 1, &rows, err))
		return false;
	take_rows(world, rows, database);
	if (world->question->table && !found_table(world, before)) {
		world->row_count = before; /* its schema alone is no answer */
		return !world->question->database || no_table(session, conn, world, err);
	}
	*found = true;
	return true;
}

static bool observe_databases(struct session *session, struct world *world, struct error *err)
{
	const char *only = world->question->database;
	bool found = false;
	for (size_t i = 0; i < world->database_count; i++) {
		const struct world_database *database = &world->databases[i];
		if (only && strcmp(only, database->name) != 0)
			continue;
		if (!database->open && only)
			return error_set(err, ERROR_MISSING, "database %s refuses connections", only);
		if (database->open && !observe_database(session, world, i, &found, err))
			return error_prefix(err, "database %s", database->name);
	}
	return found || !world->question->table ||
		error_set(err, ERROR_MISSING, "no database has a table \"%s.%s\"", world->question->schema,
			world->question->table);
}

/* --- all of it --- */

bool observe_world(struct session *session, struct world *world, struct error *err)
{
	const struct access_question *question = world->question;
	world->version = session->version;
	if (!observe_cluster(session, world, err) || !find_asked(world, err))
		return false;
	/* Of a superuser there is nothing to look for, and about everybody only databases are asked. */
	bool super = world->asked < world->role_count && world->roles[world->asked].super;
	if ((question->table || (question->role && !super)) && !observe_databases(session, world, err))
		return false;
	world_index_rows(world);
	return true;
}
