#include "reconcile/kubernetes/resource.h"

#include <stdlib.h>
#include <string.h>

#include "base/http/percent.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* Kubernetes 1.30 and newer serve v2, 1.27 to 1.29 v2beta1; older servers ignore both and answer the plain list. */
static const char accept_aggregated[] =
	"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

enum { NAME_MAXIMUM = 253 };

struct group_version {
	const char *group, *version, *path;
};

struct resources {
	struct arena *mem;
	struct resource *items; /* in the server's order: the preferred version of a group first */
	size_t count;
	struct group_version *away; /* that did not answer */
	size_t away_count;
	const char *partial; /* all of them; NULL = none */
};

struct resources *resources_new(void)
{
	return memory_alloc(sizeof(struct resources));
}

void resources_free(struct resources *resources)
{
	if (!resources)
		return;
	arena_free(resources->mem);
	memory_freep(&resources);
}

static bool has_verb(const json_t *verbs, const char *verb)
{
	size_t index;
	const json_t *item;
	json_array_foreach (verbs, index, item)
		if (text_equal(json_string_value(item), verb))
			return true;
	return false;
}

static void note_away(struct resources *to, const char *group, const char *version)
{
	const char *name =
		*group ? arena_printf(to->mem, "%s/%s", group, version) : arena_copy(to->mem, version);
	for (size_t i = 0; i < to->away_count; i++)
		if (text_equal(to->away[i].path, name))
			return;
	to->away = arena_grow(to->mem, to->away, to->away_count, sizeof(*to->away));
	to->away[to->away_count++] = (struct group_version){.group = arena_copy(to->mem, group), .path = name};
	to->partial = arena_join(to->mem, to->partial, ", ", name);
}

static void add(struct resources *to, struct resource resource, const json_t *verbs)
{
	if (!resource.kind || !resource.plural || !resource.version || strlen(resource.kind) > NAME_MAXIMUM ||
		strlen(resource.plural) > NAME_MAXIMUM || strlen(resource.version) > NAME_MAXIMUM ||
		strlen(resource.group) > NAME_MAXIMUM)
		return;
	if (to->count == LIMIT_KINDS) {
		note_away(to, resource.group, resource.version);
		return;
	}
	to->items = arena_grow(to->mem, to->items, to->count, sizeof(*to->items));
	to->items[to->count++] = (struct resource){
		.group = arena_copy(to->mem, resource.group),
		.version = arena_copy(to->mem, resource.version),
		.kind = arena_copy(to->mem, resource.kind),
		.plural = arena_copy(to->mem, resource.plural),
		.namespaced = resource.namespaced,
		.watchable = has_verb(verbs, "list") && has_verb(verbs, "watch"),
	};
}

/* Aggregated: everything of /api or /apis is in this one answer. */

static void read_aggregated_version(struct resources *to, const char *group, const json_t *version)
{
	/* "Stale": the aggregated server behind it is down and this is what it had when last seen. */
	if (text_equal(json_text_at(version, "freshness", "Current"), "Stale"))
		note_away(to, group, json_text_at(version, "version", "?"));
	size_t index;
	const json_t *item;
	json_array_foreach (json_object_get(version, "resources"), index, item)
		add(to,
			(struct resource){
				.group = group, /* responseKind leaves it empty when it is the same */
				.version = json_text_at(version, "version", NULL),
				.kind = json_text_at(item, "responseKind.kind", NULL),
				.plural = json_text_at(item, "resource", NULL),
				.namespaced = text_equal(json_text_at(item, "scope", ""), "Namespaced"),
			},
			json_object_get(item, "verbs"));
}

static void read_aggregated(struct resources *to, const json_t *answer)
{
	size_t i, j;
	const json_t *group, *version;
	json_array_foreach (json_object_get(answer, "items"), i, group)
		json_array_foreach (json_object_get(group, "versions"), j, version)
			read_aggregated_version(to, json_text_at(group, "metadata.name", ""), version);
}

/* One request for each group version. */

struct group_versions {
	struct arena *mem;
	struct group_version *items;
	size_t count;
};

