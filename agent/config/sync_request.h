/*
 * sync_request.h - what is asked of a sync: by an automated policy, a person, or `operation` in the Application object
 *
 * There is one document for it, Argo CD's `operation` (argocd.md 2.8). `kubectl patch` writes it into the Application, the API
 * and the command line make it from their own fields, and all of them are read here: what one of them may ask, all may.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* A part of the Application that is synced alone. */
struct sync_resource {
	char *group, *kind;
	char *namespace; /* "" = in any */
	char *name;
};

/* As Argo CD has them where `retry` leaves them out (argocd.md 2.5); the limit is that of the automation. */
enum { RETRY_LIMIT = 5, RETRY_DURATION = 5000, RETRY_MAX = 180000, RETRY_FACTOR = 2 };

/* operation.retry; without one a failed sync that a person asked for is not tried again. */
struct sync_retry {
	bool given;
	int64_t limit;         /* -1 = for ever */
	bool refresh;          /* the newest commit each time */
	int64_t duration, max; /* milliseconds */
	double factor;
};

struct sync_request {
	struct arena *mem; /* holds the strings of what sync_request_new() made; NULL in one on the stack */
	bool automated;
	bool heal; /* only what drifted: no history entry */
	bool prune;
	bool dry_run;
	bool force; /* what the server does not change in place is deleted and made anew (Argo CD's --force) */
	bool apply_only;        /* syncStrategy.apply: without hooks */
	const char *revision;   /* NULL = the Application's own */
	const char **revisions; /* of several sources, "" = its own; none = all as the sources say */
	size_t *positions; /* the source of each of `revisions`, from 1; NULL = they are those of all sources, in order */
	size_t revision_count;
	struct sync_resource *resources; /* none = everything; hooks are left out of a partial sync, too */
	size_t resource_count;
	char **options; /* operation.sync.syncOptions, each one that sync_options_take() knows */
	size_t option_count;
	struct sync_retry retry;
	json_t *source; /* instead of spec.source, or a list instead of spec.sources, as `argocd app rollback` asks; NULL = the
			   Application's own */
	json_t *info;        /* a list of {name, value}; NULL = none */
	char *confirm;       /* hash of confirmed deletions; NULL = none */
	const char *by;      /* "automated", "cli", "api", "kubectl", or the name in initiatedBy */
	int64_t operation;   /* id in the store, 0 = none */
	int64_t rollback_id; /* id in status.history whose source and revision are wanted, -1 = none */
	json_t *document;    /* the `operation` object as patched in, NULL = none */
};

struct sync_request *sync_request_new(void);
void sync_request_free(struct sync_request *request); /* accepts NULL */

/* Reads an `operation`. What is not supported is ERROR_INVALID that names the field; a field that asks for nothing (null, "", [])
   is passed over, as Argo CD writes them. `document` is the operation, `by` the user it names or "kubectl". */
bool sync_request_read(const json_t *operation, struct sync_request **request, struct error *err) MUST_CHECK;

/* `revisions` are those of the sources at these positions, as --source-positions of Argo CD's command counts them, from 1. */
bool sync_request_place(struct sync_request *request, const json_t *positions, struct error *err) MUST_CHECK;

/* The `operation` that says the same, for status.operationState; a new reference. */
json_t *sync_request_document(const struct sync_request *request);

/* Is this object among the resources that are asked for? */
bool sync_request_selects(const struct sync_request *request, const char *group, const char *kind,
	const char *namespace, const char *name);
