/*
 * outcome.h - how a sync ended, told once to all who listen: log, metrics, Kubernetes Events
 */
#pragma once

#include "agent/events/kubernetes_events.h"

struct outcome {
	struct event_subject subject;
	const char *project;
	const char *revision; /* the commit; "" = not known */
	const char *phase;    /* Succeeded, Failed, Error */
	const char *message;
	const char *by; /* "automated", or who asked for it */
	bool automated, heal, partial, dry_run;
	int64_t created, configured, pruned;
	int64_t started, finished; /* microseconds */
};

void outcome_sync(struct kubernetes_events *events, const struct outcome *outcome);

/* A sync begins: OperationStarted. */
void outcome_started(struct kubernetes_events *events, const struct outcome *outcome);

/* ResourceUpdated: "sync status" or "health status" of the Application is another one now. Nothing where it is the same. */
void outcome_status(struct kubernetes_events *events, const struct event_subject *subject, const char *what,
	const char *before, const char *after);
