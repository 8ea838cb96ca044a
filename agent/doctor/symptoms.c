#include "agent/doctor/symptoms.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/kube_list.h"

/* ---- those of the whole: what doctor asks in any case, and only what is not well is said ---- */

static void look_users(struct look *look)
{
	doctor_check_state(look->doctor);
	doctor_check_files(look->doctor);
	doctor_check_repositories(look->doctor);
	doctor_check_databases(look->doctor);
}

static void look_applications(struct look *look)
{
	doctor_check_state(look->doctor);
	doctor_check_files(look->doctor);
	doctor_check_repositories(look->doctor);
	doctor_check_rights(look->doctor);
}

const struct symptom symptoms[] = {
	{"hook-does-not-seal", "a commit goes through without its passwords sealed", NULL, NULL},
	{"certificate-mismatch", "what was sealed is opened by nobody", NULL, NULL},
	{"users-do-not-appear", "somebody of users.yaml cannot log in", look_users, NULL},
	{"application-does-not-sync", "a commit does not arrive in the cluster", look_applications, NULL},
	{"pod-does-not-start", "a Pod is Pending, fails, or is not ready", look_pods, NULL},
	{"pod-pending", "the scheduler finds no node for a Pod", look_pods, "pending"},
	{"image-pull", "an image does not come", look_pods, "image"},
	{"pod-crashes", "a container ends again and again", look_pods, "crash"},
	{"out-of-memory", "the kernel ends PostgreSQL", look_pods, "memory"},
	{"volume-pending", "a volume is not bound", look_claims, NULL},
	{"volume-does-not-grow", "spec.volume.size was raised, and nothing came of it", look_growth, NULL},
	{"node-not-ready", "a node is away, short of something, or cordoned", look_nodes, NULL},
	{"quota", "a ResourceQuota or LimitRange keeps Pods from being made", look_quota, NULL},
	{"operator-silent", "a postgresql object is written, and nothing happens", look_silence, NULL},
	{"cluster-failed", "CreateFailed, UpdateFailed, SyncFailed, Invalid", look_failures, NULL},
	{"database-missing", "Running, and a user or database of the object is not there", look_passed_over,
		NULL},
	{"no-primary", "nobody takes writes, or two do", look_primary, NULL},
	{"rolling-update", "Pods are started anew, one after the other", look_rolling, NULL},
	{"upgrade-failed", "a new major version, and the data stay on the old", look_upgrade, NULL},
	{"operator-config", "the operator's ConfigMap has what breaks a small set-up", look_operator_config,
		NULL},
	{"secret-missing", "a password or certificate that somebody waits for", look_secrets, NULL},
	{"password-refused", "password authentication failed, after a cluster was made anew", look_passwords,
		NULL},
	{"service-without-address", "connection refused at the cluster's Service", look_services, NULL},
	{"load-balancer-pending", "a Service has no address from outside", look_balancers, NULL},
	{"sealed-secret-closed", "a SealedSecret is there, and its Secret is not", look_sealed, NULL},
};

const size_t symptom_count = COUNT_OF(symptoms);

const struct symptom *symptom_find(const char *name)
{
	for (size_t i = 0; i < symptom_count; i++)
		if (strcmp(symptoms[i].name, name) == 0)
			return &symptoms[i];
	return NULL;
}

const char *symptom_nearest(const char *name)
{
	const char *names[COUNT_OF(symptoms)];
	for (size_t i = 0; i < symptom_count; i++)
		names[i] = symptoms[i].name;
	return text_nearest(name, names, symptom_count);
}

