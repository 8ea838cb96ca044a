#include "agent/doctor/doctor.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/kubernetes/health.h"

/* One kind of objects in one place, and what the agent does with them. */
struct need {
	const char *group, *resource, *namespace, *name; /* namespace "" = the whole cluster; name "" = all */
	const char *verbs;                               /* "get list watch" */
	const char *why;
	bool optional;
};

enum { VERBS = 8 };

struct verbs {
	const char *items[VERBS];
	size_t count;
};

static struct verbs split(struct doctor *doctor, const char *text)
{
	struct verbs verbs = {.count = 0};
	while (*text && verbs.count < VERBS) {
		size_t length = strcspn(text, " ");
		verbs.items[verbs.count++] = arena_copy_n(doctor->mem, text, length);
		text += length + (text[length] == ' ');
	}
	return verbs;
}

/* "sealedsecrets/status" asks for the part that is named behind the kind. */
static char *review(const struct need *need, const char *verb)
{
	const char *slash = strchr(need->resource, '/');
	CLEANUP(memory_freep)
	char *resource = memory_printf("%.*s", (int)strcspn(need->resource, "/"), need->resource);
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:{s:{s:s, s:s, s:s, s:s, s:s, s:s}}}", "apiVersion",
		"authorization.k8s.io/v1", "kind", "SelfSubjectAccessReview", "spec", "resourceAttributes",
		"verb", verb, "group", need->group, "resource", resource, "subresource",
		slash ? slash + 1 : "", "namespace", need->namespace, "name", need->name);
	return json_canonical(document);
}

/* ---- asking ---- */

static const char *resource_text(struct doctor *doctor, const struct need *need)
{
	return arena_printf(doctor->mem, "%s%s%s%s%s%s%s", need->resource, *need->group ? "." : "", need->group,
		*need->name ? " " : "", need->name, *need->namespace ? " in namespace " : "", need->namespace);
}

static const char *rule_text(struct doctor *doctor, const struct need *need, const char *denied)
{
	const char *names = *need->name ? arena_printf(doctor->mem, ", resourceNames: [%s]", need->name) : "";
	const char *place = *need->namespace
		? arena_printf(doctor->mem, "a Role in namespace %s", need->namespace)
		: "a ClusterRole";
	return arena_printf(doctor->mem, "add to %s: {apiGroups: [\"%s\"], resources: [%s]%s, verbs: [%s]}",
		place, need->group, need->resource, names, denied);
}

static void say(struct doctor *doctor, const struct need *need, const char *denied)
{
	if (!*denied)
		doctor_ok(doctor, "rights", "%s: %s (%s)", resource_text(doctor, need), need->verbs, need->why);
	else if (need->optional)
		doctor_warn(doctor, "rights", rule_text(doctor, need, denied), "%s: may not %s (%s)",
			resource_text(doctor, need), denied, need->why);
	else
		doctor_fail(doctor, "rights", rule_text(doctor, need, denied), "%s: may not %s (%s)",
			resource_text(doctor, need), denied, need->why);
}

static void ask(struct doctor *doctor, const struct need *need)
{
	const struct verbs verbs = split(doctor, need->verbs);
	struct kube_request requests[VERBS];
	char *bodies[VERBS];
	const char *denied = "";
	const struct error *unknown = NULL;

	for (size_t i = 0; i < verbs.count; i++) {
		bodies[i] = review(need, verbs.items[i]);
		requests[i] = (struct kube_request){
			.method = "POST",
			.path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
			.body = bodies[i],
			.body_length = strlen(bodies[i]),
		};
	}
	kube_run(doctor->kube, requests, verbs.count);
	for (size_t i = 0; i < verbs.count; i++) {
		if (requests[i].error.kind != ERROR_NONE)
			unknown = &requests[i].error;
		else if (!json_bool_at(requests[i].answer, "status.allowed", false))
			denied = arena_printf(
				doctor->mem, "%s%s%s", denied, *denied ? ", " : "", verbs.items[i]);
	}
	if (unknown)
		doctor_warn(doctor, "rights", "check the server; the agent says itself what it may not do",
			"%s: %s", resource_text(doctor, need), unknown->text);
	else
		say(doctor, need, denied);
	for (size_t i = 0; i < verbs.count; i++) {
		json_decref(requests[i].answer);
		free(bodies[i]);
	}
}

/* ---- what the agent needs ---- */

