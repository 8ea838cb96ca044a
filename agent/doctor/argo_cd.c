/*
 * argo_cd.c - what of Argo CD is in the cluster: controllers that would work beside us, and settings that we do not have
 */
#include "agent/doctor/doctor.h"

#include <string.h>

#include "agent/show/client.h"
#include "base/text.h"

#define CHECK "takeover"
#define CONTROLLER "argocd-application-controller"

/* ---- controllers ---- */

struct controllers {
	struct doctor *doctor;
	bool takeover;    /* else only what is beside us is of interest */
	const char *word; /* of its kind, for kubectl */
	size_t running, beside_us;
};

/* It works on the Applications of its own namespace, and on those of others only where it is told so. */
static void take_controller(void *context, json_t *object)
{
	struct controllers *controllers = context;
	struct doctor *doctor = controllers->doctor;
	const char *name = json_text_at(object, "metadata.name", ""),
		   *namespace = json_text_at(object, "metadata.namespace", "");
	int64_t replicas = json_number_at(object, "spec.replicas", 1);
	if (replicas <= 0)
		return;
	controllers->running++;
	if (!doctor->config->applications && strcmp(namespace, doctor->config->namespace) != 0) {
		if (controllers->takeover)
			doctor_ok(doctor, CHECK,
				"Argo CD's %s %s/%s runs: Applications of namespace %s are its only where application.namespaces "
				"of argocd-cmd-params-cm names that",
				controllers->word, namespace, name, doctor->config->namespace);
		return;
	}
	controllers->beside_us++;
	doctor_warn(doctor, CHECK,
		arena_printf(doctor->mem,
			"before this agent starts: kubectl scale %s %s -n %s --replicas=0; to give back, stop this agent and scale "
			"it to %lld again",
			controllers->word, name, namespace, (long long)replicas),
		"Argo CD's %s %s/%s runs (replicas: %lld): it and this agent would fight over the same objects",
		controllers->word, namespace, name, (long long)replicas);
}

/* In the whole cluster, or where that is not allowed, in the agent's namespace. */
static bool list_controllers(struct controllers *controllers, const char *plural, struct error *err)
{
	static const char selector[] = "labelSelector=app.kubernetes.io%2Fname%3D" CONTROLLER;
	struct doctor *doctor = controllers->doctor;
	char version[64];
	const char *everywhere = arena_printf(doctor->mem, "/apis/apps/v1/%s?%s", plural, selector);
	const char *here = arena_printf(doctor->mem, "/apis/apps/v1/namespaces/%s/%s?%s",
		doctor->config->namespace, plural, selector);
	return kube_list(doctor->kube, everywhere, take_controller, controllers, version, err) ||
		(err->kind == ERROR_DENIED &&
			kube_list(doctor->kube, here, take_controller, controllers, version, err));
}

static void check_controllers(struct doctor *doctor, bool takeover, bool synced)
{
	static const char *const kinds[][2] = {{"statefulsets", "statefulset"}, {"deployments", "deployment"}};
	static const char look[] =
		"kubectl get statefulsets,deployments -A -l app.kubernetes.io/name=" CONTROLLER;
	struct controllers controllers = {.doctor = doctor, .takeover = takeover};
	struct error err;
	bool seen = true;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		controllers.word = kinds[i][1];
		seen = list_controllers(&controllers, kinds[i][0], &err) && seen;
	}
	if (controllers.beside_us && client_running(doctor->context))
		doctor_fail(doctor, CHECK, "stop one of the two", "this agent runs, too");
	if (controllers.running || !takeover)
		return;
	if (seen)
		doctor_ok(doctor, CHECK,
			"no " CONTROLLER
			" runs in sight: nothing else is at work; to give back, stop this agent and start that");
	else if (synced)
		doctor_warn(doctor, CHECK, look,
			"whether Argo CD's controller runs cannot be seen from here: %s", err.text);
	else
		doctor_ok(doctor, CHECK, "whether Argo CD's controller runs cannot be seen from here");
}

/* ---- argocd-cm ---- */

static void check_installation(struct doctor *doctor, const char *theirs)
{
	const struct config *config = doctor->config;
	const char *ours = config->installation ? config->installation : "";
	if (strcmp(theirs, ours) == 0)
		return;
	if (*theirs)
		doctor_fail(doctor, CHECK,
			arena_printf(doctor->mem, "installationID: %s in %s", theirs, config->file),
			"argocd-cm has installationID %s: without it in the agent file all its objects are another installation's",
			theirs);
	else
		doctor_warn(doctor, CHECK,
			arena_printf(doctor->mem, "take installationID out of %s", config->file),
			"argocd-cm has no installationID: objects without one are not ours, and never pruned");
}

/* What says there how objects are compared, judged and found is said in other places here, or not at all. */
static void check_settings(struct doctor *doctor, const json_t *settings)
{
	static const struct {
		const char *prefix, *instead;
	} others[] = {
		{"resource.customizations",
			"spec.ignoreDifferences of the Application; health and actions are our own"},
		{"resource.exclusions", "rules of the agent file, or an AppProject"},
		{"resource.inclusions", "rules of the agent file, or an AppProject"},
		{"resource.compareoptions", "spec.ignoreDifferences of the Application"},
		{"application.instanceLabelKey",
			"put the label into Git where it is needed: it goes with the first write"},
	};
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)(uintptr_t)settings, key, value)
		for (size_t i = 0; i < COUNT_OF(others); i++)
			if (text_starts(key, others[i].prefix) && json_is_string(value) &&
				json_string_length(value))
				doctor_warn(doctor, CHECK, others[i].instead,
					"argocd-cm sets %s, which this agent does not read", key);
	const char *method = json_string_value(json_object_get(settings, "application.resourceTrackingMethod"));
	if (method && text_starts(method, "label"))
		doctor_ok(doctor, CHECK,
			"Argo CD tracks by label: the label stays, and the first write of an object adds the annotation tracking-id");
}

static void check_config_map(struct doctor *doctor)
{
	CLEANUP(json_done) json_t *answer = NULL;
	struct error err;
	struct kube_request request = {.method = "GET",
		.path = arena_printf(doctor->mem, "/api/v1/namespaces/%s/configmaps/argocd-cm",
			doctor->config->namespace)};
	if (kube_one(doctor->kube, &request, &answer, &err)) {
		const json_t *data = json_object_get(answer, "data");
		check_installation(doctor, json_text_at(data, "installationID", ""));
		check_settings(doctor, data);
	} else if (err.kind != ERROR_MISSING) {
		doctor_ok(doctor, CHECK, "the settings of Argo CD (argocd-cm) cannot be seen from here");
	}
}

void doctor_check_argo_cd(struct doctor *doctor, size_t count, bool synced)
{
	check_controllers(doctor, count, synced);
	if (count)
		check_config_map(doctor);
}
