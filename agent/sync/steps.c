#include "agent/sync/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

enum {
	KIND_PAUSE = 100,       /* milliseconds between two looks for a kind that comes along */
	KIND_WAIT = 30000,      /* and as long as that */
	UNCHANGED_SHOWN = 1000, /* rows of objects that were as wanted: beyond this they are only counted */
};

/* What is written together, several in flight. */
struct slice {
	struct task **tasks;
	struct cluster_write *writes;
	size_t count;
};

/* One step: the tasks of one phase and wave. */
struct sync_step {
	struct pass *pass;
	struct sync_operation *operation;
	struct task *tasks;
	size_t count;
	bool several;
	struct slice slice;
	size_t waiting;    /* tasks that wait for something */
	const char *waits; /* for what the first of them does */
	const char *why;   /* ": " and the reason of the first; "" = not known */
};

static const char *row(const struct sync_step *step, const struct task *task, const char *what)
{
	return arena_printf(step->pass->mem, "%s %s", task_name(task, step->pass->mem), what);
}

/* "waiting for healthy state of apps/Deployment/web and 2 more" (argocd.md 2.10), and why the first is not, where that is known. */
static void wait_for(struct sync_step *step, const struct task *task, const char *what, const char *why)
{
	if (step->waiting++)
		return;
	step->why = *why ? arena_printf(step->pass->mem, ": %s", why) : "";
	step->waits = arena_printf(step->pass->mem, "waiting for %s %s%s%s/%s", what, task->key.group,
		*task->key.group ? "/" : "", task->key.kind, task_key(task).name);
}

static void say_waiting(const struct sync_step *step)
{
	if (step->waiting > 1)
		operation_wait_for(
			step->operation, "%s and %zu more%s", step->waits, step->waiting - 1, step->why);
	else if (step->waiting)
		operation_wait_for(step->operation, "%s%s", step->waits, step->why);
}

/* ---- applies ---- */

static bool is_done(const struct sync_step *step, const struct task *task)
{
	const struct task_result *result = result_find(step->operation, task);
	return result && result->state != TASK_PENDING;
}

/* Its CustomResourceDefinition was applied before it; a definition that never becomes established fails the step. */
static bool kind_is_ready(struct sync_step *step, struct task *task)
{
	struct error err;
	bool coming = task->step ? task->step->deferred
				 : pass_definition(step->pass, &task->key) &&
			!cluster_has_kind(step->pass->agent->cluster, task->key.group, task->object->version,
				task->key.kind);
	if (!coming || cluster_kind_ready(step->pass->agent->cluster, task->key.group, task->key.kind, &err))
		return true;
	if (clock_steady() - step->operation->step_since > KIND_WAIT) {
		const char *text = arena_printf(step->pass->mem, "%s:%d: its kind did not become ready: %s",
			task->object->file, task->object->line, err.text);
		result_set(step->operation, result_of(step->operation, task), TASK_FAILED, "SyncFailed", text);
		operation_fail(step->operation, text);
		return false;
	}
	wait_for(step, task, "the kind of", "");
	pass_look_again(step->pass, clock_steady() + KIND_PAUSE);
	return false;
}

/* Nothing is to be written for this task: it is as wanted, refused for itself, or somebody else's. True = that is said. */
static bool needs_no_write(struct sync_step *step, const struct task *task)
{
	struct sync_operation *operation = step->operation;
	const struct pass_step *at = task->step;

	if (at->refusal) {
		result_set(operation, result_of(operation, task), TASK_FAILED, "SyncFailed", at->refusal);
		operation_flaw(operation, at->refusal);
		operation->counts.failed++;
		return true;
	}
	if (at->plan->action == PLAN_SHARED) {
		result_set(operation, result_of(operation, task), TASK_SUCCEEDED, "OutOfSync", at->message);
		return true;
	}
	if (at->out_of_sync) {
		(void)result_of(operation, task); /* its row stands in the order of execution */
		return false;
	}
	if (!result_count_unchanged(operation, task->object))
		return true;
	if (operation->counts.unchanged <= UNCHANGED_SHOWN && !pass_options(step->pass).out_of_sync_only)
		result_set(operation, result_of(operation, task), TASK_RUNNING, "Synced",
			row(step, task, "unchanged"));
	return true;
}

static bool record_applied(struct sync_step *step, const struct task *task, struct error *err)
{
	if (!pass_record_equal(step->pass, task->object, &task->step->write, err))
		return false;
	if (step->operation->request->heal)
		metric_add(METRIC_DRIFT_HEALED, 1);
	return true;
}

