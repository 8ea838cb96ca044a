/*
 * object_options.h - what an object's annotations ask of a sync: hooks, waves, sync options, compare options
 *
 * The same reader serves the objects of Git, where a word that is not known is a mistake, and live objects, where it asks for
 * nothing. Annotations and words are Argo CD's (argocd.md 1.2, 1.3, 2.10), Helm's hooks included. Pure.
 */
#pragma once

#include "base/json.h"

/* When a hook runs; an object may name several. */
enum {
	HOOK_PRE_SYNC = 1 << 0,
	HOOK_SYNC = 1 << 1,
	HOOK_POST_SYNC = 1 << 2,
	HOOK_SYNC_FAIL = 1 << 3,
	HOOK_PRE_DELETE = 1 << 4,
	HOOK_POST_DELETE = 1 << 5,
	HOOK_SKIP = 1 << 6, /* never applied: Skip, and Helm's tests and rollback hooks */
};

/* When a hook is deleted; none given = HOOK_DELETE_BEFORE. */
enum {
	HOOK_DELETE_SUCCEEDED = 1 << 0,
	HOOK_DELETE_FAILED = 1 << 1,
	HOOK_DELETE_BEFORE = 1 << 2, /* BeforeHookCreation */
};

/* An option that the object may leave to the Application. */
enum choice { CHOICE_UNSET, CHOICE_TRUE, CHOICE_FALSE, CHOICE_CONFIRM };

struct object_options {
	int32_t wave;              /* sync-wave, else helm.sh/hook-weight, else 0 */
	unsigned char hooks;       /* HOOK_...; 0 = an ordinary object */
	unsigned char hook_delete; /* HOOK_DELETE_... */
	unsigned char prune;       /* enum choice: Prune=true|false|confirm */
	unsigned char delete; /* enum choice: Delete=true|false|confirm; helm.sh/resource-policy: keep = false */
	unsigned char server_side; /* enum choice: ServerSideApply=true|false */
	unsigned char validate;    /* enum choice: Validate=true|false */
	unsigned char replace;     /* enum choice: Replace=true|false */
	bool force : 1;            /* Force=true: delete and make anew what cannot be changed */
	bool force_conflicts : 1; /* ForceConflicts=true, ours: take fields over from any manager on adoption */
	bool skip_missing : 1;    /* SkipDryRunOnMissingResource=true */
	bool prune_last : 1;      /* PruneLast=true */
	bool ignore_extraneous : 1;
	bool ignore_health : 1; /* argocd.argoproj.io/ignore-healthcheck: "true" */
};

/* `annotation` has a word that is not known or not supported; `text` says what about it. */
typedef void object_options_mistake(void *context, const char *annotation, const char *text);

/*
 * From metadata.annotations (NULL = none). `kind_group` is the object's API group: Argo CD's own kinds may carry annotations that
 * mean nothing on other objects. Without `mistake` unknown words are passed over, as is right for live objects.
 */
void object_options_read(const json_t *annotations, const char *kind_group, object_options_mistake *mistake,
	void *context, struct object_options *options);

/* The same from an object's JSON text; quick where there is no such annotation. Unknown words are passed over. */
void object_options_read_text(
	const char *json, size_t length, const char *kind_group, struct object_options *options);

/* "PreSync", ... of one HOOK_ bit. */
const char *object_hook_name(unsigned hook);
