#include "agent/config/project.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/folder.h"
#include "base/limits.h"
#include "base/text.h"

#define PROJECT(member) offsetof(struct project, member)

/* ---- reading ---- */

/* The entries of a list of objects, `each` for every one with its path. */
static void read_list(struct fields *fields, const json_t *list, const char *path,
	void (*each)(struct fields *fields, const json_t *entry, const char *path, void *to), void *to)
{
	size_t i;
	json_t *entry;
	if (!json_is_array(list)) {
		fields_error(fields, "%s must be a list", path);
		return;
	}
	if (json_array_size(list) > LIMIT_PROJECT_ITEMS) {
		fields_error(fields, "%s has more than %d entries", path, LIMIT_PROJECT_ITEMS);
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)list, i, entry)
		each(fields, entry, arena_printf(fields->mem, "%s[%zu]", path, i), to);
}

static void add_destination(struct fields *fields, const json_t *entry, const char *path, void *to)
{
	static const struct field table[] = {
		{.name = "server", .offset = offsetof(struct project_destination, server)},
		{.name = "name", .offset = offsetof(struct project_destination, name)},
		{.name = "namespace", .offset = offsetof(struct project_destination, namespace)},
	};
	struct project_destinations *destinations = to;
	struct project_destination read = {"", "", ""};
	fields_read(fields, entry, path, table, COUNT_OF(table), &read);
	destinations->items = arena_grow(
		fields->mem, destinations->items, destinations->count, sizeof(*destinations->items));
	destinations->items[destinations->count++] = read;
}

static void add_kind(struct fields *fields, const json_t *entry, const char *path, void *to)
{
	static const struct field table[] = {
		{.name = "group", .offset = offsetof(struct project_kind, group)},
		{.name = "kind", .offset = offsetof(struct project_kind, kind)},
		{.name = "name", .offset = offsetof(struct project_kind, name)},
	};
	struct project_kinds *kinds = to;
	struct project_kind read = {"", "", ""};
	fields_read(fields, entry, path, table, COUNT_OF(table), &read);
	kinds->items = arena_grow(fields->mem, kinds->items, kinds->count, sizeof(*kinds->items));
	kinds->items[kinds->count++] = read;
}

static void add_window(struct fields *fields, const json_t *entry, const char *path, void *to)
{
	windows_add(to, entry, path, fields);
}

static void read_destinations(struct fields *fields, const json_t *value, const char *path, void *to)
{
	read_list(fields, value, path, add_destination, to);
}

static void read_kinds(struct fields *fields, const json_t *value, const char *path, void *to)
{
	((struct project_kinds *)to)->given = true;
	read_list(fields, value, path, add_kind, to);
}

static void read_windows(struct fields *fields, const json_t *value, const char *path, void *to)
{
	read_list(fields, value, path, add_window, to);
}

static const struct field table[] = {
	{.name = "description", .type = FIELD_IGNORED},
	{.name = "sourceRepos", .type = FIELD_TEXTS, .offset = PROJECT(source_repos)},
	{.name = "destinations", .type = FIELD_OWN, .offset = PROJECT(destinations), .read = read_destinations},
	{.name = "clusterResourceWhitelist",
		.type = FIELD_OWN,
		.offset = PROJECT(cluster_allowed),
		.read = read_kinds},
	{.name = "clusterResourceBlacklist",
		.type = FIELD_OWN,
		.offset = PROJECT(cluster_denied),
		.read = read_kinds},
	{.name = "namespaceResourceWhitelist",
		.type = FIELD_OWN,
		.offset = PROJECT(namespace_allowed),
		.read = read_kinds},
	{.name = "namespaceResourceBlacklist",
		.type = FIELD_OWN,
		.offset = PROJECT(namespace_denied),
		.read = read_kinds},
	{.name = "syncWindows", .type = FIELD_OWN, .offset = PROJECT(windows), .read = read_windows},
	{.name = "sourceNamespaces",
		.type = FIELD_WARNED,
		.text = "Applications are read from the agent's namespace only"},
	{.name = "roles",
		.type = FIELD_WARNED,
		.text = "who may do what is decided by Kubernetes and the API's token"},
	{.name = "orphanedResources", .type = FIELD_WARNED, .text = "objects of nobody are not looked for"},
	{.name = "signatureKeys",
		.type = FIELD_REFUSED,
		.text = "say whose commits count in the agent file, repositories[].signatures"},
	{.name = "sourceIntegrity",
		.type = FIELD_REFUSED,
		.text = "say whose commits count in the agent file, repositories[].signatures"},
	{.name = "destinationServiceAccounts",
		.type = FIELD_REFUSED,
		.text = "everything is written with the agent's own ServiceAccount"},
	{.name = "permitOnlyProjectScopedClusters",
		.type = FIELD_REFUSED,
		.text = "the agent writes to its own cluster, which belongs to no project"},
};

