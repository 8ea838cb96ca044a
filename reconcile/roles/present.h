/*
 * present.h - the roles of a cluster as the catalogs have them (internal to the room)
 *
 * What roles_observe() fills in and roles_plan() reads. Object identifiers are the keys between the tables.
 */
#pragma once

#include "reconcile/roles/roles.h"

enum {
	BOOTSTRAP_SUPERUSER = 10, /* its oid: the one initdb made */
	FIRST_SERVER_WITH_GRANT_OPTIONS =
		160000 /* of memberships: INHERIT and SET, and one row for each grantor */
};

/* Whose a role is (managed.h), and what the comment on it says about that. */
enum mark {
	MARK_NONE, /* not ours */
	MARK_USER,
	MARK_GROUP,
	MARK_RETIRING, /* locked out, not dropped yet */
	MARK_LEAVING,  /* locked out, and nothing else until `retirement: hold` is over (hold.h) */
	MARK_OTHER,    /* of another database of the agent file, or of another agent */

	/* Never in a comment, and not ours until a person says so: */
	MARK_UNPROVEN, /* only the comment says that it is ours */
	MARK_REPLACED, /* a role of ours had this name, and is gone: this one was made by hand, or by restoring a dump */
	MARK_RENAMED /* ours under another name: renamed by hand */
};

struct role {
	uint32_t oid;
	const char *name;
	bool super, inherit, create_role, create_db, login, replication, bypass_rls;
	int connection_limit;
	bool expires;       /* has a VALID UNTIL other than infinity */
	const char *expiry; /* its text */
	const char *verifier; /* rolpassword; NULL = none. Not readable without superuser: PRESENT_RECORDED of users of ours */
	const char *comment; /* "" = none; bytes in no known encoding, as the names are */
	bool long_comment;   /* `comment` is only its beginning: it is not written anew */
	enum mark mark;      /* managed_judge() */
	enum mark said;      /* what the comment alone says */
	bool recorded; /* the table says what `mark` does, or will when it is made: nothing to write there */
	const char *was; /* what it is called until this pass renames it to `name` (renamed.h); NULL = so */
	bool loses_password;      /* by that: an md5 one */
	const char *had;          /* MARK_RENAMED: the name it had */
	const char *other;        /* MARK_OTHER: whose, by the table; NULL = only the comment says so */
	bool had_group;           /* the same: as a group role */
	enum on_remove on_remove; /* by the table: what was asked for while it was listed */
	int64_t since; /* MARK_LEAVING: when it was locked out; seconds since 1970, by the server's clock */
};

/* A row of the agent's table. */
struct managed_role {
	uint32_t oid;
	const char *name; /* it had when the row was written */
	enum mark state; /* MARK_USER, MARK_GROUP, MARK_RETIRING, MARK_LEAVING; MARK_OTHER = a word of a newer program */
	enum on_remove on_remove; /* USER, LEAVING */
	const char *manager, *target;
	const char *since;     /* it is in that state; RFC 3339 */
	int64_t since_seconds; /* the same, since 1970; INT64_MAX = no time in reach */
};

struct membership {
	uint32_t role, member, grantor;
	bool admin;
	bool inherits, can_set; /* true before 16, where they do not exist */
};

/* ALTER ROLE ... SET. */
struct role_setting {
	uint32_t role;
	uint32_t database; /* 0 = everywhere */
	const char *name, *value;
};

struct database {
	uint32_t oid;
	const char *name;
	uint32_t owner;
	bool allows_connections;
	bool public_connect; /* every role may connect */
	bool may_grant;      /* we may let others connect */
	bool invalid;        /* its DROP DATABASE was interrupted */
	const char *encoding, *collate, *ctype;
	const char *comment; /* "" = none; bytes, as those of roles */
};

/* An extension that the server has the files of. */
struct available_extension {
	const char *name;
	const char *schema; /* where it always is; NULL = where one says */
	bool untrusted;     /* only a superuser may make it */
};

/* What a listed database that exists has. */
struct database_content {
	struct error error;                  /* kind ERROR_NONE; else nothing is known */
	struct wanted_extension *extensions; /* by name */
	size_t extension_count;
	const char **schemas; /* sorted */
	size_t schema_count;
};

/* CONNECT for one role on one database; PUBLIC and the owner's own entry are left out. */
struct connect_grant {
	uint32_t database, grantee, grantor;
	bool grantable;
	bool orphan, plain; /* as of struct grant */
};

/* How many objects in a database depend on a role (pg_shdepend). */
struct dependency {
	uint32_t role;
	uint32_t database; /* 0 = shared objects */
	bool owned;        /* owned, or only named in an ACL, default privilege, policy or user mapping */
	int64_t objects;
};

