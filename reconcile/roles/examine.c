#include "reconcile/roles/examine.h"

#include <stdlib.h>
#include <string.h>

#include "reconcile/postgres/session.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/managed.h"

static const char *copy(const PGresult *rows, int row, int column, struct arena *mem)
{
	return arena_copy(mem, session_value(rows, row, column));
}

static bool read_settings(
	struct session *session, struct arena *mem, struct roles_server *server, struct error *err)
{
	static const char sql[] =
		"SELECT current_setting('server_version'), current_user, current_setting('password_encryption'), "
		"current_setting('log_statement'), current_setting('log_min_duration_statement') <> '-1' OR "
		"current_setting('log_min_duration_sample') <> '-1', pg_is_in_recovery()";
	CLEANUP(session_clear) PGresult *rows = NULL;

	if (!session_query(session, session->conn, sql, &rows, err))
		return false;
	if (session_rows(rows) != 1)
		return error_set(err, ERROR_RETRY, "the server answered with %d rows instead of one",
			session_rows(rows));
	if (session_is_true(rows, 0, 5))
		return error_set(err, ERROR_RETRY, "the server is a standby: nothing is written there");
	server->version = copy(rows, 0, 0, mem);
	server->user = copy(rows, 0, 1, mem);
	server->password_encryption = copy(rows, 0, 2, mem);
	server->log_statement = copy(rows, 0, 3, mem);
	server->logs_durations = session_is_true(rows, 0, 4);
	return true;
}

static bool read_databases(
	struct session *session, struct arena *mem, struct roles_server *server, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	if (!session_query(session, session->conn,
		    "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname COLLATE \"C\"",
		    &rows, err))
		return false;
	server->database_count = (size_t)session_rows(rows);
	server->databases = arena_array(mem, server->database_count, sizeof(*server->databases));
	for (size_t i = 0; i < server->database_count; i++)
		server->databases[i] = copy(rows, (int)i, 0, mem);
	return true;
}

bool roles_server_has(const struct roles_server *server, const char *database)
{
	for (size_t i = 0; i < server->database_count; i++)
		if (strcmp(server->databases[i], database) == 0)
			return true;
	return false;
}

/* --- without superuser --- */

#define OF_DATABASES                                                                                         \
	"SELECT datname FROM pg_database WHERE datallowconn AND NOT has_database_privilege(oid, "            \
	"'CONNECT WITH GRANT OPTION') ORDER BY datname COLLATE \"C\""
#define OF_ROLES                                                                                             \
	"SELECT rolname FROM pg_roles WHERE NOT rolsuper AND oid >= 16384 AND rolname <> current_user "      \
	"AND NOT pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') ORDER BY rolname COLLATE \"C\""
#define OF_THE_AGENT                                                                                         \
	"SELECT rolcreaterole, EXISTS (SELECT FROM pg_namespace WHERE nspname = '" MANAGED_SCHEMA            \
	"'), current_database() FROM pg_roles WHERE rolname = current_user"

/* A list of names to be found, and the statement for each: verb, name, TO the agent, how. */
struct missing_query {
	const char *sql, *verb, *how;
	struct roles_missing **list;
	size_t *count;
};

static bool read_missing(struct session *session, const struct missing_query *query, const char *user,
	struct arena *mem, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	if (!session_query(session, session->conn, query->sql, &rows, err))
		return false;
	struct roles_missing *list = arena_array(mem, (size_t)session_rows(rows) + 1, sizeof(*list));
	*query->list = list;
	*query->count = (size_t)session_rows(rows);
	for (size_t i = 0; i < *query->count; i++) {
		const char *name = copy(rows, (int)i, 0, mem);
		list[i] = (struct roles_missing){name,
			arena_printf(mem, "GRANT %s%s TO %s WITH %s", query->verb, sql_identifier(name, mem),
				user, query->how)};
	}
	return true;
}

static void miss(struct roles_server *server, const char *name, const char *statement)
{
	server->missing[server->missing_count++] = (struct roles_missing){name, statement};
}

