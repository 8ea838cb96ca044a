#include "reconcile/kubernetes/health.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/kubernetes/postgresql.h"

typedef struct health_state health_rule(const json_t *object, struct arena *mem);

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

static struct health_state state(enum health health, const char *message)
{
	return (struct health_state){.health = health, .message = message};
}

/* Foreign text becomes a message: a copy of bounded length. */
static struct health_state told(enum health health, struct arena *mem, const char *message)
{
	return state(health, arena_printf(mem, "%.400s", message));
}

static const json_t *condition(const json_t *object, const char *type)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.conditions"), index, item)
		if (text_equal(json_text_at(item, "type", ""), type))
			return item;
	return NULL;
}

static bool condition_is(const json_t *object, const char *type, const char *status)
{
	const json_t *found = condition(object, type);
	return found && text_equal(json_text_at(found, "status", ""), status);
}

static const char *condition_message(const json_t *object, const char *type)
{
	return json_text_at(condition(object, type), "message", "");
}

/* The controller has seen the spec that is there now. */
static bool observed(const json_t *object)
{
	return json_number_at(object, "metadata.generation", 0) <=
		json_number_at(object, "status.observedGeneration", 0);
}

/* Workloads, as Argo CD judges them (gitops-engine/pkg/health) */

static struct health_state deployment(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t all = json_number_at(object, "status.replicas", 0);
	int64_t updated = json_number_at(object, "status.updatedReplicas", 0);
	int64_t available = json_number_at(object, "status.availableReplicas", 0);
	if (json_bool_at(object, "spec.paused", false))
		return state(HEALTH_SUSPENDED, "Deployment is paused");
	if (!observed(object))
		return state(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (text_equal(json_text_at(condition(object, "Progressing"), "reason", ""), "ProgressDeadlineExceeded"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "Progressing"));
	if (updated < wanted)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld new replicas are there", (long)updated, (long)wanted));
	if (all > updated)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld old replicas are still there", (long)(all - updated)));
	if (available < updated)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld replicas are available", (long)available, (long)updated));
	return state(HEALTH_HEALTHY, "");
}

static struct health_state stateful_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t ready = json_number_at(object, "status.readyReplicas", 0);
	int64_t updated = json_number_at(object, "status.updatedReplicas", 0);
	int64_t partition = json_number_at(object, "spec.updateStrategy.rollingUpdate.partition", 0);
	const char *strategy = json_text_at(object, "spec.updateStrategy.type", "RollingUpdate");
	if (!observed(object) || !json_number_at(object, "status.observedGeneration", 0))
		return state(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (ready < wanted)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are ready", (long)ready, (long)wanted));
	if (text_equal(strategy, "OnDelete"))
		return state(HEALTH_HEALTHY, "");
	if (partition > 0) {
		if (updated < wanted - partition)
			return state(HEALTH_PROGRESSING,
				arena_printf(mem, "%ld of %ld pods of the partition are updated",
					(long)updated, (long)(wanted - partition)));
		return state(HEALTH_HEALTHY, "");
	}
	if (!text_equal(json_text_at(object, "status.updateRevision", ""),
		    json_text_at(object, "status.currentRevision", "")))
		return state(HEALTH_PROGRESSING,
			arena_printf(
				mem, "%ld of %ld pods are at the new revision", (long)updated, (long)wanted));
	return state(HEALTH_HEALTHY, "");
}

static struct health_state daemon_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "status.desiredNumberScheduled", 0);
	int64_t updated = json_number_at(object, "status.updatedNumberScheduled", 0);
	int64_t available = json_number_at(object, "status.numberAvailable", 0);
	if (!observed(object))
		return state(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (text_equal(json_text_at(object, "spec.updateStrategy.type", ""), "OnDelete"))
		return state(HEALTH_HEALTHY, "");
	if (updated < wanted)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are updated", (long)updated, (long)wanted));
	if (available < wanted)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are available", (long)available, (long)wanted));
	return state(HEALTH_HEALTHY, "");
}