/* What else a role that may go has, wherever it is: read once for the whole cluster. */
enum belonging_kind {
	BELONGING_DATABASE,
	BELONGING_TABLESPACE,
	BELONGING_SUBSCRIPTION,
	BELONGING_PREPARED, /* a prepared transaction: its own, or one that locks the role */
	BELONGING_SESSIONS,
	BELONGING_SLOT /* a lasting replication slot that one of its sessions reads from */
};

struct belonging {
	uint32_t role;
	enum belonging_kind kind;
	const char *name;     /* BELONGING_SESSIONS: how many */
	const char *database; /* where it is; "" = nowhere in particular */
};

struct roles_present {
	int version;                      /* 150020 */
	const struct role_claims *claims; /* of roles_plan_input */
	const char *session_user;         /* who we are */
	const char *session_database;     /* and where */
	const char *server;               /* its system identifier */
	int64_t now;                      /* its clock: seconds since 1970 */
	bool plain;      /* we are no superuser: verifiers were not read, and rights.h has what we may do */
	uint32_t self;   /* our oid then, else 0 */
	bool may_create; /* in that database */
	const char *loud; /* settings that let the server log verifiers, and that we cannot change; NULL = there are none */
	struct role *roles; /* by name */
	size_t role_count;
	uint32_t *by_oid;               /* indexes into `roles`, by oid */
	struct membership *memberships; /* by member, role, grantor */
	size_t membership_count;
	struct role_setting *settings; /* by role, database, name */
	size_t setting_count;
	struct database *databases; /* by name */
	size_t database_count;
	struct connect_grant *connects; /* by grantee, database */
	size_t connect_count;
	struct connect_grant *public_connects; /* to PUBLIC */
	size_t public_count;
	struct available_extension *available; /* by name; read when a database lists extensions, as `contents` */
	size_t available_count;
	struct database_content *contents; /* parallel to input->wanted->databases; empty where nothing was asked */
	struct dependency *dependencies; /* by role, database; only of roles that may go, and of groups */
	size_t dependency_count;
	struct belonging *belongings; /* by role, kind, name; only of roles that may go */
	size_t belonging_count;
	bool has_schema, has_table;   /* of the agent's own (managed.h) */
	struct managed_role *managed; /* its rows, by oid */
	size_t managed_count;
	const struct managed_role **managed_by_name; /* those of our target; by name, oid */
	size_t named_count;
};

/* In the place of a verifier that cannot be read: it is right if the store has it for the Secret's version, as what was set with
   that. Whatever else became of the password is not seen (policy.passwordCheck: record). */
#define PRESENT_RECORDED "set, and not readable"

/* May this session make a schema, and which settings let the server log verifiers that it cannot change? One row. */
const char *observe_own_rights(int version);

/* Reads the belongings of these roles: `oids` is a list for IN (), never empty. */
bool observe_belongings(struct session *session, const char *oids, struct arena *mem,
	struct roles_present *present, struct error *err) MUST_CHECK;

/* Which extensions there are to be had, and in each listed database that lists some and can be connected to which it has: one message
   for the server and one for each of those databases. A database that cannot be read has its error. */
bool observe_extensions(struct session *session, const struct users *wanted, struct arena *mem,
	struct roles_present *present, struct error *err) MUST_CHECK;

/* Sorts everything and builds the index; called once the tables are filled. */
void present_index(struct roles_present *present, struct arena *mem);

/* The same for dependencies and belongings that were read later, once it was known which roles may go. */
void present_sort_dependencies(struct roles_present *present);

const struct role *present_role(const struct roles_present *present, const char *name);
const struct role *present_role_by_oid(const struct roles_present *present, uint32_t oid);
const struct database *present_database(const struct roles_present *present, const char *name);
const struct database *present_database_by_oid(const struct roles_present *present, uint32_t oid);

/* The rows of one member, of one grantee, of one role: first row and how many. */
const struct membership *present_memberships(
	const struct roles_present *present, uint32_t member, size_t *count);
const struct role_setting *present_settings(const struct roles_present *present, uint32_t role, size_t *count);
const struct connect_grant *present_connects(
	const struct roles_present *present, uint32_t grantee, size_t *count);
const struct dependency *present_dependencies(
	const struct roles_present *present, uint32_t role, size_t *count);
const struct belonging *present_belongings(const struct roles_present *present, uint32_t role, size_t *count);

/* USER, GROUP, RETIRING or LEAVING. */
bool mark_is_ours(enum mark mark);

/* The same without GROUP: it is, or was, one of users.yaml's users. */
bool mark_is_user(enum mark mark);

/* What people wrote into it, without any mark; "" = nothing. */
const char *mark_people(const char *comment, const char *target);

/* The mark in a comment, seen by the database called `target` in the agent file. */
enum mark mark_read(const char *comment, const char *target);

/* The comment with the mark that says `mark`, keeping what people wrote into it. In `mem`. */
const char *mark_write(enum mark mark, const char *target, const char *comment, struct arena *mem);
