/*
 * world.h - roles, memberships and privileges as the catalogs have them (internal to the room)
 *
 * observe.c  the catalogs, as world.c keeps them
 * reach.c    who reaches whom, and by which ways
 * origin.c   what of it users.yaml gave
 * words.c    what attributes and PostgreSQL's own roles mean
 * powers.c   rows about roles: attributes, memberships
 * identity.c what somebody has in a session, herself or after SET ROLE
 * answer.c   rows about objects; which roles are asked about; the order of it all
 * tell.c     a row of the answer
 *
 * Roles are told by their place in `roles`.
 */
#pragma once

#include "reconcile/access/access.h"
#include "reconcile/postgres/session.h"

#define NOBODY SIZE_MAX          /* a role that is not there */
#define EVERYBODY (SIZE_MAX - 1) /* PUBLIC */

enum {
	FIRST_NORMAL_OID = 16384,       /* access/transam.h: below are the objects of initdb */
	FIRST_WITH_OWNER_ROLE = 140000, /* pg_database_owner, pg_read_all_data */
	FIRST_WITH_PARAMETERS = 150000,
	FIRST_WITH_GRANT_OPTIONS = 160000
};

struct world_role {
	const char *name;
	uint32_t oid;
	bool super, inherit, create_role, create_db, login, replication, bypass_rls;
	bool expired;
	const char *until;        /* "" = for ever */
	size_t first_edge, edges; /* in world.edges: what it is a member of */
};

/* A membership: what all grantors gave, together. */
struct world_edge {
	size_t member, role;
	bool inherit, set, admin;
};

struct world_row;

struct world_database {
	const char *name;
	size_t owner;
	bool open, template;
	const struct world_row *table; /* that the question is about: that it is owned; NULL = is not there */
};

/* A privilege of `grantee` on an object; "OWNER" = it owns it. */
struct world_row {
	size_t database; /* NOBODY = of the whole cluster */
	enum grant_on on;
	const char *schema, *name, *column;
	const char *privilege;
	size_t owner, grantee;
	size_t stands_for;
	bool grantable;
	bool by_default;      /* the object has no list of its own: PostgreSQL's default */
	bool secured, forced; /* a table's row security */
};

struct world {
	const struct access_question *question;
	const struct users *wanted; /* NULL = none */
	struct arena *mem;
	int version;
	int64_t now;              /* the server's clock: seconds since 1970 */
	struct world_role *roles; /* by name */
	size_t role_count;
	size_t *by_oid;
	struct world_edge *edges; /* by member, role */
	size_t edge_count;
	struct world_database *databases; /* by name */
	size_t database_count;
	struct world_row *rows; /* by grantee, then as they were read */
	size_t row_count;
	size_t *first_row; /* of each role; [role_count] = PUBLIC's, [role_count + 1] = the end */
	size_t asked;      /* the role, NOBODY = everybody, EVERYBODY = PUBLIC */
	size_t owners, reads, writes,
		maintains;    /* pg_database_owner, pg_read_all_data, ...: NOBODY = has none */
	struct grant *grants; /* of users.yaml, by grant_compare(); `column` "*" = any function of the name */
	size_t grant_count;
	size_t *place, *leading; /* of a walk, one for each role; all 0 between walks: there may be thousands */
};

/* Sorts what was read, for those who look it up below. */
void world_index_roles(struct world *world);
void world_index_rows(struct world *world);

bool observe_world(struct session *session, struct world *world, struct error *err) MUST_CHECK;
size_t world_role(const struct world *world, const char *name);
size_t world_role_by_oid(const struct world *world, uint32_t oid); /* 0 = EVERYBODY */
bool world_is_system(const struct world *world, size_t role);      /* one of PostgreSQL's own */

/* --- reach.c --- */

enum reach_kind { REACH_INHERIT, REACH_SET, REACH_ANY };

/* A way from where a walk began to `role`; `before` NULL = there it began. */
struct way {
	const struct way *before;
	size_t role;
	unsigned length;
	size_t hand_member, hand_role; /* the first membership that is not in users.yaml; NOBODY = none */
	int line;                      /* of the last membership that is; 0 = none */
};

/* The roles that one reaches, itself first. */
struct reach {
	size_t *roles; /* in an order in which each comes after those that lead to it */
	size_t count;
	struct way **ways; /* of each in `roles`: at most ACCESS_WAYS, the shortest first */
	size_t *way_counts;
	size_t *totals; /* how many ways there are, as far as SIZE_MAX */
	size_t *sorted; /* `roles` by number, for reach_has() */
};

/* `owner` = who owns the database that it is about, NOBODY = about none. `start` is a way that led to where it begins. */
void reach_walk(const struct world *world, enum reach_kind kind, size_t owner, const struct way *start,
	struct reach *reach);
/* Where a walk of `role` begins. */
const struct way *reach_start(const struct world *world, size_t role);
bool reach_has(const struct reach *reach, size_t role);
const char **way_names(const struct world *world, const struct way *way, bool everybody, size_t *count);

/* --- origin.c --- */

/* Is the membership in users.yaml? `line` then. */
bool origin_membership(const struct world *world, size_t member, size_t role, int *line);
/* ... with `admin: true`? */
bool origin_admin(const struct world *world, size_t member, size_t role, int *line);
/* An attribute by its name in words_attributes. */
bool origin_attribute(const struct world *world, size_t role, const char *name, int *line);
void origin_prepare(struct world *world);
/* Puts origin, line and hand into the item: of the way and, where `row` is given, of its privilege. */
void origin_set(const struct world *world, const struct way *way, const struct world_row *row,
	struct access_item *item);

/* --- powers.c, answer.c --- */

struct answering {
	const struct world *world;
	struct access_answer *answer;
};

void powers_of(struct answering *at, size_t role);
void answer_note(struct answering *at, const char *text);
struct access_item *answer_item(struct answering *at);
void answer_world(const struct world *world, struct access_answer *answer);

/* --- words.c --- */

const char *words_of_role(const char *name); /* NULL = it is none of PostgreSQL's own that gives anything */
struct words_attribute {
	const char *name, *means;
	bool (*has)(const struct world_role *role);
	bool is_all; /* whoever has it has the others, too */
};
extern const struct words_attribute words_attributes[];
extern const size_t words_attribute_count;