static struct health_state replica_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t available = json_number_at(object, "status.availableReplicas", 0);
	if (!observed(object))
		return state(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (condition_is(object, "ReplicaFailure", "True"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "ReplicaFailure"));
	if (available < wanted)
		return state(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld replicas are available", (long)available, (long)wanted));
	return state(HEALTH_HEALTHY, "");
}

/* A container that waits for a reason like ErrImagePull, CrashLoopBackOff or CreateContainerError. */
static const char *stuck_container(const json_t *object, struct arena *mem)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.containerStatuses"), index, item) {
		const char *reason = json_text_at(item, "state.waiting.reason", "");
		if (text_starts(reason, "Err") || text_ends(reason, "Error") || text_ends(reason, "BackOff"))
			return arena_printf(mem, "%.100s: %.100s %.300s", json_text_at(item, "name", ""),
				reason, json_text_at(item, "state.waiting.message", ""));
	}
	return NULL;
}

static bool restarted(const json_t *object)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.containerStatuses"), index, item)
		if (json_at(item, "lastState.terminated"))
			return true;
	return false;
}

static struct health_state pod(const json_t *object, struct arena *mem)
{
	bool always = text_equal(json_text_at(object, "spec.restartPolicy", "Always"), "Always");
	const char *phase = json_text_at(object, "status.phase", "");
	const char *message = json_text_at(object, "status.message", "");
	const char *stuck = always ? stuck_container(object, mem) : NULL;
	if (stuck)
		return state(HEALTH_DEGRADED, stuck);
	if (text_equal(phase, "Pending"))
		return told(HEALTH_PROGRESSING, mem, message);
	if (text_equal(phase, "Succeeded"))
		return told(HEALTH_HEALTHY, mem, message);
	if (text_equal(phase, "Failed"))
		return told(HEALTH_DEGRADED, mem, *message ? message : "the pod failed");
	if (!text_equal(phase, "Running"))
		return told(HEALTH_UNKNOWN, mem, message);
	if (!always)
		return told(HEALTH_PROGRESSING, mem, message);
	if (condition_is(object, "Ready", "True"))
		return state(HEALTH_HEALTHY, "");
	return told(restarted(object) ? HEALTH_DEGRADED : HEALTH_PROGRESSING, mem, message);
}

static struct health_state job(const json_t *object, struct arena *mem)
{
	if (condition_is(object, "Failed", "True"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "Failed"));
	if (condition_is(object, "Complete", "True"))
		return told(HEALTH_HEALTHY, mem, condition_message(object, "Complete"));
	if (condition_is(object, "Suspended", "True") || json_bool_at(object, "spec.suspend", false))
		return told(HEALTH_SUSPENDED, mem, condition_message(object, "Suspended"));
	return state(HEALTH_PROGRESSING, "");
}

static struct health_state volume_claim(const json_t *object, struct arena *mem)
{
	const char *phase = json_text_at(object, "status.phase", "");
	(void)mem;
	if (text_equal(phase, "Bound"))
		return state(HEALTH_HEALTHY, "");
	if (text_equal(phase, "Lost"))
		return state(HEALTH_DEGRADED, "the volume is lost");
	return state(text_equal(phase, "Pending") ? HEALTH_PROGRESSING : HEALTH_UNKNOWN, "");
}

static struct health_state has_address(const json_t *object)
{
	if (json_array_size(json_at(object, "status.loadBalancer.ingress")))
		return state(HEALTH_HEALTHY, "");
	return state(HEALTH_PROGRESSING, "waiting for the load balancer's address");
}

static struct health_state service(const json_t *object, struct arena *mem)
{
	(void)mem;
	if (!text_equal(json_text_at(object, "spec.type", ""), "LoadBalancer"))
		return state(HEALTH_HEALTHY, "");
	return has_address(object);
}

static struct health_state ingress(const json_t *object, struct arena *mem)
{
	(void)mem;
	return has_address(object);
}

static struct health_state autoscaler(const json_t *object, struct arena *mem)
{
	static const char *const failures[] = {"FailedGetScale", "FailedUpdateScale",
		"FailedGetResourceMetric", "InvalidSelector", "InvalidMetricSourceType"};
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.conditions"), index, item)
		for (size_t i = 0; i < COUNT_OF(failures); i++)
			if (text_equal(json_text_at(item, "reason", ""), failures[i]))
				return told(HEALTH_DEGRADED, mem, json_text_at(item, "message", ""));
	if (condition_is(object, "AbleToScale", "True") || condition_is(object, "ScalingLimited", "True"))
		return state(HEALTH_HEALTHY, "");
	return state(HEALTH_PROGRESSING, "waiting to scale");
}

