/*
 * looking.h - one user in one database: who she may be, and the ways to what she may do (internal to the room)
 */
#pragma once

#include "reconcile/access/world.h"

/* Who somebody is in a session: herself, or after SET ROLE another one. */
struct identity {
	struct reach reach; /* whose privileges she has then */
	size_t role;        /* who she is: EVERYBODY = PUBLIC alone */
	size_t set_role;    /* NOBODY = herself */
	const struct way *start;
	bool all_schemas;     /* USAGE comes with a role of PostgreSQL's own */
	const char **schemas; /* in which she has USAGE; sorted, unique */
	size_t schema_count;
};

/* One way to a privilege. */
struct candidate {
	const struct world_row *row;
	const struct identity *as;
	const struct way *way;
	size_t total;        /* how many ways there are to whom it is granted to; on the first of them */
	size_t needs;        /* how many things are missing */
	bool connects, uses; /* which are not */
	bool own;            /* it comes with a role of PostgreSQL's own: nobody granted it */
};

struct candidates {
	struct candidate *items;
	size_t count;
};

/* One user in one database. */
struct looking {
	struct answering *at;
	const struct world *world;
	size_t user, database; /* NOBODY = what belongs to no database */
	bool connects;
	struct candidates list;
};

/* --- identity.c --- */

/* The rows of a role; of EVERYBODY, PUBLIC's. */
const struct world_row *world_rows(const struct world *world, size_t role, size_t *count);
void identity_find_schemas(const struct world *world, size_t database, struct identity *as);
bool identity_may_connect(const struct world *world, const struct reach *reach, size_t database);
bool identity_uses(const struct identity *as, const struct world_row *row); /* has USAGE where that is asked for */
bool identity_is_limited(const struct world *world, const struct identity *as, const struct world_row *row);
bool row_needs_connection(const struct world_row *row);

/* --- tell.c --- */

/* "shop.orders" */
const char *row_object(const struct world_row *row, struct arena *mem);
const char *world_database_name(const struct world *world, size_t database); /* "" = none */
void tell_candidate(struct looking *look, const struct candidate *one);
