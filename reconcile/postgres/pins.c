#include <libpq-fe.h>

#include "reconcile/postgres/pins.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { LONGEST_LOCK_WAIT = 3000, NAMES = 7, STATEMENTS_BEFORE = 2, FIRST_WITH_SET_PRIVILEGES = 150000 };

enum pin_kind {
	PIN_TEXT,
	PIN_LIST,     /* of names: not quoted as a whole */
	PIN_DEADLINE, /* the session's, in milliseconds */
	PIN_LOCK      /* how long to wait for a lock */
};

struct pin {
	const char *name;
	const char *value; /* as the server shows it */
	enum pin_kind kind;
	int since;
	enum { ANYBODY, SUPERUSERS } who; /* may set it; since 15 whoever was granted to, too */
};

static const struct pin pins[] = {
	{"quote_all_identifiers", "off", PIN_TEXT, 0, ANYBODY}, /* first: the others are shown as it says */
	{"search_path", "pg_catalog, pg_temp", PIN_LIST, 0, ANYBODY},
	{"statement_timeout", NULL, PIN_DEADLINE, 0, ANYBODY},
	/* no event triggers but ENABLE ALWAYS and ENABLE REPLICA */
	{"session_replication_role", "replica", PIN_TEXT, 0, SUPERUSERS},
	{"event_triggers", "off", PIN_TEXT, 170000, SUPERUSERS}, /* none */
	{"row_security", "off", PIN_TEXT, 0, ANYBODY},           /* an error instead of rows left out */
	{"client_encoding", "SQL_ASCII", PIN_TEXT, 0, ANYBODY},
	{"standard_conforming_strings", "on", PIN_TEXT, 0, ANYBODY},
	{"transform_null_equals", "off", PIN_TEXT, 0, ANYBODY},
	{"DateStyle", "ISO, MDY", PIN_TEXT, 0, ANYBODY},
	{"TimeZone", "UTC", PIN_TEXT, 0, ANYBODY},
	{"lc_messages", "C", PIN_TEXT, 0, SUPERUSERS},
	{"client_min_messages", "warning", PIN_TEXT, 0, ANYBODY}, /* a REVOKE that did nothing only warns */
	{"default_transaction_read_only", "off", PIN_TEXT, 0, ANYBODY},
	{"default_transaction_isolation", "read committed", PIN_TEXT, 0, ANYBODY},
	{"default_transaction_deferrable", "off", PIN_TEXT, 0, ANYBODY},
	{"synchronous_commit", "local", PIN_TEXT, 0,
		ANYBODY}, /* a missing standby holds up nothing; the next pass looks again */
	{"lock_timeout", NULL, PIN_LOCK, 0, ANYBODY},
	{"idle_in_transaction_session_timeout", NULL, PIN_DEADLINE, 0, ANYBODY},
	{"idle_session_timeout", "0", PIN_TEXT, 140000, ANYBODY},
	{"transaction_timeout", "0", PIN_TEXT, 170000, ANYBODY},
};

/* A time as the server shows it: in the largest unit that leaves no rest. */
static void show_time(int64_t milliseconds, char *text, size_t size)
{
	static const struct {
		int64_t milliseconds;
		const char *name;
	} units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}, {1, "ms"}};
	size_t i = 0;
	while (milliseconds % units[i].milliseconds)
		i++;
	snprintf(text, size, "%" PRId64 "%s", milliseconds / units[i].milliseconds, units[i].name);
}

static const char *value_of(const struct session *session, const struct pin *pin, char *text, size_t size)
{
	int64_t lock = session->deadline / 6;
	if (pin->kind == PIN_DEADLINE)
		show_time(session->deadline, text, size);
	else if (pin->kind == PIN_LOCK)
		show_time(lock < LONGEST_LOCK_WAIT ? lock : LONGEST_LOCK_WAIT, text, size);
	else
		return pin->value;
	return text;
}