static struct health_state definition(const json_t *object, struct arena *mem)
{
	if (condition_is(object, "NamesAccepted", "False"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "NamesAccepted"));
	if (condition_is(object, "NonStructuralSchema", "True"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "NonStructuralSchema"));
	if (condition_is(object, "Established", "True"))
		return state(HEALTH_HEALTHY, "");
	return state(HEALTH_PROGRESSING, "waiting until the CRD is established");
}

static struct health_state api_service(const json_t *object, struct arena *mem)
{
	if (condition_is(object, "Available", "True"))
		return state(HEALTH_HEALTHY, "");
	return told(HEALTH_PROGRESSING, mem, condition_message(object, "Available"));
}

static struct health_state sealed_secret(const json_t *object, struct arena *mem)
{
	int64_t seen = json_number_at(object, "status.observedGeneration", -1);
	if (seen >= 0 && seen < json_number_at(object, "metadata.generation", 0))
		return state(HEALTH_PROGRESSING, "waiting until the controller has seen the new version");
	if (condition_is(object, "Synced", "True"))
		return told(HEALTH_HEALTHY, mem, condition_message(object, "Synced"));
	if (condition_is(object, "Synced", "False"))
		return told(HEALTH_DEGRADED, mem, condition_message(object, "Synced"));
	return state(HEALTH_PROGRESSING, "waiting until the controller has unsealed it");
}

/* Kinds whose one statement is the condition Ready. */
static struct health_state by_ready(const json_t *object, struct arena *mem)
{
	int64_t seen = json_number_at(object, "status.observedGeneration", -1);
	if (seen >= 0 && seen < json_number_at(object, "metadata.generation", 0))
		return state(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (condition_is(object, "Ready", "True"))
		return state(HEALTH_HEALTHY, "");
	bool working = condition_is(object, "Issuing", "True");
	bool failed = condition_is(object, "Ready", "False") && !working;
	return told(failed ? HEALTH_DEGRADED : HEALTH_PROGRESSING, mem, condition_message(object, "Ready"));
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
	{"bitnami.com", "SealedSecret", sealed_secret},
	{"apps", "Deployment", deployment},
	{"apps", "StatefulSet", stateful_set},
	{"apps", "DaemonSet", daemon_set},
	{"apps", "ReplicaSet", replica_set},
	{"", "Pod", pod},
	{"batch", "Job", job},
	{"", "PersistentVolumeClaim", volume_claim},
	{"", "Service", service},
	{"networking.k8s.io", "Ingress", ingress},
	{"autoscaling", "HorizontalPodAutoscaler", autoscaler},
	{"apiextensions.k8s.io", "CustomResourceDefinition", definition},
	{"apiregistration.k8s.io", "APIService", api_service},
	{"cert-manager.io", "Certificate", by_ready},
	{"cert-manager.io", "Issuer", by_ready},
	{"cert-manager.io", "ClusterIssuer", by_ready},
	{"external-secrets.io", "ExternalSecret", by_ready},
	{"external-secrets.io", "SecretStore", by_ready},
	{"external-secrets.io", "ClusterSecretStore", by_ready},
};

static health_rule *rule_for(const char *group, const char *kind)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if (strcmp(rules[i].kind, kind) == 0 && strcmp(rules[i].group, group) == 0)
			return rules[i].rule;
	return NULL;
}

bool health_has_rule(const char *group, const char *kind)
{
	return rule_for(group, kind);
}

struct health_state health_of(const json_t *object, struct arena *mem)
{
	if (json_at(object, "metadata.deletionTimestamp"))
		return state(HEALTH_PROGRESSING, "pending deletion");
	const char *api_version = json_text_at(object, "apiVersion", "");
	const char *slash = strchr(api_version, '/');
	char group[256];
	snprintf(group, sizeof(group), "%.*s", slash ? (int)(slash - api_version) : 0, api_version);
	health_rule *rule = rule_for(group, json_text_at(object, "kind", ""));
	return rule ? rule(object, mem) : state(HEALTH_NONE, "");
}
