/*
 * locks.h - who stood in the way when a statement waited for a lock in vain (internal to the room)
 *
 * PostgreSQL says only that a lock timeout was reached. By then nobody waits any more, so pg_blocking_pids() has no answer: named
 * are those who hold, in a transaction, what changes of roles need - rows of the shared catalogs, or objects of the same database.
 * A prepared transaction has no session that one could see, survives restarts and holds its locks for ever: it is named first, with
 * what ends it.
 */
#pragma once

#include "reconcile/postgres/session.h"

/* Adds them to the outcome's error; leaves it as it is when nobody is found or the server cannot be asked. `conn` is the connection
   that waited, and may be in a failed transaction. */
void locks_name_holders(struct session *session, PGconn *conn, struct outcome *outcome);
