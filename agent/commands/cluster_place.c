#include "agent/commands/cluster_place.h"

#include <string.h>

#include "base/http/percent.h"
#include "base/limits.h"
#include "base/text.h"

enum { OPTIONS = 16, ASK_SECONDS = 10 };

bool cluster_place_arguments(struct command_context *context, struct cluster_place *place, int *argc,
	char **argv, const struct command_option *own, size_t own_count, int most)
{
	struct command_option options[OPTIONS] = {
		{"--namespace", NULL, &place->source.namespace},
		{"-n", NULL, &place->source.namespace},
		{"--kubeconfig", NULL, &place->source.kubeconfig},
		{"--context", NULL, &place->source.kube_context},
	};
	size_t count = 4;
	for (size_t i = 0; i < own_count && count < OPTIONS; i++)
		options[count++] = own[i];
	if (!command_arguments(context, argc, argv, options, count, 1, most))
		return false;
	place->named = argv[0];
	return cluster_arguments_good(context, &place->source, place->named);
}

/* Nobody has to be asked where it is. */
static bool is_told(struct cluster_place *place, struct arena *mem)
{
	const char *slash = strchr(place->named, '/');
	place->name = slash ? slash + 1 : place->named;
	place->namespace = slash ? arena_copy_n(mem, place->named, (size_t)(slash - place->named))
				 : place->source.namespace;
	return place->namespace && text_is_dns_subdomain(place->name);
}

static bool find(struct command_context *context, struct cluster_place *place, bool members, struct error *err)
{
	const char *note = NULL;
	if (!members && is_told(place, context->mem))
		return true;
	if (!members)
		place->source.words_only = true;
	place->set.mem = context->mem;
	bool ok = cluster_read(context, &place->source, place->named, &place->set, &note, err);
	place->cluster = ok ? cluster_pick(&place->set, place->named, err) : NULL;
	if (note && !place->cluster)
		command_block(context, stderr, 0, note, CELL_BUSY);
	if (!place->cluster)
		return false;
	place->namespace = place->cluster->namespace;
	place->name = place->cluster->name;
	return true;
}

bool cluster_place_open(
	struct command_context *context, struct cluster_place *place, bool members, struct error *err)
{
	if (!cluster_source_open(context, &place->source, err) || !find(context, place, members, err))
		return false;
	if (!*place->namespace)
		return true;
	place->server = cluster_connect(&place->source, &place->own, err);
	return place->server;
}

void cluster_place_done(struct cluster_place *place)
{
	cluster_disconnect(&place->own);
	patroni_done(&place->set);
	cluster_source_close(&place->source);
}

const char *cluster_place_title(const struct cluster_place *place, struct arena *mem)
{
	return *place->namespace ? arena_printf(mem, "%s/%s", place->namespace, place->name) : place->name;
}

bool cluster_place_of_kubernetes(const struct cluster_place *place, const char *what, struct error *err)
{
	if (place->server)
		return true;
	return error_set(err, ERROR_INVALID,
		"%s is not in Kubernetes but in the agent file (databases[].patroni): %s", place->name, what);
}

bool cluster_place_refused(const char *verb, const char *resource, const char *namespace, struct error *err)
{
	const struct error why = *err;
	if (why.kind != ERROR_DENIED)
		return false;
	return error_set(err, ERROR_DENIED, "%s; the verb %s on %s %s%s is needed", why.text, verb, resource,
		namespace ? "in the namespace " : "in all namespaces", namespace ? namespace : "");
}

bool cluster_place_get(
	const struct cluster_place *place, const char *path, bool secret, json_t **answer, struct error *err)
{
	struct kube_request request = {.method = "GET", .path = path, .seconds = ASK_SECONDS, .secret = secret};
	return kube_one(place->server->kube, &request, answer, err);
}

static const char *page_path(const struct cluster_place *place, const struct cluster_listing *listing,
	const char *next, struct arena *mem)
{
	CLEANUP(buf_done) struct buf path = BUF(65536);
	buf_printf(&path, "/api/v1/namespaces/%s/%s?limit=%d",
		listing->namespace ? listing->namespace : place->namespace, listing->plural, LIMIT_LIST_PAGE);
	if (listing->selector) {
		buf_text(&path, "&labelSelector=");
		percent_encode(&path, listing->selector);
	}
	if (*next) {
		buf_text(&path, "&continue=");
		percent_encode(&path, next);
	}
	return arena_copy(mem, buf_string(&path));
}

bool cluster_place_list(const struct cluster_place *place, struct cluster_listing *listing, struct arena *mem,
	struct error *err)
{
	CLEANUP(json_done) json_t *all = json_array();
	const char *next = "", *version = NULL;
	const char *namespace = listing->namespace ? listing->namespace : place->namespace;
	do {
		CLEANUP(json_done) json_t *page = NULL;
		const char *path = page_path(place, listing, next, mem);
		if (!cluster_place_get(place, path, listing->secret, &page, err))
			return cluster_place_refused("list", listing->plural, namespace, err);
		json_array_extend(all, json_object_get(page, "items"));
		next = arena_copy(mem, json_text_at(page, "metadata.continue", ""));
		if (!version)
			version = arena_copy(mem, json_text_at(page, "metadata.resourceVersion", ""));
		if (json_array_size(all) > LIMIT_LIST_OBJECTS)
			return error_set(err, ERROR_INVALID, "over %d %s in the namespace %s",
				LIMIT_LIST_OBJECTS, listing->plural, namespace);
	} while (*next);
	listing->items = json_incref(all);
	listing->version = version;
	return true;
}
