/*
 * postgresql_internal.h - what the questions about a changed `postgresql` have in common (internal to postgresql_*.c)
 */
#pragma once

#include "reconcile/kubernetes/postgresql.h"

struct refusals {
	const json_t *wanted;
	const json_t *live; /* NULL = it does not exist yet */
	struct arena *mem;
	const char **items;
	size_t count;
};

/* No annotation allows this one. */
void refuse(struct refusals *refusals, const char *reason);

/* Unless the annotation pgitops.dev/allow of the wanted object has this word, which is said. */
void refuse_unless(struct refusals *refusals, const char *word, const char *reason);

/* postgresql_users.c: names and flags of spec.users */
void refuse_users(struct refusals *refusals);

/* postgresql_gone.c: what is taken out of spec, and what nobody would make */
void refuse_gone(struct refusals *refusals);
