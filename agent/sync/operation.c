#include "agent/sync/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sync/finish.h"
#include "agent/sync/prepare.h"
#include "agent/sync/pin.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { UNRECORDED_PAUSE = 1000 }; /* milliseconds until what could not be recorded is tried again */

/* ---- making and ending ---- */

void operation_free(struct sync_operation *operation)
{
	if (!operation)
		return;
	content_release(operation->content);
	sync_request_free(operation->request);
	json_decref(operation->index);
	arena_free(operation->mem);
	free(operation->saved);
	free(operation->waiting);
	free(operation);
}

bool operation_terminate(struct app *app, const char *begun)
{
	char started[CLOCK_TEXT_SIZE];
	if (!app->operation)
		return false;
	clock_text_seconds(app->operation->started, started);
	if (strcmp(started, begun) != 0)
		return false;
	app->dirty = app->dirty || !app->operation->terminated;
	app->operation->terminated = true;
	return true;
}

void operation_try_now(struct app *app)
{
	if (app->operation)
		app->operation->next_attempt = 0;
	app->next_try = 0;
	app->dirty = true;
}

struct content *operation_content(const struct app *app)
{
	const struct sync_operation *operation = app->operation;
	return operation && operation->content ? operation->content : app->content;
}

static struct sync_operation *operation_new(struct sync_request *request)
{
	struct sync_operation *operation = memory_alloc(sizeof(*operation));
	operation->mem = arena_new(LIMIT_PASS_MEMORY);
	operation->request = request;
	operation->started = clock_now();
	return operation;
}

bool operation_selects(const struct sync_operation *operation, const struct object_key *key)
{
	return sync_request_selects(operation->request, key->group, key->kind, key->namespace, key->name);
}

void operation_set_content(struct sync_operation *operation, struct content *content)
{
	if (strcmp(operation->commit, content->commit) != 0)
		operation->confirmed_count = 0;
	content_release(operation->content);
	operation->content = content_hold(content);
	memcpy(operation->commit, content->commit, sizeof(operation->commit));
}

struct sync_operation *operation_for_hooks(const struct app *app)
{
	struct sync_operation *operation = operation_new(sync_request_new());
	operation_set_content(operation, app->content);
	operation->state = OPERATION_STEPPING;
	operation->prepared = true;
	operation->phase = PHASE_PRE_DELETE;
	operation->wave = INT32_MIN;
	return operation;
}

/* The policy's request lies on its stack: the operation has its own. */
static struct sync_request *own_request(const struct sync_request *from)
{
	struct sync_request *request = sync_request_new();
	request->automated = from->automated;
	request->heal = from->heal;
	request->prune = from->prune;
	request->by = from->by;
	return request;
}

/* ---- beginning ---- */

/* A source of its own comes past the project as the Application's does. */
static bool sources_are_allowed(const struct pass *pass, const json_t *source, const char **why)
{
	size_t count = json_is_array(source) ? json_array_size(source) : 1;
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_is_array(source) ? json_array_get(source, i) : source;
		const char *url = json_text_at(one, "repoURL", "");
		if (*url && !project_allows_source(pass->project, url, pass->mem, why))
			return false;
	}
	return true;
}

static bool may_roll_back(const struct app *app, const struct sync_request *request, const char **why)
{
	if (app->spec.automated)
		*why = "rollback is refused while syncPolicy.automated is on: it would be undone at once";
	else if (!status_history_find(app->history, request->rollback_id))
		*why = "status.history has no entry of this id: see `pgitops app history`";
	return !*why;
}

/* Another revision than the newest one, or another source: its content has to be asked for. False with `why` = refused. */
static bool pin(const struct pass *pass, struct sync_operation *operation, const char **why)
{
	struct app *app = pass->app;
	struct sync_request *request = operation->request;
	struct pin pin;

	if (request->rollback_id >= 0) {
		if (!may_roll_back(app, request, why))
			return false;
		request->apply_only = true;
	}
	if (!pin_request(app, request, pass->mem, &pin, why) || !sources_are_allowed(pass, pin.source, why))
		return false;
	if (pin.newest && app_content_is_current(app))
		operation_set_content(operation, app->content);
	else
		operation->lookup = lookup_start(app, pin.revisions, pin.count, pin.source);
	return true;
}

