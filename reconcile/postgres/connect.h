/*
 * connect.h - a session with the primary of one PostgreSQL cluster, for whoever asks for one and speaks no SQL itself
 *
 * What is sent over it is session.h. Works with PostgreSQL 13 to 18.
 */
#pragma once

#include "base/error.h"
#include "base/secret.h"

struct session_target {
	const char *name;       /* of the database in the agent file */
	const char *connection; /* libpq conninfo or URI, without password */
	struct secret password; /* may be empty (peer, certificate) */
	int64_t deadline;       /* milliseconds for connecting and for each statement */
};

struct session;

/* Connects to the primary, takes the advisory lock, pins search_path, sets timeouts. ERROR_RETRY: down, standby, out of
   connections, lock held by another agent; ERROR_DENIED: password or rights; ERROR_INVALID: conninfo. */
bool session_connect(
	const struct session_target *target, struct session **session, struct error *err) MUST_CHECK;
void session_close(struct session *session);                /* accepts NULL */
int session_server_version(const struct session *session);  /* 150020 */
uint64_t session_statements(const struct session *session); /* sent so far, for tests and metrics */
uint64_t session_writes(const struct session *session);
