#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/session.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/renamed.h"

#define TEXT(number) #number
#define NUMBER(limit) TEXT(limit)
#define MOST_OF_A_COMMENT NUMBER(LIMIT_ROLE_COMMENT)

/*
 * Six reads in one message and one snapshot, whatever the number of roles, and a seventh when they have shown that the agent's table is
 * what it seems. Joins, no function or subquery for each row:
 * 1,000 roles are read in 2 ms, with shobj_description() for each it is 60 (postgres-roles.md 5).
 * A name and a comment are bytes, in the encoding of whatever database they were written through: no function here looks at their
 * characters (left() would fail on them). Of a comment that is too long the beginning is enough to find our mark.
 */
#define COMMENT_TEXT                                                                                         \
	"CASE WHEN pg_catalog.octet_length(d.description) <= " MOST_OF_A_COMMENT " THEN d.description ELSE " \
	"pg_catalog.encode(pg_catalog.substr(pg_catalog.textsend(d.description), 1, 1000), 'escape') END "

#define READ_ROLES(catalog, password)                                                                        \
	"SELECT a.oid, a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin, " \
	"a.rolreplication, a.rolbypassrls, a.rolconnlimit, "                                                 \
	"CASE WHEN a.rolvaliduntil < 'infinity' THEN a.rolvaliduntil::text END, " password ", " COMMENT_TEXT \
	", "                                                                                                 \
	"session_user, pg_catalog.octet_length(d.description) > " MOST_OF_A_COMMENT ", "                     \
	"pg_catalog.current_database(), (SELECT system_identifier FROM pg_catalog.pg_control_system()), "    \
	"pg_catalog.int8(pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.now()))) "                \
	"FROM pg_catalog." catalog " a LEFT JOIN pg_catalog.pg_shdescription d "                             \
	"ON d.objoid = a.oid AND d.classoid = 1260"

#define READ_MEMBERSHIPS                                                                                     \
	"SELECT roleid, member, grantor, admin_option, true, true FROM pg_catalog.pg_auth_members"

#define READ_MEMBERSHIPS_16                                                                                  \
	"SELECT roleid, member, grantor, admin_option, inherit_option, set_option FROM pg_catalog.pg_auth_members"

#define READ_DATABASES(may_grant)                                                                            \
	"SELECT b.oid, b.datname, b.datdba, b.datallowconn AND b.datconnlimit <> -2, b.datconnlimit = -2, "  \
	"pg_catalog.pg_encoding_to_char(b.encoding), b.datcollate, b.datctype, " COMMENT_TEXT ", " may_grant \
	" "                                                                                                  \
	"FROM pg_catalog.pg_database b LEFT JOIN pg_catalog.pg_shdescription d "                             \
	"ON d.objoid = b.oid AND d.classoid = 1262"

/* "name=value", as the server keeps it. */
#define READ_SETTINGS                                                                                        \
	"SELECT s.setrole, s.setdatabase, item FROM pg_catalog.pg_db_role_setting s, "                       \
	"pg_catalog.unnest(s.setconfig) AS item WHERE s.setrole <> 0"

/* What a superuser need not ask. */
#define MAY_GRANT "pg_catalog.has_database_privilege(b.oid, 'CONNECT WITH GRANT OPTION')"

#define READ_OWN_RIGHTS(set)                                                                                 \
	"SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), "                \
	"(SELECT pg_catalog.string_agg(name, ', ') FROM (VALUES ('log_statement', 'none'), "                 \
	"('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1'), "                       \
	"('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0')) AS quiet (name, value) "   \
	"WHERE pg_catalog.current_setting(name) <> value AND NOT " set ")"

#define MAY_SET "pg_catalog.has_parameter_privilege(name, 'SET')"

/* aclexplode() of a whole list unpacks it anew for each entry: 1,000 grantees take 18 ms, one entry at a time 2 ms. */
#define GIVER(what)                                                                                                \
	"x.grantor <> d.datdba AND EXISTS (SELECT FROM pg_catalog.unnest(d.datacl) AS i, "                         \
	"pg_catalog.aclexplode(ARRAY[i]) u WHERE u.privilege_type = 'CONNECT' AND u.grantee = x.grantor AND " what \
	")"
