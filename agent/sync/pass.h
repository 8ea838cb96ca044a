/*
 * pass.h - one pass over one Application: source -> desired -> observe -> plan -> apply -> record
 *
 * `source` and `desired` have been done when the repository answered (reconciler.c, content.c); pass_run() is the rest. Its steps
 * live in pass_observe.c, pass_sync.c and pass_record.c and share one struct pass. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/sync/status.h"
#include "reconcile/plan.h"

enum { PASS_CONDITIONS = 16 };

/* What became of one step of the plan. */
struct pass_step {
	struct plan_step *plan;
	struct cluster_write check; /* the dry run, when one was made */
	bool checked;
	struct cluster_write write; /* the apply or delete, when one was made */
	bool written;
	bool out_of_sync;
	bool unknown;        /* could not be compared */
	bool deferred;       /* its kind comes with this very sync */
	bool held;           /* the operator is at work on it: written when it has finished */
	const char *refusal; /* why it must not be written; NULL = it may */
	const char *message; /* for status.resources and the sync result; "" = nothing */
	struct health_state health;
};

struct pass {
	struct agent *agent;
	struct app *app;
	struct arena *mem;
	struct plan plan;
	struct live *live; /* sorted by key */
	size_t live_count;
	struct pass_step *steps;    /* parallel to plan.steps */
	struct store_object *owned; /* the inventory as it was when the pass began */
	size_t owned_count;
	struct status_condition conditions[PASS_CONDITIONS];
	size_t condition_count;
	bool complete; /* live and wanted were compared: Synced or OutOfSync may be said */
	bool out_of_sync;
	size_t to_write; /* steps that an apply would change now */
	size_t to_prune; /* steps that would be pruned, allowed or not */
	bool synced;     /* a sync was carried out in this pass */
	bool busy;       /* something is held: look again soon */
};

void pass_run(struct agent *agent, struct app *app);

/* pass_observe.c: fills live, plan, steps; compares. False with a condition when nothing can be said. */
bool pass_observe(struct pass *pass);
void pass_compare(struct pass *pass);

/* pass_decide.c */
bool pass_decide(struct pass *pass,
	struct sync_request *automatic); /* the policy wants a sync now: `automatic` is it */
void pass_settle(struct pass *pass);     /* nothing differs: the commit counts as synced */
bool pass_commit_was_tried(const struct pass *pass);
void pass_remember(struct pass *pass, const struct sync_request *request, bool failed); /* for the next decision */

/* pass_sync.c: syncs when somebody asked for it or the policy wants it now. */
void pass_sync(struct pass *pass);

/* pass_record.c: conditions, drift, inventory, differences, status. */
/* The same type and message once only; more than PASS_CONDITIONS are dropped. `message` is copied. */
void pass_condition(struct pass *pass, const char *type, const char *message);
void pass_record_compared(struct pass *pass);
void pass_record_status(struct pass *pass);
json_t *pass_resource_results(struct pass *pass);

/* A person's wish has been answered: phase and message go to its operation and the wish is forgotten. */
void pass_answer(struct pass *pass, const char *phase, const char *message, json_t *result);

/* Without a cluster: parsed, validated, recorded (standalone.c). */
void pass_standalone(struct pass *pass);

/* How many of the wanted objects count as what. */
struct pass_counts {
	int64_t created, configured, unchanged, pruned, failed;
};
