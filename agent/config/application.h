/*
 * application.h - an Argo CD Application (argoproj.io/v1alpha1): its spec as we honour it, and what we refuse
 *
 * The specification is read unchanged (argocd.md 1.1, 2, 7). Each field that we do not support is an InvalidSpecError that names
 * it, never silently ignored; a field that is empty, as Argo CD writes many, asks for nothing. spec.info is kept and means nothing
 * here. The status is built by status.h.
 */
#pragma once

#include "agent/config/sync_options.h"
#include "reconcile/ignore/ignore.h"
#include "reconcile/manifest/manifest.h"

#define APPLICATION_FINALIZER "resources-finalizer.argocd.argoproj.io"
#define PRE_DELETE_FINALIZER "pre-delete-finalizer.argocd.argoproj.io"
#define POST_DELETE_FINALIZER "post-delete-finalizer.argocd.argoproj.io"

enum { REFRESH_NONE, REFRESH_NORMAL, REFRESH_HARD };

/* What deleting the Application does to its objects: nothing without the finalizer resources-finalizer.argocd.argoproj.io, which
   may name the propagation (argocd.md 2.12). */
enum { CASCADE_NONE, CASCADE_FOREGROUND, CASCADE_BACKGROUND };

/* Where manifests come from: spec.source, or one of spec.sources. How they are made of the files is each source's own matter. */
struct application_source {
	const char *repo_url;
	const char *revision;   /* targetRevision, "" = HEAD */
	const char *tag_prefix; /* tagPrefix, "" = none */
	const char *ref;        /* the name by which others of spec.sources mean its files, "" = none */
	bool files_only; /* has a ref and no path: nothing of it is wanted, only its commit is followed */
	struct manifest_directory directory;
};

struct application {
	const char *name;
	const char *namespace;              /* of the Application object itself */
	const char *uid;                    /* "" for files */
	const char *file;                   /* NULL for objects in the cluster */
	struct application_source *sources; /* spec.sources, or spec.source alone; none while the spec names none */
	size_t source_count;
	bool sources_listed; /* they stand in spec.sources, were it one: its status speaks of `revisions` */
	const char *project; /* spec.project; "default" where it is empty, as in Argo CD */
	const char *destination; /* destination.namespace, "" = none */
	bool automated, prune, self_heal, allow_empty;
	struct sync_options options;      /* syncPolicy.syncOptions */
	const json_t *namespace_metadata; /* syncPolicy.managedNamespaceMetadata, in `document`; NULL = none */
	struct ignore_rules ignore;       /* ignoreDifferences */
	bool skip_reconcile;              /* annotation argocd.argoproj.io/skip-reconcile: "true" */
	bool deleting;                    /* metadata.deletionTimestamp */
	int64_t deletion_requested;       /* that time, microseconds */
	int64_t deletion_approved; /* annotation argocd.argoproj.io/deletion-approved, microseconds; 0 = none */
	int cascade;               /* CASCADE_...: what the resources-finalizer asks for */
	unsigned delete_hooks; /* HOOK_PRE_DELETE, HOOK_POST_DELETE: the finalizers that wait for these hooks */
	int refresh;           /* annotation argocd.argoproj.io/refresh */
	const char *migrated; /* annotation argocd.argoproj.io/client-side-apply-migration-manager; NULL = none */
	int64_t history_limit;             /* revisionHistoryLimit, default 10 */
	bool retry_given;                  /* syncPolicy.retry is there: manual syncs are retried, too */
	int64_t retry_limit;               /* retry.limit, -1 = for ever; default 5 */
	int64_t retry_duration, retry_max; /* milliseconds; defaults 5 s and 3 min */
	double retry_factor;               /* default 2 */
	json_t *document;         /* the whole object, owned by the arena's user: application_done() */
	const char **spec_errors; /* InvalidSpecError texts, each naming its field; none = the spec is usable */
	size_t spec_error_count;
	const char **warnings; /* what its annotations ask for and has no effect here, each naming it */
	size_t warning_count;
};

/* `document` stays the caller's; the application holds a reference of its own. Strings are in `mem`. Mistakes of shape land in
   spec_errors, so a bad Application is shown with its condition rather than lost; false only when it is none of
   argoproj.io/v1alpha1 or has no usable name. */
bool application_read(json_t *document, const char *file, struct arena *mem, struct application *application,
	struct error *err) MUST_CHECK;
void application_done(struct application *application);

/* Only the spec, annotations that matter and the operation: did a person change it? Our own status writes do not count. */
bool application_same(const struct application *a, const struct application *b);

/* All Application manifests of a folder (YAML or JSON, several documents, one level), sorted by name; documents of other kinds
   are mistakes but for AppProjects (project_read_folder), and so is a name twice. Symbolic links are followed. The caller ends each item with application_done(). */
bool application_read_folder(const char *folder, struct arena *mem, struct application **items, size_t *count,
	struct mistakes *mistakes, struct error *err) MUST_CHECK;