#define READ_CONNECTS                                                                                                                                         \
	"SELECT d.oid, x.grantee, x.grantor, x.is_grantable, x.grantee = d.datdba, x.grantor <> d.datdba AND NOT (" GIVER(                                    \
		"u.is_grantable") "), " GIVER("u.grantor = d.datdba") " FROM pg_catalog.pg_database d, "                                                      \
								      "pg_catalog.unnest(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) AS item, " \
								      "pg_catalog.aclexplode(ARRAY[item]) x WHERE x.privilege_type = 'CONNECT'"

enum { FIRST_SERVER_WITH_SET_PRIVILEGES = 150000, TABLES = 7 };

static void take_roles(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->roles = arena_array(mem, (size_t)count + 1, sizeof(*present->roles));
	for (int i = 0; i < count; i++) {
		const char *comment = session_text(rows, i, 12, mem);
		present->roles[present->role_count++] = (struct role){
			.oid = session_number(rows, i, 0),
			.name = session_text(rows, i, 1, mem),
			.super = session_is_true(rows, i, 2),
			.inherit = session_is_true(rows, i, 3),
			.create_role = session_is_true(rows, i, 4),
			.create_db = session_is_true(rows, i, 5),
			.login = session_is_true(rows, i, 6),
			.replication = session_is_true(rows, i, 7),
			.bypass_rls = session_is_true(rows, i, 8),
			.connection_limit = (int)strtol(session_value(rows, i, 9), NULL, 10),
			.expires = !session_is_null(rows, i, 10),
			.expiry = session_text(rows, i, 10, mem),
			.verifier = session_text(rows, i, 11, mem),
			.comment = comment ? comment : "",
			.long_comment = session_is_true(rows, i, 14),
		};
	}
	present->session_user = count ? session_text(rows, 0, 13, mem) : "";
	present->session_database = count ? session_text(rows, 0, 15, mem) : "";
	present->server = count ? session_text(rows, 0, 16, mem) : "";
	present->now = count ? strtoll(session_value(rows, 0, 17), NULL, 10) : 0;
}

static void take_memberships(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->memberships = arena_array(mem, (size_t)count + 1, sizeof(*present->memberships));
	for (int i = 0; i < count; i++)
		present->memberships[present->membership_count++] = (struct membership){
			.role = session_number(rows, i, 0),
			.member = session_number(rows, i, 1),
			.grantor = session_number(rows, i, 2),
			.admin = session_is_true(rows, i, 3),
			.inherits = session_is_true(rows, i, 4),
			.can_set = session_is_true(rows, i, 5),
		};
}

static void take_databases(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->databases = arena_array(mem, (size_t)count + 1, sizeof(*present->databases));
	for (int i = 0; i < count; i++)
		present->databases[present->database_count++] = (struct database){
			.oid = session_number(rows, i, 0),
			.name = session_text(rows, i, 1, mem),
			.owner = session_number(rows, i, 2),
			.allows_connections = session_is_true(rows, i, 3),
			.invalid = session_is_true(rows, i, 4),
			.encoding = session_text(rows, i, 5, mem),
			.collate = session_text(rows, i, 6, mem),
			.ctype = session_text(rows, i, 7, mem),
			.comment = session_is_null(rows, i, 8) ? "" : session_text(rows, i, 8, mem),
			.may_grant = session_is_true(rows, i, 9),
		};
}

/* PUBLIC's entry is a property of the database; the owner's comes with owning it. */
static void take_connects(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->connects = arena_array(mem, (size_t)count + 1, sizeof(*present->connects));
	present->public_connects = arena_array(mem, (size_t)count + 1, sizeof(*present->public_connects));
	for (int i = 0; i < count; i++) {
		uint32_t database = session_number(rows, i, 0), grantee = session_number(rows, i, 1);
		for (size_t d = 0; !grantee && d < present->database_count; d++)
			if (present->databases[d].oid == database)
				present->databases[d].public_connect = true;
		if (grantee && session_is_true(rows, i, 4))
			continue;
		struct connect_grant *to = grantee ? &present->connects[present->connect_count++]
						   : &present->public_connects[present->public_count++];
		*to = (struct connect_grant){
			.database = database,
			.grantee = grantee,
			.grantor = session_number(rows, i, 2),
			.grantable = session_is_true(rows, i, 3),
			.orphan = session_is_true(rows, i, 5),
			.plain = session_is_true(rows, i, 6),
		};
	}
}

