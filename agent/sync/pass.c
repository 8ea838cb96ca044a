#include "agent/sync/pass.h"

#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "agent/sync/checks.h"
#include "agent/sync/unseal.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"

/* While the operator works on an object that we want to write; its status also arrives by the watch. */
enum { BUSY_WAIT = 5000 };

/* What is wrong before anything is compared. */
static void source_conditions(struct pass *pass)
{
	const struct app *app = pass->app;
	for (size_t i = 0; i < app->spec.spec_error_count; i++)
		pass_condition(pass, "InvalidSpecError", app->spec.spec_errors[i]);
	if (app->repository && app->repository->error.kind != ERROR_NONE)
		pass_condition(pass, "ComparisonError", app->repository->error.text);
	if (app->broken)
		pass_condition(pass, "ComparisonError", app->broken);
	if (app->warnings)
		pass_condition(pass, "SourceWarning", app->warnings);
	if (app->repeated)
		pass_condition(pass, "RepeatedResourceWarning", app->repeated);
}

static bool has_errors(const struct pass *pass)
{
	for (size_t i = 0; i < pass->condition_count; i++)
		if (text_ends(pass->conditions[i].type, "Error"))
			return true;
	return false;
}

/* A wish cannot be fulfilled while the wanted state is not known: say so instead of syncing something older. */
static void refuse_wish(struct pass *pass)
{
	const char *text = "";
	if (!pass->app->asked || !has_errors(pass))
		return;
	for (size_t i = 0; i < pass->condition_count; i++)
		if (text_ends(pass->conditions[i].type, "Error"))
			text = arena_printf(
				pass->mem, "%s%s%s", text, *text ? "; " : "", pass->conditions[i].message);
	pass_answer(pass, "Error", text, NULL);
}

static void wait_for_cluster(struct pass *pass)
{
	const char *why = *pass->agent->cluster_trouble ? pass->agent->cluster_trouble : "not connected yet";
	pass_condition(pass, "ComparisonError", arena_printf(pass->mem, "waiting for the cluster: %s", why));
}

static void run(struct pass *pass)
{
	struct agent *agent = pass->agent;

	source_conditions(pass);
	refuse_wish(pass);
	if (pass->app->spec.spec_error_count || !pass->app->desired) {
		pass_record_status(pass);
		return;
	}
	if (!agent->cluster_on) {
		pass_standalone(pass);
	} else if (!agent->cluster || *agent->cluster_trouble) {
		wait_for_cluster(pass);
		refuse_wish(pass);
	} else if (pass_observe(pass)) {
		pass_compare(pass);
		pass_record_compared(pass);
		pass_sync(pass);
		unseal_run(pass);
	} else {
		refuse_wish(pass);
	}
	pass_record_status(pass);
}

void pass_run(struct agent *agent, struct app *app)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct pass pass = {.agent = agent, .app = app, .mem = mem};
	int64_t started = clock_steady();

	app->dirty = false;
	app->last_pass = started;
	if (app->spec.skip_reconcile)
		return;
	log_context(app->spec.name, app->commit);
	run(&pass);
	checks_keep(&pass);
	app->rebuilt = app->rebuilt && !pass.complete;
	app->look_again = pass.busy ? started + BUSY_WAIT : 0;
	metric_add(METRIC_PASSES, 1);
	metric_add(METRIC_PASS_MILLISECONDS, (uint64_t)(clock_steady() - started));
	log_context(NULL, NULL);
}
