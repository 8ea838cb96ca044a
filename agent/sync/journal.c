/*
 * journal.c - what an operation must know to go on after its process was killed, in the store (store_running)
 *
 * Hooks and what has failed are remembered one by one; of ordinary objects only the step is, for an apply is the same whether it is
 * the first or the second.
 */
#include "agent/sync/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- writing ---- */

static json_t *result_value(const struct task_result *result)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s}", "group",
		result->key.group, "kind", result->key.kind, "namespace", result->key.namespace, "name",
		result->key.name, "version", result->version, "phase", result->phase, "state",
		(int)result->state, "hookType", (int)result->hook_type, "hookDelete", (int)result->hook_delete,
		"uid", result->uid, "status", result->status, "message", result->message);
}

static json_t *request_value(const struct sync_request *request)
{
	json_t *value = json_pack("{s:o, s:b, s:b, s:I, s:I}", "operation", sync_request_document(request),
		"automated", request->automated, "heal", request->heal, "answer",
		(json_int_t)request->operation, "rollback", (json_int_t)request->rollback_id);
	json_set_text(value, "confirm", request->confirm);
	json_set_text(value, "by", request->by);
	json_set_text(value, "revision", request->revision);
	return value;
}

/* What a person has confirmed stays confirmed. */
static json_t *confirmed_value(const struct sync_operation *operation)
{
	json_t *list = json_array();
	for (size_t i = 0; i < operation->confirmed_count; i++) {
		const struct object_key *key = &operation->confirmed[i];
		json_array_append_new(
			list, json_pack("[s, s, s, s]", key->group, key->kind, key->namespace, key->name));
	}
	return list;
}

static json_t *operation_value(const struct sync_operation *operation)
{
	json_t *results = json_array();
	for (size_t i = 0; i < operation->result_count; i++)
		if (operation->results[i].hook)
			json_array_append_new(results, result_value(&operation->results[i]));
	json_t *value = json_pack("{s:o, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:i, s:i, s:o, s:i}",
		"request", request_value(operation->request), "state", (int)operation->state, "commit",
		operation->commit, "started", (json_int_t)operation->started, "finished",
		(json_int_t)operation->finished, "revision", (json_int_t)operation->revision, "attempt",
		(json_int_t)operation->attempt, "nextAttempt", (json_int_t)operation->next_attempt,
		"prepared", operation->prepared, "namespaceMade", operation->namespace_made, "failed",
		operation->failed, "phase", operation->phase, "wave", (int)operation->wave, "results",
		results, "failures", (int)operation->failure_count);
	json_set_text(value, "failureTexts", operation->failures);
	if (operation->confirmed_count)
		json_object_set_new(value, "confirmed", confirmed_value(operation));
	return value;
}

bool journal_save(struct pass *pass, struct sync_operation *operation)
{
	CLEANUP(json_done) json_t *value = operation_value(operation);
	CLEANUP(memory_freep) char *text = json_canonical(value);
	const struct store_running running = {
		.application = pass->app->spec.name,
		.document = text,
		.updated = clock_now(),
		.revision = operation->revision,
		.operation = operation->request->operation,
	};
	struct error err;

	if (text_equal(operation->saved, text))
		return true;
	if (!store_running_set(pass->agent->store, &running, &err)) {
		log_error("the running sync could not be recorded", "error", err.text, NULL);
		pass_condition(pass, "UnknownError", err.text);
		return false;
	}
	free(operation->saved);
	operation->saved = memory_copy(text);
	return true;
}

void journal_remove(struct agent *agent, const char *application)
{
	struct error err;
	if (!store_running_remove(agent->store, application, &err))
		log_error("the sync that has ended could not be forgotten", "error", err.text, NULL);
}

/* ---- reading ---- */

/* What stands in the store may be damaged: a number beyond these would be the index, or the time, of nothing. */
struct range {
	const char *key;
	int64_t lowest, highest;
};

enum { HOOK_DELETE_ALL = HOOK_DELETE_SUCCEEDED | HOOK_DELETE_FAILED | HOOK_DELETE_BEFORE };

#define LATEST INT64_C(253402300799000000) /* the last second that RFC 3339 can say */

static const struct range operation_ranges[] = {
	{"state", OPERATION_PREPARING, OPERATION_CLEANING},
	{"phase", PHASE_PRE_SYNC, PHASE_POST_DELETE},
	{"wave", INT32_MIN, INT32_MAX},
	{"started", 0, LATEST},
	{"finished", 0, LATEST},
	{"nextAttempt", 0, LATEST},
	{"attempt", 0, INT32_MAX},
	{"failures", 0, INT32_MAX},
};

