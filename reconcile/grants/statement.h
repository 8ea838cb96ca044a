/*
 * statement.h - changes of privileges as SQL (internal to the room)
 */
#pragma once

#include "base/buf.h"
#include "reconcile/grants/grants.h"

enum change_kind { CHANGE_REVOKE, CHANGE_REVOKE_OPTION, CHANGE_GRANT };

/* A privilege to be given or taken, and then all such of one role on one object: `privileges` joins them. */
struct change {
	enum change_kind kind;
	const struct grant *grant;
	const char *privileges;
	const char *grantor; /* to be taken by; "" = the owner */
	unsigned depth;      /* how many described roles stand behind it: chain_depth() */
	bool lends; /* to the grantor, who may not give it any more, the option, for as long as his REVOKE takes */
};

/* Privileges on one object become one change; sorted so that what may stand in one statement is beside each other. How many are left. */
size_t statement_join(struct change *changes, size_t count, struct arena *mem);

/* May both stand in one statement: of one role, the same privileges on objects of one kind, from one grantor? */
bool statement_joins(const struct change *first, const struct change *next);

/* All but the role of so many of a step's changes, from `first` on: "GRANT SELECT ON TABLE a, b TO ", and what stands behind it. In `mem`.
   False = it is too long. */
bool statement_around(const struct grants_step *step, size_t first, size_t count, struct arena *mem,
	const char **head, const char **tail);

/* Statements in what statement_sql() makes of changes like this. */
size_t statement_count(const struct change *change);

/* The same with the role. In `mem`; "" = it is too long. */
const char *statement_sql(const struct grants_step *step, size_t first, size_t count, struct arena *mem);
