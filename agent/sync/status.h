/*
 * status.h - the `status` of an Application object, as Argo CD's users and tools know it (argocd.md 2.2)
 *
 * Pure: what the pass found goes in, a JSON object comes out. Writing it is the reconciler's.
 */
#pragma once

#include "agent/agent.h"

struct status_condition {
	const char *type; /* ComparisonError, SyncError, InvalidSpecError, RepeatedResourceWarning, ... */
	const char *message;
};

struct status_resource {
	const char *group, *version, *kind, *namespace, *name;
	const char *status; /* Synced, OutOfSync, Unknown; "" = no status */
	struct health_state health;
	bool requires_pruning;
	bool requires_confirmation; /* Prune=confirm */
	int32_t wave;
	const char *message; /* why it stays, was refused, ... ; "" = nothing */
};

struct status_input {
	const struct app *app;
	const char *sync;                        /* Synced, OutOfSync, Unknown */
	const char *revision;                    /* commits compared with (commits.h), "" = none */
	const struct status_resource *resources; /* sorted by group, kind, namespace, name */
	size_t resource_count;
	const struct status_condition *conditions;
	size_t condition_count;
	bool read;     /* what it wants has been read at least once: else its health is not known */
	bool any_live; /* something wanted is live: else health may be Missing */
	bool cluster;  /* resources were compared with a cluster */
};

/* Without the rows of its operation (status_complete). A new reference. Times of conditions and health are kept from `previous` where they did not change. */
json_t *status_make(const struct status_input *input, const json_t *previous, struct arena *mem);

/*
 * Between two passes (status_kept.c): `status` and `operation_state` of an app are kept without the rows of their objects, which are
 * text beside them. The ones that take a tree take it over.
 */
/* One of status_make(). True when it, or a row of its operation, says something else than the one before, the time of the comparison
   apart. */
bool status_set(struct app *app, json_t *status);
/* Gives one of status_make() the rows of its operation. */
void status_complete(const struct app *app, json_t *status);
json_t *status_whole(const struct app *app); /* with the rows; a new reference, NULL = there was none */
void status_set_operation(struct app *app, json_t *state);
json_t *status_operation(const struct app *app); /* with the rows; a new reference, NULL = none */
/* Takes the rows out of one that is not ours to keep. */
void status_shorten(json_t *status);
void status_free(struct app *app);

/* What of it goes to the cluster (status_bounded.c): lists bounded by bytes, what is not Synced or not Healthy first, and a condition
   that says so. `since` is kept by the caller: when that began, 0 = it is whole. A new reference. */
json_t *status_bounded(const json_t *whole, int64_t *since);

/* Where even that is refused as too large: sync, health and one UnknownError. A new reference. */
json_t *status_minimal(const json_t *whole, const char *why);

/* status.operationState for a sync that runs or has ended; a new reference. */
struct status_operation {
	const struct app *app;
	const struct sync_request *request;
	const char *phase;
	const char *message;
	const char *commit; /* of each source (commits.h) */
	const json_t *source; /* what was synced, where it is not of the spec; a list instead of spec.sources; NULL = of the spec */
	int64_t started, finished; /* finished 0 = running */
	int64_t retries;
	json_t *resources; /* syncResult.resources, a list; borrowed */
};
json_t *status_operation_state(const struct status_operation *operation);

/* Appends one that has succeeded to status.history, keeping at most spec.history_limit entries. `history` NULL = a new list is made.
   A new reference. */
json_t *status_history_add(const json_t *history, const struct status_operation *operation);
/* The entry with this id, NULL = there is none (any more). Borrowed. */
const json_t *status_history_find(const json_t *history, int64_t id);
