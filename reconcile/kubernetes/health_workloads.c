/* health_workloads.c - what runs pods, as Argo CD judges it (gitops-engine/pkg/health) */
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/health_internal.h"

struct health_state health_deployment(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t all = json_number_at(object, "status.replicas", 0);
	int64_t updated = json_number_at(object, "status.updatedReplicas", 0);
	int64_t available = json_number_at(object, "status.availableReplicas", 0);
	if (json_bool_at(object, "spec.paused", false))
		return health_state_of(HEALTH_SUSPENDED, "Deployment is paused");
	if (!health_observed(object))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (text_equal(json_text_at(health_condition(object, "Progressing"), "reason", ""),
		    "ProgressDeadlineExceeded"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "Progressing"));
	if (updated < wanted)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld new replicas are there", (long)updated, (long)wanted));
	if (all > updated)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld old replicas are still there", (long)(all - updated)));
	if (available < updated)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld replicas are available", (long)available, (long)updated));
	return health_state_of(HEALTH_HEALTHY, "");
}

struct health_state health_stateful_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t ready = json_number_at(object, "status.readyReplicas", 0);
	int64_t updated = json_number_at(object, "status.updatedReplicas", 0);
	int64_t partition = json_number_at(object, "spec.updateStrategy.rollingUpdate.partition", 0);
	const char *strategy = json_text_at(object, "spec.updateStrategy.type", "RollingUpdate");
	if (!health_observed(object) || !json_number_at(object, "status.observedGeneration", 0))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (ready < wanted)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are ready", (long)ready, (long)wanted));
	if (text_equal(strategy, "OnDelete"))
		return health_state_of(HEALTH_HEALTHY, "");
	if (partition > 0) {
		if (updated < wanted - partition)
			return health_state_of(HEALTH_PROGRESSING,
				arena_printf(mem, "%ld of %ld pods of the partition are updated",
					(long)updated, (long)(wanted - partition)));
		return health_state_of(HEALTH_HEALTHY, "");
	}
	if (!text_equal(json_text_at(object, "status.updateRevision", ""),
		    json_text_at(object, "status.currentRevision", "")))
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(
				mem, "%ld of %ld pods are at the new revision", (long)updated, (long)wanted));
	return health_state_of(HEALTH_HEALTHY, "");
}

struct health_state health_daemon_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "status.desiredNumberScheduled", 0);
	int64_t updated = json_number_at(object, "status.updatedNumberScheduled", 0);
	int64_t available = json_number_at(object, "status.numberAvailable", 0);
	if (!health_observed(object))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (text_equal(json_text_at(object, "spec.updateStrategy.type", ""), "OnDelete"))
		return health_state_of(HEALTH_HEALTHY, "");
	if (updated < wanted)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are updated", (long)updated, (long)wanted));
	if (available < wanted)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld pods are available", (long)available, (long)wanted));
	return health_state_of(HEALTH_HEALTHY, "");
}

struct health_state health_replica_set(const json_t *object, struct arena *mem)
{
	int64_t wanted = json_number_at(object, "spec.replicas", 1);
	int64_t available = json_number_at(object, "status.availableReplicas", 0);
	if (!health_observed(object))
		return health_state_of(HEALTH_PROGRESSING, "waiting until the new spec is observed");
	if (health_condition_is(object, "ReplicaFailure", "True"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "ReplicaFailure"));
	if (available < wanted)
		return health_state_of(HEALTH_PROGRESSING,
			arena_printf(mem, "%ld of %ld replicas are available", (long)available, (long)wanted));
	return health_state_of(HEALTH_HEALTHY, "");
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

/* Why a pod that ended badly did: of its containers the first that says so. */
static const char *failed_container(const json_t *object, struct arena *mem)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_at(object, "status.containerStatuses"), index, item) {
		const char *name = json_text_at(item, "name", "");
		const char *message = json_text_at(item, "state.terminated.message", "");
		long code = (long)json_number_at(item, "state.terminated.exitCode", 0);
		if (*message)
			return arena_printf(mem, "%.100s: %.300s", name, message);
		if (text_equal(json_text_at(item, "state.terminated.reason", ""), "OOMKilled"))
			return arena_printf(mem, "%.100s: OOMKilled", name);
		if (code)
			return arena_printf(mem, "%.100s ended with exit code %ld", name, code);
	}
	return "the pod failed";
}

static bool ignores_restart_policy(const json_t *object)
{
	return json_object_get(
		json_at(object, "metadata.annotations"), "argocd.argoproj.io/ignore-restart-policy");
}

struct health_state health_pod(const json_t *object, struct arena *mem)
{
	bool always = text_equal(json_text_at(object, "spec.restartPolicy", "Always"), "Always");
	const char *phase = json_text_at(object, "status.phase", "");
	const char *message = json_text_at(object, "status.message", "");
	const char *stuck = always ? stuck_container(object, mem) : NULL;
	if (stuck)
		return health_state_of(HEALTH_DEGRADED, stuck);
	if (text_equal(phase, "Pending"))
		return health_told(HEALTH_PROGRESSING, mem, message);
	if (text_equal(phase, "Succeeded"))
		return health_told(HEALTH_HEALTHY, mem, message);
	if (text_equal(phase, "Failed"))
		return health_told(HEALTH_DEGRADED, mem, *message ? message : failed_container(object, mem));
	if (!text_equal(phase, "Running"))
		return health_told(HEALTH_UNKNOWN, mem, message);
	if (!always && !ignores_restart_policy(object)) /* it has an end, and waits for that */
		return health_told(HEALTH_PROGRESSING, mem, message);
	if (health_condition_is(object, "Ready", "True"))
		return health_state_of(HEALTH_HEALTHY, "");
	return health_told(restarted(object) ? HEALTH_DEGRADED : HEALTH_PROGRESSING, mem, message);
}

struct health_state health_job(const json_t *object, struct arena *mem)
{
	if (health_condition_is(object, "Failed", "True"))
		return health_told(HEALTH_DEGRADED, mem, health_condition_message(object, "Failed"));
	if (health_condition_is(object, "Complete", "True"))
		return health_told(HEALTH_HEALTHY, mem, health_condition_message(object, "Complete"));
	if (health_condition_is(object, "Suspended", "True") || json_bool_at(object, "spec.suspend", false))
		return health_told(HEALTH_SUSPENDED, mem, health_condition_message(object, "Suspended"));
	return health_state_of(HEALTH_PROGRESSING, "");
}

/* Between two runs it is as well as the last one. A run that is under way is the Job's matter: the CronJob would else be progressing
   each few minutes, and its Application with it. */
struct health_state health_cron_job(const json_t *object, struct arena *mem)
{
	const char *started = json_text_at(object, "status.lastScheduleTime", "");
	const char *succeeded = json_text_at(object, "status.lastSuccessfulTime", "");
	if (json_bool_at(object, "spec.suspend", false))
		return health_state_of(HEALTH_SUSPENDED, "CronJob is suspended");
	if (json_array_size(json_at(object, "status.active")) || !*started || strcmp(succeeded, started) >= 0)
		return health_state_of(HEALTH_HEALTHY, "");
	return health_state_of(HEALTH_DEGRADED, arena_printf(mem, "its run of %.40s did not succeed", started));
}