static void take_settings(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->settings = arena_array(mem, (size_t)count + 1, sizeof(*present->settings));
	for (int i = 0; i < count; i++) {
		const char *item = session_text(rows, i, 2, mem), *equals = item ? strchr(item, '=') : NULL;
		if (!equals)
			continue;
		present->settings[present->setting_count++] = (struct role_setting){
			.role = session_number(rows, i, 0),
			.database = session_number(rows, i, 1),
			.name = arena_copy_n(mem, item, (size_t)(equals - item)),
			.value = equals + 1,
		};
	}
}

/* Of a session without superuser: what it may do, and which settings it cannot keep from writing verifiers into the log. */
static bool take_own_rights(
	const PGresult *rows, struct arena *mem, struct roles_present *present, struct error *err)
{
	const struct role *self = NULL;
	for (size_t i = 0; i < present->role_count && !self; i++)
		if (strcmp(present->roles[i].name, present->session_user) == 0)
			self = &present->roles[i];
	present->plain = true;
	present->self = self ? self->oid : 0;
	present->may_create = session_is_true(rows, 0, 0);
	present->loud = session_text(rows, 0, 1, mem);
	return (self && self->create_role) ||
		error_set(err, ERROR_DENIED,
			"role \"%s\" is neither a superuser nor may it make roles: as a superuser say ALTER ROLE %s "
			"CREATEROLE; README, \"Without superuser\", has what else it needs",
			present->session_user, sql_identifier(present->session_user, mem));
}

const char *observe_own_rights(int version)
{
	return version >= FIRST_SERVER_WITH_SET_PRIVILEGES ? READ_OWN_RIGHTS(MAY_SET)
							   : READ_OWN_RIGHTS("false");
}

static const char *read_sql(const struct session *session, struct arena *mem)
{
	const char *roles =
		session->plain ? READ_ROLES("pg_roles", "NULL") : READ_ROLES("pg_authid", "a.rolpassword");
	const char *memberships =
		session->version >= FIRST_SERVER_WITH_GRANT_OPTIONS ? READ_MEMBERSHIPS_16 : READ_MEMBERSHIPS;
	return arena_printf(mem,
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; %s; %s; %s; " READ_CONNECTS
		"; " READ_SETTINGS "; " MANAGED_CHECK "%s%s",
		roles, memberships, session->plain ? READ_DATABASES(MAY_GRANT) : READ_DATABASES("true"),
		session->plain ? "; " : "", session->plain ? observe_own_rights(session->version) : "");
}

static bool read_tables(struct session *session, struct arena *mem, PGresult *tables[TABLES], struct error *err)
{
	struct outcome outcome;
	size_t count = session->plain ? TABLES : TABLES - 1;
	if (session_send(session, session->conn, read_sql(session, mem), count + 1, &outcome) &&
		session_collect(session, session->conn, count + 1, tables, count, &outcome) &&
		tables[count - 1])
		return true;
	*err = outcome.error;
	return error_prefix(err, "reading the roles");
}

/* --- the agent's own table --- */

static bool refuse_schema(const char *what, const char *owner, const char *own, struct error *err)
{
	return error_set(err, ERROR_DENIED,
		"%s belongs to role \"%s\" and not to \"%s\", so it cannot say which roles are ours, and nothing is "
		"done here: rename it (ALTER SCHEMA " MANAGED_SCHEMA
		" RENAME TO ...); or, where it is this agent's "
		"from before it connected as \"%s\", give it over: ALTER SCHEMA " MANAGED_SCHEMA
		" OWNER TO ...; ALTER TABLE " MANAGED_TABLE " OWNER TO ...",
		what, owner, own, own);
}

