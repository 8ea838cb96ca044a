#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/write_gate.h"
#include "reconcile/postgres/pins.h"
#include "reconcile/postgres/protect.h"
#include "reconcile/postgres/session.h"

/* "pgitops" as a number: agents of one database exclude each other with it. */
#define ADVISORY_KEY "31639126545395827"

enum {
	OLDEST_SERVER = 130000,
	SERVER_WITH_LOGIN_TRIGGERS = 170000,
	DEFAULT_DEADLINE = 30000,
	SHORTEST_CONNECT_WAIT = 2, /* seconds; libpq takes no less */
	LONGEST_CONNECT_WAIT = 10, /* for each host: the next one may be the primary */
	PROBE_DEADLINE = 1000      /* milliseconds */
};

/* libpq's texts for what only people can change; whatever else it says may pass by itself. */
static enum error_kind connect_error_kind(const char *text)
{
	static const char *const denied[] = {
		"password authentication failed",
		"no password supplied",
		"no pg_hba.conf entry",
		"authentication failed",
		"is not permitted to log in",
		"certificate verify failed",
		"does not match host name",
		"permission denied for database",
	};
	static const char *const invalid[] = {
		"FATAL:  database \"",
		"FATAL:  role \"",
		"invalid connection option",
		"does not support SSL",
		"root certificate file",
		"could not translate host name",
		"invalid value for",
		"could not read certificate",
	};
	for (size_t i = 0; i < COUNT_OF(denied); i++)
		if (strstr(text, denied[i]))
			return ERROR_DENIED;
	for (size_t i = 0; i < COUNT_OF(invalid); i++)
		if (strstr(text, invalid[i]))
			return strstr(text, "could not translate") ? ERROR_RETRY : ERROR_INVALID;
	return ERROR_RETRY;
}

static bool connect_failed(PGconn *conn, struct error *err)
{
	char text[600];
	snprintf(text, sizeof(text), "%s", conn ? PQerrorMessage(conn) : "out of memory");
	size_t length = strlen(text);
	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	if (protect_was_refused(text))
		return error_set(err, ERROR_DENIED,
			"the password was not given: the server does not ask for it by SCRAM with channel binding (%s); let it "
			"(ssl = on, password_encryption = scram-sha-256, the password set anew, scram-sha-256 in pg_hba.conf), "
			"or say for this database in the agent file how far it may be trusted: `authentication: scram` or `any`",
			text);
	return error_set(err, connect_error_kind(text), "cannot connect: %s", text);
}

/*
 * The warnings that mean "not done". The first counts: of a table there is another for each column. That a membership "has not been
 * granted" is none: its REVOKE names the grantor, so what was to be taken is gone.
 */
static void receive_notice(void *context, const PGresult *notice)
{
	static const char *const privileges[] = {"01006", "01007"}; /* not revoked, not granted */
	struct session *session = context;
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
	if (!state || !text || session->warning[0])
		return;
	if (text_is_listed(privileges, COUNT_OF(privileges), state))
		snprintf(session->warning, sizeof(session->warning), "%s", text);
}

/* One way to try: a pooler may refuse our options, an older server does not know event_triggers. */
struct attempt {
	bool without_options;
	bool without_triggers;
};

static PGconn *connect_with(
	struct session *session, const struct options *given, const char *own, struct attempt attempt)
{
	struct options options = *given;
	char *all = attempt.without_options ? NULL : pins_options(session, own, attempt.without_triggers);
	if (all)
		options_set(&options, "options", all);
	PGconn *conn = PQconnectdbParams(options.keywords, options.values, 0);
	free(all);
	return conn;
}

static void own_options(const struct session *session, const char *database, char seconds[24],
	char milliseconds[24], struct options *options)
{
	int64_t wait = session->deadline / 1000;
	if (wait > LONGEST_CONNECT_WAIT)
		wait = LONGEST_CONNECT_WAIT;
	snprintf(seconds, 24, "%lld", (long long)(wait > SHORTEST_CONNECT_WAIT ? wait : SHORTEST_CONNECT_WAIT));
	snprintf(milliseconds, 24, "%lld", (long long)write_gate_tail(session->deadline));
	if (session->password.length)
		options_set(options, "password", session->password.bytes);
	if (database)
		options_set(options, "dbname", database);
	options_default(options, "connect_timeout", seconds);
	options_default(options, "tcp_user_timeout", milliseconds);
	options_default(options, "keepalives_idle", "10");
	options_set(options, "application_name", "pgitops");
	options_set(options, "client_encoding", "SQL_ASCII");
	options_set(options, "target_session_attrs", session->any ? "any" : "primary");
}