static void add_version(struct group_versions *list, const char *group, const char *version)
{
	if (list->count == LIMIT_KINDS || strlen(group) > NAME_MAXIMUM || strlen(version) > NAME_MAXIMUM)
		return;
	list->items = arena_grow(list->mem, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = (struct group_version){
		.group = arena_copy(list->mem, group),
		.version = arena_copy(list->mem, version),
		.path = *group ? arena_printf(list->mem, "/apis/%s/%s", group, version)
			       : arena_printf(list->mem, "/api/%s", version),
	};
}

static void list_versions(struct group_versions *list, const json_t *answer)
{
	size_t i, j;
	const json_t *group, *version;
	json_array_foreach (json_object_get(answer, "versions"), i, version) /* APIVersions */
		add_version(list, "", json_string_value(version) ? json_string_value(version) : "");
	json_array_foreach (json_object_get(answer, "groups"), i, group) { /* APIGroupList */
		const char *name = json_text_at(group, "name", "");
		const char *preferred = json_text_at(group, "preferredVersion.version", "");
		add_version(list, name, preferred);
		json_array_foreach (json_object_get(group, "versions"), j, version)
			if (!text_equal(json_text_at(version, "version", ""), preferred))
				add_version(list, name, json_text_at(version, "version", ""));
	}
}

static void read_version(struct resources *to, const struct group_version *of, const json_t *answer)
{
	size_t index;
	const json_t *item;
	json_array_foreach (json_object_get(answer, "resources"), index, item) {
		const char *plural = json_text_at(item, "name", NULL);
		if (!plural || strchr(plural, '/')) /* a subresource */
			continue;
		add(to,
			(struct resource){
				.group = of->group,
				.version = of->version,
				.kind = json_text_at(item, "kind", NULL),
				.plural = plural,
				.namespaced = json_bool_at(item, "namespaced", false),
			},
			json_object_get(item, "verbs"));
	}
}

static void read_versions(struct resources *to, struct kube *kube, const struct group_versions *list)
{
	if (!list->count)
		return;
	struct kube_request *requests = memory_alloc(list->count * sizeof(*requests));
	for (size_t i = 0; i < list->count; i++)
		requests[i] = (struct kube_request){.method = "GET", .path = list->items[i].path};
	kube_run(kube, requests, list->count);
	for (size_t i = 0; i < list->count; i++) {
		if (requests[i].error.kind != ERROR_NONE)
			note_away(to, list->items[i].group, list->items[i].version);
		else
			read_version(to, &list->items[i], requests[i].answer);
		json_decref(requests[i].answer);
	}
	memory_freep(&requests);
}

static bool refresh_into(struct resources *to, struct kube *kube, struct error *err)
{
	struct kube_request roots[] = {
		{.method = "GET", .path = "/api", .accept = accept_aggregated},
		{.method = "GET", .path = "/apis", .accept = accept_aggregated},
	};
	struct group_versions legacy = {.mem = to->mem};
	kube_run(kube, roots, COUNT_OF(roots));
	bool good = true;
	for (size_t i = 0; i < COUNT_OF(roots); i++) {
		if (roots[i].error.kind != ERROR_NONE && good) {
			*err = roots[i].error;
			good = error_prefix(err, "discovery");
		}
		if (text_equal(json_text_at(roots[i].answer, "kind", ""), "APIGroupDiscoveryList"))
			read_aggregated(to, roots[i].answer);
		else
			list_versions(&legacy, roots[i].answer);
		json_decref(roots[i].answer);
	}
	if (!good)
		return false;
	read_versions(to, kube, &legacy);
	if (!to->count)
		return error_set(err, ERROR_RETRY, "discovery: the API server names no kinds");
	return true;
}

bool resources_refresh(struct resources *resources, struct kube *kube, struct error *err)
{
	struct resources fresh = {.mem = arena_new(LIMIT_DISCOVERY_MEMORY)};
	if (!refresh_into(&fresh, kube, err)) {
		arena_free(fresh.mem);
		return false;
	}
	arena_free(resources->mem);
	*resources = fresh;
	return true;
}

const char *resources_partial(const struct resources *resources)
{
	return resources->partial;
}

const char *resources_away(const struct resources *resources, const char *group)
{
	for (size_t i = 0; i < resources->away_count; i++)
		if (text_equal(resources->away[i].group, group))
			return resources->away[i].path;
	return NULL;
}

const struct resource *resources_find(
	const struct resources *resources, const char *group, const char *version, const char *kind)
{
	for (size_t i = 0; i < resources->count; i++) {
		const struct resource *item = &resources->items[i];
		if (text_equal(item->kind, kind) && text_equal(item->group, group) &&
			(!version || !*version || text_equal(item->version, version)))
			return item;
	}
	return NULL;
}

void resource_path(struct buf *out, const struct resource *resource, const char *namespace, const char *name)
{
	if (*resource->group)
		buf_printf(out, "/apis/%s/%s", resource->group, resource->version);
	else
		buf_printf(out, "/api/%s", resource->version);
	if (resource->namespaced && *namespace) {
		buf_text(out, "/namespaces/");
		percent_encode(out, namespace);
	}
	buf_char(out, '/');
	buf_text(out, resource->plural);
	if (name) {
		buf_char(out, '/');
		percent_encode(out, name);
	}
}
