#include "agent/doctor/needs.h"

#include <string.h>

#include "agent/users/database_target.h"
#include "base/text.h"
#include "reconcile/kubernetes/health.h"

static void tell(struct doctor *doctor, const struct need *need)
{
	doctor->need(doctor, need);
}

static void ask_for_itself(struct doctor *doctor)
{
	const char *namespace = doctor->config->namespace;
	const struct lease_config *lease = &doctor->config->lease;
	if (lease->used) {
		tell(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, lease->name,
				"get update", "which of several agents is at work", false});
		tell(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, "", "create",
				"the lease, where it is not there yet", false});
	}
	if (!doctor->config->applications) {
		tell(doctor,
			&(struct need){"argoproj.io", "applications", namespace, "", "get list watch patch",
				"Applications and their status", false});
		tell(doctor,
			&(struct need){"argoproj.io", "appprojects", namespace, "", "get list watch",
				"what Applications may do, and when", true});
		tell(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				"Events on Applications, for kubectl describe", true});
	}
	tell(doctor,
		&(struct need){
			"", "secrets", namespace, "", "get list watch", "credentials of repositories", true});
	static const char *const trusted[] = {"argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm"};
	for (size_t i = 0; i < COUNT_OF(trusted); i++)
		tell(doctor,
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

/* What leaves Git, what goes with its Application, and a hook that makes room for its next run. */
static bool is_deleted(const struct doctor_application *application, const struct object_key *key)
{
	const struct objects *objects = &application->desired->objects;
	if (application->spec.prune || application->spec.cascade)
		return true;
	for (size_t i = 0; i < objects->count; i++)
		if (objects->items[i].options.hooks && text_equal(objects->items[i].key.group, key->group) &&
			text_equal(objects->items[i].key.kind, key->kind) &&
			text_equal(objects->items[i].key.namespace, key->namespace))
			return true;
	return false;
}

static void ask_for_object(
	struct doctor *doctor, const struct doctor_application *application, const struct object_key *key)
{
	const struct application *spec = &application->spec;
	const struct resource *resource = resources_find(doctor->resources, key->group, NULL, key->kind);
	if (resource) {
		tell(doctor,
			&(struct need){key->group, resource->plural, key->namespace, "",
				is_deleted(application, key) ? "get list watch create patch delete"
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
	tell(doctor,
		&(struct need){"", "secrets", key->namespace, "", "get list watch create update",
			"Secrets of SealedSecrets", false});
	tell(doctor,
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
			tell(doctor,
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
		tell(doctor, &(struct need){"", "namespaces", name, name, "get", "whether it is there", false});
	}
	if (made)
		tell(doctor,
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
	tell(doctor,
		&(struct need){"", "secrets", namespace, "", "get list watch",
			arena_printf(doctor->mem, "passwords of the users of database %s", database->name),
			doctor->config->secrets != NULL});
}

/* postgresql: NAMESPACE/NAME is asked of the cluster anew at each pass. */
static void ask_for_operator(struct doctor *doctor, const struct database_config *database)
{
	const struct operator_reference *cluster = &database->cluster;
	const char *why = arena_printf(doctor->mem, "where database %s is", database->name);
	tell(doctor,
		&(struct need){"acid.zalan.do", "postgresqls", cluster->namespace, cluster->name, "get", why,
			false});
	tell(doctor, &(struct need){"", "endpoints", cluster->namespace, cluster->name, "get", why, false});
	tell(doctor,
		&(struct need){"", "configmaps", cluster->namespace,
			arena_printf(doctor->mem, "%s-leader", cluster->name), "get",
			arena_printf(doctor->mem,
				"which of several addresses is the leader's, of database %s, where Patroni keeps ConfigMaps",
				database->name),
			true});
	tell(doctor,
		&(struct need){"", "secrets", cluster->namespace,
			operator_secret_name(cluster, cluster->superuser, doctor->mem), "get",
			arena_printf(doctor->mem, "password of database %s", database->name), false});
}

static void ask_for_database(struct doctor *doctor, const struct database_config *database)
{
	const char *namespace = users_namespace(doctor, database);
	const struct secret_reference *password = &database->password;
	if (database->cluster.name)
		ask_for_operator(doctor, database);
	if (namespace && *namespace) {
		ask_for_passwords(doctor, database, namespace);
		tell(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				arena_printf(doctor->mem,
					"Events on the ConfigMap of database %s, for kubectl describe",
					database->name),
				true});
	}
	for (size_t i = 0; i < database->policy.secret_namespace_count; i++)
		ask_for_passwords(doctor, database, database->policy.secret_namespaces[i]);
	if (password->name)
		tell(doctor,
			&(struct need){"", "secrets", password->namespace, password->name, "get",
				arena_printf(doctor->mem, "password of database %s", database->name), false});
}

void needs_each(struct doctor *doctor, void (*each)(struct doctor *doctor, const struct need *need))
{
	doctor->need = each;
	ask_for_itself(doctor);
	ask_for_namespaces(doctor);
	for (size_t i = 0; i < doctor->application_count; i++)
		ask_for_application(doctor, &doctor->applications[i]);
	for (size_t i = 0; i < doctor->config->database_count; i++)
		ask_for_database(doctor, &doctor->config->databases[i]);
}