/* A login event trigger runs before our first statement: if it got that far and failed, once more without triggers. */
static bool stopped_by_a_trigger(const PGconn *conn)
{
	const char *version = PQparameterStatus(conn, "server_version");
	return version && strtol(version, NULL, 10) >= SERVER_WITH_LOGIN_TRIGGERS / 10000;
}

/* PgBouncer, unless it is told to ignore them; the pins are set by SET all the same. */
static bool options_were_refused(const PGconn *conn, const char *own)
{
	return !own && strstr(PQerrorMessage(conn), "unsupported startup parameter");
}

static PGconn *connect_somehow(struct session *session, const struct options *options)
{
	struct attempt attempt = {false, false};
	const char *own = options_get(options, "options");
	PGconn *conn = connect_with(session, options, own, attempt);
	if (PQstatus(conn) != CONNECTION_OK && !session->plain && pins_were_refused(PQerrorMessage(conn))) {
		session->plain = true;
		PQfinish(conn);
		conn = connect_with(session, options, own, attempt);
	}
	if (PQstatus(conn) == CONNECTION_OK)
		return conn;
	attempt.without_options = options_were_refused(conn, own);
	attempt.without_triggers = !session->plain && stopped_by_a_trigger(conn);
	if (!attempt.without_options && !attempt.without_triggers)
		return conn;
	PQfinish(conn);
	return connect_with(session, options, own, attempt);
}

/* The options of a connection and what they are made of. */
struct origin {
	PQconninfoOption *parsed;
	struct options options;
	char seconds[24], milliseconds[24];
};

static void origin_done(struct origin *origin)
{
	options_free_parsed(&origin->parsed);
}

static bool read_origin(
	const struct session *session, const char *database, struct origin *origin, struct error *err)
{
	if (!options_parse(session->connection, &origin->parsed, &origin->options, err))
		return false;
	own_options(session, database, origin->seconds, origin->milliseconds, &origin->options);
	return protect_password(session, &origin->options, err);
}

/* A connection as the server or pooler gives it, before anything was said over it. */
static bool open_raw(struct session *session, const char *database, PGconn **conn, struct error *err)
{
	CLEANUP(origin_done) struct origin origin = {.parsed = NULL};
	if (!read_origin(session, database, &origin, err))
		return false;
	CLEANUP(session_finish) PGconn *made = connect_somehow(session, &origin.options);
	if (PQstatus(made) != CONNECTION_OK)
		return connect_failed(made, err);
	PQsetNoticeReceiver(made, receive_notice, session);
	*conn = made;
	made = NULL;
	return true;
}

bool session_open(struct session *session, const char *database, PGconn **conn, struct error *err)
{
	CLEANUP(session_finish) PGconn *made = NULL;
	if (!open_raw(session, database, &made, err) || !pins_set(session, made, database, err))
		return false;
	*conn = made;
	made = NULL;
	return true;
}

/* Which session of the server answers a connection; 0 = none in time. Looks up nothing that others could plant. */
static int backend_of(struct session *session, PGconn *conn, struct error *err)
{
	CLEANUP(session_clear) PGresult *row = NULL;
	struct outcome outcome = {0};
	if (!PQsendQuery(conn, "SELECT pg_catalog.pg_backend_pid()") ||
		!session_collect(session, conn, 1, &row, 1, &outcome) || !row) {
		*err = outcome.error;
		if (err->kind == ERROR_NONE)
			error_set(err, ERROR_RETRY, "cannot connect: %s", PQerrorMessage(conn));
		return 0;
	}
	return (int)strtol(PQgetvalue(row, 0, 0), NULL, 10);
}

