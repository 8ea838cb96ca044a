#include "agent/sync/finish.h"

#include "agent/sync/pin.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

static const char *summary(const struct pass *pass, const struct sync_operation *operation)
{
	const struct pass_counts *counts = &operation->counts;
	const char *again = operation->attempt
		? arena_printf(pass->mem, " (retried %lld times)", (long long)operation->attempt)
		: "";
	if (operation->request->dry_run && !operation->failed)
		return arena_printf(pass->mem, "dry run: %zu to write, %zu not wanted any more",
			pass->to_write, pass->to_prune);
	if (operation->failures && operation->failure_count > 1)
		return arena_printf(
			pass->mem, "%zu failed: %s%s", operation->failure_count, operation->failures, again);
	if (operation->failures)
		return arena_printf(pass->mem, "%s%s", operation->failures, again);
	return arena_printf(pass->mem, "%ssynced: %lld created, %lld configured, %lld pruned%s",
		operation->request->heal ? "self-heal " : "successfully ", (long long)counts->created,
		(long long)counts->configured, (long long)counts->pruned, again);
}

struct retry_policy {
	int64_t limit, duration, longest;
	double factor;
};

static struct retry_policy retry_policy(const struct pass *pass, const struct sync_request *request)
{
	const struct application *spec = &pass->app->spec;
	if (request->retry.given)
		return (struct retry_policy){request->retry.limit, request->retry.duration,
			request->retry.max, request->retry.factor};
	if (request->automated || spec->retry_given)
		return (struct retry_policy){
			spec->retry_limit, spec->retry_duration, spec->retry_max, spec->retry_factor};
	return (struct retry_policy){0};
}

/* Failed, and another attempt is allowed: waits for its time. */
static bool retries(struct pass *pass, struct sync_operation *operation)
{
	const struct retry_policy policy = retry_policy(pass, operation->request);
	double wait = (double)policy.duration;
	char when[CLOCK_TEXT_SIZE];

	if (!operation->failed || operation->terminated || operation->superseded ||
		operation->request->dry_run || !operation->content || pass->app->spec.deleting)
		return false;
	if (policy.limit >= 0 && operation->attempt >= policy.limit)
		return false;
	for (int64_t i = 0; i < operation->attempt && wait < (double)policy.longest; i++)
		wait *= policy.factor;
	if (wait > (double)policy.longest)
		wait = (double)policy.longest;
	operation->next_attempt = clock_now() + (int64_t)(wait * 1000);
	operation->state = OPERATION_RETRYING;
	operation->finished = clock_now();
	clock_text_seconds(operation->next_attempt, when);
	operation_wait_for(operation, "%.300s. Retrying attempt #%lld at %s.", summary(pass, operation),
		(long long)operation->attempt + 1, when);
	pass_look_again(pass, clock_steady() + (int64_t)wait);
	log_warning("sync failed", "by", operation->request->by, "error", summary(pass, operation),
		"again_at", when, NULL);
	return true;
}

static void add_history(struct pass *pass, const struct sync_operation *operation)
{
	struct app *app = pass->app;
	const struct sync_request *request = operation->request;
	const struct status_operation state = {.app = app,
		.request = request,
		.commit = operation->commit,
		.source = pin_source(app, request),
		.started = operation->started,
		.finished = clock_now()};
	if (operation->failed || request->heal || request->dry_run || request->resource_count)
		return;
	json_t *history = status_history_add(app->history, &state);
	json_decref(app->history);
	app->history = history;
}

/* What is not wanted any more and was left because nobody asked for its removal. */
static size_t requiring_pruning(const struct pass *pass, const struct sync_operation *operation)
{
	size_t count = 0;
	for (size_t i = 0; i < pass->plan.count; i++)
		count += pass->steps[i].plan->unasked &&
			operation_selects(operation, &pass->steps[i].plan->key);
	return count;
}

/* What a person asked for through the API gets its answer; a sync of the policy has nobody who waits for its thousands of rows. */
static char *answer(const struct pass *pass, const struct sync_operation *operation, const char *text)
{
	if (!operation->request->operation)
		return NULL;
	CLEANUP(json_done)
	json_t *result = json_pack("{s:o, s:o, s:i}", "resources",
		operation->request->dry_run ? pass_planned_results(pass) : operation_results(operation),
		"message", json_text(text), "requirePruning", (int)requiring_pruning(pass, operation));
	return json_canonical(result);
}