static const struct range result_ranges[] = {
	{"phase", PHASE_PRE_SYNC, PHASE_POST_DELETE},
	{"state", TASK_PENDING, TASK_FAILED},
	{"hookType", 0, HOOK_POST_DELETE},
	{"hookDelete", 0, HOOK_DELETE_ALL},
};

static bool is_within(const json_t *value, const struct range *ranges, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int64_t number = json_number_at(value, ranges[i].key, 0);
		if (number < ranges[i].lowest || number > ranges[i].highest)
			return error_set(err, ERROR_INVALID, "%s is %lld", ranges[i].key, (long long)number);
	}
	return true;
}

static bool is_whole(const json_t *value, struct error *err)
{
	size_t i;
	json_t *result;
	const char *commit = json_text_at(value, "commit", "");
	if (*commit && !commits_are_whole(commit))
		return error_set(err, ERROR_INVALID, "commit is no commit");
	if (!is_within(value, operation_ranges, COUNT_OF(operation_ranges), err))
		return false;
	json_array_foreach (json_object_get(value, "results"), i, result)
		if (!is_within(result, result_ranges, COUNT_OF(result_ranges), err))
			return false;
	return true;
}

static const char *copy(struct arena *mem, const json_t *value, const char *key)
{
	return arena_copy(mem, json_text_at(value, key, ""));
}

static void read_result(struct sync_operation *operation, const json_t *value)
{
	struct arena *mem = operation->mem;
	const struct object object = {.version = copy(mem, value, "version")};
	const struct task task = {
		.phase = (int)json_number_at(value, "phase", 0),
		.key = {copy(mem, value, "group"), copy(mem, value, "kind"), copy(mem, value, "namespace"),
			copy(mem, value, "name")},
		.object = &object,
		.hook_type = (unsigned)json_number_at(value, "hookType", 0),
	};
	struct task_result *result = result_of(operation, &task);
	result->uid = copy(mem, value, "uid");
	result->hook_delete = (unsigned)json_number_at(value, "hookDelete", 0);
	result_set(operation, result, (enum task_state)json_number_at(value, "state", 0),
		json_text_at(value, "status", ""), json_text_at(value, "message", ""));
}

static void read_confirmed(struct sync_operation *operation, const json_t *list)
{
	size_t i;
	json_t *value;
	operation->confirmed =
		arena_array(operation->mem, json_array_size(list), sizeof(*operation->confirmed));
	json_array_foreach ((json_t *)(uintptr_t)list, i, value) {
		const char *parts[4];
		for (size_t j = 0; j < COUNT_OF(parts); j++) {
			const json_t *part = json_array_get(value, j);
			parts[j] = arena_copy(
				operation->mem, json_is_string(part) ? json_string_value(part) : "");
		}
		operation->confirmed[operation->confirmed_count++] =
			(struct object_key){parts[0], parts[1], parts[2], parts[3]};
	}
}

static struct sync_request *read_request(const json_t *value, struct error *err)
{
	struct sync_request *request = NULL;
	if (!sync_request_read(json_object_get(value, "operation"), &request, err))
		return NULL;
	request->automated = json_bool_at(value, "automated", false);
	request->heal = json_bool_at(value, "heal", false);
	request->operation = json_number_at(value, "answer", 0);
	request->rollback_id = json_number_at(value, "rollback", -1);
	request->by = copy(request->mem, value, "by");
	const char *confirm = json_text_at(value, "confirm", NULL),
		   *revision = json_text_at(value, "revision", NULL);
	request->confirm = arena_copy(request->mem, confirm);
	request->revision = arena_copy(request->mem, revision);
	return request;
}

