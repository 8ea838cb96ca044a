/*
 * roles.h - users and roles of one PostgreSQL cluster: observe, plan, apply
 *
 * The three steps of the pass for a database, called in this order by agent/users_pass.c:
 *
 *   session_connect -> roles_observe -> roles_plan (pure) -> roles_apply
 *
 * Reads everything in a handful of queries, writes only what differs, in few messages. Passwords are compared with the
 * SCRAM verifier and sent only as verifiers. Which roles are ours is said by the agent's own table (managed.h); the comment that
 * begins with ROLES_MARK says it to people. Works on PostgreSQL 13 to 18, on the primary only.
 */
#pragma once

#include "base/secret.h"
#include "reconcile/postgres/connect.h"
#include "reconcile/roles/users.h"

/* COMMENT ON ROLE begins with this, then the agent file's database name and ')'. */
#define ROLES_MARK "managed by pgitops ("

struct roles_present; /* what the catalogs said */

/* What a login with a user's password said, where the verifier cannot be read (policy.passwordCheck: login). */
enum password_look {
	LOOK_LATER, /* nothing is known, and it is not its turn */
	LOOK_NOW,   /* it is to be tried */
	LOOK_RIGHT,
	LOOK_WRONG,
	LOOK_UNKNOWN /* the login failed by something else than the password, or proved nothing */
};

/* Passwords on demand, so that a quiet pass reads none. */
struct roles_passwords {
	void *context;
	/* An opaque version of the Secret (uid and resourceVersion, or the file's change time and size); false = no such Secret
	   or no such key, `why` says which and where it was looked for. In `mem`. */
	bool (*version)(void *context, const struct user_password *place, struct arena *mem,
		const char **version, const char **why);
	/* The password itself; the caller wipes it. A line end that is not part of it is dropped by roles_plan. */
	bool (*get)(
		void *context, const struct user_password *place, struct secret *password, struct error *err);
	/* Was this verifier found to match this version before? Remembered by the store, keyed by the verifier's digest. */
	bool (*known)(void *context, const char *user, const char *verifier, const char *version);
	void (*remember)(void *context, const char *user, const char *verifier, const char *version);
	/* For PASSWORD_GENERATE, where version() has just found nothing: puts a new password into a Secret, which is there before the server
	   is told of it. `version` NULL = nothing was written, as this is a plan; the password stands for the one that will be. False with
	   `why`. */
	bool (*generate)(void *context, const struct user_password *place, struct secret *password,
		struct arena *mem, const char **version, const char **why);
	/* What is known by a login of this user with the password of this version, and from when on that is asked again is the agent's
	   matter; `why` of LOOK_UNKNOWN, in `mem`. NULL = no logins are tried. */
	enum password_look (*looked)(
		void *context, const char *user, const char *version, struct arena *mem, const char **why);
	/* Tries it, into this database: RIGHT, WRONG or UNKNOWN. */
	enum password_look (*look)(void *context, const char *user, const char *version, const char *database,
		const struct secret *password, struct arena *mem, const char **why);
};

/* A role that somebody else makes, by a manifest. */
struct role_claim {
	const char *name;
	const char *where; /* in its spec: "users" */
};
struct role_claims {
	struct role_claim *items; /* by name, unique */
	size_t count;
	const char *whose; /* "postgresql default/acid-main" */
};

enum user_status { USER_SYNCED, USER_DRIFTED, USER_DEGRADED, USER_RETIRING, USER_REFUSED };
const char *user_status_name(enum user_status status); /* "Synced", ... */

/* A field in which a user differs. Passwords are "<hidden>". */
struct role_difference {
	const char *field; /* "login", "password", "roles", "connect:app", "exists", "createdb", "sessions", ... */
	const char *wanted;
	const char *found;
	bool left; /* told, and nothing is done about it, as users.yaml wants it */
};

/*
 * ROLE_RECORD makes the agent's table, or takes over what stands in it; ROLE_FORGET takes a role out that is not there any more.
 *
 * ROLE_RENAME gives a role the name that Git has for it now, and makes it as its user is to be.
 *
 * ROLE_CREATE_DATABASE and ROLE_EXTEND (CREATE EXTENSION in `database`) are sent alone, as apply_databases.c says.
 *
 * How a user goes: ROLE_HOLD takes login and powers from it, where there is a hold, and leaves everything else for as long as that is;
 * ROLE_LOCK takes login, password and powers, ROLE_END ends its sessions; ROLE_HEIR makes the role that gets what
 * it owns, ROLE_GIVE gives that its databases and tablespaces, ROLE_RETIRE what it owns in one database; ROLE_DROP is the end.
 * With `onRemove: keep` there is ROLE_LET_GO alone: row and mark go, and the role stays as it is.
 */
