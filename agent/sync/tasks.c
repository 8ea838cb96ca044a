/*
 * tasks.c - what an operation has to do, in the order in which it does it (argocd.md 2.10)
 */
#include "agent/sync/steps.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* Within its step a prune comes after every apply. */
enum { PRUNES_FOLLOW = 10000 };

bool task_prunes(const struct task *task)
{
	return task->step && !task->object;
}

struct object_key task_key(const struct task *task)
{
	struct object_key key = task->key;
	if (task->name)
		key.name = task->name;
	return key;
}

const char *task_name(const struct task *task, struct arena *mem)
{
	const struct object_key key = task_key(task);
	char *name = arena_printf(mem, "%s%s%s/%s", key.kind, *key.group ? "." : "", key.group, key.name);
	for (char *c = name; *c && *c != '.' && *c != '/'; c++)
		*c = (char)tolower((unsigned char)*c);
	return name;
}

static const struct {
	unsigned hook;
	int phase;
	const char *name; /* in a generated name */
} hook_phases[] = {
	{HOOK_PRE_SYNC, PHASE_PRE_SYNC, "presync"},
	{HOOK_SYNC, PHASE_SYNC, "sync"},
	{HOOK_POST_SYNC, PHASE_POST_SYNC, "postsync"},
	{HOOK_SYNC_FAIL, PHASE_SYNC_FAIL, "syncfail"},
	{HOOK_PRE_DELETE, PHASE_PRE_DELETE, "predelete"},
	{HOOK_POST_DELETE, PHASE_POST_DELETE, "postdelete"},
};

/* "migrate-" becomes "migrate-1a2b3c4-presync-1700000000": the same name whenever this operation is asked, so that one that goes on
   after a kill knows its hooks. */
static const char *generated_name(const struct sync_operation *operation, const struct object *object,
	const char *phase, struct arena *mem)
{
	int64_t second = operation->started / 1000000 + operation->attempt;
	return arena_printf(
		mem, "%s%.7s-%s-%lld", object->key.name, operation->commit, phase, (long long)second);
}

static void add_hooks(const struct pass *pass, const struct sync_operation *operation, int first, int last,
	struct tasks *tasks)
{
	const struct objects *objects = &operation->content->desired->objects;
	for (size_t i = 0; i < objects->count; i++)
		for (size_t j = 0; objects->items[i].options.hooks && j < COUNT_OF(hook_phases); j++) {
			const struct object *object = &objects->items[i];
			if (!(object->options.hooks & hook_phases[j].hook) || hook_phases[j].phase < first ||
				hook_phases[j].phase > last)
				continue;
			tasks->items[tasks->count++] = (struct task){
				.phase = hook_phases[j].phase,
				.wave = object->options.wave,
				.rank = object_kind_rank(object->key.group, object->key.kind),
				.key = object->key,
				.object = object,
				.hook_type = hook_phases[j].hook,
				.name = object->generated
					? generated_name(operation, object, hook_phases[j].name, pass->mem)
					: NULL,
			};
		}
}

/* ---- prunes ---- */

static int compare_waves(const void *a, const void *b)
{
	int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
	return (left > right) - (left < right);
}

/* Created last, gone first: the waves of what is pruned are mirrored among themselves (argocd.md 2.10). */
static void mirror_prunes(struct tasks *tasks, struct arena *mem)
{
	int32_t *waves = arena_array(mem, tasks->count ? tasks->count : 1, sizeof(*waves));
	size_t count = 0, distinct = 0;

	for (size_t i = 0; i < tasks->count; i++)
		if (task_prunes(&tasks->items[i]))
			waves[count++] = tasks->items[i].wave;
	qsort(waves, count, sizeof(*waves), compare_waves);
	for (size_t i = 0; i < count; i++)
		if (!distinct || waves[distinct - 1] != waves[i])
			waves[distinct++] = waves[i];
	for (size_t i = 0; i < tasks->count; i++) {
		struct task *task = &tasks->items[i];
		if (!task_prunes(task))
			continue;
		const int32_t *at = bsearch(&task->wave, waves, distinct, sizeof(*waves), compare_waves);
		task->wave = waves[distinct - 1 - (size_t)(at - waves)];
	}
}