/* Who answers a second connection, 0 = nobody in time, as where a pool is used up. */
static int backend_of_another(struct session *session)
{
	CLEANUP(origin_done) struct origin origin = {.parsed = NULL};
	struct session probe = *session;
	struct error ignored = {0};
	probe.deadline = PROBE_DEADLINE;
	if (!read_origin(session, NULL, &origin, &ignored))
		return 0;
	options_set(&origin.options, "target_session_attrs", "any");
	CLEANUP(session_finish) PGconn *second = connect_somehow(&probe, &origin.options);
	return PQstatus(second) == CONNECTION_OK ? backend_of(&probe, second, &ignored) : 0;
}

/*
 * A pool that lends a session of the server for a transaction gives the one that we have just used to whoever asks next, or has its
 * sessions take turns: a second connection is answered by ours while that is still open, or we by another one the second time. Asked
 * before the pins are set, for there they would stay, in a session of other people. Where it goes unseen all the same, the reading
 * back and the fence stop what would go wrong.
 */
static bool check_pooler(struct session *session, PGconn *conn, struct error *err)
{
	int first = backend_of(session, conn, err);
	if (!first || first == PQbackendPID(conn))
		return first != 0;
	int other = backend_of_another(session), again = backend_of(session, conn, err);
	if (!again)
		return false;
	return (again == first && other != first) || error_set(err, ERROR_INVALID, PINS_SHARED);
}

static bool check_server(struct session *session, struct error *err)
{
	session->version = PQserverVersion(session->conn);
	return session->version >= OLDEST_SERVER ||
		error_set(err, ERROR_INVALID, "this is PostgreSQL %d; 13 is the oldest that is supported",
			session->version / 10000);
}

/* Advisory locks can be taken on a standby too, so the lock alone would prove nothing. */
static bool take_lock(struct session *session, struct error *err)
{
	PGresult *results[2] = {NULL, NULL};
	struct outcome outcome;
	const char *sql =
		"SELECT pg_catalog.pg_is_in_recovery(); SELECT pg_catalog.pg_advisory_lock(" ADVISORY_KEY ")";
	bool ok = session_send(session, session->conn, sql, 2, &outcome) &&
		session_collect(session, session->conn, 2, results, 2, &outcome);
	bool standby = results[0] && strcmp(PQgetvalue(results[0], 0, 0), "t") == 0;
	session_clear(&results[0]);
	session_clear(&results[1]);
	if (standby)
		return error_set(err, ERROR_RETRY, "the server is a standby: nothing is written there");
	if (!ok && strcmp(outcome.sqlstate, "55P03") == 0)
		return error_set(err, ERROR_RETRY,
			"another agent is working on this database (it holds the advisory lock)");
	if (!ok)
		*err = outcome.error;
	return ok;
}

bool session_start(const struct session_target *target, struct session **session, struct error *err)
{
	struct session *made = memory_alloc(sizeof(*made));
	made->connection = memory_copy(target->connection);
	made->target = memory_copy(target->name);
	made->authentication = target->authentication;
	made->plain = target->plain;
	made->any = target->any;
	made->witness = target->witness;
	made->deadline = target->deadline > 0 ? target->deadline : DEFAULT_DEADLINE;
	if (target->password.length)
		secret_set(&made->password, target->password.bytes, target->password.length);
	if (!open_raw(made, NULL, &made->conn, err) || !check_pooler(made, made->conn, err) ||
		!pins_set(made, made->conn, NULL, err) || !check_server(made, err)) {
		session_close(made);
		return error_prefix(err, "database %s", target->name);
	}
	*session = made;
	return true;
}

bool session_connect(const struct session_target *target, struct session **session, struct error *err)
{
	struct session *made;
	if (!session_start(target, &made, err))
		return false;
	if (!take_lock(made, err)) {
		session_close(made);
		return error_prefix(err, "database %s", target->name);
	}
	*session = made;
	return true;
}

void session_close(struct session *session)
{
	if (!session)
		return;
	PQfinish(session->conn);
	secret_done(&session->password);
	free(session->connection);
	free(session->target);
	free(session);
}

int session_server_version(const struct session *session)
{
	return session->version;
}

bool session_is_plain(const struct session *session)
{
	return session->plain;
}

uint64_t session_statements(const struct session *session)
{
	return session->statements;
}

uint64_t session_writes(const struct session *session)
{
	return session->writes;
}