bool project_read(const json_t *document, const char *file, struct arena *mem, struct project *project,
	struct error *err)
{
	const char *name = json_text_at(document, "metadata.name", "");
	struct fields fields = {.mem = mem};
	if (strcmp(json_text_at(document, "kind", ""), "AppProject") != 0 ||
		strcmp(json_text_at(document, "apiVersion", ""), "argoproj.io/v1alpha1") != 0)
		return error_set(err, ERROR_INVALID, "not an AppProject of argoproj.io/v1alpha1");
	if (!text_is_dns_subdomain(name))
		return error_set(err, ERROR_INVALID,
			"metadata.name of an AppProject must be lower-case letters, digits, '-' and '.'");
	struct project read = {.name = arena_copy(mem, name), .file = arena_copy(mem, file)};
	fields_read(&fields, json_object_get(document, "spec"), "spec", table, COUNT_OF(table), &read);
	read.errors = fields.errors;
	read.error_count = fields.error_count;
	read.warnings = fields.warnings;
	read.warning_count = fields.warning_count;
	*project = read;
	return true;
}

const struct project *project_allow_all(void)
{
	static const char *repositories[] = {"*"};
	static struct project_destination everywhere = {"*", "", "*"};
	static struct project_kind every_kind = {"*", "*", ""};
	static const struct project project = {
		.name = PROJECT_DEFAULT,
		.source_repos = {repositories, 1},
		.destinations = {&everywhere, 1},
		.cluster_allowed = {&every_kind, 1, true},
	};
	return &project;
}

/* ---- a folder ---- */

bool project_is_one(const struct object_key *key)
{
	return strcmp(key->kind, "AppProject") == 0 && strcmp(key->group, "argoproj.io") == 0;
}

struct folder {
	struct arena *mem;
	struct project *items;
	size_t count;
	struct mistakes *mistakes;
};

static void add_object(void *context, const struct object *object)
{
	struct folder *folder = context;
	struct error err;
	CLEANUP(json_done) json_t *document = NULL;
	struct project project;
	if (!project_is_one(&object->key))
		return;
	if (!json_read(object->json, object->json_length, &document, &err) ||
		!project_read(document, object->file, folder->mem, &project, &err)) {
		mistakes_add(folder->mistakes, object->file, object->line, 0, "%s", err.text);
		return;
	}
	for (size_t i = 0; i < folder->count; i++)
		if (strcmp(folder->items[i].name, project.name) == 0) {
			mistakes_add(folder->mistakes, object->file, object->line, 0,
				"AppProject \"%s\" is also in %s: give one of them another name",
				project.name, folder->items[i].file);
			return;
		}
	folder->items = arena_grow(folder->mem, folder->items, folder->count, sizeof(*folder->items));
	folder->items[folder->count++] = project;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct project *)a)->name, ((const struct project *)b)->name);
}

bool project_read_folder(const char *path, struct arena *mem, struct project **items, size_t *count,
	struct mistakes *mistakes, struct error *err)
{
	struct folder folder = {.mem = mem, .mistakes = mistakes};
	/* What is wrong in a file is told by application_read_folder(), which reads the same files. */
	const struct folder_reader reader = {mem, NULL, add_object, &folder};
	if (!folder_read(path, &reader, err))
		return false;
	if (folder.count > LIMIT_PROJECTS)
		return error_set(err, ERROR_INVALID, "more than %d AppProjects in %s", LIMIT_PROJECTS, path);
	if (folder.count)
		qsort(folder.items, folder.count, sizeof(*folder.items), by_name);
	*items = folder.items;
	*count = folder.count;
	return true;
}

/* ---- the questions ---- */

enum part { PART_NO, PART_YES, PART_FORBIDS };

typedef bool glob_match(const char *pattern, const char *text);

static enum part part_of(const char *pattern, const char *text, glob_match *match)
{
	if (*pattern == '!')
		return match(pattern + 1, text) ? PART_FORBIDS : PART_YES;
	return match(pattern, text) ? PART_YES : PART_NO;
}

/*
 * As Argo CD compares them: lower case, without ".git", ssh://git@host/path and git@host:path alike. A trailing '/' does not count
 * either. A '!' in front stays.
 */