static bool read_own(struct session *session, struct arena *mem, struct roles_server *server, struct error *err)
{
	CLEANUP(session_clear) PGresult *rights = NULL;
	CLEANUP(session_clear) PGresult *self = NULL;
	const char *user = sql_identifier(server->user, mem);
	if (!session_query(session, session->conn, observe_own_rights(session->version), &rights, err) ||
		!session_query(session, session->conn, OF_THE_AGENT, &self, err))
		return false;
	server->loud = session_text(rights, 0, 1, mem);
	server->missing = arena_array(mem, 2, sizeof(*server->missing));
	if (!session_is_true(self, 0, 0))
		miss(server, "may not make roles", arena_printf(mem, "ALTER ROLE %s CREATEROLE", user));
	if (!session_is_true(self, 0, 1) && !session_is_true(rights, 0, 0))
		miss(server, "may not make the schema " MANAGED_SCHEMA,
			arena_printf(mem, "GRANT CREATE ON DATABASE %s TO %s",
				sql_identifier(session_value(self, 0, 2), mem), user));
	return true;
}

static bool read_plain(
	struct session *session, struct arena *mem, struct roles_server *server, struct error *err)
{
	const char *user = sql_identifier(server->user, mem);
	const struct missing_query queries[] = {
		{OF_DATABASES, "CONNECT ON DATABASE ", "GRANT OPTION", &server->closed, &server->closed_count},
		{OF_ROLES, "", "ADMIN TRUE, INHERIT FALSE, SET FALSE", &server->foreign, &server->foreign_count},
	};
	server->plain = session->plain;
	if (!session->plain)
		return true;
	return read_own(session, mem, server, err) && read_missing(session, &queries[0], user, mem, err) &&
		(session->version < FIRST_SERVER_WITH_GRANT_OPTIONS ||
			read_missing(session, &queries[1], user, mem, err));
}

static int compare_missing(const void *name, const void *missing)
{
	return strcmp(name, ((const struct roles_missing *)missing)->name);
}

const struct roles_missing *roles_missing_find(const struct roles_missing *list, size_t count, const char *name)
{
	return count ? bsearch(name, list, count, sizeof(*list), compare_missing) : NULL;
}

/* --- the agents' table --- */

#define MANAGERS                                                                                             \
	"SELECT manager, target, pg_catalog.to_char(pg_catalog.min(since) AT TIME ZONE 'UTC', "              \
	"'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), pg_catalog.count(*) FROM ONLY " MANAGED_TABLE                    \
	" GROUP BY 1, 2 ORDER BY 1, 2"

static bool read_managers(
	struct session *session, struct arena *mem, struct roles_server *server, struct error *err)
{
	CLEANUP(session_clear) PGresult *check = NULL;
	CLEANUP(session_clear) PGresult *rows = NULL;
	struct roles_present present = {0};
	struct error refused;
	if (!session_query(session, session->conn, MANAGED_CHECK, &check, err))
		return false;
	if (!managed_take_check(check, &present, &refused)) {
		server->table_refused = arena_copy(mem, refused.text);
		return true;
	}
	if (!present.has_table)
		return true;
	if (!session_query(session, session->conn, MANAGERS, &rows, err))
		return false;
	server->manager_count = (size_t)session_rows(rows);
	server->managers = arena_array(mem, server->manager_count + 1, sizeof(*server->managers));
	for (size_t i = 0; i < server->manager_count; i++)
		server->managers[i] = (struct roles_manager){
			.manager = copy(rows, (int)i, 0, mem),
			.target = copy(rows, (int)i, 1, mem),
			.since = session_text(rows, (int)i, 2, mem),
			.roles = copy(rows, (int)i, 3, mem),
		};
	return true;
}

bool roles_examine(const struct session_target *target, struct arena *mem, struct roles_server *server,
	struct error *err)
{
	struct session *session;
	struct roles_server found = {0};
	if (!session_start(target, &session, err))
		return false;
	bool ok = read_settings(session, mem, &found, err) && read_databases(session, mem, &found, err) &&
		read_plain(session, mem, &found, err) && read_managers(session, mem, &found, err);
	session_close(session);
	if (!ok)
		return error_prefix(err, "database %s", target->name);
	*server = found;
	return true;
}