enum role_action {
	ROLE_RECORD,
	ROLE_CREATE_GROUP,
	ROLE_CREATE,
	ROLE_ALTER,
	ROLE_GRANT,
	ROLE_REVOKE,
	ROLE_RETIRE,
	ROLE_DROP,
	ROLE_LOCK,
	ROLE_FORGET,
	ROLE_END,
	ROLE_HEIR,
	ROLE_GIVE,
	ROLE_CREATE_DATABASE,
	ROLE_EXTEND,
	ROLE_HOLD,
	ROLE_LET_GO,
	ROLE_RENAME
};
const char *role_action_name(enum role_action action); /* "create", "grant", ... */

/*
 * One step of the plan, for one user or group role. `redacted` is the SQL as it may be shown and stored: runnable by psql, but for
 * a password's verifier. That stands there as a variable of psql that is not set, :'alice_verifier', which is a syntax error
 * until somebody sets it; a quoted word in its place would be a password.
 */
struct role_step {
	enum role_action action;
	const char *user;     /* "" = of several users */
	const char *database; /* "" = cluster-wide */
	const char *redacted;
	const char *summary; /* the same in one line, where it has many */
	const char *sql;     /* what is sent; holds a verifier at most, never a password; not for logs */
	bool done;
	struct error error; /* kind ERROR_NONE until it failed */

	struct grants_step *privileges; /* grants_apply() carries it out, not roles_apply(); NULL = roles_apply() does */

	/* for roles_apply alone */
	size_t statements; /* in `sql` */
	unsigned depth;    /* of a chain of grants; the deepest is sent first */
	const char *head,
		*tail; /* steps with equal ones become one statement: head, user, user, ..., tail; NULL = never */
	const char **users; /* ROLE_END: of these */
	size_t user_count;
	const char *verifier; /* in `sql`; NULL = none */
	const char *hidden;   /* stands for it in `redacted` */
	const char *version; /* of the Secret that `verifier` was made from; NULL = it is not to be remembered as right */
	const char *foretold; /* what else will happen when this is applied; then it never is. NULL = nothing */
};

struct role_report {
	const char *name;
	bool group;              /* of `groups`, not of `users` */
	bool database;           /* of `databases`; `name` is database_subject() */
	enum user_status status; /* before roles_apply: DRIFTED when there are steps; after it: what is true then */
	const char *reason;   /* "" when Synced */
	const char *progress; /* of a removal that nothing holds up: what is done; NULL = it is none */
	bool held;            /* Retiring, locked out, and nothing else is to be done now */
	const char *until; /* the same: locked out until then, and then removed; of one that is there: its access ends then (users_until.c). RFC 3339; NULL = neither */
	bool listed;       /* users.yaml names it */
	bool locked;       /* ... with `ensure: locked` */
	bool gone;         /* removed by roles_apply, and not listed */
	const char **roles;
	size_t role_count;
	struct role_difference *differences; /* what was found wrong before this pass's steps */
	size_t difference_count;
	bool left;           /* some of them are: Drifted after the pass, too */
	const char *untried; /* why a login could not say whether its password is right (policy.passwordCheck); NULL = it could, or was not asked */
	const char *secret_version; /* of its Secret, "" = there is none; NULL = was not asked */
	bool managed_before;        /* was ours already: a difference is drift unless `wanted_changed` */
};

/* A role that this agent does not manage, and that belongs to neither PostgreSQL, nor the operator, nor the agent itself. */
struct role_unmanaged {
	const char *name;
	const char *reason; /* "made by somebody else", or why the agent does not take it for its own */
	bool login, super;
	bool referenced; /* users.yaml lists it, as a user or as somebody's role */
};

