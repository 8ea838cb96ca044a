/*
 * grants.h - what roles may do with the objects of a cluster's databases: observe, plan, apply
 *
 *   grants_observe -> grants_plan (pure) -> grants_apply
 *
 * Wanted and present are the same sorted rows, one for each privilege of a role on an object, walked once. Of a role that is described
 * (struct grants_wanted) every privilege in every database counts: one that is not wanted is revoked. Of all other roles, and of PUBLIC,
 * none does. Owners' own privileges come with owning and are no grants. One message of two queries for each database, however many
 * roles and objects there are.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/postgres/connect.h"

/* What a privilege is for, in the order in which rows are sorted. */
enum grant_on {
	GRANT_ON_PARAMETER, /* of the configuration; PostgreSQL 15 */
	GRANT_ON_DATABASE,
	GRANT_ON_SCHEMA,
	GRANT_ON_TABLE, /* views, materialised views and foreign tables too */
	GRANT_ON_COLUMN,
	GRANT_ON_SEQUENCE,
	GRANT_ON_FUNCTION, /* procedures and aggregates too */
	GRANT_ON_TYPE,     /* domains too */
	GRANT_ON_LANGUAGE,
	GRANT_ON_SERVER, /* a foreign one */
	/* users.yaml has no word for these: they are told, and left (beyond.h). */
	GRANT_ON_LARGE_OBJECT, /* `name` is its number */
	GRANT_ON_WRAPPER,      /* a foreign-data wrapper */
	GRANT_ON_TABLESPACE,
	/* Default privileges: `name` is the role that makes the objects. */
	GRANT_DEFAULT_SCHEMAS,
	GRANT_DEFAULT_TABLES,
	GRANT_DEFAULT_SEQUENCES,
	GRANT_DEFAULT_FUNCTIONS,
	GRANT_DEFAULT_TYPES,
	GRANT_DEFAULT_LARGE_OBJECTS, /* PostgreSQL 18; no word either */
	GRANT_KINDS
};

#define GRANTS_ALL "*" /* as `name`: whatever is in the schema, now and later */

struct grant {
	const char *database; /* "" = the whole cluster: parameters, tablespaces */
	const char *role;
	enum grant_on on;
	const char *schema; /* "" = none; of default privileges: any */
	const char *name;
	const char *column; /* "" = none; of a function: "integer, text", its types as PostgreSQL shows them, wanted: NULL = any */
	const char *privilege; /* "SELECT"; wanted: "ALL" = all that the server knows */
	const char *grantor;   /* present: who gave it, "" = the owner */
	bool grantable;        /* present: she may give it to others */
	bool blind; /* present: `grantor` has no USAGE of his own of the schema, and without it could name nothing in it to take it back */
	bool stuck; /* present: `grantor` is a superuser by now, and every REVOKE of his is the owner's */
	bool lasts; /* present: `grantor` has the owner's rights by now: what he gave stays when his right to give it goes */
	bool orphan; /* present: `grantor` may not give it any more, and REVOKE finds nothing that he gave until he may */
	bool plain; /* present, of an orphan: `grantor` has the privilege itself from the owner */
	bool swept; /* wanted: "ALL" or "*" meant it among others */
	int line;   /* wanted: in users.yaml */
};

struct grants {
	struct grant *items;
	size_t count;
};

/* A role that is called otherwise while privileges are observed than when they are changed. */
struct grants_renamed {
	const char *was, *is;
};

/* A database that has this owner once the steps before these are done: it is made for him, or given to him. */
struct grants_owner {
	const char *database, *owner;
};

struct grants_wanted {
	struct grants grants; /* in any order; of described roles alone */
	const char **roles;   /* that are described; sorted, unique */
	size_t role_count;
	const char **users; /* described roles whose CONNECT is decided elsewhere; sorted, unique */
	size_t user_count;
	const char **leaving; /* roles that go, of none of these: DROP OWNED takes what owners gave them; sorted, unique */
	size_t leaving_count;
	const char **going; /* those of them whose removal comes before these steps: what they gave goes with them; sorted, unique */
	size_t going_count;
	const char **kept; /* described roles that keep what is not listed; sorted, unique */
	size_t kept_count;
	const char **told; /* described roles of whom differences are told, and nothing is changed; sorted, unique */
	size_t told_count;
	const char **allowed; /* globs of what would be refused for its danger (danger.h) */
	size_t allowed_count;
	const struct grants_owner *owners;
	size_t owner_count;
	const struct grants_renamed *renamed; /* everything else says what they are called then */
	size_t renamed_count;
};

