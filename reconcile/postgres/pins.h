/*
 * pins.h - what every session is, whatever database, role, server or pooler would make of it (internal to the room, but for scripts)
 *
 * A database's owner may set things for whoever connects (ALTER DATABASE ... SET): a search_path with operators of his own for
 * a superuser to run, a role to act as, a timeout of a millisecond. So what matters is pinned three times: in the startup packet,
 * for what runs before our first statement (login event triggers); by SET in the first message after the question who answers
 * (connect.c), for a pooler may have dropped the former (PgBouncer: ignore_startup_parameters = options); and then it is read back, before anything else runs. SET looks up no
 * function and no operator; the reading calls functions of pg_catalog by their full names and compares nothing: that is done here.
 *
 * client_encoding is SQL_ASCII: the server hands out the bytes of names and comments as they are, whatever the encoding of the
 * database they were written through, and takes ours as they are where they are valid in its own (PostgreSQL compares names,
 * and the user name of whoever logs in, as bytes).
 *
 * Who we are is the connection's `user`: a role or session_authorization that database or role set is put back.
 *
 * Some of it only a superuser may set, or since 15 who was allowed to (GRANT SET ON PARAMETER). Where the user is none, what is left out
 * is this: event triggers fire, which only superusers make; and the server's messages come in its own language, so that none of
 * them is understood by its text alone.
 */
#pragma once

#include "base/buf.h"
#include "reconcile/postgres/session.h"

/* First thing in a message through a pooler: fails on a server session that was never pinned. Takes no snapshot. */
#define PINS_FENCE "SHOW pgitops.session"

#define PINS_SHARED                                                                                                   \
	"a connection pooler stands between, and gives one session of the server to several clients (transaction or " \
	"statement pooling), where settings and locks do not hold: connect to the primary itself, or to a pool with " \
	"pool_mode = session"

/* Was a connection refused because its `options` set what only superusers may? In whatever language: names stay. */
bool pins_were_refused(const char *message);

/* The parameter `options` of the startup packet: `own` (may be NULL), then ours. The caller frees it. */
char *pins_options(const struct session *session, const char *own, bool no_triggers);

/* The same for psql, as one line: but for the session's user, and without an end to how long a statement may take, since whoever runs it
   sees it. `plain`: for who is no superuser. */
void pins_script(int version, bool plain, struct buf *sql);

/* Sets and reads back; the first two messages of a connection. Sets `session->pooled` when the server session behind it is another
   than the one that greeted us, and `session->plain` as the server says. The first one of a session says where that is; each
   later one has to be on the same server and in `database` (NULL: in that of the first), whatever a pool makes of the name. */
bool pins_set(struct session *session, PGconn *conn, const char *database, struct error *err) MUST_CHECK;