static void begin(struct pass *pass, struct sync_request *request)
{
	struct app *app = pass->app;
	struct sync_operation *operation = operation_new(request);
	const char *why = NULL;

	app->operation = operation;
	if (pin(pass, operation, &why)) {
		const struct outcome outcome = operation_outcome(app, operation, "Running", "");
		outcome_started(pass->agent->events, &outcome);
		return;
	}
	operation_fail(operation, why);
	operation->state = OPERATION_ENDED;
}

/* A person's request, or a newer commit, takes the place of an automated operation that only waits for objects to become healthy or
   for its next attempt: waiting must not hold up the commit that mends what is waited for. Hooks run to their end. */
static bool may_be_superseded(const struct app *app)
{
	const struct sync_operation *operation = app->operation;
	char target[TARGET_SIZE];

	if (!operation->request->automated || operation->state == OPERATION_STOPPING ||
		operation->state == OPERATION_FAILING || operation->writing)
		return false;
	for (size_t i = 0; i < operation->result_count; i++)
		if (operation->results[i].hook && operation->results[i].state == TASK_RUNNING)
			return false;
	if (app->asked)
		return !app->asked->dry_run;
	if (!operation->content || !app_content_is_current(app) || !app->spec.automated ||
		operation->state == OPERATION_RETRYING)
		return false;
	content_target(operation->content, target);
	char newest[TARGET_SIZE];
	content_target(app->content, newest);
	return strcmp(target, newest) != 0;
}

/* ---- the states ---- */

static void wait_for_content(struct sync_operation *operation, const struct lookup *lookup)
{
	CLEANUP(buf_done) struct buf text = BUF(4096);
	for (size_t i = 0; i < lookup->part_count; i++)
		buf_printf(&text, "%s%.60s", i ? ", " : "", lookup->parts[i].revision);
	operation_wait_for(operation, "waiting for the content of revision %s", buf_string(&text));
}

/* Its content has come, or will not. */
static enum verdict take_lookup(struct app *app, struct sync_operation *operation)
{
	struct lookup *lookup = operation->lookup;
	if (!lookup)
		return operation->content ? VERDICT_DONE : VERDICT_WAIT;
	if (!lookup->answered) {
		wait_for_content(operation, lookup);
		return VERDICT_WAIT;
	}
	enum verdict verdict = lookup->content ? VERDICT_DONE : VERDICT_FAILED;
	if (lookup->content)
		operation_set_content(operation, lookup->content);
	else
		operation_fail(operation, lookup->error);
	lookup_drop(app, lookup);
	operation->lookup = NULL;
	app->dirty = true; /* this pass has compared something else */
	return verdict == VERDICT_DONE ? VERDICT_WAIT : verdict;
}

/* A closed window holds it, as in Argo CD: Running, with the reason (argocd.md 1.4). */
static bool window_is_open(struct pass *pass, struct sync_operation *operation)
{
	bool manual = !operation->request->automated;
	int64_t look_again = 0;
	struct error why;
	bool open = operation->prepared
		? permission_to_continue(pass->agent, pass->app, manual, operation->started, &why, &look_again)
		: permission_to_sync(pass->agent, pass->app, manual, &why, &look_again);
	if (open)
		return true;
	operation_wait_for(operation, "%.400s", why.text);
	if (look_again)
		pass_look_again(pass, look_again);
	return false;
}

static enum verdict prepare(struct pass *pass, struct sync_operation *operation)
{
	if (!operation->request->dry_run && !window_is_open(pass, operation))
		return VERDICT_WAIT;
	return steps_prepare(pass, operation);
}

static enum verdict step(struct pass *pass, struct sync_operation *operation)
{
	struct tasks tasks;
	if (!window_is_open(pass, operation))
		return VERDICT_WAIT;
	tasks_make(pass, operation, PHASE_PRE_SYNC, PHASE_POST_SYNC, &tasks);
	return steps_run(pass, operation, &tasks);
}

