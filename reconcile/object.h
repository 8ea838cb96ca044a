/*
 * object.h - a wanted Kubernetes object, and the name that tells two objects apart
 *
 * The content travels as canonical JSON text (compact, keys sorted), so that a set of thousands stays small
 * between passes and its hash says whether anything changed. Whoever needs the tree parses it for a moment.
 */
#pragma once

#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "reconcile/object_options.h"

/* Labels by which an object is known for what the agent logs in with (Argo CD's own), or for a part of its installation. */
#define CREDENTIAL_LABEL "argocd.argoproj.io/secret-type"
#define INSTALLATION_LABEL "app.kubernetes.io/name"
#define INSTALLATION_NAME "pgitops"

/* Identity: without the version, since the server converts between versions. All parts non-NULL; `group` is ""
   for the core group, `namespace` is "" for cluster-scoped objects. */
struct object_key {
	const char *group;
	const char *kind;
	const char *namespace;
	const char *name;
};

struct object {
	struct object_key key;
	const char *version; /* "v1", "v1alpha1" */
	const char *file;    /* where it stands in Git */
	int line;            /* of the document's first key, from 1 */
	unsigned source;     /* which of the Application's sources it comes from, from 0 */
	int text_line; /* ConfigMap: first line of the block scalar data["users.yaml"], or of the only block scalar in
				   data, so that mistakes inside it have a place; 0 = none such */
	int text_indent;  /* the characters before each of its lines */
	const char *json; /* canonical JSON as Git has it, namespace filled in */
	size_t json_length;
	char hash[DIGEST_HEX_SIZE];    /* SHA-256 of `json` */
	struct object_options options; /* what its annotations ask for */
	bool plain; /* a ConfigMap or Secret with nothing that the API server could refuse but its namespace */
	bool generated; /* a hook with metadata.generateName, which stands in key.name: each run gets a name of its own */
};

struct objects {
	struct object *items;
	size_t count;
};

/* By group, kind, namespace, name. */
int object_key_compare(const struct object_key *a, const struct object_key *b);

/* "ConfigMap team/settings", "postgresql.acid.zalan.do default/main" for people. In `mem`. */
const char *object_key_text(const struct object_key *key, struct arena *mem);

/* "application:group/Kind:namespace/name", Argo CD's tracking-id. Cluster-scoped objects carry the Application's
   destination namespace instead of none (argocd.md 2.7). In `mem`. */
const char *object_tracking_id(
	const struct object_key *key, const char *application, const char *namespace, struct arena *mem);

/* "apps/v1" or "v1". In `mem`. */
const char *object_api_version(const struct object *object, struct arena *mem);

/* Binary search in an array sorted by key; NULL when it is not there. */
struct object *objects_find(const struct objects *objects, const struct object_key *key);

/* A copy of the key with all parts in `mem`. */
struct object_key object_key_copy(const struct object_key *key, struct arena *mem);

/* Apply order: the rank of the kind, lower first (namespaces, CRDs, ... unknown kinds last); see object.c. */
int object_kind_rank(const char *group, const char *kind);

/* A field of `metadata` that the server writes (managedFields, uid, ...): no manifest's. */
bool object_is_server_metadata(const char *field);
void object_strip_metadata(json_t *metadata); /* takes them out; NULL is none */

/* Secret (core): its values are never shown, diffed or stored. */
bool object_is_secret(const struct object_key *key);
