/*
 * deletion.h - an Application that is being deleted and takes its objects with it (argocd.md 2.12)
 *
 * Only with the finalizer resources-finalizer.argocd.argoproj.io; without it everything stays. While Git has PreDelete or PostDelete
 * hooks, the Application also gets the finalizers that wait for these, as in Argo CD. Never deleted: CustomResourceDefinitions, objects with Delete=false or helm.sh/resource-policy: keep, what another
 * Application wants, and kinds that hold data unless pgitops.dev/allow-prune says so. A running operation ends first.
 *
 *     state       | does                                                        | then
 *     ------------+-------------------------------------------------------------+-----------
 *     PreDelete   | PreDelete hooks, in waves                                   | Objects
 *     Objects     | the highest wave first; the next when that one is gone      | PostDelete
 *     PostDelete  | PostDelete hooks                                            | Release
 *     Release     | the finalizers come off: the API server removes it          |
 *
 * All of it is read anew from the cluster at each pass; which hooks have run is in the journal of the operation that runs them. What
 * cannot be read from Git holds up nothing but hooks that a finalizer waits for. Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

/* It is being deleted, and a finalizer of ours waits for something. */
bool deletion_is_wanted(const struct app *app);

/* The finalizers that its hooks need and the Application does not have: HOOK_PRE_DELETE, HOOK_POST_DELETE. */
unsigned deletion_missing_finalizers(const struct app *app);

/* Carries it on; in the place of comparing and syncing. */
void deletion_run(struct pass *pass);

void deletion_free(struct deletion *deletion); /* accepts NULL */