/* PruneLast=true, of the Application or of an object: after the last wave of the Sync phase, that of other prunes included, which is
   taken when they are mirrored. */
static void hold_back_prunes(struct tasks *tasks, bool all)
{
	int32_t last = INT32_MIN;
	for (size_t i = 0; i < tasks->count; i++)
		if (tasks->items[i].phase == PHASE_SYNC && tasks->items[i].wave > last)
			last = tasks->items[i].wave;
	for (size_t i = 0; i < tasks->count; i++) {
		struct task *task = &tasks->items[i];
		if (task_prunes(task) && (all || task->step->plan->live->options.prune_last))
			task->wave = last < INT32_MAX ? last + 1 : last;
	}
}

static bool is_over(const struct sync_operation *operation, const struct task *task)
{
	const struct task_result *result = result_find(operation, task);
	return result && (result->state == TASK_SUCCEEDED || result->state == TASK_FAILED);
}

/* What is gone is no part of the plan any more, and the mirror of the rest may name waves that the operation has passed: what is left
   is moved up to its step, in its order. */
static void keep_up(struct tasks *tasks, const struct sync_operation *operation)
{
	int64_t behind = 0;
	if (operation->phase != PHASE_SYNC)
		return;
	for (size_t i = 0; i < tasks->count; i++) {
		const struct task *task = &tasks->items[i];
		if (task_prunes(task) && (int64_t)operation->wave - task->wave > behind &&
			!is_over(operation, task))
			behind = (int64_t)operation->wave - task->wave;
	}
	for (size_t i = 0; behind && i < tasks->count; i++)
		if (task_prunes(&tasks->items[i])) {
			int64_t wave = tasks->items[i].wave + behind;
			tasks->items[i].wave = wave < INT32_MAX ? (int32_t)wave : INT32_MAX;
		}
}

static void add_steps(const struct pass *pass, const struct sync_operation *operation, struct tasks *tasks)
{
	const struct sync_request *request = operation->request;
	for (size_t i = 0; i < pass->plan.count; i++) {
		struct pass_step *step = &pass->steps[i];
		const struct plan_step *plan = step->plan;
		if (!operation_selects(operation, &plan->key) ||
			(request->heal && !step->out_of_sync && !step->written))
			continue;
		tasks->items[tasks->count++] = (struct task){
			.phase = PHASE_SYNC,
			.wave = plan->wave,
			.rank = plan->object ? plan->rank : PRUNES_FOLLOW - plan->rank,
			.key = plan->key,
			.object = plan->object,
			.step = step,
		};
	}
}

static int compare_tasks(const void *a, const void *b)
{
	const struct task *left = a, *right = b;
	int order = (left->phase > right->phase) - (left->phase < right->phase);
	if (!order)
		order = (left->wave > right->wave) - (left->wave < right->wave);
	if (!order)
		order = (left->rank > right->rank) - (left->rank < right->rank);
	return order ? order : object_key_compare(&left->key, &right->key);
}

static bool is_earlier(const struct task *a, const struct task *b)
{
	return a->phase < b->phase || (a->phase == b->phase && a->wave < b->wave);
}

/* Those that others may need first: Namespaces and CustomResourceDefinitions. */
struct definitions {
	struct task **items;
	size_t count;
};

static struct definitions definitions_of(const struct tasks *tasks, struct arena *mem)
{
	struct definitions found = {0};
	for (size_t i = 0; i < tasks->count; i++) {
		struct task *task = &tasks->items[i];
		if (!task->object || !task->step ||
			(strcmp(task->key.kind, "Namespace") != 0 &&
				strcmp(task->key.kind, "CustomResourceDefinition") != 0))
			continue;
		found.items = arena_grow(mem, found.items, found.count, sizeof(struct task *));
		found.items[found.count++] = task;
	}
	return found;
}

