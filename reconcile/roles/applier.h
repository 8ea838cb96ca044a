/*
 * applier.h - what carrying out a plan shares with retirement (internal to the room)
 */
#pragma once

#include "reconcile/postgres/session.h"
#include "reconcile/roles/roles.h"

struct applier {
	struct session *session;
	struct roles_plan *plan;
	struct arena *mem;
	bool *stopped;       /* parallel to plan->reports: no further step for this user */
	bool *kept;          /* the same: not dropped in this pass */
	bool sessions_ended; /* those of the users that go */
	unsigned lock_waits; /* messages that ended at lock_timeout */
};

struct role_report *applier_report(struct applier *applier, const char *user);
bool applier_is_stopped(const struct applier *applier, const struct role_step *step);

void applier_done(struct applier *applier, struct role_step *step);

/* `stop`: the user's later steps make no sense now. A user that is going is Retiring, any other Degraded. */
void applier_fail(struct applier *applier, struct role_step *step, const struct error *error, bool stop);

/* After the steps that make the agent's own table or take it over. Without it no later step could say what it did: false when one has
   failed, and every step that is left has its error. */
bool record_is_done(struct applier *applier, struct role_step **queue, size_t count);

/* Ends the sessions of the users that go, once in a pass. False when the connection is lost. */
bool retire_end_sessions(struct applier *applier, struct error *err) MUST_CHECK;

/* Gives away what they own, in each database. False when the session's own connection is lost. */
bool retire_databases(struct applier *applier, struct error *err) MUST_CHECK;
