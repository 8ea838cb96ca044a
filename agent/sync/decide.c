/*
 * pass_decide.c - whether to sync now, and what the last sync means for the next one: retries, self-healing, their back-off
 */
#include "agent/sync/pass.h"

#include <string.h>

#include "base/clock.h"

/* Self-healing waits longer each time somebody undoes it: 0, 1, 2, 4 ... 60 s; ten quiet minutes start anew. */
enum { HEAL_FIRST = 1000, HEAL_LONGEST = 60000, HEAL_FORGET = 600000 };

static bool is_new_commit(const struct app *app)
{
	return strcmp(app->commit, app->tried_commit) != 0;
}

static bool due(int64_t when)
{
	return clock_steady() >= when;
}

/* The last try of this commit failed: the same again after a growing wait. */
static bool retry_is_due(const struct app *app)
{
	if (app->spec.retry_limit >= 0 && app->attempts > app->spec.retry_limit && !app->spec.self_heal)
		return false;
	return due(app->next_try);
}

static bool heal_is_due(struct app *app)
{
	if (due(app->last_heal + HEAL_FORGET))
		app->heals = 0;
	return due(app->next_heal);
}

/* Nothing differs: the commit counts as synced without an operation, as in Argo CD. */
void pass_settle(struct pass *pass)
{
	struct app *app = pass->app;
	if (strcmp(app->synced_commit, app->commit) == 0 && app->last_phase != SYNC_FAILED)
		return;
	memcpy(app->synced_commit, app->commit, sizeof(app->synced_commit));
	memcpy(app->tried_commit, app->commit, sizeof(app->tried_commit));
	app->last_phase = SYNC_SUCCEEDED;
	app->attempts = 0;
}

static bool will_write(const struct pass *pass, bool prune)
{
	if (pass->to_write)
		return true;
	for (size_t i = 0; prune && i < pass->plan.count; i++)
		if (pass->plan.steps[i].action == PLAN_PRUNE)
			return true;
	return false;
}

bool pass_decide(struct pass *pass, struct sync_request *automatic)
{
	struct app *app = pass->app;
	bool prune = app->spec.prune;

	if (!app->spec.automated)
		return false;
	*automatic =
		(struct sync_request){.automated = true, .prune = prune, .by = "automated", .rollback_id = -1};
	if (is_new_commit(app))
		return will_write(pass, prune);
	if (app->last_phase == SYNC_FAILED)
		return will_write(pass, prune) && retry_is_due(app);
	automatic->heal = true;
	return app->spec.self_heal && will_write(pass, prune) && heal_is_due(app);
}

bool pass_commit_was_tried(const struct pass *pass)
{
	return !is_new_commit(pass->app);
}

/* What the next pass has to know: was it this commit, did it work, when to try again. */
void pass_remember(struct pass *pass, const struct sync_request *request, bool failed)
{
	struct app *app = pass->app;
	bool same = strcmp(app->tried_commit, app->commit) == 0;
	double wait = (double)app->spec.retry_duration;

	if (pass->busy && !failed)
		return; /* the rest of this commit follows: it is still new */
	memcpy(app->tried_commit, app->commit, sizeof(app->tried_commit));
	if (request->heal && !failed) {
		app->next_heal = clock_steady() +
			(app->heals ? HEAL_FIRST << (app->heals < 6 ? app->heals - 1 : 6) : 0);
		if (app->next_heal > clock_steady() + HEAL_LONGEST)
			app->next_heal = clock_steady() + HEAL_LONGEST;
		app->heals++;
		app->last_heal = clock_steady();
		return;
	}
	if (!failed) {
		app->last_phase = SYNC_SUCCEEDED;
		app->attempts = 0;
		memcpy(app->synced_commit, app->commit, sizeof(app->synced_commit));
		return;
	}
	app->last_phase = SYNC_FAILED;
	app->attempts = same ? app->attempts + 1 : 1;
	for (int64_t i = 1; i < app->attempts && wait < (double)app->spec.retry_max; i++)
		wait *= app->spec.retry_factor;
	if (wait > (double)app->spec.retry_max)
		wait = (double)app->spec.retry_max;
	app->next_try = clock_steady() + (int64_t)wait;
}
