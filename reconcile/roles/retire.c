/*
 * retire.c - a user goes, and nothing is lost
 *
 * By now it is locked out, committed. Its sessions are ended; in each database what it owns is given to the database's owner;
 * then, and only if nothing is owned any more, DROP OWNED takes away what is left: privileges and default privileges.
 * Whatever cannot be done now is done by a later pass: the mark on the role says that it is retiring until it is gone.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/applier.h"
#include "reconcile/postgres/sql.h"

enum { SESSIONS_END_WITHIN = 3000, LOOK_AGAIN_AFTER = 20 };

static bool is_leaving(struct applier *applier, const struct role_step *step, enum role_action action)
{
	return step->action == action && !applier_is_stopped(applier, step);
}

/* 'a', 'b', ...: the users that go, locked out now or by an earlier pass; false when there are none. */
static bool names_of_leavers(struct applier *applier, struct buf *list)
{
	for (size_t i = 0; i < applier->plan->step_count; i++) {
		const struct role_step *step = &applier->plan->steps[i];
		bool goes = is_leaving(applier, step, ROLE_LOCK) || is_leaving(applier, step, ROLE_RETIRE) ||
			is_leaving(applier, step, ROLE_DROP);
		if (!goes || !applier_report(applier, step->user))
			continue; /* a group role has no report, and no sessions */
		buf_text(list, list->length ? ", " : "");
		buf_text(list, sql_literal(step->user, applier->mem));
	}
	return list->length && !buf_failed(list);
}

static struct role_step *last_step_of(struct applier *applier, const char *user)
{
	struct role_step *last = NULL;
	for (size_t i = 0; i < applier->plan->step_count; i++) {
		struct role_step *step = &applier->plan->steps[i];
		if (strcmp(step->user, user) == 0 && (step->action == ROLE_RETIRE || step->action == ROLE_DROP))
			last = step;
	}
	return last;
}

/* A session that does not end in time could still make objects: its user waits for the next pass. */
static void sessions_stay(struct applier *applier, const PGresult *rows)
{
	for (int i = 0; i < PQntuples(rows); i++) {
		struct error error = {0};
		struct role_step *step = last_step_of(applier, PQgetvalue(rows, i, 0));
		error_set(&error, ERROR_RETRY, "sessions of the user have not ended yet");
		if (step)
			applier_fail(applier, step, &error, true);
	}
}

static void pause_briefly(void)
{
	struct timespec pause = {.tv_nsec = LOOK_AGAIN_AFTER * 1000000L};
	nanosleep(&pause, NULL);
}

bool retire_end_sessions(struct applier *applier, struct error *err)
{
	CLEANUP(buf_done) struct buf names = BUF(LIMIT_BATCH_BYTES);
	CLEANUP(buf_done) struct buf sql = BUF(2 * LIMIT_BATCH_BYTES);
	int64_t end = clock_steady() + SESSIONS_END_WITHIN;
	if (applier->sessions_ended)
		return true;
	applier->sessions_ended = true;
	if (!names_of_leavers(applier, &names))
		return true;
	buf_printf(&sql,
		"SELECT DISTINCT usename FROM (SELECT usename, pg_catalog.pg_terminate_backend(pid) "
		"FROM pg_catalog.pg_stat_activity WHERE usename IN (%s)) AS ended",
		buf_string(&names));
	for (;;) {
		CLEANUP(session_clear) PGresult *rows = NULL;
		if (!session_query(applier->session, applier->session->conn, buf_string(&sql), &rows, err))
			return error_prefix(err, "ending the sessions of removed users");
		if (!PQntuples(rows))
			return true;
		if (clock_steady() > end) {
			sessions_stay(applier, rows);
			return true;
		}
		pause_briefly();
	}
}

/*
 * Code runs with its owner's rights: a view, a SECURITY DEFINER function or an index expression that a departing user left behind
 * must not become a superuser's. Tables, sequences and types are only data.
 */
static bool heir_is_safe(struct applier *applier, PGconn *conn, const struct role_step *step, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	const char *sql = arena_printf(applier->mem,
		"SELECT h.rolsuper, "
		"(SELECT count(*) FROM pg_catalog.pg_proc WHERE proowner = x.oid), "
		"(SELECT count(*) FROM pg_catalog.pg_class WHERE relowner = x.oid AND (relkind = 'm' OR relhasrules)), "
		"(SELECT count(*) FROM pg_catalog.pg_subscription WHERE subowner = x.oid) "
		"FROM pg_catalog.pg_authid h, pg_catalog.pg_authid x WHERE h.rolname = %s AND x.rolname = %s",
		sql_literal(step->heir, applier->mem), sql_literal(step->user, applier->mem));
	if (!session_query(applier->session, conn, sql, &rows, err))
		return false;
	if (PQntuples(rows) != 1)
		return error_set(err, ERROR_RETRY, "role \"%s\" does not exist any more", step->heir);
	const char *functions = PQgetvalue(rows, 0, 1), *views = PQgetvalue(rows, 0, 2),
		   *subscriptions = PQgetvalue(rows, 0, 3);
	bool code = strcmp(functions, "0") != 0 || strcmp(views, "0") != 0 || strcmp(subscriptions, "0") != 0;
	if (strcmp(PQgetvalue(rows, 0, 0), "t") != 0 || !code)
		return true;
	return error_set(err, ERROR_INVALID,
		"it owns %s functions, %s views or tables with rules, and %s subscriptions, which would run with the rights "
		"of the superuser \"%s\": give them to another role or drop them (REASSIGN OWNED BY %s TO ...)",
		functions, views, subscriptions, step->heir, sql_identifier(step->user, applier->mem));
}

