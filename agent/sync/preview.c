#include "agent/sync/preview.h"

#include <stdlib.h>
#include <string.h>

#include "agent/sync/finish.h"
#include "agent/sync/pin.h"
#include "agent/users/users_pass.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

enum {
	WAITING_AT_MOST = 8, /* for one Application */
	/* For the first lists of kinds that nobody looked at before; asking holds up everything else, so it is asked seldom. */
	LIST_DEADLINE = 30000,
	LIST_AGAIN = 5000
};

struct preview {
	struct preview *next;
	int64_t operation;
	struct sync_request *request; /* for its revision, or revisions */
	const struct database *only;  /* NULL = objects, and the users of all databases */
	struct lookup *lookup;        /* NULL = its turn has not come */
	json_t *result;               /* as far as it is known; NULL = not compared yet */
	int64_t look_again;           /* at the lists, steady milliseconds */
	int64_t give_up;              /* waiting for them; 0 = not waiting */
};

/* What one turn can do for a preview. */
enum progress { PROGRESS_WAITS, PROGRESS_DONE, PROGRESS_FAILED };

/* ---- objects ---- */

bool preview_compare(struct pass *pass, struct error *err)
{
	const char *why = NULL;

	pass->preview = true;
	pass->project = permission_project(pass->agent, pass->app, pass->mem, &why);
	if (!pass->project)
		return error_set(err, ERROR_DENIED, "%s", why);
	if (!pass_observe(pass))
		return error_set(err, ERROR_RETRY, "%s",
			pass->condition_count ? pass->conditions[0].message : "the cluster could not be read");
	pass_compare(pass);
	if (arena_full(pass->mem))
		return error_set(err, ERROR_INVALID,
			"comparing this Application needs more than %ld MiB of memory",
			LIMIT_PASS_MEMORY >> 20);
	/* An error is never an empty set, nor a smaller one. */
	for (size_t i = 0; i < pass->condition_count; i++)
		if (strcmp(pass->conditions[i].type, "ComparisonError") == 0)
			return error_set(err, ERROR_DENIED, "%s", pass->conditions[i].message);
	return true;
}

static bool compare(
	struct agent *agent, struct app *app, struct content *content, json_t **items, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct pass pass = {.agent = agent, .app = app, .mem = mem, .content = content};
	if (!preview_compare(&pass, err))
		return false;
	*items = pass_differences(&pass);
	return true;
}

static json_t *not_compared(const struct content *content)
{
	size_t count = content->desired->objects.count;
	CLEANUP(memory_freep)
	char *text = memory_printf("Kubernetes is off: %zu object%s parsed and validated, not compared",
		count, count == 1 ? " was" : "s were");
	return json_pack("{s:[], s:[], s:s}", "items", "users", "reason", text);
}

/* Whether its lists may still come. */
static bool may_wait(struct preview *preview, const struct error *err)
{
	int64_t now = clock_steady();
	if (!preview->give_up)
		preview->give_up = now + LIST_DEADLINE;
	preview->look_again = now + LIST_AGAIN;
	return err->kind == ERROR_RETRY && now < preview->give_up;
}

static enum progress preview_objects(
	struct agent *agent, struct app *app, struct preview *preview, struct error *err)
{
	json_t *items = NULL;

	if (preview->only) {
		preview->result = json_pack("{s:[], s:[]}", "items", "users");
		return PROGRESS_DONE;
	}
	if (!agent->cluster_on) {
		preview->result = not_compared(preview->lookup->content);
		return PROGRESS_DONE;
	}
	if (!pass_cluster_answers(agent, err))
		return PROGRESS_FAILED;
	if (!compare(agent, app, preview->lookup->content, &items, err))
		return may_wait(preview, err) ? PROGRESS_WAITS : PROGRESS_FAILED;
	preview->look_again = 0;
	preview->result = json_pack("{s:o, s:[]}", "items", items, "users");
	return PROGRESS_DONE;
}

/* ---- users ---- */

static bool is_about(const struct preview *preview, const struct app *app, const struct database *database)
{
	return database->app == app && (!preview->only || preview->only == database);
}

static void ask_users(struct agent *agent, const struct app *app, const struct preview *preview)
{
	for (size_t i = 0; i < agent->database_count; i++) {
		struct database *database = agent->databases[i];
		if (is_about(preview, app, database))
			users_pass_plan(database, preview->lookup->content, preview->operation);
	}
}

static bool is_planned(const struct database *database, int64_t operation)
{
	const struct users_wish *wish = database->planned;
	while (wish && wish->operation != operation)
		wish = wish->next;
	return wish;
}

static bool take_plan(struct database *database, struct preview *preview, struct error *err)
{
	struct users_wish *wish = users_pass_planned(database, preview->operation);
	bool good = wish->plan ||
		error_set(err, ERROR_RETRY, "database %s: %s", database->config->name, wish->failure);
	if (wish->plan)
		json_array_append(json_object_get(preview->result, "users"), wish->plan);
	users_wish_free(wish);
	return good;
}

/* In the order of the agent file, whoever answers first. */
static enum progress preview_users(
	struct agent *agent, const struct app *app, struct preview *preview, struct error *err)
{
	for (size_t i = 0; i < agent->database_count; i++)
		if (is_about(preview, app, agent->databases[i]) &&
			!is_planned(agent->databases[i], preview->operation))
			return PROGRESS_WAITS;
	for (size_t i = 0; i < agent->database_count; i++)
		if (is_about(preview, app, agent->databases[i]) && !take_plan(agent->databases[i], preview, err))
			return PROGRESS_FAILED;
	return PROGRESS_DONE;
}

