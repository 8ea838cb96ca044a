#include "agent/sync/pass.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "agent/events/series.h"
#include "agent/sync/checks.h"
#include "agent/sync/deletion.h"
#include "agent/sync/finish.h"
#include "agent/sync/nudge.h"
#include "agent/sync/operation.h"
#include "agent/sync/pin.h"
#include "agent/sync/reasons.h"
#include "agent/sync/recall.h"
#include "agent/sync/unseal.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

enum {
	STORE_PAUSE = 5000,   /* milliseconds until a store that could not be read is asked again */
	CALM_FOR = 60000,     /* from one full comparison to the next where nothing happens */
	PASS_LONGEST = 15000, /* what falls due by the clock (polls, databases) waits no longer than this */
	PROGRESS_PAUSE =
		10000 /* between two looks at a sync of thousands: the status of it costs as much as a hundred writes */
};

/* What is wrong before anything is compared. */
static void source_conditions(struct pass *pass)
{
	const struct app *app = pass->app;
	for (size_t i = 0; i < app->spec.spec_error_count; i++)
		pass_condition(pass, "InvalidSpecError", app->spec.spec_errors[i]);
	for (size_t i = 0; i < app->spec.warning_count; i++)
		pass_condition(pass, "AnnotationWarning", app->spec.warnings[i]);
	for (size_t i = 0; i < app->source_count; i++)
		if (app->sources[i].repository->error.kind != ERROR_NONE)
			pass_condition(pass, "ComparisonError", app->sources[i].repository->error.text);
	if (app->broken)
		pass_condition(pass, "ComparisonError", app->broken);
	if (app->content && app->content->warnings)
		pass_condition(pass, "SourceWarning", app->content->warnings);
	if (app->content && app->content->repeated)
		pass_condition(pass, "RepeatedResourceWarning", app->content->repeated);
}

bool pass_may_touch(const struct pass *pass, const struct object_key *key, const char **why)
{
	return permission_object(pass->agent, pass->app, pass->project, key, pass->mem, why);
}

bool pass_may_take(const struct pass *pass, const struct live *live, const char **why)
{
	return permission_live(pass->agent, pass->app, live, pass->mem, why);
}

const char *pass_refused_content(struct pass *pass, const struct object *object)
{
	struct mistakes refused = {.mem = pass->mem}, warned = {.mem = pass->mem};
	const char *why = NULL;
	permission_content(pass->agent, pass->app, object, &refused, &warned);
	for (size_t i = 0; i < warned.count; i++)
		pass_condition(pass, "PowerWarning", mistake_text(&warned.items[i], pass->mem));
	for (size_t i = 0; i < refused.count; i++)
		why = arena_join(pass->mem, why, "; ", refused.items[i].text);
	return why;
}

static bool is_allowed(struct pass *pass)
{
	const char *why = NULL;
	pass->project = permission_project(pass->agent, pass->app, pass->mem, &why);
	if (!pass->project)
		pass_condition(pass, "InvalidSpecError", why);
	for (size_t i = 0; pass->project && i < pass->project->warning_count; i++)
		pass_condition(pass, "ProjectWarning",
			arena_printf(pass->mem, "AppProject \"%s\": %s", pass->project->name,
				pass->project->warnings[i]));
	return pass->project;
}

static bool cluster_is_there(const struct agent *agent)
{
	return agent->cluster && !*agent->cluster_trouble;
}

bool pass_cluster_answers(const struct agent *agent, struct error *why)
{
	if (!cluster_is_there(agent))
		return error_set(why, ERROR_RETRY, "waiting for the cluster: %s",
			*agent->cluster_trouble ? agent->cluster_trouble : "not connected yet");
	/* It has not answered for a while: what is known of it is old, and nothing is decided on it. */
	return !agent_cluster_stale(agent, why);
}

static bool cluster_answers(struct pass *pass)
{
	struct error why;
	if (pass_cluster_answers(pass->agent, &why))
		return true;
	pass_condition(pass, "ComparisonError", why.text);
	return false;
}

static bool compared(struct pass *pass)
{
	if (!pass_compare(pass)) {
		pass->complete = false;
		pass_record_compared(pass);
		return false;
	}
	if (!arena_full(pass->mem))
		return true;
	pass->complete = false;
	pass_condition(pass, "ComparisonError",
		arena_printf(pass->mem, "comparing this Application needs more than %ld MiB of memory: split it",
			LIMIT_PASS_MEMORY >> 20));
	return false;
}

