/*
 * applier.h - what carrying out a plan shares with retirement (internal to the room)
 */
#pragma once

#include "reconcile/postgres/session.h"
#include "reconcile/roles/roles.h"

/* Said in a message of its own, since a message's own SETs come too late for its own log line (postgres-roles.md 3.6). */
/* Who is no superuser sets what it was granted, since 15; "" = nothing. What stays loud is told as a warning (rights.h): a verifier is no
   password, but whoever reads it can guess at one for as long as they like. */
const char *applier_silence(int version, bool plain, size_t *statements);

struct applier {
	struct session *session;
	struct roles_plan *plan;
	struct arena *mem;
	bool *stopped;       /* parallel to plan->reports: no further step for this user */
	bool *kept;          /* the same: not dropped in this pass */
	unsigned lock_waits; /* messages that ended at lock_timeout */
};

/* Do both become one statement? head, user, user, tail. */
bool applier_joins(const struct role_step *step, const struct role_step *next);

bool applier_is_stopped(const struct applier *applier, const struct role_step *step);

void applier_done(struct applier *applier, struct role_step *step);

/* `stop`: the user's later steps make no sense now. A user that is going is Retiring, any other Degraded. */
void applier_fail(struct applier *applier, struct role_step *step, const struct error *error, bool stop);

/* After the steps that make the agent's own table or take it over. Without it no later step could say what it did: false when one has
   failed, and every step that is left has its error. */
bool record_is_done(struct applier *applier, struct role_step **queue, size_t count);

/* Carries out the ROLE_END steps from `first` to `end`. False when the connection is lost. */
bool retire_end_sessions(struct applier *applier, size_t first, size_t end, struct error *err) MUST_CHECK;

/* Carries out the ROLE_CREATE_DATABASE or ROLE_EXTEND steps from `first` to `end` (databases.h). False when a connection to the server
   cannot be had or is lost while a database is made. */
bool databases_create(struct applier *applier, size_t first, size_t end, struct error *err) MUST_CHECK;
void databases_extend(struct applier *applier, size_t first, size_t end);

/* Gives away what they own, in each database. False when the session's own connection is lost. */
bool retire_databases(struct applier *applier, struct error *err) MUST_CHECK;