/* An object that another Application tracked until now: that one has a row less. */
static void wake_former_owner(const struct sync_step *step, const struct pass_step *at)
{
	const char *id = at->plan->live ? at->plan->live->tracking_id : "";
	const char *name = arena_copy_n(step->pass->mem, id, strcspn(id, ":"));
	struct app *owner = *name ? agent_app(step->pass->agent, name) : NULL;
	if (owner && owner != step->pass->app)
		owner->dirty = true;
}

static void judge_write(struct sync_step *step, struct task *task)
{
	struct sync_operation *operation = step->operation;
	struct pass_step *at = task->step;
	struct task_result *result = result_of(operation, task);
	const char *done = NULL;
	struct live live;

	switch (at->write.outcome) {
	case WRITE_CREATED:
		operation->counts.created++;
		done = "created";
		break;
	case WRITE_CONFIGURED:
		operation->counts.configured++;
		done = at->write.replace ? "replaced" : "configured";
		break;
	case WRITE_UNCHANGED:
		operation->counts.unchanged++;
		done = "unchanged";
		break;
	case WRITE_PENDING: /* the old object must be gone before the new one is made */
		wait_for(step, task, "deletion of", "");
		pass_look_again(step->pass, clock_steady() + KIND_PAUSE);
		return;
	default:
		operation->counts.failed++;
		at->message = arena_printf(step->pass->mem, "%s:%d: %s%s", task->object->file,
			task->object->line, at->write.error->text, pass_remedy(task->object, at->write.error));
		result_set(operation, result, TASK_FAILED, "SyncFailed", at->message);
		operation_fail(operation, at->message);
		return;
	}
	wake_former_owner(step, at);
	at->message = row(step, task, done);
	at->out_of_sync = false;
	result_set(operation, result, TASK_RUNNING, "Synced", at->message);
	if (cluster_live(step->pass->agent->cluster, &task->key, step->pass->mem, &live))
		at->health = live.health; /* the answer is in the cache already */
}

/* The server has taken them: that is known to the store in one transaction. */
static void record_batch(struct sync_step *step, struct task *const *batch, size_t count)
{
	struct store *store = step->pass->agent->store;
	struct error err;
	bool good = store_begin(store, &err);

	for (size_t i = 0; good && i < count; i++) {
		const struct cluster_write *write = &batch[i]->step->write;
		if (write->outcome == WRITE_CREATED || write->outcome == WRITE_CONFIGURED ||
			write->outcome == WRITE_UNCHANGED)
			good = record_applied(step, batch[i], &err);
	}
	if (good && store_commit(store, &err))
		return;
	store_rollback(store);
	log_error("what was applied could not be recorded", "error", err.text, NULL);
	pass_condition(step->pass, "UnknownError", err.text);
}

static struct slice slice_new(size_t tasks, struct arena *mem)
{
	size_t room = tasks < PASS_SLICE ? tasks : PASS_SLICE;
	return (struct slice){.tasks = arena_array(mem, room, sizeof(struct task *)),
		.writes = arena_array(mem, room, sizeof(struct cluster_write))};
}

static void slice_add(struct slice *slice, struct task *task, const struct cluster_write *write)
{
	slice->tasks[slice->count] = task;
	slice->writes[slice->count++] = *write;
}

static void slice_send(struct sync_step *step)
{
	struct slice *slice = &step->slice;
	if (slice->count)
		cluster_write(step->pass->agent->cluster, slice->writes, slice->count, step->pass->mem);
	for (size_t i = 0; i < slice->count; i++) {
		slice->tasks[i]->step->write = slice->writes[i];
		slice->tasks[i]->step->written = slice->writes[i].outcome != WRITE_PENDING;
	}
}

static void slice_apply(struct sync_step *step)
{
	struct slice *slice = &step->slice;
	slice_send(step);
	for (size_t i = 0; i < slice->count; i++)
		judge_write(step, slice->tasks[i]);
	if (slice->count)
		record_batch(step, slice->tasks, slice->count);
	slice->count = 0;
}

