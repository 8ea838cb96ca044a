/*
 * retire_sql.h - the SQL that empties a role in one database (internal to the room)
 *
 * One message and one transaction: look whether anything is in the way, REASSIGN OWNED, look that nothing is owned any more, DROP
 * OWNED. A check that finds something ends the transaction: it makes a number of a text, which fails and has the text in the
 * error, so that the same statements stop psql and the agent, and no language has to be there. DROP OWNED is reached only
 * where nothing is owned: what it then takes are privileges, default privileges and user mappings.
 *
 * A superuser locks pg_shdepend in between, so that nobody makes anything for the user from the last look to the end. Others may not:
 * then nobody but the agent may be a member of the user, whose own sessions have ended, and so nobody can make anything for it. And
 * DROP OWNED only warns of privileges on what belongs to others: those are looked for after it, and named with their owner.
 */
#pragma once

#include "base/arena.h"

/* What a check's text begins with, and the error that shows it. */
#define RETIRE_STOPS "pgitops stops here: "
#define RETIRE_STOPS_STATE "22P02"

struct retirement {
	const char *user;
	const char *heir;        /* NULL = nothing is owned in this database */
	bool own_heir;           /* made for this removal: it may get code, too */
	const char **heir_roles; /* as of the policy */
	size_t heir_role_count;

	/* Of an agent without superuser; else NULL. */
	const char *self;           /* its role */
	const char *before, *after; /* make it a member of both for the moment (rights.h) */
	size_t loan_statements;
	int version; /* 150020 */
};

/* From BEGIN to COMMIT, a statement a line or several; how many there are. In `mem`. */
const char *retire_sql(const struct retirement *retirement, struct arena *mem, size_t *statements);

/* What a check said, out of the text of the error; NULL = it was none of ours. In `mem`. */
const char *retire_stop(const char *error, struct arena *mem);
