/*
 * danger.h - privileges that make a superuser of whoever gets them, which only the server can know (internal to the room)
 *
 * What is dangerous depends on who owns the object, so it is asked with the objects. An owner is mighty who is a superuser, may run the
 * server's programs or read or write its files, may make roles before PostgreSQL 16, or is a member of such a role. Then
 *
 *   TRIGGER, REFERENCES    on a table: a trigger of the member's runs as whoever writes; a foreign key's check runs as the table's owner,
 *                          with the casts of the member's own type
 *   INSERT, UPDATE, DELETE on a table of an extension (cron.job, part_config: what stands there is run), or on a view of catalogs
 *   EXECUTE                on a function that runs as its owner, or of a language that reaches the server, closed to PUBLIC
 *   CREATE                 on a schema that a mighty role's or such a function's search_path names, or that is called as a mighty role is
 *   USAGE                  on a foreign server where PUBLIC's user mapping names a superuser
 *
 * are not given from Git unless the agent file's policy.allowGrants names them, "PRIVILEGE DATABASE.SCHEMA.NAME", a glob. The object's
 * other privileges are: in small installations postgres owns the tables. Who names such a privilege on such an object is told
 * no; who means many at once (ALL, "*") gets the rest, and a warning. What is there already stays: a superuser gave it by hand, and the list may say so.
 *
 * Not refused: CREATE on the database, and on a schema of the database's own search_path or public, which every member of every team had until
 * PostgreSQL 15. Superusers there write names in full.
 */
#pragma once

#include "base/buf.h"
#include "reconcile/grants/names.h"
#include "reconcile/grants/present.h"

/* Of the cluster: one row for each mighty role. */
extern const char danger_roles_query[];

/* Rows of kind, schema, name, arguments, what is dangerous, for objects of the schemas that are wanted. */
void danger_query(const struct grants_wanted *wanted, const char *database, const struct names_mute *mute,
	struct arena *mem, struct buf *sql);

/* Why it is not to be given, for people, or NULL. In `mem`. */
const char *danger_of(const struct grants_present *present, const struct grants_wanted *wanted,
	const struct grant *grant, struct arena *mem);

/* It may be dangerous on a table, and this one was not there to be looked at: an extension of this very pass may make it. */
bool danger_is_unknown(const struct grants_present *present, const struct grant *grant);

/* "TRIGGER app.shop.orders": what policy.allowGrants is to match. In `mem`. */
const char *danger_word(const struct grant *grant, struct arena *mem);

/* A warning of what was left out of many; those of one role and database share it. */
struct danger_left {
	const struct grant *grant;
	const char *why;
};
void danger_warn(const struct danger_left *left, size_t count, struct arena *mem, struct grants_plan *plan);
