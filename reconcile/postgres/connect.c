#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/postgres/session.h"

/* "pgitops" as a number: agents of one database exclude each other with it. */
#define ADVISORY_KEY "31639126545395827"

#define NOT_SUPERUSER                                                                                        \
	"role \"%s\" is not a superuser: reading password verifiers and managing roles needs one; connect as a superuser"

enum {
	OLDEST_SERVER = 130000,
	SERVER_WITH_LOGIN_TRIGGERS = 170000,
	DEFAULT_DEADLINE = 30000,
	LONGEST_LOCK_WAIT = 3000,
	SHORTEST_CONNECT_WAIT = 2, /* seconds; libpq takes no less */
	LONGEST_CONNECT_WAIT = 10  /* for each host: the next one may be the primary */
};

enum { MOST_OPTIONS = 80 };

struct options {
	const char *keywords[MOST_OPTIONS + 1];
	const char *values[MOST_OPTIONS + 1];
	size_t count;
};

static void option(struct options *options, const char *keyword, const char *value)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->keywords[i], keyword) == 0) {
			options->values[i] = value;
			return;
		}
	if (options->count == MOST_OPTIONS)
		memory_fail("too many connection options", options->count);
	options->keywords[options->count] = keyword;
	options->values[options->count++] = value;
}

static const char *option_value(const struct options *options, const char *keyword)
{
	for (size_t i = 0; i < options->count; i++)
		if (strcmp(options->keywords[i], keyword) == 0)
			return options->values[i];
	return NULL;
}

static void free_parsed(PQconninfoOption **parsed)
{
	PQconninfoFree(*parsed);
}

/*
 * Set at the start of every session, before the first statement: names are looked up in pg_catalog only (a database's owner may
 * set search_path and plant operators for a superuser to run), texts are read as sql.c writes them, no event trigger runs
 * (as a replica's session), nothing waits for ever.
 */
static char *session_options(const struct session *session, const char *own)
{
	int64_t lock = session->deadline / 6;
	return memory_printf(
		"%s%s-c search_path=pg_catalog,pg_temp -c standard_conforming_strings=on -c lc_messages=C "
		"-c client_min_messages=warning -c default_transaction_read_only=off "
		"-c default_transaction_isolation=read\\ committed -c synchronous_commit=local "
		"-c session_replication_role=replica "
		"-c statement_timeout=%lld -c lock_timeout=%lld -c idle_in_transaction_session_timeout=%lld",
		own ? own : "", own && *own ? " " : "", (long long)session->deadline,
		(long long)(lock < LONGEST_LOCK_WAIT ? lock : LONGEST_LOCK_WAIT), (long long)session->deadline);
}

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
	char text[800];
	snprintf(text, sizeof(text), "%s", conn ? PQerrorMessage(conn) : "out of memory");
	size_t length = strlen(text);
	while (length && text[length - 1] == '\n')
		text[--length] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
	if (strstr(text, "permission denied to set parameter"))
		return error_set(err, ERROR_DENIED, NOT_SUPERUSER, PQuser(conn));
	return error_set(err, connect_error_kind(text), "cannot connect: %s", text);
}

/* "pg_catalog" is named by nothing but the pin above, so REVOKE's warning is the only one that means "not done". */
static void receive_notice(void *context, const PGresult *notice)
{
	struct session *session = context;
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
	if (state && text && strcmp(state, "01000") == 0 && strstr(text, "has not been granted"))
		snprintf(session->warning, sizeof(session->warning), "%s", text);
}

static PGconn *connect_with(struct session *session, struct options *options, const char *own, bool no_triggers)
{
	char *flags = session_options(session, own);
	char *all = memory_printf("%s%s", no_triggers ? "-c event_triggers=off " : "", flags);
	option(options, "options", all);
	PGconn *conn = PQconnectdbParams(options->keywords, options->values, 0);
	free(flags);
	free(all);
	return conn;
}

static bool parse_connection(
	const char *connection, PQconninfoOption **parsed, struct options *options, struct error *err)
{
	char *problem = NULL;
	*parsed = PQconninfoParse(connection, &problem);
	PQfreemem(problem); /* may quote what stands where a password would */
	if (!*parsed)
		return error_set(err, ERROR_INVALID,
			"the connection is neither a valid libpq connection string nor a URI");
	for (const PQconninfoOption *at = *parsed; at->keyword; at++) {
		if (!at->val)
			continue;
		if (strcmp(at->keyword, "password") == 0)
			return error_set(err, ERROR_INVALID,
				"the connection has a password in it: remove it there and give it "
				"with passwordFrom");
		option(options, at->keyword, at->val);
	}
	return true;
}