/* A commit that cannot be used keeps the last good one in force; but who asks for the newest does not get something older. */
static bool wish_is_blind(const struct pass *pass)
{
	const struct app *app = pass->app;
	return app->asked && !app->operation && !pin_names_content(app, app->asked) &&
		(app->broken || app_source_error(app));
}

static void run(struct pass *pass)
{
	struct agent *agent = pass->agent;

	/* What projects there are is known with the cluster. */
	bool there = !agent->cluster_on || cluster_is_there(agent);

	source_conditions(pass);
	if (deletion_is_wanted(pass->app) && agent->cluster_on) {
		deletion_run(pass);
	} else if (pass->app->spec.spec_error_count || (there && !is_allowed(pass)) || !pass->content) {
		operation_run_blind(pass);
	} else if (!agent->cluster_on) {
		pass_standalone(pass);
	} else if (cluster_answers(pass) && pass_observe(pass) && compared(pass)) {
		pass_record_compared(pass);
		reasons_find(pass);
		if (wish_is_blind(pass))
			operation_run_blind(pass);
		else
			operation_run(pass);
		nudge_run(pass);
		unseal_run(pass);
	} else if (!pass->more) {
		operation_run_blind(pass);
	}
	bool news = pass->ended.due || clock_steady() >= pass->app->stored + PROGRESS_PAUSE;
	bool tells = !pass->more || (pass->complete && news);
	if (pass->ended.due)
		operation_record(pass, tells);
	else if (tells)
		pass_record_status(pass);
	if (tells)
		pass_answer_refresh(pass);
}

void pass_look_again(struct pass *pass, int64_t when)
{
	if (!pass->look_again || when < pass->look_again)
		pass->look_again = when;
}

static void count_pass(const struct app *app, int64_t started)
{
	metric_add(METRIC_PASSES, 1);
	metric_add(METRIC_PASS_MILLISECONDS, (uint64_t)(clock_steady() - started));
	const char *const labels[] = {app->spec.namespace, app->spec.name};
	series_observe(SERIES_RECONCILE, labels, (double)(clock_steady() - started) / 1000);
}

/* Git says that nothing is new, and whatever moves in the cluster makes the Application dirty: a pass would compare thousands of
   objects to find what the last one found. Once in CALM_FOR it does, and the store has the time of it. */
static bool stays_calm(struct app *app, int64_t now)
{
	bool calm = app->calm && !app->dirty && app->polled && !app->asked && !app->operation &&
		app->refresh == REFRESH_IDLE && !(app->look_again && now >= app->look_again) &&
		now < app->stored + CALM_FOR;
	if (calm)
		app->reconciled = clock_now();
	return calm;
}

bool pass_goes_on(struct pass *pass)
{
	int64_t now = clock_steady();
	if (now < pass->began + PASS_LONGEST && !agent_is_awaited(pass->agent, pass->app))
		return true;
	pass->more = true;
	pass_look_again(pass, now);
	return false;
}

void pass_run(struct agent *agent, struct app *app)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	int64_t started = clock_steady();
	bool calm = stays_calm(app, started);

	app->dirty = app->polled = false;
	if (calm) {
		count_pass(app, started);
		return;
	}
	app->last_pass = started;
	if (app->spec.skip_reconcile)
		return;
	if (!recall(agent, app)) {
		app->look_again = started + STORE_PAUSE;
		return;
	}
	struct pass pass = {
		.agent = agent, .app = app, .mem = mem, .content = operation_content(app), .began = started};
	if (pass.content)
		(void)content_hold(pass.content); /* the operation may end or go on with a newer one meanwhile */
	log_context(app->spec.name, pass.content ? pass.content->commit : "");
	run(&pass);
	checks_keep(&pass);
	app->rebuilt = app->rebuilt && !pass.complete;
	if (pass.complete)
		json_done(&app->shown);
	app->calm = pass.complete && !pass.condition_count && !pass.out_of_sync && pass.quiet;
	app->forget = app->forget && !pass.complete;
	app->look_again = pass.look_again;
	agent->busy_until = clock_steady();
	count_pass(app, started);
	log_context(NULL, NULL);
	content_release(pass.content);
}
