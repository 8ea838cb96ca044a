/*
 * kubernetes_events.h - Events on Application objects, as `kubectl describe application` and Argo CD's users know them (argocd.md 2.14),
 * and on the ConfigMaps that list users
 *
 * What is told is noted in a bounded list and written once a turn. The same text again within ten minutes raises the count of the
 * Event that is there instead of making one; of one Application at most EVENTS_PER_MINUTE new ones are made in a minute. What is too
 * much is counted and dropped: Events tell people, nothing depends on them. Reconciler thread only.
 */
#pragma once

#include "reconcile/kubernetes/kube.h"

enum { EVENTS_PER_MINUTE = 10 };

/* The object; `uid` "" = it is a file, of which nothing is told. Borrowed, but for `kind` and `api_version`, which live for ever. */
struct event_subject {
	const char *name, *namespace, *uid;
	const char *destination;        /* of an Application: namespace */
	const char *kind, *api_version; /* NULL = an Application */
};

struct kubernetes_events;

struct kubernetes_events *kubernetes_events_new(void);
void kubernetes_events_free(struct kubernetes_events *events); /* accepts NULL */

/* Notes one. `reason` lives for ever: "OperationStarted"; `user` "" = nobody. `events` may be NULL. */
void kubernetes_events_tell(struct kubernetes_events *events, const struct event_subject *subject,
	const char *reason, bool warning, const char *user, const char *message);

/* What is not written yet: a few in one turn. A failure is no failure of anything else; a missing right is logged once. */
void kubernetes_events_flush(struct kubernetes_events *events, struct kube *kube);