static void ask_for_itself(struct doctor *doctor)
{
	const char *namespace = doctor->config->namespace;
	const struct lease_config *lease = &doctor->config->lease;
	if (lease->used) {
		ask(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, lease->name,
				"get update", "which of several agents is at work", false});
		ask(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, "", "create",
				"the lease, where it is not there yet", false});
	}
	if (!doctor->config->applications) {
		ask(doctor,
			&(struct need){"argoproj.io", "applications", namespace, "", "get list watch patch",
				"Applications and their status", false});
		ask(doctor,
			&(struct need){"argoproj.io", "appprojects", namespace, "", "get list watch",
				"what Applications may do, and when", true});
		ask(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				"Events on Applications, for kubectl describe", true});
	}
	ask(doctor,
		&(struct need){
			"", "secrets", namespace, "", "get list watch", "credentials of repositories", true});
	static const char *const trusted[] = {"argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm"};
	for (size_t i = 0; i < COUNT_OF(trusted); i++)
		ask(doctor,
			&(struct need){"", "configmaps", namespace, trusted[i], "list watch",
				"whom Git servers are known by", true});
}

/* The first of its kind and place; the others need the same. */
static bool is_first(const struct objects *objects, size_t at)
{
	const struct object_key *key = &objects->items[at].key;
	for (size_t i = 0; i < at; i++) {
		const struct object_key *other = &objects->items[i].key;
		if (strcmp(other->group, key->group) == 0 && strcmp(other->kind, key->kind) == 0 &&
			strcmp(other->namespace, key->namespace) == 0)
			return false;
	}
	return true;
}

/* The kind may come with a CustomResourceDefinition of the same path. */
static bool is_defined_here(const struct objects *objects, const struct object_key *key, struct arena *mem)
{
	struct object_key defined;
	for (size_t i = 0; i < objects->count; i++)
		if (desired_defines(&objects->items[i], mem, &defined) &&
			strcmp(defined.group, key->group) == 0 && strcmp(defined.kind, key->kind) == 0)
			return true;
	return false;
}

static void ask_for_object(
	struct doctor *doctor, const struct doctor_application *application, const struct object_key *key)
{
	const struct application *spec = &application->spec;
	const struct resource *resource = resources_find(doctor->resources, key->group, NULL, key->kind);
	if (resource) {
		ask(doctor,
			&(struct need){key->group, resource->plural, key->namespace, "",
				spec->prune ? "get list watch create patch delete"
					    : "get list watch create patch",
				spec->name, false});
		return;
	}
	if (is_defined_here(&application->desired->objects, key, doctor->mem))
		doctor_ok(doctor, "rights",
			"%s: its kind comes with the CustomResourceDefinition of the same path",
			object_key_text(key, doctor->mem));
	else
		doctor_fail(doctor, "rights",
			"install its operator or CustomResourceDefinition, or remove the object",
			"%s: the cluster does not know the kind %s%s%s", spec->name, key->kind,
			*key->group ? "." : "", key->group);
}

/* As the agent asks; ERROR_MISSING = it is not there. */
static enum error_kind look_at_namespace(const struct doctor *doctor, const char *name)
{
	struct error err;
	CLEANUP(json_done) json_t *answer = NULL;
	struct kube_request request = {
		.method = "GET", .path = arena_printf(doctor->mem, "/api/v1/namespaces/%s", name)};
	return kube_one(doctor->kube, &request, &answer, &err) ? ERROR_NONE : err.kind;
}

/* A namespace that is not there and that nobody makes: everything in it would fail. */
static void check_namespace(struct doctor *doctor, const struct application *spec)
{
	if (!spec->destination || !*spec->destination || spec->options.create_namespace)
		return;
	if (look_at_namespace(doctor, spec->destination) == ERROR_MISSING)
		doctor_fail(doctor, "namespace",
			arena_printf(doctor->mem,
				"kubectl create namespace %s, or syncOptions: [CreateNamespace=true]",
				spec->destination),
			"%s: the namespace %s does not exist", spec->name, spec->destination);
}

/* sealing.controller: Secrets are made of SealedSecrets, and the status says so. */
static void ask_for_unsealing(struct doctor *doctor, const struct object_key *key)
{
	if (!doctor->config->sealing_controller || strcmp(key->kind, "SealedSecret") != 0)
		return;
	ask(doctor,
		&(struct need){"", "secrets", key->namespace, "", "get list watch create update",
			"Secrets of SealedSecrets", false});
	ask(doctor,
		&(struct need){key->group, "sealedsecrets/status", key->namespace, "", "update",
			"Secrets of SealedSecrets", false});
}

/* Of the objects before it, one in its namespace has a health, too. */
static bool is_asked_already(const struct objects *objects, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		const struct object_key *other = &objects->items[i].key;
		if (strcmp(other->namespace, objects->items[at].key.namespace) == 0 &&
			health_has_rule(other->group, other->kind))
			return true;
	}
	return false;
}