static enum verdict run_fail_hooks(struct pass *pass, struct sync_operation *operation)
{
	struct tasks tasks;
	tasks_make(pass, operation, PHASE_SYNC_FAIL, PHASE_SYNC_FAIL, &tasks);
	return steps_run(pass, operation, &tasks);
}

static enum verdict retry(struct pass *pass, struct sync_operation *operation)
{
	struct app *app = pass->app;
	bool newer = operation->request->automated && app_content_is_current(app) && operation->content &&
		app->content != operation->content;
	int64_t left = (operation->next_attempt - clock_now()) / 1000;

	if (left > 0 && !newer) {
		pass_look_again(pass, clock_steady() + left);
		return VERDICT_WAIT;
	}
	/* Always the newest commit (DESIGN: an attempt at a commit that is known to be bad helps nobody). */
	if (!operation->request->revision && !operation->request->revision_count &&
		operation->request->rollback_id < 0 && app_content_is_current(app))
		operation_set_content(operation, app->content);
	results_clear(operation);
	operation->attempt++;
	operation->prepared = false;
	operation_wait_over(operation);
	return VERDICT_DONE;
}

/* Hooks that have ended are known as such before they are deleted: a kill between the two runs none of them again. */
static enum verdict clean_up(struct pass *pass, struct sync_operation *operation)
{
	for (size_t i = 0; i < operation->result_count; i++)
		if (operation->results[i].hook) {
			if (journal_save(pass, operation))
				return hooks_clean_up(pass, operation);
			pass_look_again(pass, clock_steady() + UNRECORDED_PAUSE);
			return VERDICT_WAIT;
		}
	return VERDICT_DONE;
}

/* The table of operation.h. */
static const struct {
	enum verdict (*run)(struct pass *pass, struct sync_operation *operation);
	enum operation_state done, failed;
} states[] = {
	[OPERATION_PREPARING] = {prepare, OPERATION_STEPPING, OPERATION_ENDED},
	[OPERATION_STEPPING] = {step, OPERATION_CLEANING, OPERATION_FAILING},
	[OPERATION_FAILING] = {run_fail_hooks, OPERATION_CLEANING, OPERATION_CLEANING},
	[OPERATION_STOPPING] = {hooks_stop, OPERATION_CLEANING, OPERATION_CLEANING},
	[OPERATION_RETRYING] = {retry, OPERATION_PREPARING, OPERATION_ENDED},
	[OPERATION_CLEANING] = {clean_up, OPERATION_ENDED, OPERATION_ENDED},
};

static void enter(struct sync_operation *operation, enum operation_state state)
{
	operation->state = state;
	if (state == OPERATION_STEPPING || state == OPERATION_FAILING) {
		operation->phase = state == OPERATION_STEPPING ? PHASE_PRE_SYNC : PHASE_SYNC_FAIL;
		operation->wave = INT32_MIN;
	}
	if (state == OPERATION_STOPPING)
		operation_fail(operation,
			operation->superseded ? "superseded by a newer operation" : "Operation terminated");
}

/* This pass has compared what the operation is about: its content is there, and was when the pass began. */
static enum verdict is_about_this_pass(struct pass *pass, struct sync_operation *operation)
{
	if (operation->lookup || !operation->content)
		return take_lookup(pass->app, operation);
	if (pass->content == operation->content)
		return VERDICT_DONE;
	pass->app->dirty = true;
	return VERDICT_WAIT;
}

/* What runs is carried on until it waits or ends. */
static void carry_on(struct pass *pass)
{
	struct sync_operation *operation = pass->app->operation;

	if ((operation->terminated || operation->superseded) &&
		(operation->state < OPERATION_STOPPING || operation->state == OPERATION_RETRYING))
		enter(operation, OPERATION_STOPPING);
	while (operation->state != OPERATION_ENDED) {
		enum operation_state state = operation->state;
		enum verdict verdict = is_about_this_pass(pass, operation);
		if (verdict == VERDICT_DONE)
			verdict = states[state].run(pass, operation);
		if (operation->state == OPERATION_ENDED)
			break;
		if (arena_full(pass->mem) || arena_full(operation->mem)) {
			operation_fail(operation, "this sync needs more memory than one pass may use");
			verdict = VERDICT_FAILED;
		}
		operation->writing = pass->more;
		if (verdict == VERDICT_WAIT) {
			(void)journal_save(pass, operation);
			return;
		}
		enter(operation,
			verdict == VERDICT_DONE      ? states[state].done
				: operation->content ? states[state].failed
						     : OPERATION_ENDED);
	}
	operation_finish(pass, operation);
}

