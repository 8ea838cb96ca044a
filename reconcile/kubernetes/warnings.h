/*
 * warnings.h - why an object is not well: the Warning Events that its controller, or the one of its pods, has written
 *
 * A status often says only that something failed; the reason is in an Event (zalando-operator.md 1.6: "CreateFailed" and no more,
 * while the Event has the whole error). Events are not watched: a namespace is asked once for all of its Warnings, by who has an
 * object there that is not well. What they say is bounded, printable, and without what looks like a password.
 */
#pragma once

#include "reconcile/kubernetes/cluster.h"

struct warning {
	struct object_key about;
	const char *uid; /* of the object it is about, "" = not told */
	const char *reason, *message;
	int64_t last; /* microseconds: when it was told last */
};

struct warnings {
	struct warning *items; /* the newest first */
	size_t count;
};

/* Adds the Events of one page of a list. Strings are in `mem`. */
void warnings_add(struct warnings *warnings, const json_t *page, struct arena *mem);

/* Adds the Warnings of this namespace ("" = those about cluster-scoped objects), at most 2,000 of them. */
bool cluster_warnings(struct cluster *cluster, const char *namespace, struct arena *mem,
	struct warnings *warnings, struct error *err) MUST_CHECK;

/*
 * What they say of this object, the newest first, each reason once and two at most: "Create: could not create ...; Pod main-0:
 * FailedScheduling: ...". Of its own Events, then of those of the pods and what else is made for it, which are known by the names
 * that Kubernetes and the operators give them. What is older than its spec, or stands in its health message already, is left out.
 * "" = nothing. In `mem`.
 */
const char *warnings_reason(const struct warnings *warnings, const struct live *live, struct arena *mem);
