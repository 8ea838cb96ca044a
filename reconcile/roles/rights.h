/*
 * rights.h - what an agent whose role is no superuser may do (internal to the room)
 *
 * Managed services give nobody a superuser. With CREATEROLE alone (postgres-roles.md 3.1, measured on 13 to 18):
 *
 *   before 16   every role that is no superuser may be altered, granted and dropped, by every role with CREATEROLE
 *   since 16    those on which the agent has ADMIN OPTION: all that it made, and those it was given; memberships are taken back only
 *               by who granted them, or with that role's rights
 *   always      what others own stays theirs: GRANT on it only warns, and changes nothing
 *
 * So each question is asked before there is a step, and a no is told with the statement that would make it a yes. A superuser is asked
 * nothing: `planner->rights` is NULL then.
 *
 * What this means for the agent's table (managed.h): it belongs to the agent's role, and whoever may become that role may write it. Before
 * 16 that is everybody with CREATEROLE, who may do all that the agent may anyway; since 16 whoever is a member of the role. Both are told
 * by name, as warnings.
 */
#pragma once

#include "reconcile/roles/planner.h"

struct rights {
	const struct role *self;
	bool *admin;   /* parallel to the roles: it has ADMIN OPTION on this one */
	bool *uses;    /* ... it has the privileges of this one */
	bool *becomes; /* ... SET ROLE to this one succeeds */
};

/* Has the member the privileges of the role by this row? Before 16 the member's own INHERIT decides. */
bool rights_inherits(const struct planner *planner, const struct membership *row);

/* NULL for a superuser. */
struct rights *rights_of(struct planner *planner);

/* Why this role may not be altered, commented on, granted or dropped, with the remedy; NULL = it may. */
const char *rights_problem(const struct planner *planner, const struct role *role);

/* May this role of ours be changed? Tells why not, with this status. */
bool rights_change(struct planner *planner, const struct role *role, struct role_report *report,
	enum user_status status, const char *before);

/* Why an attribute may not be given or taken ("replication"), with the remedy; NULL = it may. */
const char *rights_attribute_problem(const struct planner *planner, const char *name, const char *field);
bool rights_set(struct planner *planner, const struct wanted_user *wanted, const char *field);

/* Has it an attribute that makes it a danger to whoever may become it, and that the agent cannot take away? */
bool rights_leaves_danger(const struct planner *planner, const struct role *role);

/* May a role be granted to this member; may this row be taken from it? Tell why not. `role` NULL = it is made by this plan. */
bool rights_grant(struct planner *planner, const struct member *member, const struct role *role);
bool rights_revoke(
	struct planner *planner, const struct member *member, const struct membership *row, const char *what);

/* May CONNECT be given there, or this entry be taken away? Tell why not. `as_grantor`: by who gave it, in whose name the agent says so. */
bool rights_grant_connect(
	struct planner *planner, const struct wanted_user *wanted, const struct database *database);
bool rights_revoke_connect(struct planner *planner, const struct wanted_user *wanted,
	const struct database *database, const struct connect_grant *row, bool *as_grantor);

/* ALTER ROLE ... of a user that is locked out. In `planner->mem`. */
const char *rights_lock_clauses(struct planner *planner, const struct role *role);

/* What a statement needs that takes the privileges of these roles. */
struct rights_loan rights_borrow(struct planner *planner, const char *const *names, size_t count);

/* The same, where it is first to be asked whether they may be had: false tells why not of this statement, unless
   it is NULL. */
bool rights_borrow_owners(struct planner *planner, const char *const *names, size_t count, const char *sql,
	struct role_report *report, struct rights_loan *loan);

/* The same, of those whose sessions are ended. */
struct rights_loan rights_borrow_sessions(struct planner *planner, const char *const *names, size_t count);

/* What holds for as long as the agent is no superuser, as warnings. */
void rights_warn(struct planner *planner);
