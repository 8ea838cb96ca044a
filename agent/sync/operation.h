/*
 * operation.h - a sync while it runs: Argo CD's operation (argocd.md 2.8, 2.10), as a table of states that never waits
 *
 * An operation is begun by a person (app->asked) or by the policy (decide.c) and carried on by each pass over its Application: it
 * does what can be done now, of a wave of thousands a part (pass_goes_on()), and returns; the next pass comes with the next event or at
 * pass->look_again. What it must remember over a kill of the process goes into the store before the effect it is about (journal.c). It
 * is pinned to the content it began with.
 *
 *     state      | does                                                  | done      | failed
 *     -----------+-------------------------------------------------------+-----------+----------
 *     Preparing  | has its content; namespace made; everything dry-run   | Stepping  | Ended
 *     Stepping   | one (phase, wave) after the other: hooks, applies,    | Cleaning  | Failing
 *                | prunes; the next when the last is done and healthy    |           |
 *     Failing    | SyncFail hooks                                        | Cleaning  | Cleaning
 *     Cleaning   | hooks that have ended are deleted or let go           | Ended     | Ended
 *     Stopping   | terminated, superseded: hooks that run are deleted     | Cleaning  | Cleaning
 *     Retrying   | failed: waits for the time of the next attempt        | Preparing | Ended
 *
 * Ended asks for another attempt (Retrying) or records outcome, history, status and answer (finish.h). Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

enum operation_state {
	OPERATION_PREPARING,
	OPERATION_STEPPING,
	OPERATION_FAILING,
	OPERATION_STOPPING,
	OPERATION_RETRYING,
	OPERATION_CLEANING,
	OPERATION_ENDED
};

/* In this order; the last two are of a deletion (deletion.h). */
enum operation_phase {
	PHASE_PRE_SYNC,
	PHASE_SYNC,
	PHASE_POST_SYNC,
	PHASE_SYNC_FAIL,
	PHASE_PRE_DELETE,
	PHASE_POST_DELETE
};

enum task_state { TASK_PENDING, TASK_RUNNING, TASK_SUCCEEDED, TASK_FAILED };

/* What the operation knows of one thing it does; becomes a row of syncResult.resources. Strings are in the operation's memory. */
struct task_result {
	struct object_key key; /* a generated hook's with the name it got */
	const char *version;
	int phase;
	enum task_state state;
	bool hook;
	bool pruned;
	unsigned hook_type;   /* HOOK_...; 0 = no hook */
	unsigned hook_delete; /* HOOK_DELETE_... */
	int64_t made;         /* steady milliseconds: when this process made the hook, 0 = it did not */
	const char *uid;      /* of a hook that was made; "" = not made yet */
	const char *status;   /* Synced, SyncFailed, Pruned, PruneSkipped */
	const char *message;
};

struct sync_operation {
	struct arena *mem;
	struct sync_request *request;
	enum operation_state state;
	struct lookup *lookup;     /* asks for its content, NULL = not (any more) */
	struct content *content;   /* NULL = not there yet */
	char commit[COMMITS_SIZE]; /* of its content; "" = not known yet */
	int64_t started;           /* microseconds */
	int64_t revision;          /* row in the store, 0 = none */
	int64_t attempt;           /* failed ones before this */
	int64_t next_attempt;      /* Retrying: microseconds */
	int64_t finished;          /* of the attempt before, microseconds */
	bool prepared;             /* everything was asked of the server and nothing was refused */
	bool namespace_made;
	bool terminated;
	bool superseded; /* a newer commit or a person's request takes its place */
	bool failed;
	int phase; /* of the step it is in */
	int32_t wave;
	int64_t step_since;          /* steady milliseconds: when it was entered */
	struct task_result *results; /* in the order of execution */
	size_t result_count;
	json_t *index;                /* result_key() -> its number in `results` */
	struct object_key *confirmed; /* what the request's `confirm` stood for when it began, sorted by key */
	size_t confirmed_count;
	struct pass_counts counts;
	bool *unchanged;      /* of each object of the content: counted as unchanged; NULL = none was yet */
	bool writing;         /* the last pass has left a part of its step to the next */
	const char *failures; /* texts of what failed, joined; NULL = none */
	size_t failure_count;
	int clean_ups; /* tries to let hooks go */
	char *waiting; /* what it waits for; NULL = nothing */
	char *saved;   /* the last document in the store */
};

void operation_free(struct sync_operation *operation); /* accepts NULL */

/* It is about this object: all, or those that it names. */
bool operation_selects(const struct sync_operation *operation, const struct object_key *key);

void operation_set_content(struct sync_operation *operation, struct content *content);

/* One that only runs hooks of the newest content: when the Application is deleted. */
struct sync_operation *operation_for_hooks(const struct app *app);

/* Ends the one that was begun at this time (RFC 3339), at the next pass. Another one, or none, is not touched: what says so may be an
   echo of one that has ended. True when that one runs, and ends. */
bool operation_terminate(struct app *app, const char *begun);

/* What a failed sync waited for may be over: the next attempt is made by the next pass, which comes at once. */
void operation_try_now(struct app *app);

/* The content that a pass over this Application compares with: of the running operation, else the newest. NULL = none yet. */
struct content *operation_content(const struct app *app);

/* Begins what is asked for or wanted by the policy, and carries on what runs. After pass_compare(). */
void operation_run(struct pass *pass);

/* The same where nothing could be compared: a person's request is answered, one that runs says what it waits for. */
void operation_run_blind(struct pass *pass);

/* status.operationState of the running operation; a new reference. */
json_t *operation_document(const struct pass *pass, const struct sync_operation *operation);