static struct task *find_definition(const struct definitions *definitions, const char *kind, const char *name)
{
	for (size_t i = 0; i < definitions->count; i++)
		if (strcmp(definitions->items[i]->key.kind, kind) == 0 &&
			strcmp(definitions->items[i]->key.name, name) == 0)
			return definitions->items[i];
	return NULL;
}

/* A Namespace or CustomResourceDefinition comes with the first that needs it, whatever its own wave says (argocd.md 2.10). */
static void advance_definitions(const struct pass *pass, const struct tasks *tasks)
{
	const struct definitions definitions = definitions_of(tasks, pass->mem);
	const char *last_namespace = "";
	struct task *home = NULL;
	if (!definitions.count)
		return;
	for (size_t i = 0; i < tasks->count; i++) {
		const struct task *task = &tasks->items[i];
		const char *crd = task->object ? pass_definition(pass, &task->key) : NULL;
		if (strcmp(task->key.namespace, last_namespace) != 0)
			home = find_definition(&definitions, "Namespace", task->key.namespace);
		last_namespace = task->key.namespace;
		struct task *definition =
			crd ? find_definition(&definitions, "CustomResourceDefinition", crd) : NULL;
		struct task *needed[] = {task->object ? home : NULL, definition};
		for (size_t j = 0; j < COUNT_OF(needed); j++)
			if (needed[j] && is_earlier(task, needed[j])) {
				needed[j]->phase = task->phase;
				needed[j]->wave = task->wave;
			}
	}
}

static bool several_steps(const struct tasks *tasks)
{
	for (size_t i = 1; i < tasks->count; i++)
		if (tasks->items[0].phase != tasks->items[i].phase ||
			tasks->items[0].wave != tasks->items[i].wave)
			return true;
	return false;
}

void tasks_make(const struct pass *pass, const struct sync_operation *operation, int first, int last,
	struct tasks *tasks)
{
	const struct sync_request *request = operation->request;
	size_t room = pass->plan.count + COUNT_OF(hook_phases) * operation->content->desired->objects.count;

	*tasks = (struct tasks){.items = arena_array(pass->mem, room ? room : 1, sizeof(*tasks->items))};
	/* A part of an Application, what drifted, and the strategy `apply` are synced without hooks (argocd.md 2.10). */
	if (!request->heal && !request->resource_count && !request->apply_only)
		add_hooks(pass, operation, first, last, tasks);
	if (first <= PHASE_SYNC && last >= PHASE_SYNC)
		add_steps(pass, operation, tasks);
	mirror_prunes(tasks, pass->mem);
	hold_back_prunes(tasks, pass_options(pass).prune_last);
	keep_up(tasks, operation);
	advance_definitions(pass, tasks);
	if (tasks->count)
		qsort(tasks->items, tasks->count, sizeof(*tasks->items), compare_tasks);
	tasks->several = several_steps(tasks);
}

void tasks_of_hooks(
	const struct pass *pass, const struct sync_operation *operation, unsigned hook, struct tasks *tasks)
{
	int phase = hook == HOOK_PRE_DELETE ? PHASE_PRE_DELETE : PHASE_POST_DELETE;
	size_t room = COUNT_OF(hook_phases) * operation->content->desired->objects.count;
	*tasks = (struct tasks){.items = arena_array(pass->mem, room ? room : 1, sizeof(*tasks->items))};
	add_hooks(pass, operation, phase, phase, tasks);
	if (tasks->count)
		qsort(tasks->items, tasks->count, sizeof(*tasks->items), compare_tasks);
}

bool tasks_track(struct pass *pass, const struct tasks *tasks, struct error *err)
{
	struct object_key *keys = arena_array(pass->mem, tasks->count ? tasks->count : 1, sizeof(*keys));
	for (size_t i = 0; i < tasks->count; i++)
		keys[i] = tasks->items[i].key;
	return pass_track(pass, TRACKER_HOOKS, keys, tasks->count, err);
}
