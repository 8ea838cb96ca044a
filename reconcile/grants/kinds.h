/*
 * kinds.h - the kinds of objects that privileges are for (internal to the room)
 *
 * Privileges by kind: PostgreSQL documentation 5.8, table 5.2.
 */
#pragma once

#include "reconcile/grants/grants.h"

enum { GRANT_MOST_PRIVILEGES = 8 };

struct grant_kind {
	const char *word;     /* in users.yaml; NULL = it cannot name them */
	const char *sql;      /* GRANT ... ON `sql` name; of default privileges: GRANT ... ON `sql` */
	const char *singular; /* for people */
	char defaults;        /* pg_default_acl.defaclobjtype; 0 = no default privileges */
	bool in_schema;
	struct {
		const char *name;
		int since; /* 170000; 0 = always */
	} privileges[GRANT_MOST_PRIVILEGES + 1];
};

extern const struct grant_kind grant_kinds[GRANT_KINDS];
