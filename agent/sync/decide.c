/*
 * decide.c - whether to sync now, and what the last sync means for the next one: self-healing and its back-off
 */
#include "agent/sync/pass.h"

#include <string.h>

#include "base/clock.h"

/* Self-healing waits longer each time somebody undoes it: 0, 1, 2, 4 ... 60 s; ten quiet minutes start anew. */
enum { HEAL_FIRST = 1000, HEAL_LONGEST = 60000, HEAL_FORGET = 600000 };

static bool is_new_target(const struct pass *pass)
{
	char target[TARGET_SIZE];
	content_target(pass->content, target);
	return strcmp(target, pass->app->tried) != 0;
}

static bool due(int64_t when)
{
	return clock_steady() >= when;
}

static bool heal_is_due(struct app *app)
{
	if (due(app->last_heal + HEAL_FORGET))
		app->heals = 0;
	return due(app->next_heal);
}

/* Nothing differs: the target counts as synced without an operation, as in Argo CD. */
void pass_settle(struct pass *pass)
{
	struct app *app = pass->app;
	char target[TARGET_SIZE];
	content_target(pass->content, target);
	if (strcmp(app->synced, target) == 0 && app->last_phase != SYNC_FAILED)
		return;
	app_set_synced(app, pass->content);
	memcpy(app->tried, target, sizeof(target));
	app->last_phase = SYNC_SUCCEEDED;
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

/* A failed target is tried again by its operation (retry); when that has given up, only selfHeal goes on, at leisure. */
bool pass_decide(struct pass *pass, struct sync_request *automatic)
{
	struct app *app = pass->app;
	bool prune = app->spec.prune;

	if (!app->spec.automated)
		return false;
	*automatic =
		(struct sync_request){.automated = true, .prune = prune, .by = "automated", .rollback_id = -1};
	if (is_new_target(pass))
		return will_write(pass, prune);
	if (app->last_phase == SYNC_FAILED)
		return app->spec.self_heal && will_write(pass, prune) && due(app->next_try);
	automatic->heal = true;
	return app->spec.self_heal && will_write(pass, prune) && heal_is_due(app);
}

void pass_remember(struct pass *pass, const struct sync_request *request, bool failed)
{
	struct app *app = pass->app;
	int64_t now = clock_steady();

	if (!request->resource_count)
		content_target(pass->content, app->tried);
	if (failed) {
		app->last_phase = SYNC_FAILED;
		app->next_try = now + app->spec.retry_max;
		return;
	}
	if (request->heal) {
		app->next_heal = now + (app->heals ? HEAL_FIRST << (app->heals < 7 ? app->heals - 1 : 6) : 0);
		if (app->next_heal > now + HEAL_LONGEST)
			app->next_heal = now + HEAL_LONGEST;
		app->heals++;
		app->last_heal = now;
		return;
	}
	if (request->resource_count)
		return;
	app->last_phase = SYNC_SUCCEEDED;
	app_set_synced(app, pass->content);
}
