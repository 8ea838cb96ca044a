/*
 * access.h - who may do what: effective privileges, the way each of them comes, and whether Git gave it
 *
 * Everything is read from the catalogs, in read-only transactions: one message for the cluster and one for each database that is asked
 * about, however many roles and objects there are. What it says is what has_table_privilege() and its like say (tests/reconcile/access
 * asks them), with the chain of roles behind it.
 *
 * - A role has what is granted to it, to PUBLIC, and to each role whose membership it inherits: since 16 each membership says so
 *   (INHERIT), before, the member does (rolinherit). What other memberships give she has only after SET ROLE, where they allow that.
 * - Attributes (SUPERUSER, CREATEROLE, ...) are never inherited: those of a role that she may become are listed as such.
 * - A superuser is asked for no privilege: one row stands for everything.
 * - A privilege without effect is listed with what it needs: USAGE on the schema, CONNECT on the database.
 * - Objects of the system's own schemas are left out, but for what somebody granted on them.
 */
#pragma once

#include "reconcile/postgres/connect.h"
#include "reconcile/roles/users.h"

/* A name that no role can have: everybody (GRANT ... TO PUBLIC). */
#define ACCESS_PUBLIC "public"

enum {
	ACCESS_WAYS = 3,       /* of one privilege that are told, the shortest first */
	ACCESS_MOST = 1000000, /* privileges of one answer */
};

struct access_question {
	const char *role;           /* NULL = everybody who may log in; ACCESS_PUBLIC = PUBLIC */
	const char *database;       /* NULL = all that can be looked into */
	const char *schema, *table; /* NULL = no table in particular */
	bool groups;                /* everybody: roles that may not log in, too */
};

/* "SCHEMA.TABLE"; a name with a dot or a quote in it stands in double quotes, where "" is one. False = it is no such. In `mem`. */
bool access_table(const char *text, struct arena *mem, struct access_question *question) MUST_CHECK;

enum access_on {
	ACCESS_ON_ATTRIBUTE, /* of a role: SUPERUSER, ... */
	ACCESS_ON_ROLE,      /* USAGE, SET, MEMBER, ADMIN: the words of pg_has_role() */
	ACCESS_ON_OBJECT     /* the others: `on` says which */
};

enum access_origin {
	ACCESS_BY_HAND,   /* something of it is not in users.yaml */
	ACCESS_BY_GIT,    /* all of it is */
	ACCESS_BY_DEFAULT /* PostgreSQL's own: nobody granted anything */
};

/* One way to one privilege. */
struct access_item {
	const char *user;     /* ACCESS_PUBLIC = PUBLIC */
	const char *database; /* "" = the whole cluster */
	enum access_on what;
	enum grant_on on;   /* ACCESS_ON_OBJECT */
	const char *object; /* "shop.orders", "shop.orders.price", "shop.f(integer)"; of an attribute: "" */
	const char *schema; /* of the object, "" = none */
	const char *privilege; /* "SELECT"; "OWNER"; "ALL": a superuser's */
	size_t stands_for;     /* "shop.*": so many functions or types with PostgreSQL's default; else 0 */
	const char **via;      /* from her to whom it is granted to, without her; none = to herself */
	size_t via_count;
	const char *set_role; /* only after SET ROLE this, which is in `via`; NULL = at once */
	const char *needs;    /* "USAGE on schema shop"; NULL = it has an effect */
	const char *means;    /* of an attribute or one of PostgreSQL's own roles; NULL = the words say it */
	bool grantable;       /* she may give it to others */
	bool limited;         /* of a table: row security says which rows */
	enum access_origin origin;
	int line;         /* ACCESS_BY_GIT: in the file of users.yaml, 0 = not known */
	const char *hand; /* ACCESS_BY_HAND: what is not in users.yaml, "membership of alice in readers" */
	size_t more;      /* further ways to the same privilege; on the last that is listed */
};

struct access_answer {
	struct access_item *items; /* by user, database, kind, object, privilege; the shortest way first */
	size_t count;
	const char **notes; /* what people should know of the role, the table or the answer */
	size_t note_count;
	int version; /* 150020 */
};

/* `wanted` is the list in force, NULL = there is none: all is by hand then. ERROR_MISSING: no such role, database or table, with the
   nearest name. The answer's texts are in `mem`, and in the memory of `wanted`. */
bool access_ask(struct session *session, const struct access_question *question, const struct users *wanted,
	struct arena *mem, struct access_answer *answer, struct error *err) MUST_CHECK;

/* "table", "database", "new tables", "role", "attribute"; for people and documents. */
const char *access_kind(const struct access_item *item);
