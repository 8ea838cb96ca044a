/*
 * pass.h - one pass over one Application: source -> desired -> observe -> plan -> apply -> record
 *
 * `source` and `desired` have been done when the repository answered (loop/content.c); pass_run() is the rest. It never waits: what
 * takes time is an operation (operation.h), which a later pass takes up where this one left it. The steps of a pass live in
 * observe.c, compare.c, decide.c, inventory.c and record.c and share one struct pass. Reconciler thread only.
 */
#pragma once

#include "agent/agent.h"
#include "agent/sync/permission.h"
#include "agent/sync/status.h"
#include "reconcile/plan.h"

enum {
	PASS_CONDITIONS = 16,
	PASS_SLICE = 500 /* objects that are written at a time: between two such slices somebody else may have a turn */
};

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
	bool alone;          /* its refusal holds up no other object */
	bool held;           /* the operator is at work on it: written when it has finished */
	const char *refusal; /* why it must not be written; NULL = it may */
	const char *message; /* for status.resources and the sync result; "" = nothing */
	struct health_state health;
};

/* What another Application owns, by the store; see owners.h. */
struct owners_inventory {
	const struct app *app;
	struct store_object *rows;
	size_t count;
	bool unknown; /* the store did not say */
};

/* An operation that has ended in this pass, still to be recorded (finish.h). */
struct pass_ended {
	bool due;
	struct store_revision revision; /* its row in the history; id 0 = it has none */
	int64_t operation, terminate; /* who asked for it, and for its end: the store's operations; 0 = nobody */
	const char *phase;
	char *text;   /* owned */
	char *answer; /* owned; NULL = nobody waits for it */
};

struct pass {
	struct agent *agent;
	struct app *app;
	struct arena *mem;
	struct content *content; /* held; of the running operation, else the newest; NULL = never read */
	const struct project *project; /* NULL = none that allows this Application: nothing is synced */
	const struct objects *wanted;  /* its objects; none while the Application is being deleted */
	struct plan plan;
	struct live *live; /* sorted by key */
	size_t live_count;
	struct pass_step *steps;    /* parallel to plan.steps */
	struct store_object *owned; /* the inventory as it was when the pass began */
	size_t owned_count;
	struct owners_inventory *inventories; /* of others, as far as they were asked for */
	size_t inventory_count;
	bool listing;    /* it is too early to say anything: the cluster's objects are on their way */
	bool incomplete; /* not all kinds could be looked at: what was not found may be there */
	bool anew;       /* what was found equal before says nothing: other rules, or a hard refresh */
	const struct object_key *coming; /* `definitions` of the content, once it is compared */
	size_t coming_count;
	struct status_condition conditions[PASS_CONDITIONS];
	size_t condition_count;
	bool preview; /* nobody's sync: compares another revision, no operation or request counts (preview.h) */
	bool complete; /* live and wanted were compared: Synced or OutOfSync may be said */
	bool out_of_sync;
	bool quiet;             /* nothing to tell that the last pass did not say */
	bool namespace_changed; /* managedNamespaceMetadata was not applied yet */
	size_t to_write;        /* steps that an apply would change now */
	size_t to_prune;        /* steps that would be pruned, allowed or not */
	int64_t look_again;     /* steady milliseconds: another pass then; 0 = when something happens */
	int64_t began;          /* steady milliseconds */
	struct pass_ended ended;
	bool more; /* it ended between two slices: the next pass goes on at once */
};

/* How many of the wanted objects count as what. */
struct pass_counts {
	int64_t created, configured, unchanged, pruned, failed;
};

void pass_run(struct agent *agent, struct app *app);

/* The cluster can be asked, and what is known of it is of now; else why not. */
bool pass_cluster_answers(const struct agent *agent, struct error *why) MUST_CHECK;

/* May an object of this key be written or deleted by this Application? Only with a project. */
bool pass_may_touch(const struct pass *pass, const struct object_key *key, const char **why);

/* The same of what is there: may it be taken over, replaced, cleared away or pruned? */
bool pass_may_take(const struct pass *pass, const struct live *live, const char **why);

