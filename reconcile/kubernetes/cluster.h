/*
 * cluster.h - one cluster as the pass sees it: discovery, the live objects it cares for, and the ways to write
 *
 * The cluster watches each kind in each namespace that was named to cluster_track() (cluster-scoped kinds as a whole)
 * and keeps of each object only the few facts below, so a quiet pass asks the server nothing. Watches reconnect
 * with back-off, use bookmarks, list anew on 410, and honour 429. `changed` tells the reconciler what to look at.
 *
 * Threads: cluster_open() starts one thread for the watches. Everything else is called by the reconciler only.
 */
#pragma once

#include "reconcile/ignore/ignore.h"
#include "reconcile/kubernetes/health.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/kubernetes/resource.h"
#include "reconcile/object.h"

struct cluster;

/* Called from the watch thread; must return quickly and may not call into the cluster. */
struct cluster_listener {
	void *context;
	/* An object of a tracked kind appeared, changed or went; `application` is the one its tracking id names, or "". */
	void (*changed)(void *context, const struct object_key *key, const char *application);
	/* An object of a followed collection (cluster_follow) changed; `object` is borrowed, `gone` = deleted. */
	void (*followed)(void *context, const char *collection, const json_t *object, bool gone);
	/* A watch could not be kept up (NULL = it works again); for the log and /readyz. Of the collection "the API server" when
	   its health changes (cluster_health). */
	void (*trouble)(void *context, const char *collection, const struct error *err);
	/* A collection that cluster_track() said was still being listed is complete: time to come back. */
	void (*listed)(void *context, const char *collection);
};

/* What is known of a live object. Strings are in the `mem` of the call that gave it; group, kind and namespace are the cluster's, for one
   pass: cluster_track() forgets a collection that nobody names no sooner than the call after the one that let it go. */
struct live {
	struct object_key key;
	const char *version; /* API version it was seen in */
	const char *uid;
	const char *resource_version;
	const char *tracking_id;     /* "" = none */
	const char *installation_id; /* of the Argo CD that has it; "" = none */
	bool has_owner;              /* carries an ownerReference: never pruned by us */
	bool deleting;
	bool prune_allowed; /* annotation pgitops.dev/allow-prune: "true" */
	bool credential; /* label argocd.argoproj.io/secret-type: what the agent logs in with, in its namespace */
	bool installation;             /* label app.kubernetes.io/name: pgitops */
	bool hook_finalizer;           /* Argo CD's argocd.argoproj.io/hook-finalizer holds it */
	bool applied;                  /* we applied it before (managedFields) */
	bool to_adopt;                 /* fields of another tool's manifest become ours with the next apply */
	struct object_options options; /* what its annotations ask for: wave, hook, Prune=, Delete= */
	int64_t written; /* microseconds: when its spec was written, 0 = not known, or a kind without health */
	struct health_state health;
};

bool cluster_open(const struct kube_config *config, const struct cluster_listener *listener,
	struct cluster **cluster, struct error *err) MUST_CHECK;
void cluster_close(struct cluster *cluster); /* accepts NULL; ends the watch thread first */
void cluster_stop(struct cluster *cluster);  /* from any thread: whatever waits, gives up */

/*
 * What the connection to the server is like. One that refuses is noticed at once, a silent one after ten seconds: with no word
 * of any watch for five, it is asked whether it is ready. A change is told by `trouble`. Any thread.
 */
struct cluster_health {
	bool well;
	int64_t since; /* microseconds: the last good word from the server, 0 = none yet */
	char why[256]; /* it is not well; "" = it is, or was not asked yet */
};
void cluster_health(struct cluster *cluster, struct cluster_health *health);

/* Discovery is there (asked again when it is not). ERROR_RETRY while the server cannot be reached. */
bool cluster_ready(struct cluster *cluster, struct error *err) MUST_CHECK;
bool cluster_refresh(struct cluster *cluster, struct error *err) MUST_CHECK; /* discovery anew */
const char *cluster_version(const struct cluster *cluster); /* "v1.36.3", "" before cluster_ready() */

/* desired_scope for desired_complete(): `context` is the cluster. */
int cluster_scope(void *context, const char *group, const char *kind);

/* A kind of this group that is not known is not there. Else ERROR_RETRY, naming the group that does not answer: an aggregated API
   whose server is down. An error is never an empty set. */
bool cluster_knows_group(const struct cluster *cluster, const char *group, struct error *err) MUST_CHECK;

/* The server has this kind now. */
bool cluster_has_kind(const struct cluster *cluster, const char *group, const char *version, const char *kind);

/*
 * Makes sure the kinds and namespaces of these keys are watched and listed completely at least once. They are what this tracker (an
 * Application by its own name, a preview: any name) has to do with from now on: what it named before and nobody else names is let go,
 * with watches that have become useless: where objects carry the tracker's name, or did, the watch stays. Waits two seconds
 * for the first lists of new ones: what takes longer fails with ERROR_RETRY, "still being listed", and `listed` tells when to come
 * back; so does a server that is not well, at once, and a kind whose group does not answer. A kind the server does not have is passed
 * over; a kind we may not list fails with ERROR_DENIED naming it. On failure, the others are tracked nevertheless; of a server that is not well, what was tracked before still is.
 */
bool cluster_track(struct cluster *cluster, const char *tracker, const struct object_key *keys, size_t count,
	struct error *err) MUST_CHECK;

/* An error of cluster_track() that passes by itself: a list is on its way. */
bool cluster_still_lists(const struct error *err);

