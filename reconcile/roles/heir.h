/*
 * heir.h - who gets what a user owned that goes (internal to the room)
 *
 * What runs with its owner's rights (an index's expression in autovacuum, a view, a SECURITY DEFINER function) must never get an owner
 * with more rights than the user had, and a function on which others build must not become replaceable by more people. So
 * the heir is a role made for this one removal: NOLOGIN, without attributes, members and memberships. It is called
 * pgitops_left_NAME_OID, NAME shortened to what 63 bytes leave, OID that of the user, so that nobody of the same name
 * meets it later. It is not shared by a database's users: the second one's functions would run over the first one's data. Its
 * rights are what the user owned, in all databases; people give that on with REASSIGN OWNED and drop it.
 *
 * The agent file, never Git, may name another heir for data (retirement.reassignOwnedTo). Nothing that carries code or an
 * expression is given to that one.
 */
#pragma once

#include "reconcile/roles/planner.h"

#define HEIR_PREFIX "pgitops_left_"

struct heir {
	const char *name;
	bool own;    /* made for this removal */
	bool exists; /* no need to make it */
};

/* False with a reason in the report when nobody may inherit: the user stays locked out. */
bool heir_find(struct planner *planner, const struct role *role, struct role_report *report, struct heir *heir);

/* The name of the role that is made for this one. In `mem`. */
const char *heir_name(const struct role *role, struct arena *mem);