static const char *normalized(const char *url, struct arena *mem)
{
	const char *mark = *url == '!' ? "!" : "";
	char *copy = arena_copy(mem, url + strlen(mark) + strspn(url + strlen(mark), " \t\r\n"));
	size_t length = strlen(copy);
	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	while (length && (copy[length - 1] == '/' || isspace((unsigned char)copy[length - 1])))
		copy[--length] = '\0';
	if (text_ends(copy, ".git"))
		copy[length - 4] = '\0';
	char *colon = copy + strcspn(copy, ":/"), *user = strchr(copy, '@');
	if (text_starts(copy, "ssh://"))
		copy += 6;
	else if (*colon == ':' && user && user < colon)
		*colon = '/';
	return arena_printf(mem, "%s%s", mark, copy);
}

static bool matches_url(const char *pattern, const char *url)
{
	return strcmp(pattern, "*") == 0 || text_glob_path(pattern, url);
}

bool project_allows_source(const struct project *project, const char *url, struct arena *mem, const char **why)
{
	const char *wanted = normalized(url, mem);
	bool allowed = false;
	for (size_t i = 0; i < project->source_repos.count; i++) {
		const char *pattern = project->source_repos.items[i];
		enum part part = part_of(normalized(pattern, mem), wanted, matches_url);
		if (part == PART_FORBIDS) {
			*why = arena_printf(mem,
				"project \"%s\" forbids the repository %s: sourceRepos has \"%s\"",
				project->name, url, pattern);
			return false;
		}
		allowed = allowed || part == PART_YES;
	}
	if (!allowed)
		*why = arena_printf(mem,
			"project \"%s\" does not allow the repository %s: it is not in sourceRepos",
			project->name, url);
	return allowed;
}

static enum part cluster_part(const struct project_destination *item, const struct project_destination *to)
{
	enum part server = part_of(item->server, to->server, text_glob);
	enum part name = part_of(item->name, to->name, text_glob);
	if (server == PART_FORBIDS || name == PART_FORBIDS)
		return PART_FORBIDS;
	return (*item->server && server == PART_YES) || (*item->name && name == PART_YES) ? PART_YES : PART_NO;
}

bool project_allows_destination(const struct project *project, const struct project_destination *to,
	struct arena *mem, const char **why)
{
	bool allowed = false, forbidden = false;
	for (size_t i = 0; i < project->destinations.count; i++) {
		const struct project_destination *item = &project->destinations.items[i];
		enum part cluster = cluster_part(item, to);
		enum part namespace = part_of(item->namespace, to->namespace, text_glob);
		bool both = cluster != PART_NO && namespace != PART_NO;
		forbidden = forbidden || (both && (cluster == PART_FORBIDS || namespace == PART_FORBIDS));
		allowed = allowed || (cluster == PART_YES && namespace == PART_YES);
	}
	if (allowed && !forbidden)
		return true;
	*why = arena_printf(mem, "project \"%s\" does not allow the destination %s, namespace \"%s\": %s",
		project->name, to->server, to->namespace,
		forbidden ? "destinations forbids it" : "it is not among its destinations");
	return false;
}

static bool is_listed(const struct project_kinds *kinds, const struct object_key *key)
{
	for (size_t i = 0; i < kinds->count; i++) {
		const struct project_kind *kind = &kinds->items[i];
		if (text_glob(kind->kind, key->kind) && text_glob(kind->group, key->group) &&
			(!*kind->name || text_glob(kind->name, key->name)))
			return true;
	}
	return false;
}

/* The list that is in the way, or NULL. */
static const char *refusing_list(const struct project *project, const struct object_key *key, bool namespaced)
{
	if (namespaced) {
		if (project->namespace_allowed.given && !is_listed(&project->namespace_allowed, key))
			return "it is not in namespaceResourceWhitelist";
		return is_listed(&project->namespace_denied, key) ? "it is in namespaceResourceBlacklist"
								  : NULL;
	}
	if (!is_listed(&project->cluster_allowed, key))
		return "it is not in clusterResourceWhitelist";
	return is_listed(&project->cluster_denied, key) ? "it is in clusterResourceBlacklist" : NULL;
}

bool project_allows_object(const struct project *project, const struct object_key *key, bool namespaced,
	struct arena *mem, const char **why)
{
	const struct project_destination to = {DESTINATION_SERVER, DESTINATION_NAME, key->namespace};
	if (project == project_allow_all())
		return true;
	const char *list = refusing_list(project, key, namespaced);
	if (list) {
		*why = arena_printf(mem, "project \"%s\" does not allow %s: %s", project->name,
			object_key_text(key, mem), list);
		return false;
	}
	return !namespaced || !*key->namespace || project_allows_destination(project, &to, mem, why);
}