/* A blank ends a parameter of the startup packet. */
static void append_option(struct buf *options, const char *name, const char *value)
{
	buf_printf(options, " -c %s=", name);
	for (; *value; value++) {
		if (*value == ' ')
			buf_char(options, '\\');
		buf_char(options, *value);
	}
}

/* What only some versions know is left to pins_set(): an unknown name would keep us out. So would one that we may not set. */
char *pins_options(const struct session *session, const char *own, bool no_triggers)
{
	CLEANUP(buf_done) struct buf options = BUF(LIMIT_CONFIG_BYTES);
	char text[32];
	buf_text(&options, own ? own : "");
	append_option(&options, "role", "none");
	for (size_t i = 0; i < COUNT_OF(pins); i++)
		if (session->plain && pins[i].who == SUPERUSERS)
			continue;
		else if (!pins[i].since || (no_triggers && strcmp(pins[i].name, "event_triggers") == 0))
			append_option(&options, pins[i].name, value_of(session, &pins[i], text, sizeof(text)));
	return memory_copy(buf_string(&options));
}

bool pins_were_refused(const char *message)
{
	for (size_t i = 0; i < COUNT_OF(pins); i++)
		if (pins[i].who == SUPERUSERS && strstr(message, pins[i].name))
			return true;
	return false;
}

static bool is_there(const struct pin *pin, int version)
{
	return version >= pin->since;
}

/* Only if we may. */
static bool is_asked_for(const struct pin *pin, bool plain)
{
	return plain && pin->who == SUPERUSERS;
}

static bool can_be_set(const struct pin *pin, int version, bool plain)
{
	return is_there(pin, version) && (!is_asked_for(pin, plain) || version >= FIRST_WITH_SET_PRIVILEGES);
}

/* Functions by their full names, and no operator: the search_path may be of somebody's making. */
static void append_set(struct buf *sql, const struct pin *pin, const char *value, bool plain)
{
	const char *quote = pin->kind == PIN_LIST ? "" : "'";
	if (is_asked_for(pin, plain))
		buf_printf(sql,
			"SELECT pg_catalog.set_config('%s', '%s', false) WHERE pg_catalog.has_parameter_privilege('%s', 'SET')",
			pin->name, value, pin->name);
	else
		buf_printf(sql, "SET %s = %s%s%s", pin->name, quote, value, quote);
}

void pins_script(int version, bool plain, struct buf *sql)
{
	static const struct session nobody_waits = {.deadline = 6L * LONGEST_LOCK_WAIT};
	char text[32];
	for (size_t i = 0; i < COUNT_OF(pins); i++) {
		const char *value = pins[i].kind == PIN_DEADLINE
			? "0"
			: value_of(&nobody_waits, &pins[i], text, sizeof(text));
		if (!can_be_set(&pins[i], version, plain))
			continue;
		append_set(sql, &pins[i], value, plain);
		buf_text(sql, "; ");
	}
	buf_text(sql, "SET ROLE NONE;\n");
}

/* ---- setting ---- */

static bool append_sets(struct buf *sql, const struct session *session, PGconn *conn)
{
	char text[32];
	char *user = PQescapeIdentifier(conn, PQuser(conn), strlen(PQuser(conn)));
	if (!user)
		return false;
	buf_printf(sql, "SET SESSION AUTHORIZATION %s; SET ROLE NONE", user);
	PQfreemem(user);
	for (size_t i = 0; i < COUNT_OF(pins); i++) {
		if (!can_be_set(&pins[i], PQserverVersion(conn), session->plain))
			continue;
		buf_text(sql, "; ");
		append_set(sql, &pins[i], value_of(session, &pins[i], text, sizeof(text)), session->plain);
	}
	buf_text(sql, "; SET pgitops.session = 'pinned'");
	return true;
}