const char *symptom_of_message(const char *text)
{
	static const struct {
		const char *words, *symptom;
	} known[] = {
		{"unbound immediate PersistentVolumeClaims", "volume-pending"},
		{"FailedScheduling", "pod-pending"},
		{"ImagePull", "image-pull"},
		{"OOMKilled", "out-of-memory"},
		{"CrashLoopBackOff", "pod-crashes"},
		{"exceeded quota", "quota"},
		{"waiting for the postgres-operator", "operator-silent"},
		{"the operator has not reported", "operator-silent"},
		{"the operator is busy, blocked", "operator-silent"},
		{"postgres-operator is at work", "operator-silent"},
		{"no key could decrypt", "sealed-secret-closed"},
		{"CreateFailed", "cluster-failed"},
		{"UpdateFailed", "cluster-failed"},
		{"SyncFailed", "cluster-failed"},
		{"password authentication failed", "password-refused"},
		{"credentials.postgresql.acid.zalan.do", "secret-missing"},
	};
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strstr(text, known[i].words))
			return known[i].symptom;
	return NULL;
}

/* ---- what is read of the cluster ---- */

static const struct {
	const char *api, *plural, *query;
	bool everywhere; /* of the whole cluster, not of some namespaces */
	const char *accept;
} kinds[] = {
	[LOOK_PODS] = {"/api/v1", "pods", "", false, NULL},
	[LOOK_CLAIMS] = {"/api/v1", "persistentvolumeclaims", "", false, NULL},
	[LOOK_EVENTS] = {"/api/v1", "events", "?fieldSelector=type%3DWarning", false, NULL},
	[LOOK_POSTGRESQLS] = {"/apis/acid.zalan.do/v1", "postgresqls", "", false, NULL},
	[LOOK_SECRETS] = {"/api/v1", "secrets", "", false, ACCEPT_METADATA_LIST}, /* their names are enough */
	[LOOK_SERVICES] = {"/api/v1", "services", "", false, NULL},
	[LOOK_ENDPOINTS] = {"/api/v1", "endpoints", "", false, NULL},
	[LOOK_SEALED] = {"/apis/bitnami.com/v1alpha1", "sealedsecrets", "", false, NULL},
	[LOOK_NODES] = {"/api/v1", "nodes", "", true, NULL},
	[LOOK_DEPLOYMENTS] = {"/apis/apps/v1", "deployments", "", true, NULL},
	[LOOK_OPERATOR_CONFIG] = {"/api/v1", "configmaps", "?fieldSelector=metadata.name%3Dpostgres-operator",
		true, NULL},
};

static void take(void *context, json_t *object)
{
	json_array_append(context, object);
}

static void read_list(struct look *look, enum look_kind kind, const char *namespace, json_t *list)
{
	struct doctor *doctor = look->doctor;
	const char *place = namespace ? arena_printf(doctor->mem, "/namespaces/%s", namespace) : "";
	const char *path = arena_printf(
		doctor->mem, "%s%s/%s%s", kinds[kind].api, place, kinds[kind].plural, kinds[kind].query);
	struct error err;
	if (kube_list_each(doctor->kube, path, kinds[kind].accept, take, list, &err) ||
		err.kind == ERROR_MISSING)
		return; /* a kind that the cluster does not have has no objects */
	look->unknown = true;
	doctor_fail(doctor, look->name,
		err.kind == ERROR_DENIED
			? arena_printf(doctor->mem, "allow the verb list on %s%s%s, or ask as somebody who may",
				  kinds[kind].plural, namespace ? " in namespace " : " of the whole cluster",
				  namespace ? namespace : "")
			: "check the server, then ask again",
		"%s cannot be read: %s", kinds[kind].plural, err.text);
}

json_t *look_list(struct look *look, enum look_kind kind)
{
	if (look->lists[kind])
		return look->lists[kind];
	look->lists[kind] = json_array();
	if (kinds[kind].everywhere)
		read_list(look, kind, NULL, look->lists[kind]);
	for (size_t i = 0; !kinds[kind].everywhere && i < look->namespace_count; i++)
		read_list(look, kind, look->namespaces[i], look->lists[kind]);
	return look->lists[kind];
}

