/*
 * databases.h - databases that a users.yaml of version 2 lists: what may be said of one, and what a pass makes of it
 *
 *   databases:
 *     - name: app
 *       owner: app_owner              # a user or group of the list, or a role that exists; absent = left as it is
 *       comment: "the shop"           # absent = left as it is, "" = none
 *       revokePublicConnect: true     # absent or false = left as it is
 *       extensions: [pgcrypto, {name: citext, schema: shop}]
 *       encoding: UTF8                # these two only when it is made; absent = as template1 has it
 *       locale: C.UTF-8
 *       ensure: present
 *
 * A database that is missing is made; owner, comment and PUBLIC's CONNECT that differ are drift, and mended. Databases have no mark of
 * ours: nothing is ever taken from one that is not listed, and none is dropped, listed before or not, `ensure: absent` being a
 * mistake. A line that goes by accident must not cost data.
 *
 * CREATE DATABASE is a transaction of its own on a connection that waits long enough (before 15 it waits for checkpoints). A crash in
 * the middle leaves no database, or one with its owner; what is missing from it is drift in the next pass. What cannot be altered
 * (encoding, locale) is told. Encoding or locale of its own needs template0, as nothing in it is of another encoding.
 *
 * The owner is never a superuser or a protected role: whoever is a member of the owner may drop the database, and in 15 and later
 * make functions in its schema public, which no superuser should be seen to have written. A database that belongs to a protected
 * role is not taken from it, but where that is a superuser, as after a CREATE DATABASE by hand.
 *
 * Only CONNECT is taken from PUBLIC: without it TEMPORARY is of no use. It is taken after the listed users have theirs.
 *
 * Extensions are made by the agent's own role, each in a transaction of its own, without CASCADE, in the order of the list. Of those
 * that only a superuser may make, the ones that the server calls trusted are allowed, as its database's owner could make them, too;
 * any other is a way to the rights of a superuser, and needs `policy.allowExtensions` of the agent file. One that is there already is
 * left as it is, in whatever version. One that leaves the list stays: its types and functions are in use.
 * Schemas are not made: which role owns one is not said here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct wanted_extension {
	const char *name;
	const char *schema; /* NULL = its own, or public */
};

struct wanted_database {
	const char *name;
	const char *owner;                   /* NULL = as it is */
	const char *comment;                 /* NULL = as it is */
	const char *encoding, *locale;       /* NULL = as template1 has it */
	bool closed;                         /* PUBLIC may not connect */
	struct wanted_extension *extensions; /* in the order of the list; unique */
	size_t extension_count;
	int line, column; /* in the file, as in struct user */
};