struct outcome operation_outcome(
	const struct app *app, const struct sync_operation *operation, const char *phase, const char *message)
{
	const struct sync_request *request = operation->request;
	return (struct outcome){
		.subject = {.name = app->spec.name,
			.namespace = app->spec.namespace,
			.uid = app->spec.uid,
			.destination = app->spec.destination},
		.project = json_text_at(app->spec.document, "spec.project", ""),
		.revision = *operation->commit ? operation->commit
			: request->revision    ? request->revision
					       : "",
		.phase = phase,
		.message = message,
		.by = request->by,
		.automated = request->automated,
		.heal = request->heal,
		.partial = request->resource_count,
		.dry_run = request->dry_run,
		.created = operation->counts.created,
		.configured = operation->counts.configured,
		.pruned = operation->counts.pruned,
		.started = operation->started,
		.finished = clock_now(),
	};
}

/* What the store will be told of it. */
static struct pass_ended ended(
	const struct pass *pass, const struct sync_operation *operation, const char *phase, const char *text)
{
	const struct pass_counts *counts = &operation->counts;
	return (struct pass_ended){
		.due = true,
		.revision = {.id = operation->revision,
			.finished = clock_now(),
			.phase = operation->failed ? "Failed" : "Succeeded",
			.created = counts->created,
			.configured = counts->configured,
			.unchanged = counts->unchanged,
			.pruned = counts->pruned,
			.failed = counts->failed},
		.operation = operation->request->operation,
		.terminate = pass->app->terminate,
		.phase = phase,
		.text = memory_copy(text),
		.answer = answer(pass, operation, text),
	};
}

void operation_finish(struct pass *pass, struct sync_operation *operation)
{
	struct app *app = pass->app;
	operation->state = OPERATION_ENDED;
	operation->failed = operation->failure_count;
	if (retries(pass, operation)) {
		(void)journal_save(pass, operation);
		return;
	}
	if (pass->ended.due) /* an Application that is being deleted can end two in one pass */
		operation_record(pass, false);
	const char *text = summary(pass, operation);
	const char *phase = !operation->failed ? "Succeeded" : operation->content ? "Failed" : "Error";
	pass->ended = ended(pass, operation, phase, text);
	if (!operation->request->dry_run && operation->content)
		pass_remember(pass, operation->request, operation->failed);
	status_set_operation(app, operation_ended(pass, operation, phase, text));
	add_history(pass, operation); /* which may push out the entry that a rollback took its source from */
	const struct outcome outcome = operation_outcome(app, operation, phase, text);
	outcome_sync(pass->agent->events, &outcome);
	app->terminate = 0;
	operation_free(operation);
	app->operation = NULL;
	app->status_dirty = true;
	app->dirty = app->dirty || pass->content != app->content || app->asked;
}

static void record_end(struct pass *pass)
{
	struct agent *agent = pass->agent;
	struct pass_ended *ended = &pass->ended;
	struct error err;
	ended->revision.text = ended->text;
	if (ended->revision.id && !store_revision_end(agent->store, &ended->revision, &err)) {
		log_error("the outcome could not be recorded", "error", err.text, NULL);
		pass_condition(pass, "UnknownError", err.text);
	}
	agent_answer(agent, ended->operation, ended->phase, ended->text, ended->answer);
	agent_answer(agent, ended->terminate, "Succeeded", "the operation was terminated", "");
	journal_remove(agent, pass->app->spec.name);
}

void operation_record(struct pass *pass, bool with_status)
{
	struct store *store = pass->agent->store;
	struct error err;
	bool begun = store_begin(store, &err);
	record_end(pass);
	if (with_status)
		pass_record_status(pass);
	bool whole = begun && store_commit(store, &err);
	if (!whole)
		log_error("the sync's end could not be recorded with its status", "error", err.text, NULL);
	if (begun && !whole)
		record_end(pass); /* by itself: somebody waits for it */
	memory_freep(&pass->ended.text);
	memory_freep(&pass->ended.answer);
	pass->ended.due = false;
}