/* The setting of statement `number`, counted from 0. */
static const char *name_of(const struct session *session, const PGconn *conn, size_t number)
{
	if (number < STATEMENTS_BEFORE)
		return number ? "role" : "session_authorization";
	number -= STATEMENTS_BEFORE;
	for (size_t i = 0; i < COUNT_OF(pins); i++)
		if (can_be_set(&pins[i], PQserverVersion(conn), session->plain) && number-- == 0)
			return pins[i].name;
	return "pgitops.session";
}

/* Not through session_send(): what a connection needs for itself counts as no statement of the pass. */
static bool send(PGconn *conn, const char *sql, struct error *err)
{
	return PQsendQuery(conn, sql) ||
		error_set(err, ERROR_RETRY, "connection to the database lost: %s", PQerrorMessage(conn));
}

static bool set(struct session *session, PGconn *conn, struct error *err)
{
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_BATCH_BYTES);
	struct outcome outcome = {0};
	if (!append_sets(&sql, session, conn))
		return error_set(err, ERROR_INVALID, "the connection's user is no name that PostgreSQL takes");
	if (!send(conn, buf_string(&sql), err))
		return false;
	if (session_collect(session, conn, COUNT_OF(pins), NULL, 0, &outcome))
		return true;
	if (strcmp(outcome.sqlstate, "42501") == 0 && !session->plain) {
		session->plain = true;
		return set(session, conn, err);
	}
	*err = outcome.error;
	return outcome.lost ? false
			    : error_prefix(err, "the agent's session cannot set %s",
				      name_of(session, conn, outcome.completed));
}

/* ---- reading back ---- */

/* Where pg_settings says that a value comes from, in the words of whoever set it. */
static const char *origin(const char *source)
{
	static const char *const words[][2] = {
		{"database", "ALTER DATABASE ... SET"},
		{"user", "ALTER ROLE ... SET"},
		{"database user", "ALTER ROLE ... IN DATABASE ... SET"},
		{"global", "ALTER ROLE ALL SET"},
		{"client", "the connection's own options"},
		{"configuration file", "the server's configuration file"},
		{"command line", "the server's command line"},
		{"environment variable", "the server's environment"},
		{"default", "nobody, it is the default"},
		{"session", "a SET of this very session, by an extension or a pooler"},
	};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i][0], source) == 0)
			return words[i][1];
	return source;
}

static bool is_not_pinned(struct session *session, PGconn *conn, const char *name, const char *wanted,
	const char *found, struct error *err)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	struct outcome outcome = {0};
	struct error ignored = {0};
	char sql[256];
	const char *source = "unknown";
	snprintf(sql, sizeof(sql),
		"SELECT source FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) '%s'::pg_catalog.text",
		name);
	if (send(conn, sql, &ignored) && session_collect(session, conn, 1, &rows, 1, &outcome) &&
		PQntuples(rows) == 1)
		source = origin(PQgetvalue(rows, 0, 0));
	return error_set(err, ERROR_INVALID,
		"the setting %s is \"%s\" and stays so although the agent set it to \"%s\" (what set it: %s); nothing is "
		"done in such a session: connect to the server itself, or to a pool with pool_mode = session",
		name, found, wanted, source);
}

static bool compare(struct session *session, PGconn *conn, const PGresult *row, struct error *err)
{
	char text[32];
	int column = NAMES;
	const char *session_user = PQgetvalue(row, 0, 0), *current_user = PQgetvalue(row, 0, 1);
	if (strcmp(session_user, PQuser(conn)) != 0)
		return is_not_pinned(session, conn, "session_authorization", PQuser(conn), session_user, err);
	if (strcmp(current_user, session_user) != 0)
		return is_not_pinned(session, conn, "role", "none", current_user, err);
	for (size_t i = 0; i < COUNT_OF(pins); i++) {
		if (!can_be_set(&pins[i], PQserverVersion(conn), session->plain))
			continue;
		const char *wanted = value_of(session, &pins[i], text, sizeof(text));
		const char *found = PQgetvalue(row, 0, column);
		if (!PQgetisnull(row, 0, column++) && strcmp(found, wanted) != 0)
			return is_not_pinned(session, conn, pins[i].name, wanted, found, err);
	}
	return true;
}