/* Why no REVOKE reaches what this one gave (select_best_grantor() of PostgreSQL's acl.c). A format with his name. */
#define GRANTS_STUCK                                                                                           \
	"\"%s\" gave it, who is a superuser by now, so that the server takes every REVOKE of that role's for " \
	"the owner's: take SUPERUSER from it for a moment, and it is revoked"

/* --- the words --- */

/* "tables", as users.yaml has it; of default privileges that of the objects; NULL = it has none. */
const char *grant_on_word(enum grant_on on);
/* "table", "new tables", for people. */
const char *grant_on_singular(enum grant_on on);
/* False when users.yaml has no such word. */
bool grant_on_of(const char *word, enum grant_on *on);
bool grant_default_of(const char *word, enum grant_on *on);
bool grant_on_is_in_schema(enum grant_on on);
/* The privilege as PostgreSQL writes it, whatever its case; NULL = there is no such for these objects. "ALL" is one. */
const char *grant_privilege(enum grant_on on, const char *word);
/* All of these objects, "SELECT, INSERT, ...", for a message. In `mem`. */
const char *grant_privileges(enum grant_on on, struct arena *mem);

/* "app: table public.t", for people. In `mem`. */
const char *grant_describe(const struct grant *grant, struct arena *mem);

/* By database, role, kind, schema, name, column, privilege. */
int grant_compare(const void *a, const void *b);

/* Why nobody may be given anything there by Git, or NULL: where it is a way to become superuser. */
const char *grant_refusal(const struct grant *grant);

/* --- the pass --- */

struct grants_present;

/* A database that cannot be looked into stops nothing: what is wanted there is a step that fails with the reason, and a warning says that
   nothing there was compared. */
bool grants_observe(struct session *session, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_present **present, struct error *err) MUST_CHECK;

/* What was found of the described roles, sorted by grant_compare(); also what users.yaml has no word for. The list is the caller's to sort in another way once it has planned. */
struct grants grants_found(const struct grants_present *present);

/* The first database that somebody described is known in and that could not be looked into, and why; NULL = there is none. */
const char *grants_unread(const struct grants_present *present, const char **why);

struct change; /* statement.h */

/* One statement, of one role in one database. */
struct grants_step {
	const char *role, *database; /* "" = anywhere */
	const char *sql;
	const char *head; /* `sql` up to the role: steps with an equal one, and an equal tail, become one; NULL = never */
	const char *tail;  /* behind it */
	size_t statements; /* in `sql` */
	bool revokes;
	unsigned depth; /* of a chain of grants; the deepest is taken first */
	bool done;
	struct error error; /* kind ERROR_NONE until it failed; of several objects, what is said of each */

	/* for grants_apply() alone: the objects, which are tried apart where one is in the way of the others */
	const struct change *changes;
	size_t change_count;
	bool cascades;
};

/* One privilege that differs; `wanted` or `found` is "". */
struct grants_difference {
	const char *role;
	const char *field; /* "app: table public.t", for people */
	const char *wanted, *found;
	bool left; /* no step is made of it: `told` */
};

/* Something that users.yaml names and that does not exist now. */
struct grants_missing {
	const char *role, *database;
	const char *what; /* "shop: table public.t" */
	int line;         /* of the privilege, in users.yaml */
};

/* A role that is not removed yet: what it gave to others than the described roles, they have from nobody else. */
struct grants_stop {
	const char *role;
	const char *why; /* "SELECT on app: table public.t of \"robot\"; ...": the first of them */
	size_t rows;
	bool told; /* all of them */
};

struct grants_plan {
	struct grants_step *steps; /* by database; what is taken away first; those that join beside each other */
	size_t step_count;
	struct grants_step *leaving; /* the same of roles that go; for their removal to send, not for grants_apply() */
	size_t leaving_count;
	struct grants_stop *stops; /* by role */
	size_t stop_count;
	struct grants_difference *differences; /* by role */
	size_t difference_count;
	struct grants_missing *missing; /* told beside the steps, which fail unless it comes into being before */
	size_t missing_count;
	const char **warnings;
	size_t warning_count;
};

/* No I/O; cannot fail: what cannot be granted is a step with its error. */
void grants_plan(const struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_plan *plan);

/* What became of each step stands in it; one that fails stops no other, but many that meet a lock are left to the next pass. False when a
   connection was lost: the steps behind it were not tried. */
bool grants_apply(
	struct session *session, struct grants_plan *plan, struct arena *mem, struct error *err) MUST_CHECK;
