/*
 * steps.h - the steps of an operation: (phase, wave) by (phase, wave), each one all its applies, hooks or prunes (internal to sync)
 */
#pragma once

#include "agent/sync/operation.h"

enum verdict { VERDICT_WAIT, VERDICT_DONE, VERDICT_FAILED };

/* One thing to do: an apply, a prune (both are a step of the plan) or a hook. Made anew by each pass. */
struct task {
	int phase;
	int32_t wave; /* in the order in which it is done */
	int rank;
	struct object_key key;
	const struct object *object; /* NULL = prune */
	struct pass_step *step;      /* NULL = hook */
	unsigned hook_type;          /* HOOK_...; 0 = no hook */
	const char *name;            /* a generated hook's; NULL = the object's own */
};

struct tasks {
	struct task *items; /* in the order of execution */
	size_t count;
	bool several; /* more than one step: each waits until its objects are healthy */
};

bool task_prunes(const struct task *task);

/* Where it stands in the cluster: a generated hook's key has the name that it got. */
struct object_key task_key(const struct task *task);

/* "PreSync", as syncResult.resources has it (document.c). */
const char *phase_name(int phase);

/* "deployment.apps/web", as kubectl writes it. In `mem`. */
const char *task_name(const struct task *task, struct arena *mem);

/* All tasks of the phases from `first` to `last`. */
void tasks_make(const struct pass *pass, const struct sync_operation *operation, int first, int last,
	struct tasks *tasks);

/* Those of PreDelete or PostDelete; and the collections that they are in are watched. */
void tasks_of_hooks(
	const struct pass *pass, const struct sync_operation *operation, unsigned hook, struct tasks *tasks);
bool tasks_track(struct pass *pass, const struct tasks *tasks, struct error *err);

/* Step after step from where the operation is. */
enum verdict steps_run(struct pass *pass, struct sync_operation *operation, const struct tasks *tasks);

/* ---- what is remembered (results.c) ---- */

struct task_result *result_find(const struct sync_operation *operation, const struct task *task);
/* The task's, made when there is none. Valid until the next one is made. */
struct task_result *result_of(struct sync_operation *operation, const struct task *task);
void result_set(struct sync_operation *operation, struct task_result *result, enum task_state state,
	const char *status, const char *message);
/* The plan's prunes are what the request's `confirm` stands for, until the operation takes another commit. */
void operation_confirm(struct sync_operation *operation, const struct plan *plan);
/* It is as wanted already: counted, in whichever pass this is seen first. False = it was before. */
bool result_count_unchanged(struct sync_operation *operation, const struct object *object);
/* The operation ends as failed: at once, or (flaw) when the rest is done. */
void operation_fail(struct sync_operation *operation, const char *text);
void operation_flaw(struct sync_operation *operation, const char *text);
/* Goes into the message: what is waited for. */
void operation_wait_for(struct sync_operation *operation, const char *format, ...) PRINTF_LIKE(2, 3);
void operation_wait_over(struct sync_operation *operation);
void results_clear(struct sync_operation *operation);

/* ---- hooks (hooks.c) ---- */

/* What makes the hook, or asks the server about it (WRITE_DRY_RUN). */
struct cluster_write hook_write(const struct pass *pass, const struct task *task, enum write_kind kind);
/* Project or rules are in its way: it has failed. */
bool hook_is_forbidden(struct pass *pass, struct sync_operation *operation, const struct task *task);
bool hook_is_there(const struct pass *pass, const struct task *task);
/* Clears its place and makes it. WAIT while what stood there is being deleted; else its result says what became of it. */
enum verdict hook_make(struct pass *pass, struct sync_operation *operation, const struct task *task);
/* Of a hook that was made: WAIT while it runs; else its result says how it ended. */
enum verdict hook_outcome(struct pass *pass, struct sync_operation *operation, const struct task *task);
/* What is known to be wrong with one that runs, "" = nothing. In pass->mem. */
const char *hook_trouble(const struct pass *pass, const struct task *task);
/* These three WAIT while the server does not do it, thirty times at the most: then it stays, with a warning.
   HookSucceeded and HookFailed: deletes those that have ended so. */
enum verdict hooks_clean_up(struct pass *pass, struct sync_operation *operation);
/* Deletes all that were made, whatever their policy. */
enum verdict hooks_remove(struct pass *pass, struct sync_operation *operation);
/* Deletes those that run. */
enum verdict hooks_stop(struct pass *pass, struct sync_operation *operation);

/* ---- remembering over a kill (journal.c) ---- */

/* Into the store when anything changed. False = it could not be recorded: nothing may be done. */
bool journal_save(struct pass *pass, struct sync_operation *operation);
/* The one that was running; NULL = none, or none that can be understood. False = the store could not be asked. */
bool journal_load(struct agent *agent, const struct app *app, struct sync_operation **operation,
	struct error *err) MUST_CHECK;
/* The same from what status.operationState says, where the store was lost; NULL = nothing runs there. */
struct sync_operation *journal_from_status(const struct app *app);
void journal_remove(struct agent *agent, const char *application);
