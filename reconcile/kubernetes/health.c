#include "reconcile/kubernetes/health_internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

const char *health_name(enum health health)
{
	static const char *const names[] = {
		[HEALTH_NONE] = "",
		[HEALTH_HEALTHY] = "Healthy",
		[HEALTH_SUSPENDED] = "Suspended",
		[HEALTH_PROGRESSING] = "Progressing",
		[HEALTH_MISSING] = "Missing",
		[HEALTH_DEGRADED] = "Degraded",
		[HEALTH_UNKNOWN] = "Unknown",
	};
	return (size_t)health < COUNT_OF(names) ? names[health] : "";
}

enum health health_worst(enum health a, enum health b)
{
	return a > b ? a : b;
}

struct health_state health_state_of(enum health health, const char *message)
{
	return (struct health_state){.health = health, .message = message};
}

struct health_state health_told(enum health health, struct arena *mem, const char *message)
{
	return health_state_of(health, arena_printf(mem, "%.400s", message));
}

const json_t *health_condition(const json_t *object, const char *type)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.conditions"), index, item)
		if (text_equal(json_text_at(item, "type", ""), type))
			return item;
	return NULL;
}

bool health_condition_is(const json_t *object, const char *type, const char *status)
{
	const json_t *found = health_condition(object, type);
	return found && text_equal(json_text_at(found, "status", ""), status);
}

const char *health_condition_message(const json_t *object, const char *type)
{
	return json_text_at(health_condition(object, type), "message", "");
}

bool health_observed(const json_t *object)
{
	return json_number_at(object, "metadata.generation", 0) <=
		json_number_at(object, "status.observedGeneration", 0);
}

static struct health_state postgresql(const json_t *object, struct arena *mem)
{
	return postgresql_health(object, 0, false, clock_now(), mem);
}

static const struct {
	const char *group, *kind;
	health_rule *rule;
} rules[] = {
	{"acid.zalan.do", "postgresql", postgresql},
	{"bitnami.com", "SealedSecret", health_sealed_secret},
	{"apps", "Deployment", health_deployment},
	{"apps", "StatefulSet", health_stateful_set},
	{"apps", "DaemonSet", health_daemon_set},
	{"apps", "ReplicaSet", health_replica_set},
	{"", "Pod", health_pod},
	{"batch", "Job", health_job},
	{"batch", "CronJob", health_cron_job},
	{"", "PersistentVolumeClaim", health_volume_claim},
	{"", "Service", health_service},
	{"networking.k8s.io", "Ingress", health_ingress},
	{"autoscaling", "HorizontalPodAutoscaler", health_autoscaler},
	{"policy", "PodDisruptionBudget", health_disruption_budget},
	{"apiextensions.k8s.io", "CustomResourceDefinition", health_definition},
	{"apiregistration.k8s.io", "APIService", health_api_service},
	{"postgresql.cnpg.io", "Cluster", health_cnpg_cluster},
	{"cert-manager.io", "Certificate", health_by_ready},
	{"cert-manager.io", "Issuer", health_by_ready},
	{"cert-manager.io", "ClusterIssuer", health_by_ready},
	{"external-secrets.io", "ExternalSecret", health_by_ready},
	{"external-secrets.io", "SecretStore", health_by_ready},
	{"external-secrets.io", "ClusterSecretStore", health_by_ready},
};

static health_rule *rule_for(const char *group, const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (strcmp(rules[i].kind, kind) == 0 && strcmp(rules[i].group, group) == 0)
			return rules[i].rule;
	return NULL;
}

/* Groups of Kubernetes itself: what has no rule there has no health. */
static bool is_builtin(const char *group)
{
	return !strchr(group, '.') || text_ends(group, ".k8s.io");
}

/*
 * Kinds that nobody here knows, by what controllers have agreed on (kstatus, gitops-peers.md 3.1). Ready=False is no failure: a
 * controller that is at it and one that never will look alike. Nothing of all that is no statement.
 */
static struct health_state generic(const json_t *object, struct arena *mem)
{
	const json_t *seen = json_at(object, "status.observedGeneration");
	const char *ready = json_text_at(health_condition(object, "Ready"), "status", "");
	if (json_is_integer(seen) &&
		json_integer_value(seen) != json_number_at(object, "metadata.generation", 0))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (health_condition_is(object, "Stalled", "True"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "Stalled"));
	if (health_condition_is(object, "Reconciling", "True"))
		return health_told(HEALTH_PROGRESSING, mem, health_condition_message(object, "Reconciling"));
	if (*ready && !text_equal(ready, "True"))
		return health_told(HEALTH_PROGRESSING, mem, health_condition_message(object, "Ready"));
	return health_state_of(*ready || json_is_integer(seen) ? HEALTH_HEALTHY : HEALTH_NONE, "");
}

bool health_has_rule(const char *group, const char *kind)
{
	return rule_for(group, kind) || !is_builtin(group);
}

bool health_held_as_hook(const json_t *object)
{
	size_t index;
	const json_t *value;
	json_array_foreach (json_at(object, "metadata.finalizers"), index, value)
		if (text_equal(json_string_value(value), HOOK_FINALIZER))
			return true;
	return false;
}

bool health_ending(const json_t *object)
{
	return json_at(object, "metadata.deletionTimestamp") && !health_held_as_hook(object);
}

struct health_state health_of(const json_t *object, struct arena *mem)
{
	if (health_ending(object))
		return health_state_of(HEALTH_PROGRESSING, "pending deletion");
	const char *api_version = json_text_at(object, "apiVersion", "");
	const char *slash = strchr(api_version, '/');
	char group[256];
	snprintf(group, sizeof(group), "%.*s", slash ? (int)(slash - api_version) : 0, api_version);
	health_rule *rule = rule_for(group, json_text_at(object, "kind", ""));
	if (rule)
		return rule(object, mem);
	return is_builtin(group) ? health_state_of(HEALTH_NONE, "") : generic(object, mem);
}
