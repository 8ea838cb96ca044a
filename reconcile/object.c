#include "reconcile/object.h"

#include <stdlib.h>
#include <string.h>

/*
 * Argo CD's order with Namespace first and custom resources last (argocd.md 2.10), but CustomResourceDefinition
 * directly after Namespace, as Flux has it: whatever needs a kind comes after the kind.
 */
static const char *const kind_order[] = {
	"Namespace",
	"CustomResourceDefinition",
	"NetworkPolicy",
	"ResourceQuota",
	"LimitRange",
	"PodDisruptionBudget",
	"ServiceAccount",
	"Secret",
	"ConfigMap",
	"StorageClass",
	"PersistentVolume",
	"PersistentVolumeClaim",
	"ClusterRole",
	"ClusterRoleBinding",
	"Role",
	"RoleBinding",
	"Service",
	"DaemonSet",
	"Pod",
	"ReplicationController",
	"ReplicaSet",
	"Deployment",
	"HorizontalPodAutoscaler",
	"StatefulSet",
	"Job",
	"CronJob",
	"IngressClass",
	"Ingress",
	"APIService",
};

/* Thousands of objects have one kind and one namespace, and who made their keys lets them share the text of it. */
static int compare_part(const char *a, const char *b)
{
	return a == b ? 0 : strcmp(a, b);
}

int object_key_compare(const struct object_key *a, const struct object_key *b)
{
	int order = compare_part(a->group, b->group);
	if (!order)
		order = compare_part(a->kind, b->kind);
	if (!order)
		order = compare_part(a->namespace, b->namespace);
	if (!order)
		order = compare_part(a->name, b->name);
	return order;
}

const char *object_key_text(const struct object_key *key, struct arena *mem)
{
	return arena_printf(mem, "%s%s%s %s%s%s", key->kind, *key->group ? "." : "", key->group,
		key->namespace, *key->namespace ? "/" : "", key->name);
}

const char *object_tracking_id(
	const struct object_key *key, const char *application, const char *namespace, struct arena *mem)
{
	return arena_printf(mem, "%s:%s/%s:%s/%s", application, key->group, key->kind,
		*key->namespace ? key->namespace : namespace, key->name);
}

const char *object_api_version(const struct object *object, struct arena *mem)
{
	if (!*object->key.group)
		return object->version;
	return arena_printf(mem, "%s/%s", object->key.group, object->version);
}

static int compare_to_object(const void *key, const void *object)
{
	return object_key_compare(key, &((const struct object *)object)->key);
}

struct object *objects_find(const struct objects *objects, const struct object_key *key)
{
	if (!objects->count)
		return NULL;
	return bsearch(key, objects->items, objects->count, sizeof(*objects->items), compare_to_object);
}

struct object_key object_key_copy(const struct object_key *key, struct arena *mem)
{
	return (struct object_key){
		.group = arena_copy(mem, key->group),
		.kind = arena_copy(mem, key->kind),
		.namespace = arena_copy(mem, key->namespace),
		.name = arena_copy(mem, key->name),
	};
}

int object_kind_rank(const char *group, const char *kind)
{
	static const char *const built_in[] = {"", "apps", "batch", "networking.k8s.io", "policy",
		"rbac.authorization.k8s.io", "storage.k8s.io", "autoscaling", "apiextensions.k8s.io",
		"apiregistration.k8s.io"};
	bool known = false;
	for (size_t i = 0; i < COUNT_OF(built_in); i++)
		known = known || strcmp(group, built_in[i]) == 0;
	for (size_t i = 0; known && i < COUNT_OF(kind_order); i++)
		if (strcmp(kind, kind_order[i]) == 0)
			return (int)i;
	return (int)COUNT_OF(kind_order);
}

bool object_is_server_metadata(const char *field)
{
	static const char *const fields[] = {"managedFields", "resourceVersion", "uid", "generation",
		"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"};
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (strcmp(field, fields[i]) == 0)
			return true;
	return false;
}

void object_strip_metadata(json_t *metadata)
{
	const char *field;
	json_t *value;
	void *rest;
	json_object_foreach_safe (metadata, rest, field, value)
		if (object_is_server_metadata(field))
			json_object_del(metadata, field);
}

bool object_is_secret(const struct object_key *key)
{
	return !*key->group && strcmp(key->kind, "Secret") == 0;
}