/* The applies of one kind rank; when the pass ends before them, the rest is the next one's. */
static void apply_rank(struct sync_step *step, size_t from, size_t end)
{
	struct pass *pass = step->pass;
	const struct sync_options options = pass_options(pass);

	for (size_t i = from; i < end; i++) {
		struct task *task = &step->tasks[i];
		if (!task->step || is_done(step, task) || needs_no_write(step, task))
			continue;
		if (task->step->held) {
			wait_for(step, task, "the operator to finish its work on", "");
			continue;
		}
		if (!kind_is_ready(step, task))
			continue;
		if (step->slice.count == PASS_SLICE) {
			slice_apply(step);
			if (!pass_goes_on(pass))
				return;
		}
		const struct cluster_write write = pass_write(pass, task->step->plan, WRITE_APPLY, &options);
		slice_add(&step->slice, task, &write);
	}
	slice_apply(step);
}

/* ---- hooks ---- */

/* Makes those of one rank whose place is free. */
static void make_hooks(struct sync_step *step, size_t from, size_t end)
{
	struct pass *pass = step->pass;
	for (size_t i = from; i < end; i++) {
		struct task *task = &step->tasks[i];
		if (task->step || is_done(step, task) || !kind_is_ready(step, task))
			continue;
		switch (hook_make(pass, step->operation, task)) {
		case VERDICT_WAIT:
			wait_for(step, task, "deletion of", "");
			break;
		case VERDICT_DONE:
		case VERDICT_FAILED:
			break;
		}
	}
}

/* ---- prunes ---- */

static bool is_approved(const struct sync_step *step)
{
	/* The annotation has whole seconds. */
	return step->pass->app->spec.deletion_approved >= step->operation->started / 1000000 * 1000000;
}

/* What stays is said in its row; the sync succeeds all the same, as in Argo CD. */
static bool stays(struct sync_step *step, const struct task *task)
{
	struct sync_operation *operation = step->operation;
	const struct plan_step *plan = task->step->plan;
	if (plan->action == PLAN_PRUNE)
		return false;
	result_set(operation, result_of(operation, task), TASK_SUCCEEDED, "PruneSkipped",
		plan->reason ? plan->reason : "");
	return true;
}

static void judge_prune(struct sync_step *step, struct task *task)
{
	struct sync_operation *operation = step->operation;
	struct pass_step *at = task->step;
	struct task_result *result = result_of(operation, task);
	if (at->write.outcome == WRITE_DELETED) {
		operation->counts.pruned++;
		at->message = row(step, task, "pruned");
		result_set(operation, result, TASK_RUNNING, "Pruned", at->message);
		return;
	}
	operation->counts.failed++;
	at->message = arena_copy(step->pass->mem, at->write.error->text);
	result_set(operation, result, TASK_FAILED, "SyncFailed", at->message);
	operation_fail(operation, at->message);
}

static void slice_prune(struct sync_step *step)
{
	struct slice *slice = &step->slice;
	slice_send(step);
	for (size_t i = 0; i < slice->count; i++)
		judge_prune(step, slice->tasks[i]);
	slice->count = 0;
}

static void prune_rank(struct sync_step *step, size_t from, size_t end)
{
	struct pass *pass = step->pass;

	for (size_t i = from; i < end; i++) {
		struct task *task = &step->tasks[i];
		if (is_done(step, task) || stays(step, task))
			continue;
		if (task->step->plan->confirm && !is_approved(step)) {
			wait_for(step, task, "pruning confirmation of", "");
			continue;
		}
		if (step->slice.count == PASS_SLICE) {
			slice_prune(step);
			if (!pass_goes_on(pass))
				return;
		}
		const struct cluster_write write = {
			.kind = WRITE_DELETE,
			.key = task->key,
			.version = task->step->plan->owned->version,
			.uid = task->step->plan->live->uid,
			.propagation = pass_options(pass).propagation,
		};
		slice_add(&step->slice, task, &write);
		log_info("pruning", "object", object_key_text(&task->key, pass->mem), NULL);
	}
	slice_prune(step);
}

/* ---- the outcome of a step ---- */

/* An object that was pruned in this step is still there: a later wave may need it gone. */
static void await_deletion(struct sync_step *step, const struct task *task, struct task_result *result)
{
	struct live live;
	if (cluster_live(step->pass->agent->cluster, &task->key, step->pass->mem, &live) &&
		strcmp(live.uid, task->step->plan->live->uid) == 0)
		wait_for(step, task, "deletion of", "");
	else
		result->state = TASK_SUCCEEDED;
}

