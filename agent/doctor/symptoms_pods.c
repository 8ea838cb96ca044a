/* symptoms_pods.c - why Pods do not start: the scheduler's word, the volume, the image, the program, the node */
#include <string.h>

#include "agent/doctor/symptoms.h"
#include "base/text.h"
#include "reconcile/kubernetes/health.h"

/* What a word of the scheduler or the kubelet means; the first that stands in the text. */
static const struct {
	const char *word, *part, *remedy;
} causes[] = {
	{"unbound immediate PersistentVolumeClaims", "pending",
		"pgitops doctor volume-pending says which volume and why"},
	{"Insufficient", "pending",
		"lower spec.resources.requests of the postgresql object, or give the cluster another node"},
	{"untolerated taint", "pending",
		"add the toleration to spec.tolerations, or take the taint from a node"},
	{"affinity", "pending",
		"no node fits: correct spec.nodeAffinity, or turn enable_pod_antiaffinity of the operator off on a cluster with few nodes"},
	{"node selector", "pending", "label a node as the Pod asks for, or correct spec.nodeAffinity"},
	{"ImagePullBackOff", "image",
		"correct spec.dockerImage (or docker_image of the operator), or give the node access to the registry"},
	{"ErrImagePull", "image",
		"correct spec.dockerImage (or docker_image of the operator), or give the node access to the registry"},
	{"InvalidImageName", "image", "correct spec.dockerImage: it is no name of an image"},
	{"CreateContainerConfigError", "config",
		"make the Secret or ConfigMap that the message names: pgitops doctor secret-missing"},
	{"OOMKilled", "memory",
		"raise spec.resources.limits.memory, or lower shared_buffers and work_mem of spec.postgresql.parameters"},
	{"Evicted", "node",
		"the node ran short: pgitops doctor node-not-ready; the Pod may be deleted, its controller makes another"},
	{"CrashLoopBackOff", "crash", NULL},
	{"RunContainerError", "crash", NULL},
};

static void tell(struct look *look, const json_t *pod, const char *part, const char *reason, const char *message)
{
	struct arena *mem = look->doctor->mem;
	const char *name = json_text_at(pod, "metadata.name", ""),
		   *place = json_text_at(pod, "metadata.namespace", "");
	const char *text = *message ? arena_printf(mem, "%s: %.300s", reason, message) : reason;
	const char *remedy = NULL;
	for (size_t i = 0; i < COUNT_OF(causes); i++)
		if (strstr(text, causes[i].word)) {
			part = causes[i].part;
			remedy = causes[i].remedy;
			break;
		}
	if (look->part && strcmp(look->part, part) != 0)
		return;
	if (!remedy)
		remedy = strcmp(part, "crash") == 0
			? arena_printf(mem,
				  "kubectl logs -n %s %s --previous --all-containers says why it ended",
				  place, name)
			: arena_printf(mem, "kubectl describe pod -n %s %s shows its Events", place, name);
	look_found(look, remedy, "%s: %s", look_object(look, "Pod", pod), text);
}

/* A container that waits, or was ended by the kernel. True = it had something to say. */
static bool tell_containers(struct look *look, const json_t *pod, const char *list)
{
	size_t i;
	const json_t *item;
	bool told = false;
	json_array_foreach (json_at(pod, list), i, item) {
		const char *waiting = json_text_at(item, "state.waiting.reason", "");
		const char *ended = json_text_at(item, "lastState.terminated.reason", "");
		bool memory = text_equal(ended, "OOMKilled") && !json_bool_at(item, "ready", false);
		if (memory)
			tell(look, pod, "memory", ended, "the container used more memory than its limit");
		else if (*waiting && !text_equal(waiting, "ContainerCreating") &&
			!text_equal(waiting, "PodInitializing"))
			tell(look, pod, "crash", waiting, json_text_at(item, "state.waiting.message", ""));
		else
			continue;
		told = true;
	}
	return told;
}

static bool is_false(const json_t *condition)
{
	return condition && !text_equal(json_text_at(condition, "status", ""), "True");
}