/* This tracker is gone. */
void cluster_untrack(struct cluster *cluster, const char *tracker);

/* What is kept: names that somebody tracks, and collections that are watched for them. */
struct cluster_counts {
	size_t tracked, collections;
};
void cluster_count(struct cluster *cluster, struct cluster_counts *counts);

/*
 * What is known of the kinds, and of the collections of these keys, is not good enough any more: the next cluster_track() waits for
 * new lists. On failure, which is the discovery's, nothing was forgotten.
 */
bool cluster_forget(
	struct cluster *cluster, const struct object_key *keys, size_t count, struct error *err) MUST_CHECK;

/* Follows a whole collection for the `followed` callback: the first list comes as calls too, before this returns, unless it takes
   more than two seconds (ERROR_RETRY).
   `path` e.g. "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications", `selector` NULL or a label selector. */
bool cluster_follow(struct cluster *cluster, const char *collection, const char *path, const char *selector,
	struct error *err) MUST_CHECK;

/* From the cache; false when there is no such object. Only for tracked kinds. */
bool cluster_live(struct cluster *cluster, const struct object_key *key, struct arena *mem, struct live *live);

/* All live objects of tracked kinds whose tracking id names this application AND themselves, without an owner. */
struct live *cluster_owned(struct cluster *cluster, const char *application, const char *namespace,
	struct arena *mem, size_t *count);

/* One field in which two objects differ. Values of Secrets are "<hidden>". */
struct difference {
	const char *path;   /* "spec.numberOfInstances", "data.users.yaml" */
	const char *wanted; /* compact JSON, cut at 200 bytes; "" = absent */
	const char *found;  /* the same */
	const char *by;     /* field manager that wrote what was found, "" = not known */
	int64_t when;       /* microseconds, 0 = not known */
};

enum write_kind {
	WRITE_DRY_RUN,
	WRITE_APPLY,
	WRITE_DELETE,
	WRITE_RELEASE /* takes Argo CD's hook finalizer off, so that a hook can go */
};

enum write_outcome {
	WRITE_PENDING,
	WRITE_CREATED,
	WRITE_CONFIGURED,
	WRITE_UNCHANGED,
	WRITE_DELETED,
	WRITE_FAILED /* `error` says why */
};

/* One write and what came of it. A dry run's outcome says what an apply would do. */
struct cluster_write {
	enum write_kind kind;
	const struct object *object; /* for DRY_RUN and APPLY */
	const char *tracking_id;     /* annotation to set; NULL = none (CustomResourceDefinitions) */
	const char *installation_id; /* likewise beside it; NULL = none, whatever Git says */
	bool force; /* take over conflicting fields from any manager; without it only from kubectl and
					Argo CD on adoption (gitops-peers.md 2.1) */
	bool ours; /* in our inventory from an earlier sync: whoever owns its fields now, that is drift, and healed */
	bool replace;  /* Replace=true: POST or PUT of the whole object instead of server-side apply */
	bool recreate; /* Force=true: what cannot be changed is deleted and made anew */
	bool lenient;  /* Validate=false: unknown fields are dropped by the server instead of refused */
	const struct ignore_rules *ignore; /* differences there are none; NULL = no rules */
	bool respect_ignore;  /* RespectIgnoreDifferences=true: an apply leaves there what is live, too */
	bool keep_managers;   /* ClientSideApplyMigration=false: what other tools applied stays theirs */
	const char *migrated; /* one more field manager that is such a tool; NULL = none */
	bool hold; /* with Argo CD's hook finalizer, so that a hook does not go before its outcome was seen */
	const char *name; /* for DRY_RUN and APPLY: instead of the object's own (generateName); NULL = its own */
	struct object_key key;   /* for DELETE and RELEASE */
	const char *version;     /* for DELETE and RELEASE: API version, NULL = preferred */
	const char *uid;         /* for DELETE: precondition, NULL = none */
	const char *propagation; /* for DELETE: "Foreground" (default when NULL), "Background", "Orphan" */

	enum write_outcome outcome;
	const struct error *error;        /* FAILED: why, in `mem`; else NULL */
	const char *uid_now;              /* after APPLY and DRY_RUN of something that is there; in `mem` */
	const char *resource_version_now; /* the same */
	struct difference *differences;   /* DRY_RUN with outcome CONFIGURED; sorted by path; in `mem` */
	size_t difference_count;
};

/*
 * Runs all writes, several at once. DRY_RUN sends the server-side apply with dryRun=All beside a GET of the live object
 * and compares without metadata.managedFields, resourceVersion, generation, timestamps and status; labels and
 * annotations count; what `ignore` names does not, and where a rule cannot be followed the write fails, since nobody knows. Nothing is retried that may have been done: the answer is read again instead.
 */
void cluster_write(struct cluster *cluster, struct cluster_write *writes, size_t count, struct arena *mem);

/* One look: the kind is in the discovery and its collection answers, which both follow Established by a moment. ERROR_MISSING =
   not yet. */
bool cluster_kind_ready(
	struct cluster *cluster, const char *group, const char *kind, struct error *err) MUST_CHECK;

/* Creates the namespace when it is not there (CreateNamespace=true); no tracking id. `created` says whether. */
bool cluster_make_namespace(
	struct cluster *cluster, const char *name, bool *created, struct error *err) MUST_CHECK;

/* Requests to the API server so far, watches included. */
uint64_t cluster_requests(const struct cluster *cluster);

/* The client for what has no function here (Applications' status, Secrets). Reconciler only. */
struct kube *cluster_kube(struct cluster *cluster);