struct roles_plan {
	struct role_step *steps; /* in the order they are sent */
	size_t step_count;
	struct role_report *reports; /* sorted by name; wanted and retiring users, listed groups, listed databases */
	size_t report_count;
	const char **deletions; /* users that would be retired because the list no longer names them; sorted */
	size_t deletion_count;
	char confirm[17]; /* what --confirm must say for these deletions; "" = no confirmation needed */
	const char **warnings; /* what people should know and no step mends: PUBLIC may connect, an empty group role, ... */
	size_t warning_count;
	struct role_unmanaged *unmanaged; /* by name; from agents of other databases, too */
	size_t unmanaged_count;
	const char *not_adopted; /* why somebody a person asked for is not ours, or not removed at once; NULL = all is as asked */
	int64_t wake; /* seconds until a hold or somebody's access is over and a pass has something to do; 0 = nothing is waited for */
	bool blocked; /* deletions were left out of `steps`: too many, or an empty list, and not confirmed */
	struct role_step *held; /* the steps of those deletions, which run once they are confirmed */
	size_t held_count;
	const char *database; /* the connection's own: where steps without one run */
	const char *server;   /* its system identifier */
	int version;          /* 150020 */
	bool plain;           /* the agent is no superuser */

	const struct roles_present *present; /* that it is made from */

	const char **withheld; /* described roles that are not ours: what they may do is left as it is; sorted */
	size_t withheld_count;
	struct grants_renamed *renamed; /* by steps of this plan */
	size_t renamed_count;
	struct grants_owner *owners; /* of databases, by steps of this plan */
	size_t owner_count;

	struct grants_missing *missing; /* what users.yaml names and nobody has made, in databases that no step makes or extends */
	size_t missing_count;

	/* for roles_apply alone */
	bool report_only;
	const struct roles_passwords *passwords;
};

/* As users.yaml has it; one that is only held is, too: nothing is to be done about it. */
bool role_report_is_good(const struct role_report *report);

/* Of this user or group, or NULL. */
struct role_report *roles_report(const struct roles_plan *plan, const char *name);

struct roles_plan_input {
	const struct users *wanted;
	const char *commit;    /* part of the confirmation hash */
	const char *confirmed; /* hash given by the user, or NULL */
	bool no_deletions; /* first pass after a rebuild of the store, or another reason to remove nobody */
	const char *no_deletions_why; /* NULL = it is that first pass */
	const struct roles_policy *policy;
	const struct roles_passwords *passwords;
	const char *target; /* name in the mark: the database's in the agent file */
	const struct role_claims *claims; /* never ours, whatever stands in the database (operator.h); NULL = none are known */

	/* Which roles are ours (managed.h). */
	const char *manager;   /* who we are in the table */
	const char *former;    /* who we were before, or NULL: what is theirs is taken over without a word */
	const char *take_over; /* a manager that a person has told us to follow, or NULL */
	const char *const *adopt; /* roles that a person has told us to take, whatever they are; sorted */
	size_t adopt_count;
	const char *const *hurried; /* whose hold a person has ended; sorted */
	size_t hurried_count;
	/* Did the agent manage this role before, by what it remembers? Asked only where there is no table yet, of roles with our comment:
	   they are believed to be ours when the answer is yes, or users.yaml names them. NULL = it remembers nothing. */
	bool (*remembers)(void *context, const char *role);
	void *memory;
};

/* ERROR_DENIED, too, where another agent manages the database of this name, or the agent's schema is somebody else's. */
bool roles_observe(struct session *session, const struct roles_plan_input *input, struct arena *mem,
	struct roles_present **present, struct error *err) MUST_CHECK;

/* No I/O beyond the passwords callbacks; cannot fail: what is wrong with a user stands in its report. */
void roles_plan(const struct roles_present *present, const struct roles_plan_input *input, struct arena *mem,
	struct roles_plan *plan);

/* psql's \connect to this database, whatever its name is; a line or two. In `mem`. */
const char *roles_connect_line(const char *database, struct arena *mem);

/* psql to this database, with what a session of ours has from its beginning. The last line ends. In `mem`. */
const char *roles_script_connect(
	const char *database, const char *server, int version, bool plain, struct arena *mem);

/*
 * The plan as a script for psql, in `mem`: what roles_apply() would send, statement by statement, with the connections it would
 * make. It stops at the first error. Deletions that wait for a confirmation stand there as comments. Texts are foreign:
 * a terminal is to be shown it line by line, made visible. "" = there is nothing to do.
 */
const char *roles_script(const struct roles_plan *plan, struct arena *mem);

/*
 * Sends the steps; what became of each stands in its `done` and `error`. A user whose step fails is reported DEGRADED and the others go on. Retirement goes as far as it can now:
 * locked out and committed first, sessions ended, reassigned in every database, dropped; what is left is RETIRING and is
 * continued by the next pass, found again in the agent's table. False only when the session itself is lost (reports are then as far as
 * known).
 */
bool roles_apply(
	struct session *session, struct roles_plan *plan, struct arena *mem, struct error *err) MUST_CHECK;