/*
 * A pool says by itself where the name of a database leads: to another database, even to another server; and so may a list of hosts. The
 * roles and privileges there are none that this pass has read.
 */
static bool is_the_place(struct session *session, const char *database, const char *found, const char *system,
	struct error *err)
{
	bool first = !session->system[0];
	if (first) {
		snprintf(session->system, sizeof(session->system), "%s", system);
		snprintf(session->database, sizeof(session->database), "%s", found);
	}
	const char *wanted = database ? database : session->database;
	if (strcmp(session->system, system) != 0)
		return error_set(err, ERROR_INVALID,
			"the name of the database \"%s\" leads to another server (system identifier %s, not %s): nothing "
			"is done there; mend the pool's or the proxy's list of databases, or connect to the server itself",
			wanted, system, session->system);
	return strcmp(wanted, found) == 0 ||
		error_set(err, ERROR_INVALID,
			"the name of the database \"%s\" leads to another database, \"%s\": nothing is done there; mend the "
			"pool's list of databases, or connect to the server itself",
			wanted, found);
}

/* NULL where we may not set it. */
static void append_reading(struct buf *sql, const struct pin *pin, bool plain)
{
	if (is_asked_for(pin, plain))
		buf_printf(sql,
			", CASE WHEN pg_catalog.has_parameter_privilege('%s', 'SET') THEN pg_catalog.current_setting('%s') END",
			pin->name, pin->name);
	else
		buf_printf(sql, ", pg_catalog.current_setting('%s')", pin->name);
}

static bool read_back(
	struct session *session, PGconn *conn, const char *database, bool *plain, struct error *err)
{
	CLEANUP(buf_done) struct buf sql = BUF(LIMIT_BATCH_BYTES);
	CLEANUP(session_clear) PGresult *row = NULL;
	struct outcome outcome = {0};
	buf_text(&sql,
		"SELECT session_user, current_user, pg_catalog.current_setting('is_superuser'), "
		"pg_catalog.current_setting('pgitops.session', true), pg_catalog.pg_backend_pid(), "
		"pg_catalog.current_database(), (SELECT system_identifier FROM pg_catalog.pg_control_system())");
	for (size_t i = 0; i < COUNT_OF(pins); i++)
		if (can_be_set(&pins[i], PQserverVersion(conn), session->plain))
			append_reading(&sql, &pins[i], session->plain);
	if (!send(conn, buf_string(&sql), err))
		return false;
	if (!session_collect(session, conn, 1, &row, 1, &outcome) || PQntuples(row) != 1) {
		*err = outcome.error;
		return error_prefix(err, "reading the session's settings");
	}
	if (strcmp(PQgetvalue(row, 0, 3), "pinned") != 0)
		return error_set(err, ERROR_INVALID, PINS_SHARED);
	bool ok = is_the_place(session, database, PQgetvalue(row, 0, 5), PQgetvalue(row, 0, 6), err) &&
		compare(session, conn, row, err);
	*plain = strcmp(PQgetvalue(row, 0, 2), "on") != 0;
	session->pooled = strtol(PQgetvalue(row, 0, 4), NULL, 10) != PQbackendPID(conn);
	return ok;
}

bool pins_set(struct session *session, PGconn *conn, const char *database, struct error *err)
{
	bool pooled = session->pooled;
	session->pooled = false; /* no fence before there is what it asks for */
	bool plain = false, ok = set(session, conn, err) && read_back(session, conn, database, &plain, err);
	if (ok && plain != session->plain) { /* one that may set all of it, or that has become a superuser */
		session->plain = plain;
		session->pooled = false;
		ok = set(session, conn, err) && read_back(session, conn, database, &plain, err);
	}
	session->pooled |= pooled;
	return ok;
}