static bool is_among(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void look_also_secrets(struct look *look, const char *namespace)
{
	json_t *list = look_list(look, LOOK_SECRETS);
	if (is_among(look->namespaces, look->namespace_count, namespace) ||
		is_among(look->further, look->further_count, namespace))
		return;
	look->further =
		arena_grow(look->doctor->mem, look->further, look->further_count, sizeof(*look->further));
	look->further[look->further_count++] = namespace;
	read_list(look, LOOK_SECRETS, namespace, list);
}

const char *look_object(struct look *look, const char *kind, const json_t *object)
{
	return arena_printf(look->doctor->mem, "%s %s/%s", kind,
		json_text_at(object, "metadata.namespace", ""), json_text_at(object, "metadata.name", ""));
}

const char *look_warning(struct look *look, const char *kind, const json_t *object)
{
	size_t i;
	const json_t *event;
	const char *message = "", *newest = "";
	json_array_foreach (look_list(look, LOOK_EVENTS), i, event) {
		const char *last = json_text_at(event, "lastTimestamp", "");
		if (!text_equal(json_text_at(event, "type", ""), "Warning") ||
			!text_equal(json_text_at(event, "involvedObject.kind", ""), kind) ||
			!text_equal(json_text_at(event, "involvedObject.name", ""),
				json_text_at(object, "metadata.name", "-")) ||
			strcmp(json_text_at(event, "metadata.namespace", ""),
				json_text_at(object, "metadata.namespace", "")) != 0 ||
			strcmp(last, newest) < 0)
			continue;
		newest = last;
		message = json_text_at(event, "message", "");
	}
	return message;
}

void look_found(struct look *look, const char *remedy, const char *format, ...)
{
	char text[2048];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	doctor_fail(look->doctor, look->name, remedy, "%s", text);
}

/* ---- where, and what comes of it ---- */

static void add_namespace(struct look *look, const char *namespace)
{
	if (!namespace || !*namespace || is_among(look->namespaces, look->namespace_count, namespace))
		return;
	look->namespaces = arena_grow(
		look->doctor->mem, look->namespaces, look->namespace_count, sizeof(*look->namespaces));
	look->namespaces[look->namespace_count++] = namespace;
}

static void find_namespaces(struct look *look)
{
	const struct doctor *doctor = look->doctor;
	for (size_t i = 0; i < doctor->application_count; i++)
		add_namespace(look, doctor->applications[i].spec.destination);
	for (size_t i = 0; i < doctor->config->database_count; i++) {
		add_namespace(look, doctor->config->databases[i].cluster.namespace);
		add_namespace(look, doctor->config->databases[i].users_namespace);
	}
}

/* What it leaves out is said as loudly as what it found. */
static void conclude(struct look *look, size_t before)
{
	struct doctor *doctor = look->doctor;
	size_t said = doctor->counts[DOCTOR_FAILED] + doctor->counts[DOCTOR_WARNING] - before;
	const char *where = "";
	for (size_t i = 0; i < look->namespace_count; i++)
		where = arena_printf(doctor->mem, "%s%s%s", where, i ? ", " : "", look->namespaces[i]);
	doctor->quiet = false;
	if (!said)
		doctor_ok(doctor, look->name, "no cause was found%s%s", *where ? " in the namespaces " : "",
			where);
}

void symptom_look(struct doctor *doctor, const struct symptom *symptom)
{
	struct look look = {.doctor = doctor, .name = symptom->name, .part = symptom->part};
	size_t before = doctor->counts[DOCTOR_FAILED] + doctor->counts[DOCTOR_WARNING];
	bool whole = symptom->look == look_users || symptom->look == look_applications;
	doctor->quiet = true;
	doctor_check_cluster(doctor);
	doctor_check_applications(doctor);
	find_namespaces(&look);
	if (doctor->kube || whole)
		symptom->look(&look);
	else
		doctor_fail(doctor, look.name, "name the cluster in `kubernetes` of the agent file",
			"it is looked for in a cluster, and there is none");
	conclude(&look, before);
	for (size_t i = 0; i < LOOK_KINDS; i++)
		json_done(&look.lists[i]);
}