/* Is what carries the names of our schema and table made by us? */
bool managed_take_check(const PGresult *rows, struct roles_present *present, struct error *err)
{
	if (!session_rows(rows))
		return true;
	const char *own = session_value(rows, 0, 5);
	present->has_schema = true;
	present->has_table = !session_is_null(rows, 0, 3);
	if (!session_is_true(rows, 0, 1))
		return refuse_schema("schema " MANAGED_SCHEMA, session_value(rows, 0, 0), own, err);
	if (!present->has_table)
		return true;
	if (!session_is_true(rows, 0, 4))
		return refuse_schema(MANAGED_TABLE, session_value(rows, 0, 3), own, err);
	if (!session_is_true(rows, 0, 2))
		return error_set(err, ERROR_DENIED,
			MANAGED_TABLE
			" is not the table that this agent makes, or its row security was switched "
			"off (ALTER TABLE " MANAGED_TABLE " ENABLE ROW LEVEL SECURITY): nothing is done here");
	return true;
}

static void take_managed(const PGresult *rows, struct arena *mem, struct roles_present *present)
{
	int count = session_rows(rows);
	present->managed = arena_array(mem, (size_t)count + 1, sizeof(*present->managed));
	for (int i = 0; i < count; i++) {
		enum on_remove on_remove;
		enum mark state = managed_state(session_value(rows, i, 2), &on_remove);
		present->managed[present->managed_count++] = (struct managed_role){
			.oid = session_number(rows, i, 0),
			.name = session_text(rows, i, 1, mem),
			.state = state,
			.on_remove = on_remove,
			.manager = session_text(rows, i, 3, mem),
			.target = session_text(rows, i, 4, mem),
			.since = session_text(rows, i, 5, mem),
			.since_seconds = session_is_null(rows, i, 6)
				? INT64_MAX
				: strtoll(session_value(rows, i, 6), NULL, 10),
		};
	}
}

/* Ends the transaction of the reads, with the rows where there are any. */
static bool read_managed(
	struct session *session, struct arena *mem, struct roles_present *present, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	struct outcome outcome;
	const char *sql = present->has_table ? MANAGED_ROWS "; COMMIT" : "COMMIT";
	size_t statements = present->has_table ? 2 : 1;
	if (!session_send(session, session->conn, sql, statements, &outcome) ||
		!session_collect(session, session->conn, statements, &rows, 1, &outcome)) {
		*err = outcome.error;
		return error_prefix(err, "reading " MANAGED_TABLE);
	}
	if (rows)
		take_managed(rows, mem, present);
	return true;
}

/* --- what hangs on roles that go --- */

/* Default privileges (826) and user mappings (1418) are a user's own settings: no heir gets them, they go with the user. */
static bool read_dependencies(struct session *session, const char *oids, struct arena *mem,
	struct roles_present *present, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	const char *sql = arena_printf(mem,
		"SELECT refobjid, dbid, deptype = 'o' AND classid NOT IN (826, 1418), count(*) "
		"FROM pg_catalog.pg_shdepend WHERE refclassid = 1260 AND refobjid IN (%s) GROUP BY 1, 2, 3",
		oids);
	if (!session_query(session, session->conn, sql, &rows, err))
		return error_prefix(err, "reading what depends on roles");
	int count = session_rows(rows);
	present->dependencies = arena_array(mem, (size_t)count + 1, sizeof(*present->dependencies));
	for (int i = 0; i < count; i++)
		present->dependencies[present->dependency_count++] = (struct dependency){
			.role = session_number(rows, i, 0),
			.database = session_number(rows, i, 1),
			.owned = session_is_true(rows, i, 2),
			.objects = strtoll(session_value(rows, i, 3), NULL, 10),
		};
	return true;
}

static bool is_leaving(const struct role *role, const struct users *wanted)
{
	const struct user *user = users_find(wanted, role->name);
	return mark_is_user(role->mark) &&
		(user ? user->ensure == USER_ABSENT : !users_former(wanted, role->name));
}

