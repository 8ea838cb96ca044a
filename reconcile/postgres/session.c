#include "reconcile/postgres/session.h"

#include <libpq-fe.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/write_gate.h"
#include "reconcile/postgres/locks.h"
#include "reconcile/postgres/pins.h"

/* What the server may need for one statement of a batch beyond its share: 4096 rounds of a slow machine. */
enum { STATEMENT_MILLISECONDS = 50 };

#define LOCK_TIMEOUT "55P03"

static const struct {
	const char *prefix;
	enum error_kind kind;
} error_kinds[] = {
	{"08", ERROR_RETRY},                       /* connection */
	{"25006", ERROR_RETRY},                    /* read only: a standby, or a primary that was demoted */
	{"28", ERROR_DENIED}, {"40", ERROR_RETRY}, /* serialisation, deadlock, unknown end */
	{"42501", ERROR_DENIED}, {"53", ERROR_RETRY},     /* memory, disk, connections */
	{LOCK_TIMEOUT, ERROR_RETRY}, {"57", ERROR_RETRY}, /* cancelled, shut down, starting */
	{"58", ERROR_RETRY},                              /* system error */
	{"XX000", ERROR_RETRY},                           /* tuple concurrently updated */
};

enum error_kind session_error_kind(const char *sqlstate)
{
	for (size_t i = 0; i < COUNT_OF(error_kinds); i++)
		if (text_starts(sqlstate, error_kinds[i].prefix))
			return error_kinds[i].kind;
	return ERROR_INVALID;
}

int session_rows(const PGresult *rows)
{
	return PQntuples(rows);
}

const char *session_value(const PGresult *rows, int row, int column)
{
	return PQgetvalue(rows, row, column);
}

bool session_is_null(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column);
}

bool session_is_true(const PGresult *rows, int row, int column)
{
	return strcmp(PQgetvalue(rows, row, column), "t") == 0;
}

uint32_t session_number(const PGresult *rows, int row, int column)
{
	return (uint32_t)strtoul(PQgetvalue(rows, row, column), NULL, 10);
}

const char *session_text(const PGresult *rows, int row, int column, struct arena *mem)
{
	return PQgetisnull(rows, row, column) ? NULL : arena_copy(mem, PQgetvalue(rows, row, column));
}

bool session_is_open(const PGconn *conn)
{
	return PQstatus(conn) == CONNECTION_OK;
}

void session_clear(PGresult **result)
{
	PQclear(*result);
	*result = NULL;
}

void session_finish(PGconn **conn)
{
	PQfinish(*conn);
	*conn = NULL;
}

static bool lose(PGconn *conn, struct outcome *outcome, const char *why)
{
	outcome->failed = true;
	outcome->lost = true;
	char text[512];
	snprintf(text, sizeof(text), "%s", *why ? why : PQerrorMessage(conn));
	text[strcspn(text, "\n")] = '\0';
	return error_set(&outcome->error, ERROR_RETRY, "connection to the database lost: %s", text);
}

/* The next step: the server's hint, but not that to take or drop more than is asked for. */
static const char *next_step(const char *hint)
{
	if (!hint)
		return "";
	return strstr(hint, "CASCADE")
		? "what hangs on it was given or made by a hand: take that back first, or list it"
		: hint;
}

/* The first error of a message counts; what follows it is only the server ending the message. */
static void take_error(const PGresult *result, struct outcome *outcome)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *next = next_step(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT));
	if (outcome->failed)
		return;
	outcome->failed = true;
	snprintf(outcome->sqlstate, sizeof(outcome->sqlstate), "%s", state ? state : "08006");
	error_set(&outcome->error, session_error_kind(outcome->sqlstate), "%s%s%s (SQLSTATE %s)%s%s",
		text ? text : "no answer from the database", detail ? ": " : "", detail ? detail : "",
		outcome->sqlstate, *next ? "; " : "", next);
}

/* Until there is something to read. False at the deadline or when the connection is gone. */
static bool wait_readable(PGconn *conn, int64_t end, struct outcome *outcome)
{
	struct pollfd poller = {.fd = PQsocket(conn), .events = POLLIN};
	int64_t left = end - clock_steady();
	if (PQflush(conn) == 1)
		poller.events |= POLLOUT;
	int ready = left > 0 ? poll(&poller, 1, (int)left) : 0;
	if (ready == 0)
		return lose(conn, outcome, "no answer until the deadline");
	if (ready < 0 && errno != EINTR)
		return lose(conn, outcome, strerror(errno));
	return PQconsumeInput(conn) ? true : lose(conn, outcome, "");
}

/* The first `length` bytes of `sql`, behind what has to stand in front of them. */
static bool send_behind(struct session *session, PGconn *conn, const char *begin, const char *sql,
	size_t length, struct outcome *outcome)
{
	CLEANUP(buf_wipe) struct buf message = BUF(2 * LIMIT_BATCH_BYTES + 64);
	session->warning[0] = '\0';
	if (!write_gate_pass(&outcome->error)) {
		outcome->failed = true;
		outcome->lost = true; /* nothing more is said over it, no COMMIT either */
		return false;
	}
	if (session->pooled)
		buf_text(&message, PINS_FENCE "; ");
	buf_text(&message, begin);
	buf_append(&message, sql, length);
	return (!buf_failed(&message) && PQsendQuery(conn, buf_string(&message))) || lose(conn, outcome, "");
}

