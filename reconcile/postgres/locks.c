#include <libpq-fe.h>

#include "reconcile/postgres/locks.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

enum { NAMED = 3 };

/* Whatever its transaction changed or locked: in what all databases share, or in the one of the connection that waited. */
#define IN_THE_WAY                                                                                           \
	" l.locktype = 'relation' AND l.granted AND l.mode <> ALL ('{AccessShareLock,RowShareLock}'::text[]) "

#define PREPARED                                                                                                          \
	"SELECT DISTINCT p.gid, p.owner, p.database, p.prepared::timestamp(0)::text FROM pg_catalog.pg_prepared_xacts p " \
	"JOIN pg_catalog.pg_locks t ON t.transactionid = p.transaction AND t.locktype = 'transactionid' AND t.granted "   \
	"JOIN pg_catalog.pg_locks l ON l.virtualtransaction = t.virtualtransaction "                                      \
	"WHERE" IN_THE_WAY "AND (l.database = 0 OR p.database = %s) ORDER BY 4 LIMIT 3"

#define SESSIONS                                                                                             \
	"SELECT DISTINCT a.pid, a.usename, a.datname, a.application_name, a.xact_start::timestamp(0)::text " \
	"FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_locks l ON l.pid = a.pid "                    \
	"WHERE" IN_THE_WAY                                                                                   \
	"AND (l.database = 0 OR a.datname = %s) AND a.application_name <> 'pgitops' ORDER BY 5 LIMIT 3"

static void say_prepared(struct buf *text, const PGresult *rows, int row)
{
	buf_printf(text,
		"prepared transaction \"%s\" of \"%s\" in database \"%s\", since %s UTC (COMMIT PREPARED or ROLLBACK PREPARED "
		"there ends it)",
		PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2),
		PQgetvalue(rows, row, 3));
}

static void say_session(struct buf *text, const PGresult *rows, int row)
{
	buf_printf(text, "session %s of \"%s\" in database \"%s\" (%s), in a transaction since %s UTC",
		PQgetvalue(rows, row, 0), PQgetvalue(rows, row, 1), PQgetvalue(rows, row, 2),
		*PQgetvalue(rows, row, 3) ? PQgetvalue(rows, row, 3) : "no application name",
		PQgetvalue(rows, row, 4));
}

/* The session's own connection where it has nothing else to do, else one made for this. */
static PGconn *connection_to_ask(struct session *session, PGconn **own)
{
	struct error ignored = {0};
	if (PQtransactionStatus(session->conn) == PQTRANS_IDLE)
		return session->conn;
	return session_open(session, NULL, own, &ignored) ? *own : NULL;
}

static void ask(struct session *session, PGconn *conn, const char *literal, struct buf *text)
{
	CLEANUP(session_clear) PGresult *prepared = NULL;
	CLEANUP(session_clear) PGresult *sessions = NULL;
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_CONFIG_BYTES);
	struct error ignored = {0};
	int named = 0;
	buf_printf(&sql, PREPARED, literal);
	if (!session_query(session, conn, buf_string(&sql), &prepared, &ignored))
		return;
	for (int i = 0; i < PQntuples(prepared) && named < NAMED; i++, named++) {
		buf_text(text, text->length ? ", " : "");
		say_prepared(text, prepared, i);
	}
	buf_clear(&sql);
	buf_printf(&sql, SESSIONS, literal);
	if (!session_query(session, conn, buf_string(&sql), &sessions, &ignored))
		return;
	for (int i = 0; i < PQntuples(sessions) && named < NAMED; i++, named++) {
		buf_text(text, text->length ? ", " : "");
		say_session(text, sessions, i);
	}
}

void locks_name_holders(struct session *session, PGconn *conn, struct outcome *outcome)
{
	CLEANUP(session_finish) PGconn *own = NULL;
	CLEANUP(buf_done) struct buf text = BUF(ERROR_TEXT_SIZE);
	if (!session->conn || session->asks_for_locks)
		return;
	session->asks_for_locks = true; /* what is asked here may have to wait, too */
	PGconn *asked = connection_to_ask(session, &own);
	char *literal = asked ? PQescapeLiteral(asked, PQdb(conn), strlen(PQdb(conn))) : NULL;
	if (literal)
		ask(session, asked, literal, &text);
	PQfreemem(literal);
	session->asks_for_locks = false;
	if (text.length)
		error_set(&outcome->error, outcome->error.kind, "%s; held by %s", outcome->error.text,
			buf_string(&text));
}
