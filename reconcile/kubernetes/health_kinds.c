/* health_kinds.c - kinds of Kubernetes that run nothing themselves, and of operators */
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/health_internal.h"

struct health_state health_volume_claim(const json_t *object, struct arena *mem)
{
	const char *phase = json_text_at(object, "status.phase", "");
	(void)mem;
	if (text_equal(phase, "Bound"))
		return health_state_of(HEALTH_HEALTHY, "");
	if (text_equal(phase, "Lost"))
		return health_state_of(HEALTH_DEGRADED, "the volume is lost");
	return health_state_of(text_equal(phase, "Pending") ? HEALTH_PROGRESSING : HEALTH_UNKNOWN, "");
}

static struct health_state has_address(const json_t *object)
{
	if (json_array_size(json_at(object, "status.loadBalancer.ingress")))
		return health_state_of(HEALTH_HEALTHY, "");
	return health_state_of(HEALTH_PROGRESSING, "waiting for the load balancer's address");
}

struct health_state health_service(const json_t *object, struct arena *mem)
{
	(void)mem;
	if (!text_equal(json_text_at(object, "spec.type", ""), "LoadBalancer"))
		return health_state_of(HEALTH_HEALTHY, "");
	return has_address(object);
}

struct health_state health_ingress(const json_t *object, struct arena *mem)
{
	(void)mem;
	return has_address(object);
}

struct health_state health_autoscaler(const json_t *object, struct arena *mem)
{
	static const char *const failures[] = {"FailedGetScale", "FailedUpdateScale",
		"FailedGetResourceMetric", "InvalidSelector", "InvalidMetricSourceType"};
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.conditions"), index, item)
		for (size_t i = 0; i < COUNT_OF(failures); i++)
			if (text_equal(json_text_at(item, "reason", ""), failures[i]))
				return health_told(HEALTH_DEGRADED, mem, json_text_at(item, "message", ""));
	if (health_condition_is(object, "AbleToScale", "True") ||
		health_condition_is(object, "ScalingLimited", "True"))
		return health_state_of(HEALTH_HEALTHY, "");
	return health_state_of(HEALTH_PROGRESSING, "waiting to scale");
}

struct health_state health_disruption_budget(const json_t *object, struct arena *mem)
{
	const json_t *allowed = health_condition(object, "DisruptionAllowed");
	if (!json_at(object, "status.observedGeneration") || !health_observed(object))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (text_equal(json_text_at(allowed, "reason", ""), "SyncFailed"))
		return health_told(HEALTH_DEGRADED, mem, json_text_at(allowed, "message", ""));
	return health_state_of(HEALTH_HEALTHY, "");
}

struct health_state health_definition(const json_t *object, struct arena *mem)
{
	if (health_condition_is(object, "NamesAccepted", "False"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "NamesAccepted"));
	if (health_condition_is(object, "NonStructuralSchema", "True"))
		return health_told(
			HEALTH_DEGRADED, mem, health_condition_message(object, "NonStructuralSchema"));
	if (health_condition_is(object, "Established", "True"))
		return health_state_of(HEALTH_HEALTHY, "");
	return health_state_of(HEALTH_PROGRESSING, "waiting until the CRD is established");
}

struct health_state health_api_service(const json_t *object, struct arena *mem)
{
	if (health_condition_is(object, "Available", "True"))
		return health_state_of(HEALTH_HEALTHY, "");
	return health_told(HEALTH_PROGRESSING, mem, health_condition_message(object, "Available"));
}

struct health_state health_sealed_secret(const json_t *object, struct arena *mem)
{
	int64_t seen = json_number_at(object, "status.observedGeneration", -1);
	if (seen >= 0 && seen < json_number_at(object, "metadata.generation", 0))
		return health_state_of(
			HEALTH_PROGRESSING, "waiting until the controller has seen the new version");
	if (health_condition_is(object, "Synced", "True"))
		return health_told(HEALTH_HEALTHY, mem, health_condition_message(object, "Synced"));
	if (health_condition_is(object, "Synced", "False"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "Synced"));
	return health_state_of(HEALTH_PROGRESSING, "waiting until the controller has unsealed it");
}

/* Kinds whose one statement is the condition Ready. */
struct health_state health_by_ready(const json_t *object, struct arena *mem)
{
	int64_t seen = json_number_at(object, "status.observedGeneration", -1);
	if (seen >= 0 && seen < json_number_at(object, "metadata.generation", 0))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (health_condition_is(object, "Ready", "True"))
		return health_state_of(HEALTH_HEALTHY, "");
	bool working = health_condition_is(object, "Issuing", "True");
	bool failed = health_condition_is(object, "Ready", "False") && !working;
	return health_told(failed ? HEALTH_DEGRADED : HEALTH_PROGRESSING, mem,
		health_condition_message(object, "Ready"));
}

/* It has no observedGeneration: its phase alone would call an edit of a moment ago done (gitops-peers.md 3.2). */
struct health_state health_cnpg_cluster(const json_t *object, struct arena *mem)
{
	static const char *const failures[] = {"nrecoverable", "Not enough disk space", "Unable to create"};
	const char *phase = json_text_at(object, "status.phase", "");
	int64_t wanted = json_number_at(object, "spec.instances", 1);
	int64_t ready = json_number_at(object, "status.readyInstances", 0);
	const char *hibernation = json_string_value(
		json_object_get(json_at(object, "metadata.annotations"), "cnpg.io/hibernation"));
	if (text_equal(hibernation, "on"))
		return health_told(HEALTH_SUSPENDED, mem, "hibernated");
	if (text_equal(phase, "Waiting for user action"))
		return health_told(HEALTH_SUSPENDED, mem, phase);
	for (size_t i = 0; i < COUNT_OF(failures); i++)
		if (strstr(phase, failures[i]))
			return health_told(HEALTH_DEGRADED, mem, phase);
	if (!text_equal(phase, "Cluster in healthy state") || !health_condition_is(object, "Ready", "True"))
		return health_told(HEALTH_PROGRESSING, mem, phase);
	if (ready == wanted)
		return health_state_of(HEALTH_HEALTHY, "");
	return health_state_of(HEALTH_PROGRESSING,
		arena_printf(mem, "%ld of %ld instances are ready", (long)ready, (long)wanted));
}
