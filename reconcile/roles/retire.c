/*
 * retire.c - a user goes, and nothing is lost
 *
 * By now it is locked out, committed. Its sessions are ended; in each database the transaction of retire_sql.h gives what it owns to
 * the heir, and takes away what is left: privileges and default privileges. Whatever cannot be done now is done by a later
 * pass: its row in the agent's table says that it is retiring until it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "reconcile/roles/applier.h"
#include "reconcile/roles/retire_sql.h"
#include "reconcile/postgres/sql.h"

enum { SESSIONS_END_WITHIN = 3000 };

static bool is_leaving(struct applier *applier, const struct role_step *step, enum role_action action)
{
	return step->action == action && !applier_is_stopped(applier, step);
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

static void wait_for_next_pass(struct applier *applier, const char *user, const struct error *error)
{
	struct role_step *step = last_step_of(applier, user);
	if (step)
		applier_fail(applier, step, error, true);
}

/* A session that does not end in time could still make objects: its user waits for the next pass. */
static void sessions_stay(struct applier *applier, const PGresult *rows)
{
	for (int i = 0; i < session_rows(rows); i++) {
		struct error error = {0};
		error_set(&error, ERROR_RETRY, "sessions of the user have not ended yet");
		wait_for_next_pass(applier, session_value(rows, i, 0), &error);
	}
}

static const char *remaining_sql(const struct role_step *step, struct arena *mem)
{
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_BATCH_BYTES);
	buf_text(&sql, "SELECT DISTINCT usename FROM pg_catalog.pg_stat_activity WHERE usename IN (");
	for (size_t i = 0; i < step->user_count; i++)
		buf_printf(&sql, "%s%s", i ? ", " : "", sql_literal(step->users[i], mem));
	buf_text(&sql, ")");
	return arena_copy(mem, buf_string(&sql));
}

/* The step's statement waits a little itself; where it found nobody, there is nobody to wait for. */
static bool end_sessions(struct applier *applier, const struct role_step *step, struct error *err)
{
	struct session *session = applier->session;
	const char *remaining = remaining_sql(step, applier->mem);
	int64_t end = clock_steady() + SESSIONS_END_WITHIN;
	for (;;) {
		CLEANUP(session_clear) PGresult *told = NULL;
		CLEANUP(session_clear) PGresult *rows = NULL;
		if (!session_query(session, session->conn, step->sql, &told, err))
			return false;
		if (!session_rows(told))
			return true;
		if (!session_query(session, session->conn, remaining, &rows, err))
			return false;
		if (clock_steady() > end)
			sessions_stay(applier, rows);
		if (!session_rows(rows) || clock_steady() > end)
			return true;
	}
}

bool retire_end_sessions(struct applier *applier, size_t first, size_t end, struct error *err)
{
	for (size_t i = first; i < end; i++) {
		struct role_step *step = &applier->plan->steps[i];
		struct error why = {0};
		if (end_sessions(applier, step, &why)) {
			applier_done(applier, step);
			continue;
		}
		*err = why;
		if (!session_is_open(applier->session->conn))
			return error_prefix(err, "ending the sessions of users who are locked out");
		step->error = why;
		for (size_t u = 0; u < step->user_count; u++)
			wait_for_next_pass(applier, step->users[u], &why);
	}
	return true;
}

/* Our checks stop the transaction with a text of their own; everything else is the server's. */
static void explain(struct applier *applier, const struct outcome *outcome, struct error *err)
{
	const char *stop = strcmp(outcome->sqlstate, RETIRE_STOPS_STATE) == 0
		? retire_stop(outcome->error.text, applier->mem)
		: NULL;
	if (stop)
		error_set(err, ERROR_RETRY, "nothing was given away: %s", stop);
	else
		*err = outcome->error;
}

static bool retire_here(struct applier *applier, PGconn *conn, const struct role_step *step, struct error *err)
{
	struct outcome outcome;
	if (session_write(applier->session, conn, step->sql, step->statements, &outcome))
		return true;
	explain(applier, &outcome, err);
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
		if (!session_is_open(conn))
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
		if (strcmp(plan->steps[i].database, plan->database) != 0)
			retire_elsewhere(applier, plan->steps[i].database);
		else if (!retire_in(applier, applier->session->conn, plan->database))
			return error_set(err, ERROR_RETRY,
				"the connection to the database was lost while removing users");
	}
	return true;
}