bool session_send(
	struct session *session, PGconn *conn, const char *sql, size_t statements, struct outcome *outcome)
{
	*outcome = (struct outcome){0};
	if (!send_behind(session, conn, "", sql, strlen(sql), outcome))
		return false;
	session->statements += statements;
	return true;
}

static void take_warning(struct session *session, struct outcome *outcome)
{
	if (session->warning[0] && !outcome->warned) {
		outcome->warned = true;
		snprintf(outcome->warning, sizeof(outcome->warning), "%s", session->warning);
	}
	session->warning[0] = '\0';
}

bool session_collect(struct session *session, PGconn *conn, size_t statements, PGresult **results,
	size_t room, struct outcome *outcome)
{
	int64_t end = clock_steady() + session->deadline + (int64_t)statements * STATEMENT_MILLISECONDS;
	size_t kept = 0;
	bool fence = session->pooled, begun = outcome->begun;
	for (;;) {
		while (PQisBusy(conn))
			if (!wait_readable(conn, end, outcome))
				return false;
		PGresult *result = PQgetResult(conn);
		if (!result)
			break;
		take_warning(session, outcome);
		ExecStatusType status = PQresultStatus(result);
		bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
		if (fence && !fine && !outcome->failed)
			(void)lose(conn, outcome, PINS_SHARED);
		else if (!fine)
			take_error(result, outcome);
		else if (begun)
			begun = false;
		else if (!outcome->failed && !fence)
			outcome->completed++;
		if (!fence && fine && status == PGRES_TUPLES_OK && kept < room)
			results[kept++] = result;
		else
			PQclear(result);
		fence = false;
	}
	if (PQstatus(conn) != CONNECTION_OK)
		outcome->lost = true;
	if (strcmp(outcome->sqlstate, LOCK_TIMEOUT) == 0)
		locks_name_holders(session, conn, outcome);
	return !outcome->failed;
}

bool session_query(struct session *session, PGconn *conn, const char *sql, PGresult **result, struct error *err)
{
	struct outcome outcome;
	PGresult *rows = NULL;
	if (!session_send(session, conn, sql, 1, &outcome) ||
		!session_collect(session, conn, 1, &rows, 1, &outcome) || !rows) {
		PQclear(rows);
		*err = outcome.error;
		return false;
	}
	*result = rows;
	return true;
}

/* ---- what changes something ---- */

static bool refuse(struct outcome *outcome, const struct error *why)
{
	outcome->failed = true;
	outcome->lost = true;
	outcome->error = *why;
	return false;
}

static bool ask_witness(struct session *session)
{
	return session->witness->agrees(session->witness->context, &session->stopped);
}

bool session_is_stopped(const struct session *session, struct error *err)
{
	if (session->stopped.kind == ERROR_NONE)
		return false;
	*err = session->stopped;
	return true;
}

bool session_write_send(
	struct session *session, PGconn *conn, const char *sql, size_t statements, struct outcome *outcome)
{
	static const char commit[] = "COMMIT";
	session->writes += statements;
	if (!session->witness)
		return session_send(session, conn, sql, statements, outcome);
	*outcome = (struct outcome){0};
	bool alone = text_starts(sql, "CREATE DATABASE "), whole = text_ends(sql, commit);
	if (session->stopped.kind != ERROR_NONE || (alone && !ask_witness(session)))
		return refuse(outcome, &session->stopped);
	outcome->begun = !alone && !whole;
	if (!send_behind(session, conn, outcome->begun ? "BEGIN; " : "", sql,
		    strlen(sql) - (whole ? strlen(commit) : 0), outcome))
		return false;
	session->statements += statements;
	return true;
}

/* Its end, in a message of its own; what went wrong before stays what is told. */
static bool end_transaction(struct session *session, PGconn *conn, const char *sql, struct outcome *outcome)
{
	struct outcome end = {0};
	bool ok = send_behind(session, conn, sql, "", 0, &end) &&
		session_collect(session, conn, 1, NULL, 0, &end);
	if (ok || outcome->failed)
		return ok;
	end.completed = outcome->completed;
	*outcome = end;
	return false;
}

bool session_write_collect(struct session *session, PGconn *conn, size_t statements, struct outcome *outcome)
{
	bool ok = session_collect(session, conn, statements, NULL, 0, outcome);
	if (!session->witness || outcome->lost || PQtransactionStatus(conn) == PQTRANS_IDLE)
		return ok;
	bool agrees = ok && ask_witness(session);
	if (ok && !agrees)
		(void)refuse(outcome, &session->stopped);
	return end_transaction(session, conn, agrees ? "COMMIT" : "ROLLBACK", outcome) && agrees;
}

bool session_write(
	struct session *session, PGconn *conn, const char *sql, size_t statements, struct outcome *outcome)
{
	return session_write_send(session, conn, sql, statements, outcome) &&
		session_write_collect(session, conn, statements, outcome);
}
