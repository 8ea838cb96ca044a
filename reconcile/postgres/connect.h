/*
 * connect.h - a session with the primary of one PostgreSQL cluster, for whoever asks for one and speaks no SQL itself
 *
 * What is sent over it is session.h. Works with PostgreSQL 13 to 18.
 */
#pragma once

#include "base/error.h"
#include "base/secret.h"

/* databases[].authentication of the agent file: in which form the password may leave this machine. */
enum session_authentication {
	SESSION_AUTHENTICATION_UNSAID, /* BOUND to another machine, ANY over a Unix socket and loopback */
	SESSION_AUTHENTICATION_BOUND, /* "channel-binding": SCRAM with channel binding, so TLS; with any certificate */
	SESSION_AUTHENTICATION_SCRAM, /* "scram": for a TLS that ends before the server, and certificates without binding */
	SESSION_AUTHENTICATION_ANY /* "any": whatever the server asks for, md5 and clear text too */
};

/* Says right before each COMMIT of what changes something whether the server is still the one to write to (session_write()). */
struct session_witness {
	bool (*agrees)(void *context, struct error *err); /* false with the reason: what was sent is rolled back */
	void *context;
};

struct session_target {
	const char *name;       /* of the database in the agent file */
	const char *connection; /* libpq conninfo or URI, without password */
	struct secret password; /* may be empty (peer, certificate) */
	int64_t deadline;       /* milliseconds for connecting and for each statement */
	enum session_authentication authentication;
	const struct session_witness *witness; /* outlives the session; NULL = nobody is asked */
	bool any;                              /* a standby is as good: for reading */
	bool plain; /* its user was no superuser the last time: it is not asked for what only they may, which the server would refuse, and log */
};

/* What the connection says about whom it reaches, before anybody is asked. */
struct session_trust {
	bool elsewhere;   /* another machine: neither a Unix socket nor loopback */
	bool verified;    /* sslmode=verify-full: the certificate names the host */
	char sslmode[16]; /* as libpq has it, "prefer" where nothing is said */
};

bool session_trust(
	const struct session_target *target, struct session_trust *trust, struct error *err) MUST_CHECK;

struct session;

/* Connects to the primary, pins the session's settings and reads them back (pins.h), takes the advisory lock. The password is given
   only as `authentication` allows (protect.h). ERROR_RETRY: down, standby, out of connections, lock held by another agent;
   ERROR_DENIED: password or rights, or the server asks for the password in a form that would give it away; ERROR_INVALID: conninfo,
   a pooler in transaction mode, a setting that does not stay pinned. */
bool session_connect(
	const struct session_target *target, struct session **session, struct error *err) MUST_CHECK;
void session_close(struct session *session);               /* accepts NULL */
int session_server_version(const struct session *session); /* 150020 */
/* The witness did not agree, so nothing more is written; why goes into `err`. */
bool session_is_stopped(const struct session *session, struct error *err);
bool session_is_plain(const struct session *session); /* its user is no superuser */
uint64_t session_statements(
	const struct session *session); /* sent so far, for tests and metrics; without the pins */
uint64_t session_writes(const struct session *session);

/* What a login of somebody else's said (login.c). */
enum login_outcome {
	LOGIN_DONE, /* the password is right */
	LOGIN_WRONG_PASSWORD, /* the server refused it: SQLSTATE 28P01, which it says of a password that has expired, too */
	LOGIN_UNKNOWN /* anything else: nothing is known of the password */
};
struct login_result {
	enum login_outcome outcome;
	char why[400]; /* LOGIN_UNKNOWN: in the server's words */
	bool silent;   /* it does not answer: another try would wait as long */
};

/*
 * Does this password let this role into this database? Tried at the server that the session is with, under the same rules of TLS and of
 * how a password may leave this machine, for three seconds at most, and closed at once. It is a login like any other: it takes a connection,
 * triggers and hooks of logins run, and a wrong one is counted by whatever counts those. Behind a pooler nothing is tried: that
 * answers from a list of its own.
 */
void session_try_login(const struct session *session, const char *user, const char *database,
	const struct secret *password, struct login_result *result);
