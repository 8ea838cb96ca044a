/*
 * access_rows.h - who may do what, as people read it: rows of a table made of the items of GET /api/v1/users/access
 *
 * Privileges that come to one object by the same way are one row; so are, unless every object is asked for, objects of one schema with the
 * same privileges by the same ways.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

struct access_row {
	const char *user, *database; /* "PUBLIC"; "" = the whole cluster */
	const char *object;          /* "table shop.orders", "tables shop.orders, shop.items and 118 more" */
	const char *privileges; /* "INSERT, SELECT*": with * she may give it to others, as psql shows it */
	const char *through;    /* "readers > base", "SET ROLE analyst", "PUBLIC", "directly" */
	const char *given;      /* "users.yaml:12 (3f9a2c1)", "by hand", "PostgreSQL's default" */
	const char *note;       /* "without effect: needs USAGE on schema shop", "" */
	bool hand, idle;        /* by hand; without effect */
};

/* In `mem`; the number of rows. */
size_t access_rows(const json_t *items, bool every_object, struct arena *mem, struct access_row **rows);

/* "analyst > readers" */
const char *access_via(const json_t *item, struct arena *mem);
