/*
 * join.h - getting in touch with the cluster, when it is there, and what is followed in it
 */
#pragma once

#include "agent/loop/credentials.h"
#include "agent/agent.h"

/* Kubernetes is configured: a kubeconfig is named, or this is a pod. */
bool join_is_wanted(const struct config *config);

/* Where the cluster is: the kubeconfig, or what a pod has. ERROR_RETRY: it is not there yet. */
bool join_config(const struct config *config, struct kube_config *kube, struct error *err) MUST_CHECK;

/* Connects when it is time to try; then follows the Applications, the repository Secrets and the users' Secrets. What is not
   there yet (no kubeconfig file, no server, no CRD) is said in agent->cluster_trouble and tried again. */
void join_try(struct agent *agent, struct credentials *credentials);

/* Follows the Secrets of the databases' users as their namespaces become known. */
void join_follow_users(struct agent *agent);