/* Where something may be unwell, its reasons are in Events. */
static void ask_for_reasons(struct doctor *doctor, const struct objects *objects)
{
	for (size_t i = 0; i < objects->count; i++) {
		const struct object_key *key = &objects->items[i].key;
		if (*key->namespace && health_has_rule(key->group, key->kind) && !is_asked_already(objects, i))
			ask(doctor,
				&(struct need){"", "events", key->namespace, "", "list",
					"why an object is not healthy", true});
	}
}

static void ask_for_application(struct doctor *doctor, const struct doctor_application *application)
{
	if (!application->desired)
		return;
	const struct objects *objects = &application->desired->objects;
	check_namespace(doctor, &application->spec);
	for (size_t i = 0; i < objects->count; i++)
		if (is_first(objects, i)) {
			ask_for_object(doctor, application, &objects->items[i].key);
			ask_for_unsealing(doctor, &objects->items[i].key);
		}
	ask_for_reasons(doctor, objects);
}

static bool makes_namespace(const struct doctor *doctor, size_t at)
{
	const struct application *spec = &doctor->applications[at].spec;
	return spec->options.create_namespace && spec->destination && *spec->destination;
}

static bool is_made_before(const struct doctor *doctor, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (makes_namespace(doctor, i) &&
			text_equal(doctor->applications[i].spec.destination,
				doctor->applications[at].spec.destination))
			return true;
	return false;
}

/* CreateNamespace=true looks first, which a Role in the namespace allows, too; only what is not there has to be made. */
static void ask_for_namespaces(struct doctor *doctor)
{
	bool made = false, all_there = true;
	for (size_t i = 0; i < doctor->application_count; i++) {
		const char *name = doctor->applications[i].spec.destination;
		if (!makes_namespace(doctor, i) || is_made_before(doctor, i))
			continue;
		made = true;
		all_there = all_there && look_at_namespace(doctor, name) == ERROR_NONE;
		ask(doctor, &(struct need){"", "namespaces", name, name, "get", "whether it is there", false});
	}
	if (made)
		ask(doctor,
			&(struct need){"", "namespaces", "", "", "create",
				all_there ? "CreateNamespace=true, should one of them go"
					  : "CreateNamespace=true",
				all_there});
}

static const char *users_namespace(const struct doctor *doctor, const struct database_config *database)
{
	if (database->users_namespace)
		return database->users_namespace;
	for (size_t i = 0; i < doctor->application_count; i++)
		if (text_equal(doctor->applications[i].spec.name, database->application))
			return doctor->applications[i].spec.destination;
	return NULL;
}

static void ask_for_passwords(
	struct doctor *doctor, const struct database_config *database, const char *namespace)
{
	ask(doctor,
		&(struct need){"", "secrets", namespace, "", "get list watch",
			arena_printf(doctor->mem, "passwords of the users of database %s", database->name),
			doctor->config->secrets != NULL});
}

static void ask_for_database(struct doctor *doctor, const struct database_config *database)
{
	const char *namespace = users_namespace(doctor, database);
	const struct secret_reference *password = &database->password;
	if (namespace && *namespace) {
		ask_for_passwords(doctor, database, namespace);
		ask(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				arena_printf(doctor->mem,
					"Events on the ConfigMap of database %s, for kubectl describe",
					database->name),
				true});
	}
	for (size_t i = 0; i < database->policy.secret_namespace_count; i++)
		ask_for_passwords(doctor, database, database->policy.secret_namespaces[i]);
	if (password->name)
		ask(doctor,
			&(struct need){"", "secrets", password->namespace, password->name, "get",
				arena_printf(doctor->mem, "password of database %s", database->name), false});
}

void doctor_check_generating(
	struct doctor *doctor, const struct database_config *database, const char *namespace, size_t count)
{
	const char *folder = doctor->config->secrets;
	if (doctor->kube)
		ask(doctor,
			&(struct need){"", "secrets", namespace, "", "create",
				arena_printf(doctor->mem, "%zu password%s of database %s %s generated", count,
					count == 1 ? "" : "s", database->name, count == 1 ? "is" : "are"),
				false});
	else if (!folder || access(folder, W_OK) != 0)
		doctor_fail(doctor, "users",
			"name a folder under `secrets` in the agent file that the agent may write to",
			"%s: %zu password%s to be generated, and there is no place for what is made: %s",
			database->name, count, count == 1 ? " is" : "s are",
			folder ? strerror(errno) : "neither a cluster nor a `secrets` folder");
}

void doctor_check_rights(struct doctor *doctor)
{
	if (!doctor->resources || !doctor->kube)
		return;
	doctor_wait(doctor, "rights", doctor->kube_config.server);
	ask_for_itself(doctor);
	ask_for_namespaces(doctor);
	for (size_t i = 0; i < doctor->application_count; i++)
		ask_for_application(doctor, &doctor->applications[i]);
	for (size_t i = 0; i < doctor->config->database_count; i++)
		ask_for_database(doctor, &doctor->config->databases[i]);
}
