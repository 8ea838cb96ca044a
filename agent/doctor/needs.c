#include "agent/doctor/needs.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/kubernetes/health.h"

static void ask_for_itself(struct doctor *doctor)
{
	const char *namespace = doctor->config->namespace;
	const struct lease_config *lease = &doctor->config->lease;
	if (lease->used) {
		need_tell(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, lease->name,
				"get update", "which of several agents is at work", false});
		need_tell(doctor,
			&(struct need){"coordination.k8s.io", "leases", lease->namespace, "", "create",
				"the lease, where it is not there yet", false});
	}
	if (!doctor->config->applications) {
		need_tell(doctor,
			&(struct need){"argoproj.io", "applications", namespace, "", "get list watch patch",
				"Applications and their status", false});
		need_tell(doctor,
			&(struct need){"argoproj.io", "appprojects", namespace, "", "get list watch",
				"what Applications may do, and when", true});
		need_tell(doctor,
			&(struct need){"", "events", namespace, "", "create patch",
				"Events on Applications, for kubectl describe", true});
	}
	need_tell(doctor,
		&(struct need){
			"", "secrets", namespace, "", "get list watch", "credentials of repositories", true});
	static const char *const trusted[] = {"argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm"};
	for (size_t i = 0; i < COUNT_OF(trusted); i++)
		need_tell(doctor,
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

/* The kind may come with a CustomResourceDefinition of the same path, which says what it will be called; else NULL. */
static const char *plural_defined_here(
	const struct objects *objects, const struct object_key *key, struct arena *mem)
{
	for (size_t i = 0; i < objects->count; i++) {
		struct object_key defined;
		if (!desired_defines(&objects->items[i], mem, &defined) ||
			strcmp(defined.group, key->group) != 0 || strcmp(defined.kind, key->kind) != 0)
			continue;
		/* "widgets.example.org": the server takes no other name */
		return arena_copy_n(mem, defined.name, strcspn(defined.name, "."));
	}
	return NULL;
}

/* What the objects of one kind in one place have done to them beside an apply. */
struct treatment {
	bool deleted; /* what leaves Git, what goes with its Application, a hook that makes room for its next run, Force=true */
	bool replaced; /* Replace=true: a PUT */
};

static struct treatment treatment_of(const struct doctor_application *application, const struct object_key *key)
{
	const struct application *spec = &application->spec;
	const struct objects *objects = &application->desired->objects;
	struct treatment all = {.deleted = spec->prune || spec->cascade || spec->options.force};
	for (size_t i = 0; i < objects->count; i++) {
		const struct object_key *other = &objects->items[i].key;
		const struct object_options *own = &objects->items[i].options;
		if (strcmp(other->group, key->group) != 0 || strcmp(other->kind, key->kind) != 0 ||
			strcmp(other->namespace, key->namespace) != 0)
			continue;
		all.deleted = all.deleted || own->hooks || own->force;
		all.replaced = all.replaced ||
			(!own->hooks && (own->replace ? own->replace == CHOICE_TRUE : spec->options.replace));
	}
	return all;
}

static void ask_for_object(
	struct doctor *doctor, const struct doctor_application *application, const struct object_key *key)
{
	const struct application *spec = &application->spec;
	const struct resource *resource = resources_find(doctor->resources, key->group, NULL, key->kind);
	const char *plural = resource ? resource->plural
				      : plural_defined_here(&application->desired->objects, key, doctor->mem);
	const struct treatment treatment = treatment_of(application, key);
	if (plural)
		need_tell(doctor,
			&(struct need){key->group, plural, key->namespace, "",
				arena_printf(doctor->mem, "get list watch create%s patch%s",
					treatment.replaced ? " update" : "", treatment.deleted ? " delete" : ""),
				resource ? spec->name
					 : arena_printf(doctor->mem, "%s, whose path defines the kind %s",
						   spec->name, key->kind),
				false});
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
	need_tell(doctor,
		&(struct need){"", "secrets", key->namespace, "", "get list watch create update",
			"Secrets of SealedSecrets", false});
	need_tell(doctor,
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
			need_tell(doctor,
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

/* Of one of the Applications that make this namespace: its labels are written, too. */
static bool is_described(const struct doctor *doctor, const char *name)
{
	for (size_t i = 0; i < doctor->application_count; i++)
		if (makes_namespace(doctor, i) && doctor->applications[i].spec.namespace_metadata &&
			text_equal(doctor->applications[i].spec.destination, name))
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
		if (is_described(doctor, name))
			need_tell(doctor,
				&(struct need){"", "namespaces", name, name, "get patch",
					"managedNamespaceMetadata", false});
		else
			need_tell(doctor,
				&(struct need){
					"", "namespaces", name, name, "get", "whether it is there", false});
	}
	if (made)
		need_tell(doctor,
			&(struct need){"", "namespaces", "", "", "create",
				all_there ? "CreateNamespace=true, should one of them go"
					  : "CreateNamespace=true",
				all_there});
}

void need_tell(struct doctor *doctor, const struct need *need)
{
	doctor->need(doctor, need);
}

void needs_each(struct doctor *doctor, void (*each)(struct doctor *doctor, const struct need *need))
{
	doctor->need = each;
	ask_for_itself(doctor);
	ask_for_namespaces(doctor);
	for (size_t i = 0; i < doctor->application_count; i++)
		ask_for_application(doctor, &doctor->applications[i]);
	for (size_t i = 0; i < doctor->config->database_count; i++)
		needs_of_database(doctor, &doctor->config->databases[i]);
}
