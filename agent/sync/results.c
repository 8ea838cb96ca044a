/*
 * results.c - what an operation remembers of each thing it does
 */
#include "agent/sync/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

enum { FAILURES_SHOWN = 5, KEY_SIZE = 1024 };

static void result_key(int phase, const struct object_key *key, char text[KEY_SIZE])
{
	snprintf(text, KEY_SIZE, "%d %s/%s/%s/%s", phase, key->group, key->kind, key->namespace, key->name);
}

struct task_result *result_find(const struct sync_operation *operation, const struct task *task)
{
	char text[KEY_SIZE];
	const struct object_key key = task_key(task);
	result_key(task->phase, &key, text);
	const json_t *number = json_object_get(operation->index, text);
	return number ? &operation->results[json_integer_value(number)] : NULL;
}

struct task_result *result_of(struct sync_operation *operation, const struct task *task)
{
	char text[KEY_SIZE];
	const struct object_key key = task_key(task);
	struct task_result *found = result_find(operation, task);
	if (found)
		return found;
	if (!operation->index)
		operation->index = json_object();
	operation->results = arena_grow(
		operation->mem, operation->results, operation->result_count, sizeof(*operation->results));
	result_key(task->phase, &key, text);
	json_object_set_new(operation->index, text, json_integer((json_int_t)operation->result_count));
	const char *version = task->object ? task->object->version : pass_version(task->step->plan);
	struct task_result *result = &operation->results[operation->result_count++];
	*result = (struct task_result){
		.key = object_key_copy(&key, operation->mem),
		.version = arena_copy(operation->mem, version),
		.phase = task->phase,
		.hook = !task->step,
		.pruned = !task->object,
		.hook_type = task->hook_type,
		.hook_delete = task->hook_type && task->object ? task->object->options.hook_delete : 0,
		.uid = "",
		.status = "",
		.message = "",
	};
	return result;
}

void result_set(struct sync_operation *operation, struct task_result *result, enum task_state state,
	const char *status, const char *message)
{
	result->state = state;
	if (!text_equal(result->status, status))
		result->status = arena_copy(operation->mem, status);
	if (!text_equal(result->message, message))
		result->message = arena_copy(operation->mem, message);
}

static int compare_keys(const void *a, const void *b)
{
	return object_key_compare(a, b);
}

void operation_confirm(struct sync_operation *operation, const struct plan *plan)
{
	if (!operation->request->confirm || !*plan->confirm || plan->blocked || operation->confirmed_count)
		return;
	operation->confirmed = arena_array(operation->mem, plan->prunes, sizeof(*operation->confirmed));
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].action == PLAN_PRUNE)
			operation->confirmed[operation->confirmed_count++] =
				object_key_copy(&plan->steps[i].key, operation->mem);
	qsort(operation->confirmed, operation->confirmed_count, sizeof(*operation->confirmed), compare_keys);
}

bool result_count_unchanged(struct sync_operation *operation, const struct object *object)
{
	const struct objects *wanted = &operation->content->desired->objects;
	size_t at = (size_t)(object - wanted->items);
	if (!operation->unchanged)
		operation->unchanged =
			arena_array(operation->mem, wanted->count, sizeof(*operation->unchanged));
	if (operation->unchanged[at])
		return false;
	operation->unchanged[at] = true;
	operation->counts.unchanged++;
	return true;
}

void results_clear(struct sync_operation *operation)
{
	operation->results = NULL;
	operation->result_count = 0;
	operation->failures = NULL;
	operation->failure_count = 0;
	operation->failed = false;
	operation->counts = (struct pass_counts){0};
	operation->unchanged = NULL;
	json_decref(operation->index);
	operation->index = NULL;
}

void operation_fail(struct sync_operation *operation, const char *text)
{
	operation->failed = true;
	operation_flaw(operation, text);
}

void operation_flaw(struct sync_operation *operation, const char *text)
{
	if (++operation->failure_count <= FAILURES_SHOWN)
		operation->failures = operation->failures
			? arena_printf(operation->mem, "%s; %s", operation->failures, text)
			: arena_copy(operation->mem, text);
}

void operation_wait_for(struct sync_operation *operation, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_make_printable(text); /* what was cut may end within a character */
	operation_wait_over(operation);
	operation->waiting = memory_copy(text); /* on the heap: one that waits for days says many things */
}

void operation_wait_over(struct sync_operation *operation)
{
	memory_freep(&operation->waiting);
}
