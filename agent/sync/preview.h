/*
 * preview.h - what a commit, a branch or a tag would change: the objects of an Application, and the users of its databases
 *
 * A preview reads the content of its revision (struct lookup), compares it as a pass does, stops there, and lets a users pass plan the
 * users of that content. Nothing is recorded and nothing that the next pass decides on is touched: it may be asked at any time, also
 * while an operation is at work. The answer is the result of its operation in the store: {"items": [...]} as view_application_diff()
 * has them, "users": [...] as the items of a users plan, "reason" where the objects were not compared. One preview of an Application
 * is at work at a time, the others wait. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"

struct database; /* users/users_pass.h */
struct pass;     /* sync/pass.h */

/*
 * The comparison alone, of the pass's agent, app and content into the rest of it: as a pass does it, up to the point where something would
 * be done. ERROR_RETRY = its lists are not there yet. An agent that does not run needs its config, store, projects, cluster and apps.
 */
bool preview_compare(struct pass *pass, struct error *err) MUST_CHECK;

/* Its answer goes to `operation`. Which revision is asked for says `request`, which is the preview's from here on. Only the users of
   one database, or everything where that is NULL. Refused when too many wait. */
bool preview_ask(struct app *app, int64_t operation, struct sync_request *request,
	const struct database *only, struct error *err) MUST_CHECK;

/* Carries on what can be carried on now: at each turn of the reconciler. */
void previews_run(struct agent *agent);

/* The Application goes away: those that wait are answered. */
void previews_end(struct agent *agent, struct app *app, const char *why);

void previews_free(struct app *app);
