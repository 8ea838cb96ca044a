/*
 * operator.h - which roles the Zalando operator looks after, by what it leaves in the database (internal to the room)
 *
 * It marks nothing (zalando-operator.md 3.4), but in each of its clusters Spilo makes a role `admin` that does not log in and is in
 * `cron_admin`, and only there is anything of this believed:
 *
 *   a user of a `postgresql` object, an owner of preparedDatabases   `admin` has it WITH ADMIN OPTION, by a superuser
 *   NAME_reader, NAME_writer of preparedDatabases                    NAME_owner has it WITH ADMIN OPTION, and is such an owner
 *   NAME_owner_user, NAME_reader_user, NAME_writer_user              is in the role without _user, which is one of those
 *   people of its teams                                              in `zalandos`
 *
 * Where the agent file names the `postgresql` object, what that lists is believed before anything of the database is: those users may be on
 * their way.
 *
 * Every pass of the operator's writes their passwords, attributes and memberships again. So they are never taken over, not even when a
 * person says so, and are told by name where users.yaml lists one; a database that belongs to one keeps its owner. To be a
 * member of one is fine: those grants it leaves alone. Roles that are known by their name alone are in policy.c.
 */
#pragma once

#include "reconcile/roles/present.h"

/* Where in the manifest this role stands, for a message; NULL = nowhere. In `mem`. */
const char *operator_lists(const struct roles_present *present, const char *role, struct arena *mem);

/* How it is known to be the operator's, for a message; NULL = it is not. */
const char *operator_claim(const struct roles_present *present, const struct role *role, struct arena *mem);

/* What is said to who lists such a role as a user; `claim` from above. In `mem`. */
const char *operator_refusal(const char *claim, struct arena *mem);
