/*
 * document.c - an operation as status.operationState shows it (argocd.md 2.2)
 */
#include "agent/sync/finish.h"
#include "agent/sync/pin.h"

#include "base/clock.h"

#include <string.h>

static const char *const phase_names[] = {
	[PHASE_PRE_SYNC] = "PreSync",
	[PHASE_SYNC] = "Sync",
	[PHASE_POST_SYNC] = "PostSync",
	[PHASE_SYNC_FAIL] = "SyncFail",
	[PHASE_PRE_DELETE] = "PreDelete",
	[PHASE_POST_DELETE] = "PostDelete",
};

const char *phase_name(int phase)
{
	return phase_names[phase];
}

static const char *const state_names[] = {
	[TASK_PENDING] = "",
	[TASK_RUNNING] = "Running",
	[TASK_SUCCEEDED] = "Succeeded",
	[TASK_FAILED] = "Failed",
};

/* What is written may still fail by its health; what is deleted is done, whatever finalizers hold it (argocd.md 2.2). */
static const char *state_name(const struct task_result *result)
{
	bool pruned = result->state == TASK_RUNNING && strcmp(result->status, "Pruned") == 0;
	return state_names[pruned ? TASK_SUCCEEDED : result->state];
}

static json_t *row_of(const struct task_result *result)
{
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "group", result->key.group, "version",
		result->version, "kind", result->key.kind, "namespace", result->key.namespace, "name",
		result->key.name, "syncPhase", phase_name(result->phase));
	json_set_text(row, "status", result->status);
	json_set_text(row, "message", result->message);
	json_set_text(row, "hookPhase", state_name(result));
	if (result->hook)
		json_set_text(row, "hookType", object_hook_name(result->hook_type));
	return row;
}

json_t *operation_results(const struct sync_operation *operation)
{
	json_t *list = json_array();
	for (size_t i = 0; i < operation->result_count; i++)
		json_array_append_new(list, row_of(&operation->results[i]));
	return list;
}

static json_t *document(const struct pass *pass, const struct sync_operation *operation, const char *phase,
	const char *message, int64_t finished)
{
	CLEANUP(json_done)
	json_t *rows = operation->request->dry_run && finished ? pass_planned_results(pass)
							       : operation_results(operation);
	const struct status_operation state = {.app = pass->app,
		.request = operation->request,
		.phase = phase,
		.message = message,
		.commit = operation->commit,
		.source = pin_source(pass->app, operation->request),
		.started = operation->started,
		.finished = finished,
		.retries = operation->attempt + (operation->state == OPERATION_RETRYING),
		.resources = rows};
	return status_operation_state(&state);
}

json_t *operation_document(const struct pass *pass, const struct sync_operation *operation)
{
	/* Running with a finishedAt means: waits for the next attempt (argocd.md 2.2). */
	return document(pass, operation, operation->terminated ? "Terminating" : "Running",
		operation->waiting ? operation->waiting : "",
		operation->state == OPERATION_RETRYING ? operation->finished : 0);
}

json_t *operation_ended(const struct pass *pass, const struct sync_operation *operation, const char *phase,
	const char *message)
{
	return document(pass, operation, phase, message, clock_now());
}
