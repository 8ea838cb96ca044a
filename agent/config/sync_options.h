/*
 * sync_options.h - the words of spec.syncPolicy.syncOptions and operation.sync.syncOptions (argocd.md 1.2)
 *
 * What an object's own annotation says (object_options.h) comes before these.
 */
#pragma once

#include "reconcile/object_options.h"

struct sync_options {
	unsigned char prune;   /* enum choice: Prune=true|false|confirm */
	unsigned char delete;  /* enum choice: Delete=true|false|confirm, when the Application is deleted */
	bool create_namespace; /* CreateNamespace=true */
	bool force_conflicts;  /* ForceConflicts=true, ours: take fields over from any manager on adoption */
	bool prune_last;       /* PruneLast=true */
	bool replace;          /* Replace=true */
	bool force;            /* Force=true: delete and make anew what cannot be changed */
	bool lenient;          /* Validate=false */
	bool skip_missing;     /* SkipDryRunOnMissingResource=true */
	bool respect_ignored;  /* RespectIgnoreDifferences=true */
	bool out_of_sync_only; /* ApplyOutOfSyncOnly=true: rows of what was written alone; nothing else is written anyway */
	bool keep_managers;      /* ClientSideApplyMigration=false */
	bool fail_on_shared;     /* FailOnSharedResource=true */
	const char *propagation; /* PrunePropagationPolicy, as the API spells it; NULL = Foreground */
};

/* One word into `options`. False when it is not known: `near` is then the word it may have been meant to be, or NULL. */
bool sync_options_take(struct sync_options *options, const char *word, const char **near);
