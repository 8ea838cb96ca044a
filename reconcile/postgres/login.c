#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/postgres/protect.h"
#include "reconcile/postgres/session.h"

enum { PATIENCE = 3000 /* milliseconds */ };

static const char wrong_password[] = "28P01:"; /* SQLSTATE invalid_password, as PQERRORS_VERBOSE prints it */

/* The very server that the session is with: a standby beside it may not have heard of a new password yet. */
static void point_at(const struct session *session, struct options *options)
{
	const char *address = PQhostaddr(session->conn);
	options_set(options, "host", PQhost(session->conn));
	if (address && *address)
		options_set(options, "hostaddr", address);
	options_set(options, "port", PQport(session->conn));
	options_set(options, "target_session_attrs", "any");
}

/* What the agent's own role is given at its start a user may not be allowed to set. */
static void become(
	const char *user, const char *database, const struct secret *password, struct options *options)
{
	options_set(options, "user", user);
	options_set(options, "dbname", database);
	options_set(options, "password", password->bytes);
	options_set(options, "options", "");
	options_set(options, "client_encoding", "SQL_ASCII");
	options_set(options, "application_name", "pgitops password check");
}

/* Waits for the end of the login; false when the server says nothing in time. */
static bool run(PGconn *conn)
{
	int64_t end = clock_steady() + PATIENCE;
	for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;
		state = PQconnectPoll(conn)) {
		int64_t left = end - clock_steady();
		struct pollfd ready = {
			.fd = PQsocket(conn), .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
		if (state == PGRES_POLLING_FAILED || ready.fd < 0)
			return true;
		if (left <= 0 || poll(&ready, 1, (int)left) == 0)
			return false;
	}
	return true;
}

/* The first line that says something: behind it is where in the server's source it comes from. */
static void say(struct login_result *result, const char *text)
{
	snprintf(result->why, sizeof(result->why), "%.*s", (int)strcspn(text, "\n"), text);
	text_make_printable(result->why);
}

static void judge(PGconn *conn, struct login_result *result)
{
	const char *text = PQerrorMessage(conn);
	if (PQstatus(conn) == CONNECTION_OK && PQconnectionUsedPassword(conn))
		result->outcome = LOGIN_DONE;
	else if (PQstatus(conn) == CONNECTION_OK)
		say(result, "the server asked for no password (pg_hba.conf)");
	else if (strstr(text, wrong_password))
		result->outcome = LOGIN_WRONG_PASSWORD;
	else
		say(result, text);
}

void session_try_login(const struct session *session, const char *user, const char *database,
	const struct secret *password, struct login_result *result)
{
	CLEANUP(options_free_parsed) PQconninfoOption *parsed = NULL;
	struct options options;
	struct error err = {0};
	*result = (struct login_result){.outcome = LOGIN_UNKNOWN};
	if (session->pooled) {
		say(result, "the connection goes through a pooler, which answers for itself");
		return;
	}
	/* Whether the password may go there is asked of the user's as of the agent's own. */
	const struct session own = {.authentication = session->authentication, .password = *password};
	options.count = 0;
	if (!options_parse(session->connection, &parsed, &options, &err)) {
		say(result, err.text);
		return;
	}
	point_at(session, &options);
	become(user, database, password, &options);
	if (!protect_password(&own, &options, &err)) {
		say(result, err.text);
		return;
	}
	CLEANUP(session_finish) PGconn *conn = PQconnectStartParams(options.keywords, options.values, 0);
	if (!conn) {
		say(result, "out of memory");
		return;
	}
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE); /* with the SQLSTATE: the text may be in any language */
	if (run(conn))
		judge(conn, result);
	else
		say(result, "the server does not answer");
	result->silent = PQstatus(conn) != CONNECTION_OK && PQstatus(conn) != CONNECTION_BAD;
}