/* What differs is nobody's to mend now: left-overs that stay, objects of another Application. */
static bool nothing_to_do(const struct pass *pass)
{
	for (size_t i = 0; i < pass->plan.count; i++)
		if (pass->steps[i].held || pass->plan.steps[i].action == PLAN_PRUNE)
			return false;
	return !pass->to_write;
}

/* Outside its windows the policy does not even begin. */
static bool may_begin(struct pass *pass)
{
	int64_t look_again = 0;
	struct error why;
	if (permission_to_sync(pass->agent, pass->app, false, &why, &look_again))
		return true;
	pass_condition(pass, "SyncWindowWarning", why.text);
	if (look_again)
		pass_look_again(pass, look_again);
	return false;
}

void operation_run(struct pass *pass)
{
	struct app *app = pass->app;
	struct sync_request automatic;

	if (app->operation) {
		if (app->terminate || app->operation->terminated)
			app->operation->terminated = true;
		else if (may_be_superseded(app))
			app->operation->superseded = true;
		carry_on(pass);
		return;
	}
	if (app->asked) {
		struct sync_request *request = app->asked;
		if (app->refresh == REFRESH_ASKED)
			return; /* the repository is being asked for its newest commit */
		app->asked = NULL;
		begin(pass, request);
		carry_on(pass);
	} else if (pass->content == app->content && pass_decide(pass, &automatic) && may_begin(pass)) {
		begin(pass, own_request(&automatic));
		carry_on(pass);
	} else if (pass->content == app->content && nothing_to_do(pass)) {
		pass_settle(pass);
	}
}

/* ---- where nothing could be compared ---- */

static bool has_errors(const struct pass *pass)
{
	for (size_t i = 0; i < pass->condition_count; i++)
		if (text_ends(pass->conditions[i].type, "Error"))
			return true;
	return false;
}

static const char *error_texts(const struct pass *pass)
{
	CLEANUP(buf_done) struct buf text = BUF(16 * 1024);
	for (size_t i = 0; i < pass->condition_count; i++)
		if (text_ends(pass->conditions[i].type, "Error"))
			buf_printf(&text, "%s%s", text.length ? "; " : "", pass->conditions[i].message);
	return arena_copy(pass->mem, buf_string(&text));
}

/* Of the newest commit nothing can be used and none ever could; but something else is asked for. */
static bool may_begin_blind(const struct pass *pass)
{
	const struct app *app = pass->app;
	return pass->agent->cluster_on && pass->project && !pass->content && !app->spec.spec_error_count &&
		!app->spec.deleting && pin_names_content(app, app->asked);
}

void operation_run_blind(struct pass *pass)
{
	struct app *app = pass->app;

	if (app->operation && (app->terminate || app->operation->terminated)) {
		operation_fail(app->operation, "Operation terminated");
		operation_finish(pass, app->operation);
	} else if (app->operation) {
		operation_wait_for(app->operation, "%.400s", error_texts(pass));
		if (app->operation->lookup && take_lookup(app, app->operation) == VERDICT_FAILED)
			operation_finish(pass, app->operation);
	} else if (app->asked && may_begin_blind(pass)) {
		struct sync_request *request = app->asked;
		app->asked = NULL;
		begin(pass, request);
		if (app->operation && app->operation->state == OPERATION_ENDED)
			operation_finish(pass, app->operation);
	} else if (app->asked && has_errors(pass) && !pass->listing) {
		/* A request cannot be fulfilled while what is wanted is not known: said, instead of syncing something older. */
		struct sync_request *request = app->asked;
		app->asked = NULL;
		app->operation = operation_new(request);
		operation_fail(app->operation, error_texts(pass));
		operation_finish(pass, app->operation);
	}
}
