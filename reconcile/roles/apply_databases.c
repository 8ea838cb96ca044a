/*
 * apply_databases.c - what is sent alone, each as a transaction of its own: CREATE DATABASE, CREATE EXTENSION (databases.h)
 *
 * Both may take minutes, which nothing else of a pass does: before 15 a database waits for two checkpoints. So they have connections
 * of their own, with a deadline of their own; the session's keeps the lock of the pass meanwhile.
 */
#include <string.h>

#include "reconcile/roles/applier.h"

enum { LONG_DEADLINE = 600000 };

/* The server's statement_timeout is that of the deadline when the connection begins. */
static bool open_patient(struct applier *applier, const char *database, PGconn **conn, struct error *err)
{
	struct session *session = applier->session;
	int64_t deadline = session->deadline;
	session->deadline = LONG_DEADLINE;
	bool ok = session_open(session, database, conn, err);
	session->deadline = deadline;
	return ok;
}

static void run(struct applier *applier, PGconn *conn, struct role_step *step)
{
	struct session *session = applier->session;
	struct outcome outcome;
	int64_t deadline = session->deadline;
	session->deadline = LONG_DEADLINE;
	if (session_write(session, conn, step->sql, step->statements, &outcome))
		applier_done(applier, step);
	else
		applier_fail(applier, step, &outcome.error, step->action == ROLE_CREATE_DATABASE);
	session->deadline = deadline;
}

static bool waits(const struct applier *applier, const struct role_step *step)
{
	return !step->done && step->error.kind == ERROR_NONE && !applier_is_stopped(applier, step);
}

bool databases_create(struct applier *applier, size_t first, size_t end, struct error *err)
{
	CLEANUP(session_finish) PGconn *conn = NULL;
	if (!open_patient(applier, NULL, &conn, err))
		return error_prefix(err, "connecting to create databases");
	for (size_t i = first; i < end; i++) {
		struct role_step *step = &applier->plan->steps[i];
		if (waits(applier, step))
			run(applier, conn, step);
		if (!session_is_open(conn))
			return error_set(err, ERROR_RETRY,
				"the connection to the database was lost while creating databases");
	}
	return true;
}

/* One connection for each database: its steps stand beside each other. */
void databases_extend(struct applier *applier, size_t first, size_t end)
{
	for (size_t at = first, next; at < end; at = next) {
		CLEANUP(session_finish) PGconn *conn = NULL;
		struct role_step *steps = applier->plan->steps;
		struct error why = {0};
		for (next = at; next < end && strcmp(steps[next].database, steps[at].database) == 0;)
			next++;
		bool open =
			waits(applier, &steps[at]) && open_patient(applier, steps[at].database, &conn, &why);
		for (size_t i = at; i < next; i++) {
			if (!waits(applier, &steps[i]))
				continue;
			if (open && session_is_open(conn)) {
				run(applier, conn, &steps[i]);
				continue;
			}
			if (why.kind == ERROR_NONE)
				error_set(&why, ERROR_RETRY, "the connection was lost");
			applier_fail(applier, &steps[i], &why, false);
		}
	}
}
