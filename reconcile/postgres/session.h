/*
 * session.h - connections of one pass and what is sent over them, for the rooms that speak SQL
 *
 * A message is any number of statements in one round trip, and one transaction unless it says BEGIN. Every wait has an end:
 * the server's timeouts, the kernel's, and our own deadline for a peer that is there and says nothing.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/postgres/connect.h"

/* libpq's own, whose header stays in this room. */
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;

struct session {
	PGconn *conn;
	char *connection;
	struct secret password;
	char *target;
	char database[64],
		system[24]; /* which it is with: the real name, and the cluster's identifier; "" until its settings were read */
	int64_t deadline; /* milliseconds */
	int version;
	enum session_authentication authentication;
	const struct session_witness *witness;
	bool any;            /* a standby is as good */
	bool plain;          /* its user is no superuser */
	bool silenced;       /* the server logs no statement of `conn` */
	bool pooled;         /* a pooler stands between: each message begins with a fence (pins.h) */
	bool asks_for_locks; /* locks.c is at work */
	uint64_t statements;
	uint64_t writes;
	struct error stopped; /* why the witness did not agree: from then on nothing is written; ERROR_NONE = it did */
	char warning[256]; /* a warning that means "not done", since the last statement */
};

/* How a message ended. */
struct outcome {
	bool failed;
	bool lost;        /* the connection is gone: what was committed is not known */
	size_t completed; /* statements that succeeded before the one that failed */
	bool begun;       /* a BEGIN of ours stands in front of them */
	char sqlstate[6];
	struct error error;
	/* A statement of the message only warned, and did nothing. Which one is not known: libpq hands a notice out as soon as it has
	   read it, before the result of the statement in front. */
	bool warned;
	char warning[256];
};

/* The target's own connection, to a server that a pass could work with; without the lock of a pass. */
bool session_start(const struct session_target *target, struct session **session, struct error *err) MUST_CHECK;

/* A further connection of the same target; `database` NULL = the target's own. */
bool session_open(struct session *session, const char *database, PGconn **conn, struct error *err) MUST_CHECK;

/* Starts a message; false when the connection is lost, or the write gate closed (base/write_gate.h): then nothing is sent, not even a
   question. */
bool session_send(struct session *session, PGconn *conn, const char *sql, size_t statements,
	struct outcome *outcome) MUST_CHECK;

/* Waits for the end of the message. Keeps the first `room` results for the caller, who clears them, when `results` is given. */
bool session_collect(struct session *session, PGconn *conn, size_t statements, PGresult **results,
	size_t room, struct outcome *outcome) MUST_CHECK;

/* One statement with one table of rows. */
bool session_query(struct session *session, PGconn *conn, const char *sql, PGresult **result,
	struct error *err) MUST_CHECK;

/*
 * One or several statements whose rows do not matter; counted as writes.
 *
 * With a witness they are one transaction that is begun, and committed by a message of its own once the witness was asked: who the
 * leader is may have changed since the connection was made, and an old primary acknowledges what nobody will ever see again. Where the
 * witness does not agree it is rolled back, the outcome is `lost`, and nothing more is written over this session. CREATE DATABASE goes in
 * no transaction: before it the witness is asked.
 */
bool session_write(struct session *session, PGconn *conn, const char *sql, size_t statements,
	struct outcome *outcome) MUST_CHECK;

/* Its two halves, for several messages at once: what session_send() and session_collect() are for a question. */
bool session_write_send(struct session *session, PGconn *conn, const char *sql, size_t statements,
	struct outcome *outcome) MUST_CHECK;
bool session_write_collect(
	struct session *session, PGconn *conn, size_t statements, struct outcome *outcome) MUST_CHECK;

/* Kind of an SQLSTATE: what to do next. */
enum error_kind session_error_kind(const char *sqlstate);

/* A value of an answer, by row and column from 0. Borrowed; "" where it is NULL. */
int session_rows(const PGresult *rows);
const char *session_value(const PGresult *rows, int row, int column);
bool session_is_null(const PGresult *rows, int row, int column);
bool session_is_true(const PGresult *rows, int row, int column);
uint32_t session_number(const PGresult *rows, int row, int column);
const char *session_text(const PGresult *rows, int row, int column, struct arena *mem); /* a copy; NULL is NULL */

bool session_is_open(const PGconn *conn);

/* for CLEANUP */
void session_clear(PGresult **result);
void session_finish(PGconn **conn);