/* How many objects the user still owns here, seen while nobody else can add one. Default privileges (826) and user mappings
   (1418) are the user's own settings, which REASSIGN leaves and DROP OWNED takes away. */
static const char *count_owned(struct applier *applier, const char *user)
{
	return arena_printf(applier->mem,
		"LOCK TABLE pg_catalog.pg_shdepend IN SHARE MODE; "
		"SELECT count(*) FROM pg_catalog.pg_shdepend s, pg_catalog.pg_authid a "
		"WHERE a.rolname = %s AND s.refclassid = 1260 AND s.refobjid = a.oid AND s.deptype = 'o' "
		"AND s.classid NOT IN (826, 1418) AND s.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database "
		"WHERE datname = pg_catalog.current_database()))",
		sql_literal(user, applier->mem));
}

static bool give_away(struct applier *applier, PGconn *conn, const struct role_step *step, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	struct outcome outcome;
	const char *sql =
		arena_printf(applier->mem, "BEGIN; %s; %s", step->head, count_owned(applier, step->user));
	applier->session->writes++;
	if (!session_send(applier->session, conn, sql, 4, &outcome) ||
		!session_collect(applier->session, conn, 4, &rows, 1, &outcome)) {
		*err = outcome.error;
		return false;
	}
	if (rows && strcmp(PQgetvalue(rows, 0, 0), "0") == 0)
		return true;
	return error_set(
		err, ERROR_RETRY, "objects of the user are left after REASSIGN OWNED: nothing is dropped");
}

/* Nothing is owned any more: what DROP OWNED still finds are privileges. */
static bool take_privileges(
	struct applier *applier, PGconn *conn, const struct role_step *step, struct error *err)
{
	struct outcome outcome;
	const char *sql = arena_printf(applier->mem, "%s; COMMIT", step->tail);
	if (session_write(applier->session, conn, sql, 2, &outcome))
		return true;
	*err = outcome.error;
	return false;
}

static bool retire_here(struct applier *applier, PGconn *conn, const struct role_step *step, struct error *err)
{
	struct outcome outcome;
	if (!heir_is_safe(applier, conn, step, err))
		return false;
	if (give_away(applier, conn, step, err) && take_privileges(applier, conn, step, err))
		return true;
	/* On a connection that is lost it fails, and the server has rolled back by itself. */
	if (session_send(applier->session, conn, "ROLLBACK", 1, &outcome))
		(void)!session_collect(applier->session, conn, 1, NULL, 0, &outcome);
	return false;
}

/* Every step of one database over one connection. */
static bool retire_in(struct applier *applier, PGconn *conn, const char *database)
{
	for (size_t i = 0; i < applier->plan->step_count; i++) {
		struct role_step *step = &applier->plan->steps[i];
		struct error err = {0};
		if (!is_leaving(applier, step, ROLE_RETIRE) || strcmp(step->database, database) != 0)
			continue;
		if (retire_here(applier, conn, step, &err))
			applier_done(applier, step);
		else
			applier_fail(applier, step, &err, false);
		if (PQstatus(conn) != CONNECTION_OK)
			return false;
	}
	return true;
}

static void database_unreachable(struct applier *applier, const char *database, const struct error *error)
{
	for (size_t i = 0; i < applier->plan->step_count; i++) {
		struct role_step *step = &applier->plan->steps[i];
		bool waits = is_leaving(applier, step, ROLE_RETIRE) && !step->done &&
			step->error.kind == ERROR_NONE;
		if (waits && strcmp(step->database, database) == 0)
			applier_fail(applier, step, error, false);
	}
}

static void retire_elsewhere(struct applier *applier, const char *database)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	struct error err = {0};
	if (!session_open(applier->session, database, &conn, &err))
		database_unreachable(applier, database, &err);
	else if (!retire_in(applier, conn, database)) {
		error_set(&err, ERROR_RETRY, "the connection was lost");
		database_unreachable(applier, database, &err);
	}
}

/* Databases in turn: each is visited once, for all users that go. */
bool retire_databases(struct applier *applier, struct error *err)
{
	const struct roles_plan *plan = applier->plan;
	const char **visited = arena_array(applier->mem, plan->step_count + 1, sizeof(*visited));
	size_t count = 0;
	for (size_t i = 0; i < plan->step_count; i++) {
		bool known = plan->steps[i].action != ROLE_RETIRE;
		for (size_t v = 0; v < count && !known; v++)
			known = strcmp(visited[v], plan->steps[i].database) == 0;
		if (known)
			continue;
		visited[count++] = plan->steps[i].database;
		if (*plan->steps[i].database)
			retire_elsewhere(applier, plan->steps[i].database);
		else if (!retire_in(applier, applier->session->conn, ""))
			return error_set(err, ERROR_RETRY,
				"the connection to the database was lost while removing users");
	}
	return true;
}
