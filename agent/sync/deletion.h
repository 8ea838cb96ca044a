/*
 * deletion.h - an Application that is being deleted and takes its objects with it (argocd.md 2.12)
 *
 * Only with the finalizer resources-finalizer.argocd.argoproj.io; without it the API server removes the Application at once and
 * everything stays. Never deleted: CustomResourceDefinitions, objects with Delete=false or helm.sh/resource-policy: keep, what another
 * Application wants, and kinds that hold data unless pgitops.dev/allow-prune says so. A running operation ends first.
 *
 *     state       | does                                                        | then
 *     ------------+-------------------------------------------------------------+-----------
 *     PreDelete   | PreDelete hooks, in waves                                   | Objects
 *     Objects     | the highest wave first; the next when that one is gone      | PostDelete
 *     PostDelete  | PostDelete hooks                                            | Release
 *     Release     | the finalizers come off: the API server removes it          |
 *
 * All of it is read anew from the cluster at each pass, so a kill of the process costs nothing but the memory of hooks that have
 * ended, and these are still there to be looked at. Nothing here can hang on a spec or a repository that cannot be read: hooks need
 * the content, objects do not. Reconciler thread only.
 */
#pragma once

#include "agent/sync/pass.h"

/* Carries it on; in the place of comparing and syncing. */
void deletion_run(struct pass *pass);

void deletion_free(struct deletion *deletion); /* accepts NULL */
