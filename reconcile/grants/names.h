/*
 * names.h - names of roles and schemas as the catalogs are asked for them (internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "reconcile/grants/grants.h"
#include "reconcile/postgres/session.h"

/* A role that this pass renames: by what the catalogs call it now, and by what users.yaml calls it. NULL stays NULL. */
const char *names_before(const struct grants_wanted *wanted, const char *name);
const char *names_afterwards(const struct grants_wanted *wanted, const char *name);

#define NAMES_FOREIGN "22021" /* character_not_in_repertoire */

/*
 * Names whose bytes the encoding of the database that is asked does not have (EUC_JP and others of several bytes a character): the server
 * refuses a whole message for one of them, and nothing there has such a name. Sorted.
 */
struct names_mute {
	const char **items;
	size_t count;
};

bool names_is_mute(const struct names_mute *mute, const char *name);

/* After a refusal: the server is asked about each name beyond ASCII of what is wanted in the database, and of all roles. False when there is
   none, or the connection is lost. */
bool names_find_mute(struct session *session, PGconn *conn, const struct grants_wanted *wanted,
	const char *database, struct arena *mem, struct names_mute *mute) MUST_CHECK;

/* Appends 'a', 'b' to what is in `list`, without what is mute. */
void names_print(const struct names_mute *mute, const char *const *names, size_t count, struct arena *mem,
	struct buf *list);

/* The same in `mem`; "NULL" for none. */
const char *names_list(
	const struct names_mute *mute, const char *const *names, size_t count, struct arena *mem);

/* Of all roles that are described, and of those who leave. */
const char *names_roles(const struct grants_wanted *wanted, const struct names_mute *mute, struct arena *mem);
