/*
 * postgresql_internal.h - what the questions about a changed `postgresql` have in common (internal to postgresql_*.c)
 */
#pragma once

#include "reconcile/kubernetes/postgresql.h"

struct refusals {
	const json_t *wanted;
	const json_t *live;                       /* NULL = it does not exist yet */
	const struct operator_settings *settings; /* NULL = not asked for */
	struct arena *mem;
	const char **items;
	size_t count;
};

/* No annotation allows this one. */
void refuse(struct refusals *refusals, const char *reason);

/* Unless the annotation pgitops.dev/allow of the wanted object has this word, which is said. */
void refuse_unless(struct refusals *refusals, const char *word, const char *reason);

/* postgresql_version.c: another version of PostgreSQL */
void refuse_version(struct refusals *refusals);

/* The annotation pgitops.dev/allow of the wanted object has this word. */
bool refusals_allow(const struct refusals *refusals, const char *word);

/* postgresql_users.c: names and flags of spec.users */
void refuse_users(struct refusals *refusals);

/* postgresql_gone.c: what is taken out of spec, and what nobody would make */
void refuse_gone(struct refusals *refusals);

/* ---- what the operator has said of an object, and when ---- */

#define SECONDS INT64_C(1000000)
#define POSTGRESQL_STALE (12 * 60 * SECONDS)   /* longer than the operator's own resource_check_timeout */
#define POSTGRESQL_PATIENCE (2 * 60 * SECONDS) /* an idle operator takes a change up within a second */
#define POSTGRESQL_RESYNCED                                                                                  \
	(35 * 60 * SECONDS) /* the periodic sync (30 min) has applied whatever it missed */

int64_t postgresql_reported(const json_t *object); /* microseconds; 0 = not known */
int64_t postgresql_written(const json_t *object);
bool postgresql_working(const char *status);

/* Its status is about the spec that was written then. */
bool postgresql_taken_up(const json_t *object, int64_t written, bool seen_busy, int64_t now);

/* A Kubernetes quantity as a number; -1 when it is none. */
double postgresql_quantity(const char *text);