/* ---- the whole ---- */

/* What is not asked for at another revision is as it is now. */
static bool find_content(struct app *app, struct preview *preview, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	const char *why = NULL;
	struct pin pin;
	if (!pin_request(app, preview->request, mem, &pin, &why))
		return error_set(err, ERROR_INVALID, "%s", why);
	preview->lookup = lookup_start(app, pin.revisions, pin.count, pin.source);
	return true;
}

static enum progress advance(struct agent *agent, struct app *app, struct preview *preview, struct error *err)
{
	struct lookup *lookup = preview->lookup;

	/* Asked before it is read, too: which kinds have a namespace, only the cluster says. */
	if (!lookup && !preview->only && agent->cluster_on && !pass_cluster_answers(agent, err))
		return PROGRESS_FAILED;
	if (!lookup && !find_content(app, preview, err))
		return PROGRESS_FAILED;
	lookup = preview->lookup;
	if (!lookup->answered)
		return PROGRESS_WAITS;
	if (!lookup->content) {
		(void)!error_set(err, ERROR_INVALID, "%s", lookup->error);
		return PROGRESS_FAILED;
	}
	if (clock_steady() < preview->look_again)
		return PROGRESS_WAITS;
	if (!preview->result) {
		enum progress objects = preview_objects(agent, app, preview, err);
		if (objects != PROGRESS_DONE)
			return objects;
		ask_users(agent, app, preview);
	}
	return preview_users(agent, app, preview, err);
}

static void preview_free(struct app *app, struct preview *preview)
{
	if (preview->lookup)
		lookup_drop(app, preview->lookup);
	json_decref(preview->result);
	sync_request_free(preview->request);
	free(preview);
}

static size_t count_steps(const json_t *plans)
{
	const json_t *plan;
	size_t i, count = 0;
	json_array_foreach (plans, i, plan)
		count += json_array_size(json_object_get(plan, "steps"));
	return count;
}

static void answer_result(struct agent *agent, const struct preview *preview)
{
	size_t objects = json_array_size(json_object_get(preview->result, "items"));
	size_t steps = count_steps(json_object_get(preview->result, "users"));
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	CLEANUP(memory_freep) char *result = json_canonical(preview->result);
	CLEANUP(memory_freep)
	char *message = memory_printf("%zu object%s and %zu statement%s at %s", objects,
		objects == 1 ? "" : "s", steps, steps == 1 ? "" : "s",
		commits_short(preview->lookup->content->commit, 12, mem));
	CLEANUP(memory_freep)
	char *large = memory_printf(
		"what would change is more than %ld MiB: %s", LIMIT_MANIFESTS_BYTES >> 20, message);

	if (strlen(result) > LIMIT_MANIFESTS_BYTES)
		agent_answer(agent, preview->operation, "Error", large, "");
	else
		agent_answer_large(agent, preview->operation, message, result);
}

static void run_first(struct agent *agent, struct app *app)
{
	struct preview *preview = app->previews;
	struct error err;
	enum progress progress = advance(agent, app, preview, &err);

	if (progress == PROGRESS_WAITS)
		return;
	if (progress == PROGRESS_DONE)
		answer_result(agent, preview);
	else
		agent_answer(agent, preview->operation, "Error", err.text, "");
	app->previews = preview->next;
	preview_free(app, preview);
	pass_untrack(agent, app, TRACKER_PREVIEW);
}

static bool is_awaited(const struct agent *agent, int64_t operation)
{
	for (size_t i = 0; i < agent->app_count; i++)
		for (const struct preview *at = agent->apps[i]->previews; at; at = at->next)
			if (at->operation == operation)
				return true;
	return false;
}

/* Plans of a preview that has failed meanwhile, or whose Application is gone. */
static void drop_plans(struct agent *agent, struct database *database)
{
	for (struct users_wish *at = database->planned, *next; at; at = next) {
		next = at->next;
		if (!is_awaited(agent, at->operation))
			users_wish_free(users_pass_planned(database, at->operation));
	}
}

void previews_run(struct agent *agent)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i]->previews)
			run_first(agent, agent->apps[i]);
	for (size_t i = 0; i < agent->database_count; i++)
		drop_plans(agent, agent->databases[i]);
}

bool preview_ask(struct app *app, int64_t operation, struct sync_request *request,
	const struct database *only, struct error *err)
{
	struct preview **last = &app->previews;
	size_t waiting = 0;

	for (; *last; last = &(*last)->next)
		waiting++;
	if (waiting >= WAITING_AT_MOST) {
		sync_request_free(request);
		return error_set(err, ERROR_RETRY,
			"%zu such questions about %s wait for their answer already: try again", waiting,
			app->spec.name);
	}
	struct preview *preview = *last = memory_alloc(sizeof(*preview));
	*preview = (struct preview){.operation = operation, .request = request, .only = only};
	return true;
}

void previews_end(struct agent *agent, struct app *app, const char *why)
{
	for (const struct preview *at = app->previews; at; at = at->next)
		agent_answer(agent, at->operation, "Error", why, "");
}

void previews_free(struct app *app)
{
	while (app->previews) {
		struct preview *next = app->previews->next;
		preview_free(app, app->previews);
		app->previews = next;
	}
}