static void look_at_pod(struct look *look, const json_t *pod)
{
	const char *phase = json_text_at(pod, "status.phase", "");
	const json_t *scheduled = health_condition(pod, "PodScheduled");
	if (text_equal(phase, "Succeeded"))
		return;
	if (is_false(scheduled)) {
		tell(look, pod, "pending", "not scheduled", json_text_at(scheduled, "message", ""));
		return;
	}
	bool init = tell_containers(look, pod, "status.initContainerStatuses");
	if (tell_containers(look, pod, "status.containerStatuses") || init)
		return;
	if (text_equal(phase, "Failed"))
		tell(look, pod, "node", json_text_at(pod, "status.reason", "Failed"),
			json_text_at(pod, "status.message", ""));
	else if (!text_equal(phase, "Running"))
		tell(look, pod, "pending", "no node has begun with it",
			json_text_at(pod, "status.message", ""));
	else if (is_false(health_condition(pod, "Ready")))
		tell(look, pod, "ready", "runs and is not ready",
			json_text_at(health_condition(pod, "Ready"), "message", ""));
}

void look_pods(struct look *look)
{
	size_t i;
	const json_t *pod;
	json_array_foreach (look_list(look, LOOK_PODS), i, pod)
		look_at_pod(look, pod);
}

/* ---- volumes ---- */

void look_claims(struct look *look)
{
	size_t i;
	const json_t *claim;
	json_array_foreach (look_list(look, LOOK_CLAIMS), i, claim) {
		const char *phase = json_text_at(claim, "status.phase", "Pending");
		const char *class = json_text_at(claim, "spec.storageClassName", "");
		if (text_equal(phase, "Bound"))
			continue;
		const char *why = look_warning(look, "PersistentVolumeClaim", claim);
		look_found(look,
			text_equal(phase, "Lost")
				? "its volume is gone: restore it from a backup; the claim alone brings nothing back"
				: *class ? "kubectl get storageclass: is there one of this name, and does its provisioner run?"
					 : "name spec.volume.storageClass, or mark a default StorageClass",
			"%s is %s (storage class \"%s\")%s%.300s",
			look_object(look, "PersistentVolumeClaim", claim), phase, class, *why ? ": " : "", why);
	}
}

void look_growth(struct look *look)
{
	size_t i;
	const json_t *claim;
	json_array_foreach (look_list(look, LOOK_CLAIMS), i, claim) {
		const char *wanted = json_text_at(claim, "spec.resources.requests.storage", "");
		const char *there = json_text_at(claim, "status.capacity.storage", "");
		if (!*there || text_equal(wanted, there))
			continue;
		const char *why = look_warning(look, "PersistentVolumeClaim", claim);
		const json_t *waits = health_condition(claim, "FileSystemResizePending");
		look_found(look,
			waits ? "the file system grows when its Pod is started anew: kubectl delete pod, of the leader after pgitops cluster switchover"
			      : "its StorageClass must have allowVolumeExpansion: true; else move the data to a new cluster (spec.clone)",
			"%s asks for %s and has %s%s%.300s", look_object(look, "PersistentVolumeClaim", claim),
			wanted, there, *why ? ": " : "", why);
	}
}

/* ---- the node, and what a namespace may have ---- */

void look_nodes(struct look *look)
{
	static const char *const pressures[] = {"MemoryPressure", "DiskPressure", "PIDPressure"};
	size_t i;
	const json_t *node;
	json_array_foreach (look_list(look, LOOK_NODES), i, node) {
		const char *name = json_text_at(node, "metadata.name", "");
		const json_t *ready = health_condition(node, "Ready");
		if (is_false(ready))
			look_found(look, "look at the machine and its kubelet: journalctl -u kubelet",
				"node %s is not ready: %.200s", name, json_text_at(ready, "message", ""));
		for (size_t j = 0; j < COUNT_OF(pressures); j++)
			if (text_equal(json_text_at(health_condition(node, pressures[j]), "status", ""), "True"))
				look_found(look, "make room on it, or move Pods away: kubectl drain",
					"node %s has %s: it evicts Pods", name, pressures[j]);
		if (json_bool_at(node, "spec.unschedulable", false))
			look_found(look,
				arena_printf(look->doctor->mem, "kubectl uncordon %s, when its work is done",
					name),
				"node %s is cordoned: no new Pod comes to it", name);
	}
}

void look_quota(struct look *look)
{
	size_t i;
	const json_t *event;
	json_array_foreach (look_list(look, LOOK_EVENTS), i, event) {
		const char *message = json_text_at(event, "message", "");
		if (text_equal(json_text_at(event, "type", ""), "Warning") &&
			(strstr(message, "exceeded quota") || strstr(message, "LimitRange") ||
				strstr(message, "forbidden: ")))
			look_found(look,
				"raise the ResourceQuota or LimitRange of the namespace, or lower spec.resources",
				"%s %s: %.300s", json_text_at(event, "involvedObject.kind", ""),
				json_text_at(event, "involvedObject.name", ""), message);
	}
}
