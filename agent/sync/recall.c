#include "agent/sync/recall.h"

#include <stdio.h>
#include <string.h>

#include "agent/sync/finish.h"
#include "agent/sync/pin.h"
#include "agent/sync/steps.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* All of it is read before the Application gets any of it. */
struct recalled {
	json_t *stored; /* the document in the store, NULL = none, or another Application's */
	const char *synced, *tried;
	struct sync_operation *operation;
};

static void recalled_done(struct recalled *recalled)
{
	json_decref(recalled->stored);
	operation_free(recalled->operation);
}

/* ---- reading ---- */

/* The store's row is about an Application of this name that was deleted and made again while nobody looked. */
static bool is_another(const struct app *app, const json_t *stored)
{
	const char *uid = json_text_at(stored, "metadata.uid", "");
	return *uid && *app->spec.uid && strcmp(uid, app->spec.uid) != 0;
}

static bool read_document(
	struct agent *agent, const struct app *app, struct arena *mem, json_t **stored, struct error *err)
{
	struct store_application row;
	struct error damaged;
	if (!store_application_get(agent->store, app->spec.name, mem, &row, err))
		return err->kind == ERROR_MISSING;
	if (!json_read(row.document, strlen(row.document), stored, &damaged))
		log_warning("what the store has of the application cannot be read", "application",
			app->spec.name, "error", damaged.text, NULL);
	if (is_another(app, *stored))
		json_done(stored);
	return true;
}

static bool read_store(struct agent *agent, const struct app *app, struct arena *mem,
	struct recalled *recalled, struct error *err)
{
	const char *name = app->spec.name;
	return read_document(agent, app, mem, &recalled->stored, err) &&
		store_fact_get(agent->store, arena_printf(mem, "synced:%s", name), mem, &recalled->synced, err) &&
		store_fact_get(agent->store, arena_printf(mem, "tried:%s", name), mem, &recalled->tried, err) &&
		journal_load(agent, app, &recalled->operation, err);
}

/* ---- what the Application gets ---- */

/* The outcome of its `operation` is in the store, but the process ended before it was in the object. */
static void recall_taken(struct app *app)
{
	const json_t *operation = json_object_get(app->spec.document, "operation");
	const json_t *shown = json_at(app->spec.document, "status.operationState.finishedAt");
	const json_t *known = json_object_get(app->operation_state, "finishedAt");
	const json_t *ended = json_object_get(app->operation_state, "operation");
	if (operation && known && ended && json_equal(operation, ended) && !(shown && json_equal(shown, known)))
		app->taken = json_deep_copy(operation);
}

static void recall_syncs(struct agent *agent, struct app *app, const struct recalled *recalled)
{
	const json_t *status = json_at(recalled->stored ? recalled->stored : app->spec.document, "status");
	status_set_operation(app, json_deep_copy(json_object_get(status, "operationState")));
	app->history = json_deep_copy(json_object_get(status, "history"));
	app->rebuilt = agent->store_rebuilt;
	recall_taken(app);
	snprintf(app->synced, sizeof(app->synced), "%s", recalled->synced ? recalled->synced : "");
	snprintf(app->tried, sizeof(app->tried), "%s", recalled->tried ? recalled->tried : "");
	const char *phase = json_text_at(app->operation_state, "phase", "");
	app->last_phase = strcmp(phase, "Succeeded") == 0 ? SYNC_SUCCEEDED : *phase ? SYNC_FAILED : SYNC_NONE;
	if (app->last_phase == SYNC_NONE && *app->synced)
		app->last_phase = SYNC_SUCCEEDED;
}

/* A status that says Running although nothing runs: of another controller, or from a backup. It would say so for ever. */
static void end_foreign(struct app *app)
{
	char now[CLOCK_TEXT_SIZE];
	const char *phase = json_text_at(app->operation_state, "phase", "");
	if (strcmp(phase, "Running") != 0 && strcmp(phase, "Terminating") != 0)
		return;
	clock_text_seconds(clock_now(), now);
	json_object_set_new(app->operation_state, "phase", json_string("Error"));
	json_object_set_new(app->operation_state, "message",
		json_string(
			"whoever ran this operation did not end it; what it left is synced by the next one"));
	json_object_set_new(app->operation_state, "finishedAt", json_string(now));
}

/* Its content is asked for: the operation goes on when that is there. */
static void resume(struct app *app)
{
	struct sync_operation *operation = app->operation;
	app->dirty = true;
	if (operation->request->document && !app->taken)
		app->taken = json_deep_copy(operation->request->document);
	if (*operation->commit)
		operation->lookup = lookup_commits(app, operation->commit, pin_source(app, operation->request));
	log_info("an operation goes on that was cut off", "application", app->spec.name, "commit",
		operation->commit, NULL);
}

bool recall(struct agent *agent, struct app *app)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	CLEANUP(recalled_done) struct recalled recalled = {0};
	struct error err;

	if (app->recalled)
		return true;
	if (!read_store(agent, app, mem, &recalled, &err)) {
		log_error("what is known of the application cannot be read", "application", app->spec.name,
			"error", err.text, NULL);
		return false;
	}
	app->recalled = true;
	recall_syncs(agent, app, &recalled);
	app->operation = recalled.operation ? recalled.operation : journal_from_status(app);
	recalled.operation = NULL;
	if (app->operation)
		resume(app);
	else
		end_foreign(app);
	return true;
}