static void await_health(struct sync_step *step, const struct task *task, struct task_result *result)
{
	const struct health_state *health = &task->step->health;
	const char *text;

	if (!task->step->written && !task->step->plan->live) {
		/* Deleted by somebody while its health was waited for: it is made again. */
		result->state = TASK_PENDING;
		step->pass->app->dirty = true;
		wait_for(step, task, "healthy state of", "");
		return;
	}
	if (!step->several || task->object->options.ignore_health) {
		result->state = TASK_SUCCEEDED;
		return;
	}
	switch (health->health) {
	case HEALTH_NONE:
	case HEALTH_HEALTHY:
	case HEALTH_SUSPENDED:
		result->state = TASK_SUCCEEDED;
		break;
	case HEALTH_DEGRADED:
		text = arena_printf(step->pass->mem, "%s is Degraded%s%s", task_name(task, step->pass->mem),
			*health->message ? ": " : "", health->message);
		result_set(step->operation, result, TASK_FAILED, "Synced", text);
		operation_fail(step->operation, text);
		break;
	default:
		wait_for(step, task, "healthy state of", health->message);
	}
}

static enum verdict await(struct sync_step *step, bool last)
{
	for (size_t i = 0; i < step->count; i++) {
		const struct task *task = &step->tasks[i];
		struct task_result *result = result_find(step->operation, task);
		if (!result || result->state != TASK_RUNNING)
			continue;
		if (!task->step) {
			if (hook_outcome(step->pass, step->operation, task) == VERDICT_WAIT)
				wait_for(step, task, "completion of hook", hook_trouble(step->pass, task));
		} else if (task->object) {
			await_health(step, task, result);
		} else if (!last) {
			await_deletion(step, task, result);
		}
	}
	say_waiting(step);
	if (step->operation->failed && !step->waiting)
		return VERDICT_FAILED;
	return step->waiting ? VERDICT_WAIT : VERDICT_DONE;
}

/* ---- one step after the other ---- */

static size_t end_of_rank(const struct sync_step *step, size_t from)
{
	size_t end = from + 1;
	while (end < step->count && step->tasks[end].rank == step->tasks[from].rank)
		end++;
	return end;
}

/* The rest of the step is the next pass's. */
static enum verdict leave_rest(struct sync_step *step)
{
	const struct pass_counts *counts = &step->operation->counts;
	operation_wait_for(step->operation, "%lld objects are written or pruned, the rest of this wave follows",
		(long long)counts->created + counts->configured + counts->pruned);
	return VERDICT_WAIT;
}

static enum verdict step_run(struct sync_step *step, bool last)
{
	for (size_t from = 0, end; from < step->count; from = end) {
		end = end_of_rank(step, from);
		if (!task_prunes(&step->tasks[from]))
			apply_rank(step, from, end);
		/* What is not wanted any more goes only when what is wanted could be applied. */
		else if (!step->operation->failed)
			prune_rank(step, from, end);
		if (step->pass->more)
			return leave_rest(step);
		if (!task_prunes(&step->tasks[from]))
			make_hooks(step, from, end);
	}
	return await(step, last);
}

static bool is_before(const struct sync_operation *operation, const struct task *task)
{
	return task->phase < operation->phase ||
		(task->phase == operation->phase && task->wave < operation->wave);
}

enum verdict steps_run(struct pass *pass, struct sync_operation *operation, const struct tasks *tasks)
{
	const struct slice slice = slice_new(tasks->count, pass->mem);
	size_t from = 0;
	while (from < tasks->count && is_before(operation, &tasks->items[from]))
		from++;
	for (size_t end = from; from < tasks->count; from = end) {
		const struct task *first = &tasks->items[from];
		while (end < tasks->count && tasks->items[end].phase == first->phase &&
			tasks->items[end].wave == first->wave)
			end++;
		if (operation->phase != first->phase || operation->wave != first->wave || !operation->step_since)
			operation->step_since = clock_steady();
		operation->phase = first->phase;
		operation->wave = first->wave;
		operation_wait_over(operation);
		if (!journal_save(pass, operation)) {
			operation_fail(operation, "the step could not be recorded before it was begun");
			return VERDICT_FAILED;
		}
		struct sync_step step = {.pass = pass,
			.operation = operation,
			.tasks = &tasks->items[from],
			.count = end - from,
			.several = tasks->several,
			.slice = slice};
		enum verdict verdict = step_run(&step, end == tasks->count);
		if (verdict != VERDICT_DONE)
			return verdict;
	}
	return VERDICT_DONE;
}