static struct sync_operation *read_operation(const json_t *value, struct error *err)
{
	struct sync_request *request =
		is_whole(value, err) ? read_request(json_object_get(value, "request"), err) : NULL;
	size_t i;
	json_t *result;
	if (!request)
		return NULL;
	struct sync_operation *operation = memory_alloc(sizeof(*operation));
	*operation = (struct sync_operation){
		.mem = arena_new(LIMIT_PASS_MEMORY),
		.request = request,
		.state = (enum operation_state)json_number_at(value, "state", 0),
		.started = json_number_at(value, "started", 0),
		.finished = json_number_at(value, "finished", 0),
		.revision = json_number_at(value, "revision", 0),
		.attempt = json_number_at(value, "attempt", 0),
		.next_attempt = json_number_at(value, "nextAttempt", 0),
		.prepared = json_bool_at(value, "prepared", false),
		.namespace_made = json_bool_at(value, "namespaceMade", false),
		.failed = json_bool_at(value, "failed", false),
		.phase = (int)json_number_at(value, "phase", 0),
		.wave = (int32_t)json_number_at(value, "wave", 0),
		.failure_count = (size_t)json_number_at(value, "failures", 0),
	};
	snprintf(operation->commit, sizeof(operation->commit), "%s", json_text_at(value, "commit", ""));
	operation->failures = arena_copy(operation->mem, json_text_at(value, "failureTexts", NULL));
	json_array_foreach (json_object_get(value, "results"), i, result)
		read_result(operation, result);
	read_confirmed(operation, json_object_get(value, "confirmed"));
	return operation;
}

bool journal_load(
	struct agent *agent, const struct app *app, struct sync_operation **operation, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_running running;
	struct error problem;
	CLEANUP(json_done) json_t *value = NULL;

	bool found = store_running_get(agent->store, app->spec.name, mem, &running, err);
	if (!found && err->kind != ERROR_MISSING)
		return false;
	*operation = NULL;
	if (!found)
		return true;
	if (json_read(running.document, strlen(running.document), &value, &problem))
		*operation = read_operation(value, &problem);
	if (*operation)
		return true;
	log_warning("the running sync in the store cannot be read", "application", app->spec.name, "error",
		problem.text, NULL);
	journal_remove(agent, app->spec.name);
	return true;
}

/* ---- without the store ---- */

static unsigned hook_of(const char *name)
{
	for (unsigned hook = HOOK_PRE_SYNC; hook <= HOOK_SYNC_FAIL; hook <<= 1)
		if (strcmp(object_hook_name(hook), name) == 0)
			return hook;
	return 0;
}

/* A row of syncResult.resources: of hooks, whether they ran. */
static void read_row(struct sync_operation *operation, const json_t *row)
{
	struct arena *mem = operation->mem;
	const char *state = json_text_at(row, "hookPhase", "");
	const struct object object = {.version = copy(mem, row, "version")};
	struct task task = {.key = {copy(mem, row, "group"), copy(mem, row, "kind"),
				    copy(mem, row, "namespace"), copy(mem, row, "name")},
		.object = &object,
		.hook_type = hook_of(json_text_at(row, "hookType", ""))};
	if (!task.hook_type)
		return;
	for (int phase = PHASE_PRE_SYNC; phase <= PHASE_SYNC_FAIL; phase++)
		if (strcmp(phase_name(phase), json_text_at(row, "syncPhase", "")) == 0)
			task.phase = phase;
	struct task_result *result = result_of(operation, &task);
	result_set(operation, result,
		strcmp(state, "Succeeded") == 0        ? TASK_SUCCEEDED
			: strcmp(state, "Failed") == 0 ? TASK_FAILED
			: *state                       ? TASK_RUNNING
						       : TASK_PENDING,
		json_text_at(row, "status", ""), json_text_at(row, "message", ""));
}

struct sync_operation *journal_from_status(const struct app *app)
{
	CLEANUP(json_done) json_t *state = status_operation(app);
	const char *phase = json_text_at(state, "phase", "");
	char commit[COMMITS_SIZE];
	struct sync_request *request = NULL;
	struct error err;
	int64_t started;
	size_t i;
	json_t *row;

	commits_read(json_object_get(state, "syncResult"), commit);
	if (strcmp(phase, "Running") != 0 || json_object_get(state, "finishedAt") ||
		!commits_are_whole(commit) || !clock_parse(json_text_at(state, "startedAt", ""), &started) ||
		!sync_request_read(json_object_get(state, "operation"), &request, &err))
		return NULL;
	request->automated = json_bool_at(state, "operation.initiatedBy.automated", false);
	struct sync_operation *operation = memory_alloc(sizeof(*operation));
	*operation = (struct sync_operation){
		.mem = arena_new(LIMIT_PASS_MEMORY),
		.request = request,
		.state = OPERATION_STEPPING,
		.started = started,
		.prepared = true,
		.namespace_made = true,
		.phase = PHASE_PRE_SYNC,
		.wave = INT32_MIN,
	};
	snprintf(operation->commit, sizeof(operation->commit), "%s", commit);
	json_array_foreach (json_at(state, "syncResult.resources"), i, row)
		read_row(operation, row);
	return operation;
}
