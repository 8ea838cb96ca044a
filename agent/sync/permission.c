#include "agent/sync/permission.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

static const char *unusable(const struct project *project, struct arena *mem)
{
	const char *all = "";
	for (size_t i = 0; i < project->error_count; i++)
		all = arena_join(mem, all, "; ", project->errors[i]);
	return arena_printf(mem, "AppProject \"%s\" cannot be used: %s", project->name, all);
}

const struct project *permission_project(
	const struct agent *agent, const struct app *app, struct arena *mem, const char **why)
{
	const struct application *spec = &app->spec;
	const struct project_destination to = {DESTINATION_SERVER, DESTINATION_NAME, spec->destination};
	const struct project *project = project_set_find(agent->projects, spec->project, mem, why);
	if (!project)
		return NULL;
	if (project->error_count) {
		*why = unusable(project, mem);
		return NULL;
	}
	for (size_t i = 0; i < spec->source_count; i++)
		if (!project_allows_source(project, spec->sources[i].repo_url, mem, why))
			return NULL;
	if (!project_allows_destination(project, &to, mem, why) ||
		!rules_allow_destination(agent->config, spec->name, spec->destination, mem, why))
		return NULL;
	return project;
}

bool permission_by_rules(const struct agent *agent, const struct app *app, const struct object_key *key,
	struct arena *mem, const char **why)
{
	const struct rules rules = {agent->config, &agent->kube.account};
	return rules_allow_object(&rules, app->spec.name, key, mem, why);
}

bool permission_object(const struct agent *agent, const struct app *app, const struct project *project,
	const struct object_key *key, struct arena *mem, const char **why)
{
	/* Only cluster-scoped objects have no namespace (desired_complete). */
	return project_allows_object(project, key, *key->namespace != '\0', mem, why) &&
		permission_by_rules(agent, app, key, mem, why);
}

bool permission_live(const struct agent *agent, const struct app *app, const struct live *live,
	struct arena *mem, const char **why)
{
	const struct rules rules = {agent->config, &agent->kube.account};
	const struct wall_marks marks = {live->credential, live->installation};
	return rules_allow_live(&rules, app->spec.name, &live->key, &marks, mem, why);
}

void permission_content(const struct agent *agent, const struct app *app, const struct object *object,
	struct mistakes *refused, struct mistakes *warned)
{
	const struct rules rules = {agent->config, &agent->kube.account};
	rules_judge_object(&rules, app->spec.name, object, refused, warned);
}

/* ---- windows ---- */

static struct window_subject subject_of(const struct app *app)
{
	return (struct window_subject){
		app->spec.name, app->spec.destination, DESTINATION_SERVER, DESTINATION_NAME};
}

/* From the time of day to the steady clock. A clock that is set meanwhile costs at most an hour. */
static int64_t steady_of(int64_t microseconds)
{
	const int64_t longest = 3600 * 1000;
	if (microseconds == INT64_MAX)
		return 0;
	int64_t wait = (microseconds - clock_now()) / 1000 + 1;
	return clock_steady() + (wait < longest ? wait : longest);
}

bool permission_to_continue(const struct agent *agent, const struct app *app, bool manual, int64_t started,
	struct error *why, int64_t *look_again)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	const struct window_subject subject = subject_of(app);
	int64_t now = clock_now();
	const char *text;
	const struct project *project = project_set_find(agent->projects, app->spec.project, mem, &text);

	*look_again = 0;
	if (!project)
		return error_set(why, ERROR_INVALID, "%s", text);
	const struct window_state state = window_state(&project->windows, &subject, now, mem);
	*look_again = steady_of(state.change);
	if (manual ? state.can_manual_sync : state.can_auto_sync)
		return true;
	if (started && window_may_continue(&project->windows, &subject, manual, started, now, mem))
		return true;
	return error_set(why, ERROR_RETRY, "sync is blocked by a sync window of project \"%s\": %s",
		project->name, state.why);
}

bool permission_to_sync(
	const struct agent *agent, const struct app *app, bool manual, struct error *why, int64_t *look_again)
{
	return permission_to_continue(agent, app, manual, 0, why, look_again);
}
