/*
 * project.h - an Argo CD AppProject (argoproj.io/v1alpha1): from where to where its Applications may bring what, and when
 *
 * The rules are Argo CD's (argocd.md 1.4, 2.6). Globs: `*` in a repository stops at '/', `**` does not; elsewhere `*` matches anything.
 * What starts with '!' forbids what it matches. Cluster-scoped kinds are forbidden unless they are listed; namespaced ones are allowed
 * unless a list says otherwise. A field that would change what is synced and is not supported makes the project unusable, with a text
 * that names it; roles and the like, which mean nothing here, are warnings.
 */
#pragma once

#include "agent/config/window.h"
#include "reconcile/mistake.h"
#include "reconcile/object.h"

#define PROJECT_DEFAULT "default"

/* The one cluster the agent writes to, by both of its names. */
#define DESTINATION_SERVER "https://kubernetes.default.svc"
#define DESTINATION_NAME "in-cluster"

struct project_destination {
	const char *server, *name, *namespace; /* globs, each may begin with '!'; "" = absent */
};

struct project_destinations {
	struct project_destination *items;
	size_t count;
};

struct project_kind {
	const char *group, *kind, *name; /* globs; name "" = any */
};

struct project_kinds {
	struct project_kind *items;
	size_t count;
	bool given; /* the list is there, were it empty */
};

struct project {
	const char *name;
	const char *file; /* NULL for objects in the cluster */
	struct texts source_repos;
	struct project_destinations destinations;
	struct project_kinds cluster_allowed, cluster_denied, namespace_allowed, namespace_denied;
	struct windows windows;
	const char **errors; /* each names its field; any = no Application of the project may be synced */
	size_t error_count;
	const char **warnings;
	size_t warning_count;
};

/* All in `mem`. Mistakes of shape land in `errors`; false only when it is no AppProject or has no usable name. */
bool project_read(const json_t *document, const char *file, struct arena *mem, struct project *project,
	struct error *err) MUST_CHECK;

/* Is the object an AppProject? */
bool project_is_one(const struct object_key *key);

/* What `default` means where no such object exists: everything is allowed, at any time. */
const struct project *project_allow_all(void);

/* All AppProjects in the manifests of a folder, sorted by name; other kinds are passed over (application_read_folder tells of them). */
bool project_read_folder(const char *folder, struct arena *mem, struct project **items, size_t *count,
	struct mistakes *mistakes, struct error *err) MUST_CHECK;

/* The questions. When the answer is no, `why` says so in one sentence, in `mem`. */
bool project_allows_source(
	const struct project *project, const char *url, struct arena *mem, const char **why) MUST_CHECK;
bool project_allows_destination(const struct project *project, const struct project_destination *to,
	struct arena *mem, const char **why) MUST_CHECK;

/* The kind, and for a namespaced object its namespace at the one cluster. `key.name` counts for cluster-scoped objects. */
bool project_allows_object(const struct project *project, const struct object_key *key, bool namespaced,
	struct arena *mem, const char **why) MUST_CHECK;
