/*
 * lease.h - who of several agents is at work: a Lease (coordination.k8s.io/v1), by the rules of client-go's leader election
 *
 * Whoever holds it renews it; the others look at it, and take it when nobody holds it or when its record has stood still for the duration
 * that stands in it, by their own clock from when they saw it first: no clock is compared with another. The holder stops to write before
 * that: `deadline` after it began its last good renewal (base/write_gate.h). A write carries the resourceVersion that was read, so of two
 * that try at once one is refused.
 *
 * A lease is one thread's at a time.
 */
#pragma once

#include "reconcile/kubernetes/kube.h"

enum { LEASE_HOLDER_SIZE = 320, LEASE_TERM_SIZE = 128 };

struct lease {
	const char *namespace, *name;
	const char *identity; /* of this process */
	int64_t duration;     /* milliseconds, whole seconds */

	json_t *object;                 /* as it was seen last, NULL = not seen, or there is none */
	json_t *record;                 /* its spec when it last changed */
	int64_t seen;                   /* clock_boot() of then */
	int64_t renewed;                /* clock_boot() at the beginning of our last good renewal */
	bool held;                      /* by us, as far as we know */
	char holder[LEASE_HOLDER_SIZE]; /* "" = nobody */
	char before[LEASE_TERM_SIZE]; /* the term that was seen before we took it, "" = there was no lease */
	char term[LEASE_TERM_SIZE]; /* which holding this is: the object's uid and its leaseTransitions. "" = not seen */
};

/* Parts of the duration, as client-go's 10 s and 2 s are of its 15 s. */
int64_t lease_deadline(const struct lease *lease);
int64_t lease_period(const struct lease *lease); /* between two renewals */

/* One attempt to take or to renew it. False with `err` = the API server did not do it; what `lease->held` says then is as before, unless
   another one has it. True: it was seen, and `lease->held` says whether it is ours. */
bool lease_try(struct lease *lease, struct kube *kube, struct error *err) MUST_CHECK;

/* Lets go of it, so that nobody waits for its end. Nothing may be written any more. */
bool lease_release(struct lease *lease, struct kube *kube, struct error *err) MUST_CHECK;

/* Frees what was seen. */
void lease_done(struct lease *lease);
