/*
 * operator_settings.h - what the postgres-operator is set to do with a higher spec.postgresql.version (zalando-operator.md 2.1, 6)
 *
 * It stands in ConfigMap `postgres-operator` or in an OperatorConfiguration, in the operator's namespace, which nobody tells us. What is in the
 * cluster's own namespace counts first; then what the whole cluster has, where it says one thing.
 */
#pragma once

#include "base/arena.h"
#include "reconcile/kubernetes/kube.h"

struct operator_settings {
	const char *upgrade_mode; /* "off", "manual", "full"; NULL = not known */
	const char *teams;        /* ",acid,other,": whose clusters are upgraded with "off", too */
	const char *minimal;      /* with "full" what is older than this becomes `target` */
	const char *target;
	const char *where; /* "ConfigMap default/postgres-operator" */
	const char *why;   /* it is not known */
};

/* Of the objects that were found. */
void operator_settings_of(const json_t *maps, const json_t *configurations, struct arena *mem,
	struct operator_settings *settings);

/* Asks with what rights there are; what is missing is said in `why`. NULL = the change of a `postgresql` is none that they say more of
   (postgresql_asks_settings()), and nobody was asked. */
const struct operator_settings *operator_settings_for(struct kube *kube, const char *namespace,
	const json_t *wanted, const json_t *live, struct arena *mem);
