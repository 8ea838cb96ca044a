/*
 * standalone.c - the pass where Kubernetes is off: what the path wants is parsed, validated and recorded, not applied
 */
#include "agent/sync/finish.h"
#include "agent/sync/pin.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

static const char *not_applied(const struct pass *pass)
{
	size_t count = pass->content->desired->objects.count;
	return arena_printf(pass->mem, "Kubernetes is off: %zu object%s parsed and validated, not applied",
		count, count == 1 ? " was" : "s were");
}

static bool record_revision(
	struct pass *pass, const struct sync_request *request, int64_t started, const char *text)
{
	struct error err;
	struct store_revision revision = {
		.application = pass->app->spec.name,
		.commit = pass->content->commit,
		.author = pass->content->author,
		.message = pass->content->message,
		.started = started,
		.finished = clock_now(),
		.phase = "Running",
		.trigger = request->automated ? "automated" : "manual",
		.text = "",
	};
	if (store_revision_begin(pass->agent->store, &revision, &revision.id, &err)) {
		revision.phase = "Succeeded";
		revision.text = text;
		revision.unchanged = (int64_t)pass->content->desired->objects.count;
		if (store_revision_end(pass->agent->store, &revision, &err))
			return true;
	}
	pass_condition(pass, "UnknownError", err.text);
	log_error("the revision could not be recorded", "error", err.text, NULL);
	return false;
}

static bool accept_commit(struct pass *pass, const struct sync_request *request)
{
	struct app *app = pass->app;
	const char *text = not_applied(pass);
	int64_t started = clock_now();
	CLEANUP(json_done) json_t *none = json_array();
	const struct status_operation state = {.app = app,
		.request = request,
		.phase = "Succeeded",
		.message = text,
		.commit = pass->content->commit,
		.started = started,
		.finished = clock_now(),
		.resources = none};

	if (!record_revision(pass, request, started, text))
		return false;
	content_target(pass->content, app->tried);
	app_set_synced(app, pass->content);
	app->last_phase = SYNC_SUCCEEDED;
	status_set_operation(app, status_operation_state(&state));
	json_t *history = status_history_add(app->history, &state);
	json_decref(app->history);
	app->history = history;
	log_info("recorded", "by", request->by, "detail", text, NULL);
	return true;
}

/* The plan of a standalone pass: every wanted object, neither compared nor to be written. */
static void list_objects(struct pass *pass, bool synced)
{
	const struct objects *wanted = &pass->content->desired->objects;
	pass->plan.steps = arena_array(pass->mem, wanted->count, sizeof(*pass->plan.steps));
	pass->steps = arena_array(pass->mem, wanted->count, sizeof(*pass->steps));
	pass->plan.count = wanted->count;
	for (size_t i = 0; i < wanted->count; i++) {
		pass->plan.steps[i] = (struct plan_step){
			.action = PLAN_KEEP, .object = &wanted->items[i], .key = wanted->items[i].key};
		pass->steps[i] = (struct pass_step){
			.plan = &pass->plan.steps[i], .message = "", .out_of_sync = !synced};
	}
}

static bool is_synced(const struct pass *pass)
{
	char target[TARGET_SIZE];
	content_target(pass->content, target);
	return strcmp(target, pass->app->synced) == 0;
}

/* Only the newest commit is read here, and it is accepted as a whole. NULL = that is what is asked for. */
static const char *refused(const struct pass *pass, struct sync_request *request)
{
	static const char whole[] =
		"Kubernetes is off: only the newest commit is read, and accepted as a whole";
	struct pin pin;
	const char *why;
	if (request->rollback_id >= 0)
		return arena_printf(pass->mem, "%s, no entry of status.history", whole);
	if (request->resource_count)
		return arena_printf(pass->mem, "%s, no part of its resources", whole);
	if (!pin_request(pass->app, request, pass->mem, &pin, &why))
		return arena_printf(pass->mem, "%s: %s", whole, why);
	if (!pin.newest)
		return arena_printf(pass->mem, "%s, no other source or revision%s%s", whole,
			request->revision ? ": " : "", request->revision ? request->revision : "");
	return NULL;
}

/* Of what somebody asked for: done, or why not. */
static void take_asked(struct pass *pass)
{
	struct sync_request *request = pass->app->asked;
	const char *why = refused(pass, request);
	if (!why && !request->dry_run && !accept_commit(pass, request))
		why = "the revision could not be recorded: see the agent's log";
	pass->ended = (struct pass_ended){.due = true,
		.operation = request->operation,
		.phase = why ? "Error" : "Succeeded",
		.text = memory_copy(why ? why : not_applied(pass)),
		.answer = memory_copy("")};
	sync_request_free(request);
	pass->app->asked = NULL;
}

void pass_standalone(struct pass *pass)
{
	struct app *app = pass->app;
	const struct sync_request automatic = {.automated = true, .by = "automated", .rollback_id = -1};

	if (app->asked)
		take_asked(pass);
	else if (app->spec.automated && !is_synced(pass))
		(void)accept_commit(pass, &automatic);
	list_objects(pass, is_synced(pass));
	pass->complete = true;
	pass_condition(pass, "StandaloneWarning", not_applied(pass));
}
