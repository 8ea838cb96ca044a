/*
 * health_internal.h - the rules of health.c and what they are made of (internal to the health_*.c)
 */
#pragma once

#include "reconcile/kubernetes/health.h"

typedef struct health_state health_rule(const json_t *object, struct arena *mem);

struct health_state health_state_of(enum health health, const char *message);

/* Foreign text becomes a message: a copy of bounded length. */
struct health_state health_told(enum health health, struct arena *mem, const char *message);

bool health_condition_is(const json_t *object, const char *type, const char *status);
const char *health_condition_message(const json_t *object, const char *type); /* "" = none */

/* The controller has seen the spec that is there now. */
bool health_observed(const json_t *object);

/* health_workloads.c and health_kinds.c */
health_rule health_deployment;
health_rule health_stateful_set;
health_rule health_daemon_set;
health_rule health_replica_set;
health_rule health_pod;
health_rule health_job;
health_rule health_cron_job;
health_rule health_volume_claim;
health_rule health_service;
health_rule health_ingress;
health_rule health_autoscaler;
health_rule health_disruption_budget;
health_rule health_definition;
health_rule health_api_service;
health_rule health_sealed_secret;
health_rule health_cnpg_cluster;
health_rule health_by_ready;
