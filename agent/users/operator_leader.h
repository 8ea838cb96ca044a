/*
 * operator_leader.h - where the leader of an operator's cluster is, by Patroni's record in the API server
 *
 *   use_endpoints: true    Endpoints NAME are the record and have one address, both written by Patroni.
 *   use_endpoints: false   ConfigMap NAME-leader is the record, and Kubernetes writes into Endpoints NAME every ready Pod that is labelled
 *                          as the master Service selects: for seconds that may be two, or only one that leads no more. The
 *                          leader's address is the one of the Pod that the record names.
 *
 * A cluster that was switched from one to the other keeps both records: the one that was renewed last counts. Where there is no record,
 * or the ConfigMap may not be read, a single address is the leader's, and of several none is.
 */
#pragma once

#include "agent/config/config.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/postgres/connect.h"

enum { OPERATOR_LEADER_ASKED = 2 };

struct operator_leader {
	const char *address;
	long long port;
	const char *name; /* in Patroni's record; "" = there is none */
	bool config_map;  /* the record is the ConfigMap */
};

/* The requests, for kube_run(); the caller drops their answers. */
void operator_leader_ask(const struct operator_reference *cluster,
	struct kube_request asked[OPERATOR_LEADER_ASKED], struct arena *mem);

/* What their answers say. ERROR_RETRY with the reason while there is no leader, or nobody says which it is. Texts in `mem`. */
bool operator_leader_read(const struct operator_reference *cluster,
	const struct kube_request asked[OPERATOR_LEADER_ASKED], struct arena *mem,
	struct operator_leader *leader, struct error *err) MUST_CHECK;

/* Is it still the one? Asked before each COMMIT; a member that is cut off is asked nothing. In `mem`; borrows the rest. */
const struct session_witness *operator_leader_witness(const struct operator_reference *cluster,
	struct kube *kube, const struct operator_leader *leader, struct arena *mem);
