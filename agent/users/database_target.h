/*
 * database_target.h - how the server of a `databases` entry is reached: its connection string and password, for a pass and for doctor
 *
 * With `connection` both are what the agent file says. With `postgresql: NAMESPACE/NAME` both are asked for anew each time, of
 * the cluster, so that a new leader, a new password and a new cluster of the name are followed without being told:
 *
 *   the `postgresql` object     is there, and is not being deleted
 *   its leader                  where Endpoints NAME have it (operator_leader.h); not the Service, so that no name server and no
 *                               kube-proxy stand between, and it is true at once
 *   its members                 none but the leader takes writes, by their own answers (operator_members.h)
 *   Secret                      named by the operator's secret_name_template; its keys username and password
 *
 * With `connection` and `patroni` the server is the one that Patroni's members agree on at this moment (one_primary.h).
 *
 * The operator's pg_hba takes TLS alone, with a certificate that it has signed itself: sslmode=require, and the password by SCRAM with
 * channel binding, as to any other machine (connect.h). A server with md5 passwords is refused, not talked to in another way.
 *
 * ERROR_RETRY, with the reason, while one of them is not there: the database's status is Waiting. ERROR_DENIED where they may not be read.
 */
#pragma once

#include "agent/config/config.h"
#include "agent/users/secrets.h"
#include "reconcile/kubernetes/kube.h"
#include "reconcile/roles/roles.h"

/* `claims` are the roles that the `postgresql` object lists (operator_roles.h), none where the file has a connection. `kube` NULL = there is no cluster, or it cannot be asked yet. Texts in `mem`; the caller has the password wiped (secret_done),
   also after false. */
bool database_target(const struct database_config *config, struct secrets *secrets, struct kube *kube,
	struct arena *mem, struct session_target *target, struct role_claims *claims,
	struct error *err) MUST_CHECK;

/* The Secret that the operator keeps this role's password in. */
const char *operator_secret_name(const struct operator_reference *cluster, const char *role, struct arena *mem);