/* What the rules say of what a wanted object holds: what they only warn of becomes a condition, what they refuse is told in `mem`.
   NULL = nothing is refused. */
const char *pass_refused_content(struct pass *pass, const struct object *object);

/* Another pass at this time at the latest (steady milliseconds). */
void pass_look_again(struct pass *pass, int64_t when);

/* What the cluster keeps for an Application (cluster_track): for its passes, for the hooks of its deletion, for its previews. */
enum tracker { TRACKER_PASS, TRACKER_HOOKS, TRACKER_PREVIEW, TRACKER_COUNT };
bool pass_track(const struct pass *pass, enum tracker tracker, const struct object_key *keys, size_t count,
	struct error *err) MUST_CHECK;
void pass_untrack(struct agent *agent, const struct app *app, enum tracker tracker);

/* Between two slices: false when somebody waits for the reconciler, or may: then the rest is the next pass's, which comes at once, after
   everybody else had a turn. */
bool pass_goes_on(struct pass *pass);

/* observe.c: fills live, plan, steps. False with a condition when nothing can be said. */
bool pass_observe(struct pass *pass);
/* The same for an Application that is being deleted: nothing is wanted. */
bool pass_observe_to_delete(struct pass *pass);
/* The live object of this key, as the pass observed it; NULL = there is none, or it is none of this Application's. */
const struct live *pass_live(const struct pass *pass, const struct object_key *key);

/* compare.c: dry runs where something moved, and what their answers mean. False = somebody else had to have a turn between two slices:
   nothing can be said yet, and what was answered is known to the next pass. */
bool pass_compare(struct pass *pass);
/* The wanted CustomResourceDefinition that defines this kind; NULL = none does. */
const char *pass_definition(const struct pass *pass, const struct object_key *key);
/* What the running operation was asked for, else what waits to become one; NULL = nothing, or a preview. */
const struct sync_request *pass_request(const struct pass *pass);
/* The options that count: those of the spec, then those of the operation. */
struct sync_options pass_options(const struct pass *pass);

/* What could be done about a refusal, for the end of its message; "" = nothing to add. */
const char *pass_remedy(const struct object *object, const struct error *err);
/* An apply of a wanted object, or its dry run. */
struct cluster_write pass_write(const struct pass *pass, const struct plan_step *step, enum write_kind kind,
	const struct sync_options *options);

/* decide.c: the policy wants a sync now: `automatic` is it. */
bool pass_decide(struct pass *pass, struct sync_request *automatic);
void pass_settle(struct pass *pass); /* nothing differs: the target counts as synced */
/* What the next decision has to know of an operation that has ended. */
void pass_remember(struct pass *pass, const struct sync_request *request, bool failed);

/* inventory.c: what was compared: drift, and which objects are ours. */
void pass_record_compared(struct pass *pass);
/* The row of an object, still without uid and hash. */
struct store_object pass_inventory_row(
	const struct pass *pass, const struct object_key *key, const char *version);
/* Live is as Git has it, by the server's own word in `write`: ours, and whatever had drifted is healed. */
bool pass_record_equal(struct pass *pass, const struct object *object, const struct cluster_write *write,
	struct error *err) MUST_CHECK;

/* record.c: conditions, differences, status. */
/* The same type and message once only; more than PASS_CONDITIONS are dropped. `message` is copied. */
void pass_condition(struct pass *pass, const char *type, const char *message);
void pass_record_status(struct pass *pass);
/* Who asked for a refresh gets the answer: what came of it stands in the status by now. */
void pass_answer_refresh(struct pass *pass);
/* What would be created, updated or pruned, as `app diff` shows it. A new reference. */
json_t *pass_differences(const struct pass *pass);
/* The API version that the step's object is written in, or was. "" = not known. */
const char *pass_version(const struct plan_step *step);
/* syncResult.resources of a sync that would be: a dry run, or one that was refused. A new reference. */
json_t *pass_planned_results(const struct pass *pass);

/* Without a cluster: parsed, validated, recorded (standalone.c). */
void pass_standalone(struct pass *pass);