static void own_options(const struct session *session, const char *database, char seconds[24],
	char milliseconds[24], struct options *options)
{
	int64_t wait = session->deadline / 1000;
	if (wait > LONGEST_CONNECT_WAIT)
		wait = LONGEST_CONNECT_WAIT;
	snprintf(seconds, 24, "%lld", (long long)(wait > SHORTEST_CONNECT_WAIT ? wait : SHORTEST_CONNECT_WAIT));
	snprintf(milliseconds, 24, "%lld", (long long)session->deadline);
	if (session->password.length)
		option(options, "password", session->password.bytes);
	if (database)
		option(options, "dbname", database);
	if (!option_value(options, "connect_timeout"))
		option(options, "connect_timeout", seconds);
	if (!option_value(options, "tcp_user_timeout"))
		option(options, "tcp_user_timeout", milliseconds);
	if (!option_value(options, "keepalives_idle"))
		option(options, "keepalives_idle", "10");
	option(options, "application_name", "pgitops");
	option(options, "client_encoding", "UTF8");
	option(options, "target_session_attrs", "primary");
}

/* A login event trigger runs before our first statement: if it got that far and failed, once more without triggers. */
static bool stopped_by_a_trigger(const PGconn *conn)
{
	const char *version = PQparameterStatus(conn, "server_version");
	return version && strtol(version, NULL, 10) >= SERVER_WITH_LOGIN_TRIGGERS / 10000;
}

bool session_open(struct session *session, const char *database, PGconn **conn, struct error *err)
{
	CLEANUP(free_parsed) PQconninfoOption *parsed = NULL;
	struct options options = {.count = 0};
	char seconds[24], milliseconds[24];
	if (!parse_connection(session->connection, &parsed, &options, err))
		return false;
	const char *own = option_value(&options, "options");
	own_options(session, database, seconds, milliseconds, &options);
	CLEANUP(session_finish) PGconn *made = connect_with(session, &options, own, false);
	if (PQstatus(made) != CONNECTION_OK && stopped_by_a_trigger(made)) {
		PQfinish(made);
		made = connect_with(session, &options, own, true);
	}
	if (PQstatus(made) != CONNECTION_OK)
		return connect_failed(made, err);
	PQsetNoticeReceiver(made, receive_notice, session);
	*conn = made;
	made = NULL;
	return true;
}

static bool check_server(struct session *session, struct error *err)
{
	const char *super = PQparameterStatus(session->conn, "is_superuser");
	session->version = PQserverVersion(session->conn);
	if (session->version < OLDEST_SERVER)
		return error_set(err, ERROR_INVALID,
			"this is PostgreSQL %d; 13 is the oldest that is supported", session->version / 10000);
	if (!super || strcmp(super, "on") != 0)
		return error_set(err, ERROR_DENIED, NOT_SUPERUSER, PQuser(session->conn));
	return true;
}

/* Advisory locks can be taken on a standby too, so the lock alone would prove nothing. */
static bool take_lock(struct session *session, struct error *err)
{
	PGresult *results[2] = {NULL, NULL};
	struct outcome outcome;
	const char *sql = session->version >= SERVER_WITH_LOGIN_TRIGGERS
		? "SET event_triggers = off; SELECT pg_catalog.pg_is_in_recovery(); "
		  "SELECT pg_catalog.pg_advisory_lock(" ADVISORY_KEY ")"
		: "SELECT pg_catalog.pg_is_in_recovery(); SELECT pg_catalog.pg_advisory_lock(" ADVISORY_KEY
		  ")";
	size_t statements = session->version >= SERVER_WITH_LOGIN_TRIGGERS ? 3 : 2;
	bool ok = session_send(session, session->conn, sql, statements, &outcome) &&
		session_collect(session, session->conn, statements, results, 2, &outcome);
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
	made->deadline = target->deadline > 0 ? target->deadline : DEFAULT_DEADLINE;
	if (target->password.length)
		secret_set(&made->password, target->password.bytes, target->password.length);
	if (!session_open(made, NULL, &made->conn, err) || !check_server(made, err)) {
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

uint64_t session_statements(const struct session *session)
{
	return session->statements;
}

uint64_t session_writes(const struct session *session)
{
	return session->writes;
}
