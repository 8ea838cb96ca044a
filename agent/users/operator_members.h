/*
 * operator_members.h - does another member of an operator's cluster take writes, too: asked of Patroni's members before each pass
 *
 * The leader's record says who leads, not who else believes it does: an old primary whose Patroni is dead, or that is cut off, goes on
 * taking writes. Their addresses are what Patroni wrote into the Pods; GET /patroni of all of them at once, with what the agent file has for it
 * (patroniCaFile, patroniClientCertFile). What cannot be asked is left to the record: an agent without `list` on Pods, or one that a NetworkPolicy keeps from
 * the members, works as before, and `doctor` tells of the right.
 */
#pragma once

#include "agent/config/config.h"
#include "agent/users/operator_leader.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/patroni/patroni.h"

/* The request for the cluster's Pods, for kube_run(); the caller drops its answer. */
struct kube_request operator_members_request(const struct operator_reference *cluster, struct arena *mem);

/* Asks the members in the answer, and judges. A member that is silent costs LIMIT_PATRONI_MILLISECONDS, however many are. */
bool operator_members_agree(const struct database_config *config, const json_t *pods,
	const struct operator_leader *leader, struct arena *mem, struct error *err) MUST_CHECK;

/*
 * `leader`: by the record, or whose Pod has its address; "" = neither says it. False, ERROR_RETRY, while another one than the leader takes writes,
 * while two do and nobody is named, or while the leader is silent and another one answers. A leader that is silent as all others are is no proof:
 * then it is the way from here that is closed.
 */
bool operator_members_judge(const struct operator_reference *named, const struct patroni_cluster *cluster,
	const char *leader, struct error *err) MUST_CHECK;
