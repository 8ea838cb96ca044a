#include "reconcile/roles/examine.h"

#include <string.h>

#include "reconcile/postgres/session.h"

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

bool roles_examine(const struct session_target *target, struct arena *mem, struct roles_server *server,
	struct error *err)
{
	struct session *session;
	struct roles_server found = {0};
	if (!session_start(target, &session, err))
		return false;
	bool ok = read_settings(session, mem, &found, err) && read_databases(session, mem, &found, err);
	session_close(session);
	if (!ok)
		return error_prefix(err, "database %s", target->name);
	*server = found;
	return true;
}