/* May sessions have outlived its lock? */
static bool is_shut_out(const struct role *role, const struct users *wanted)
{
	const struct user *user = users_find(wanted, role->name);
	return role->mark == MARK_USER && user && !role->login && !user_logs_in(user);
}

static void append_oid(struct buf *oids, const struct role *role)
{
	buf_printf(oids, "%s%" PRIu32, oids->length ? ", " : "", role->oid);
}

/* Of roles of ours that are not wanted any more: what hangs on them decides how far their removal can go. Of a group its dependencies
   say whether it gives its members anything, too. */
static bool read_what_hangs(struct session *session, const struct users *wanted, struct arena *mem,
	struct roles_present *present, struct error *err)
{
	CLEANUP(buf_done) struct buf oids = BUF(LIMIT_BATCH_BYTES);
	CLEANUP(buf_done) struct buf leaving = BUF(LIMIT_BATCH_BYTES);
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		bool leaves = is_leaving(role, wanted);
		if (leaves || role->mark == MARK_GROUP)
			append_oid(&oids, role);
		if (leaves || is_shut_out(role, wanted))
			append_oid(&leaving, role);
	}
	if (buf_failed(&oids))
		return error_set(err, ERROR_INVALID, "too many roles are to be removed at once");
	if (oids.length && !read_dependencies(session, buf_string(&oids), mem, present, err))
		return false;
	return !leaving.length || observe_belongings(session, buf_string(&leaving), mem, present, err);
}

static bool may_make_table(const struct roles_present *present, struct arena *mem, struct error *err)
{
	return !present->plain || present->has_schema || present->may_create ||
		error_set(err, ERROR_DENIED,
			"role \"%s\" may not make the schema " MANAGED_SCHEMA
			", where the agent keeps which roles are its own: as the owner of the database or a superuser say GRANT "
			"CREATE ON DATABASE %s TO %s",
			present->session_user, sql_identifier(present->session_database, mem),
			sql_identifier(present->session_user, mem));
}

static bool take_tables(
	PGresult *tables[TABLES], struct arena *mem, struct roles_present *present, struct error *err)
{
	take_roles(tables[0], mem, present);
	take_memberships(tables[1], mem, present);
	take_databases(tables[2], mem, present);
	take_connects(tables[3], mem, present);
	take_settings(tables[4], mem, present);
	return (!tables[6] || take_own_rights(tables[6], mem, present, err)) &&
		managed_take_check(tables[5], present, err) && may_make_table(present, mem, err);
}

/* One that was adopted, or locked out before, is not known to have a password that is right. */
static void stand_in_for_verifiers(struct roles_present *present)
{
	for (size_t i = 0; i < present->role_count; i++)
		if (present->roles[i].mark == MARK_USER && present->roles[i].recorded)
			present->roles[i].verifier = PRESENT_RECORDED;
}

bool roles_observe(struct session *session, const struct roles_plan_input *asked, struct arena *mem,
	struct roles_present **present, struct error *err)
{
	struct roles_plan_input current = *asked;
	const struct roles_plan_input *input = &current;
	struct roles_present *made = arena_alloc(mem, sizeof(*made));
	PGresult *tables[TABLES] = {NULL};
	made->version = session->version;
	made->claims = asked->claims;
	bool ok = read_tables(session, mem, tables, err) && take_tables(tables, mem, made, err) &&
		read_managed(session, mem, made, err);
	for (size_t i = 0; i < TABLES; i++)
		session_clear(&tables[i]);
	if (ok) {
		current.wanted = users_at(asked->wanted, made->now, mem);
		present_index(made, mem);
		managed_judge(made, input, mem);
		if (made->plain)
			stand_in_for_verifiers(made);
		renamed_apply(made, input, mem);
	}
	if (!ok || !managed_is_ours(made, input, mem, err) ||
		!read_what_hangs(session, input->wanted, mem, made, err) ||
		!observe_extensions(session, input->wanted, mem, made, err))
		return error_prefix(err, "database %s", session->target);
	present_sort_dependencies(made);
	*present = made;
	return true;
}
