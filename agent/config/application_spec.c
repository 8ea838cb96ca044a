/*
 * Fields and their meaning: Argo CD's types.go (argocd.md 1.1, 1.2). A field that is empty, as Argo CD itself writes many,
 * asks for nothing and is passed over; any other field that we do not honour is an error that names it.
 */
#include "agent/config/application_spec.h"

#include <string.h>

#include "agent/config/application_render.h"
#include "agent/config/fields.h"
#include "agent/config/project.h"
#include "agent/config/sync_request.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

/* Argo CD writes helm, directory.jsonnet and the like as objects of empty ones. */
enum { EMPTY_DEPTH = 8 };

#define KNOWN(field)                                                                                         \
	{                                                                                                    \
		.name = field, .type = FIELD_KNOWN                                                           \
	}
#define REFUSED(field, why)                                                                                  \
	{                                                                                                    \
		.name = field, .type = FIELD_REFUSED, .text = why                                            \
	}

static bool is_empty(const json_t *value)
{
	return json_is_zero(value, EMPTY_DEPTH);
}

/* Every field of the object is known, and honoured unless it is empty. False when the object is none. */
static bool check_fields(struct fields *fields, const json_t *object, const char *path,
	const struct field *table, size_t count)
{
	if (!object || json_is_null(object))
		return false;
	char nothing = 0; /* what is known is read by who asks: no field of these tables has a place */
	fields_read(fields, object, path, table, count, &nothing);
	return json_is_object(object);
}

static const char *read_text(struct fields *fields, const json_t *object, const char *path, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return "";
	if (json_is_string(value))
		return arena_copy(fields->mem, json_string_value(value));
	fields_error(fields, "%s.%s must be a string", path, key);
	return "";
}

static bool read_bool(
	struct fields *fields, const json_t *object, const char *path, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return fallback;
	if (!json_is_boolean(value))
		fields_error(fields, "%s.%s must be true or false", path, key);
	return json_is_true(value);
}

static int64_t read_integer(
	struct fields *fields, const json_t *object, const char *path, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return fallback;
	if (json_is_integer(value))
		return (int64_t)json_integer_value(value);
	fields_error(fields, "%s.%s must be an integer", path, key);
	return fallback;
}

static int64_t read_duration(
	struct fields *fields, const json_t *object, const char *path, const char *key, int64_t fallback)
{
	int64_t milliseconds;
	const char *text = read_text(fields, object, path, key);
	if (!*text)
		return fallback;
	if (duration_parse(text, &milliseconds))
		return milliseconds;
	fields_error(fields, "%s.%s must be a duration such as 5s or 3m", path, key);
	return fallback;
}

/* Without "./", trailing '/'; "" for the root. A path that leads out of the repository is an error. */
static const char *read_path(struct fields *fields, const char *at, const char *text)
{
	while (text_starts(text, "./"))
		text += 2;
	size_t length = strlen(text);
	while (length && text[length - 1] == '/')
		length--;
	char *path = arena_copy_n(fields->mem, text, length);
	if ((!*path && *text != '/') || strcmp(path, ".") == 0)
		return "";
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t size = strcspn(part, "/");
		bool dots = (size == 1 && part[0] == '.') || (size == 2 && memcmp(part, "..", 2) == 0);
		if (size && !dots)
			continue;
		fields_error(fields, "%s.path must lie inside the repository: no leading '/', no '..'", at);
		break;
	}
	return path;
}

static void read_directory(
	struct fields *fields, const json_t *directory, const char *at, struct manifest_directory *to)
{
	static const struct field table[] = {
		KNOWN("recurse"),
		KNOWN("include"),
		KNOWN("exclude"),
		REFUSED("jsonnet", "render to YAML and commit the result"),
		KNOWN("disableExtensionFilter"),
	};
	const char *path = arena_printf(fields->mem, "%s.directory", at);
	if (!check_fields(fields, directory, path, table, COUNT_OF(table)))
		return;
	to->recurse = read_bool(fields, directory, path, "recurse", false);
	to->any_name = read_bool(fields, directory, path, "disableExtensionFilter", false);
	const char *include = read_text(fields, directory, path, "include");
	const char *exclude = read_text(fields, directory, path, "exclude");
	to->include = *include ? include : NULL;
	to->exclude = *exclude ? exclude : NULL;
}

/* `at`: where it stands in the Application. */
static void read_source(
	struct fields *fields, const json_t *source, const char *at, struct application_source *to)
{
	static const struct field table[] = {
		KNOWN("repoURL"),
		KNOWN("path"),
		KNOWN("targetRevision"),
		KNOWN("tagPrefix"),
		KNOWN("directory"),
		{.name = "name", .type = FIELD_IGNORED},
		KNOWN("helm"),
		KNOWN("kustomize"),
		REFUSED("plugin", "render to YAML and commit the result"),
		REFUSED("chart",
			"nothing is fetched from a chart repository: commit the chart, and name its folder in path"),
		KNOWN("ref"),
	};
	*to = (struct application_source){
		.repo_url = "", .revision = "", .tag_prefix = "", .ref = "", .directory.path = ""};
	if (!check_fields(fields, source, at, table, COUNT_OF(table))) {
		if (!source || json_is_null(source))
			fields_error(fields, "%s is missing", at);
		return;
	}
	to->repo_url = read_text(fields, source, at, "repoURL");
	to->revision = read_text(fields, source, at, "targetRevision");
	to->tag_prefix = read_text(fields, source, at, "tagPrefix");
	to->ref = read_text(fields, source, at, "ref");
	const char *folder = read_text(fields, source, at, "path");
	to->directory.path = read_path(fields, at, folder);
	to->files_only = *to->ref && !*folder;
	if (!*to->repo_url)
		fields_error(fields, "%s.repoURL is missing", at);
	if (!*folder && is_empty(json_object_get(source, "chart")) && !*to->ref)
		fields_error(fields, "%s.path is missing: \".\" is the root of the repository", at);
	read_directory(fields, json_object_get(source, "directory"), at, &to->directory);
	application_read_rendering(fields, source, at, &to->directory.rendering);
}

/* A name means one source, and something is left to be wanted (argocd.md 1.1). */
static void check_refs(struct fields *fields, const struct application *to)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	bool files_only = to->source_count > 0;
	for (size_t i = 0; i < to->source_count; i++) {
		const char *ref = to->sources[i].ref;
		files_only = files_only && to->sources[i].files_only;
		if (ref[strspn(ref, letters)])
			fields_error(fields,
				"spec.sources[%zu].ref may hold letters, digits, '_' and '-' alone", i);
		for (size_t j = 0; *ref && j < i; j++)
			if (strcmp(to->sources[j].ref, ref) == 0)
				fields_error(fields,
					"spec.sources[%zu].ref is \"%s\", which is the name of spec.sources[%zu]",
					i, ref, j);
	}
	if (files_only)
		fields_error(fields, "spec.sources has no source with a path: nothing would be wanted");
}

static void read_list(struct fields *fields, const json_t *list, struct application *to)
{
	if (json_array_size(list) > LIMIT_SOURCES) {
		fields_error(fields, "spec.sources has %zu sources: at most %d", json_array_size(list),
			LIMIT_SOURCES);
		return;
	}
	to->sources_listed = true;
	to->source_count = json_array_size(list);
	to->sources = arena_array(fields->mem, to->source_count, sizeof(*to->sources));
	for (size_t i = 0; i < to->source_count; i++)
		read_source(fields, json_array_get(list, i),
			arena_printf(fields->mem, "spec.sources[%zu]", i), &to->sources[i]);
	check_refs(fields, to);
}

/* spec.sources wins over spec.source, as in Argo CD; a hydrator has its own and is refused as a whole. */
static void read_sources(struct fields *fields, const json_t *spec, struct application *to)
{
	const json_t *list = json_object_get(spec, "sources"), *single = json_object_get(spec, "source");
	bool listed = !is_empty(list);
	if (!listed && is_empty(single) && !is_empty(json_object_get(spec, "sourceHydrator")))
		return;
	if (listed && !json_is_array(list)) {
		fields_error(fields, "spec.sources must be a list");
		return;
	}
	if (listed) {
		read_list(fields, list, to);
		return;
	}
	to->source_count = 1;
	to->sources = arena_alloc(fields->mem, sizeof(*to->sources));
	read_source(fields, single, "spec.source", to->sources);
	if (*to->sources->ref)
		fields_error(fields,
			"spec.source.ref is not supported: it names one of spec.sources for the others");
}

static void read_destination(struct fields *fields, const json_t *destination, struct application *to)
{
	static const struct field table[] = {KNOWN("server"), KNOWN("name"), KNOWN("namespace")};
	const char *path = "spec.destination";
	if (!check_fields(fields, destination, path, table, COUNT_OF(table))) {
		if (!destination || json_is_null(destination))
			fields_error(fields, "spec.destination is missing");
		return;
	}
	const char *server = read_text(fields, destination, path, "server");
	const char *name = read_text(fields, destination, path, "name");
	to->destination = read_text(fields, destination, path, "namespace");
	if (*server && *name)
		fields_error(fields, "spec.destination has both server and name: set one");
	else if (!*server && !*name)
		fields_error(fields, "spec.destination names no cluster: set server to " DESTINATION_SERVER);
	else if (*server && strcmp(server, DESTINATION_SERVER) != 0)
		fields_error(fields,
			"spec.destination.server must be " DESTINATION_SERVER
			": the agent writes to its own cluster");
	else if (*name && strcmp(name, DESTINATION_NAME) != 0)
		fields_error(fields,
			"spec.destination.name must be " DESTINATION_NAME
			": the agent writes to its own cluster");
	if (*to->destination && !text_is_dns_label(to->destination))
		fields_error(fields, "spec.destination.namespace is not a valid name");
}

static void read_automated(struct fields *fields, const json_t *automated, struct application *to)
{
	static const struct field table[] = {
		KNOWN("prune"), KNOWN("selfHeal"), KNOWN("allowEmpty"), KNOWN("enabled")};
	const char *path = "spec.syncPolicy.automated";
	if (!check_fields(fields, automated, path, table, COUNT_OF(table)))
		return;
	to->automated = read_bool(fields, automated, path, "enabled", true);
	to->prune = read_bool(fields, automated, path, "prune", false);
	to->self_heal = read_bool(fields, automated, path, "selfHeal", false);
	to->allow_empty = read_bool(fields, automated, path, "allowEmpty", false);
}

static void read_option(struct fields *fields, const char *option, struct application *to)
{
	char hint[TEXT_HINT_SIZE];
	const char *near = NULL;
	if (!sync_options_take(&to->options, option, &near))
		fields_error(fields, "spec.syncPolicy.syncOptions: \"%s\" is not supported%s", option,
			text_hint(near, hint));
}

static void read_options(struct fields *fields, const json_t *options, struct application *to)
{
	size_t i;
	json_t *option;
	if (!options || json_is_null(options))
		return;
	if (!json_is_array(options)) {
		fields_error(fields, "spec.syncPolicy.syncOptions must be a list");
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)options, i, option) {
		if (json_is_string(option))
			read_option(fields, json_string_value(option), to);
		else
			fields_error(fields,
				"spec.syncPolicy.syncOptions must hold strings such as \"PruneLast=true\"");
	}
}

static void read_retry(struct fields *fields, const json_t *retry, struct application *to)
{
	static const struct field table[] = {KNOWN("limit"), KNOWN("refresh"), KNOWN("backoff")};
	static const struct field backoff_table[] = {KNOWN("duration"), KNOWN("factor"), KNOWN("maxDuration")};
	const char *path = "spec.syncPolicy.retry", *backoff_path = "spec.syncPolicy.retry.backoff";
	if (!check_fields(fields, retry, path, table, COUNT_OF(table)))
		return;
	to->retry_given = true;
	to->retry_limit = read_integer(fields, retry, path, "limit", to->retry_limit);
	if (to->retry_limit < -1)
		to->retry_limit = -1;
	read_bool(fields, retry, path, "refresh", true); /* a retry always takes the newest commit */
	const json_t *backoff = json_object_get(retry, "backoff");
	if (!check_fields(fields, backoff, backoff_path, backoff_table, COUNT_OF(backoff_table)))
		return;
	to->retry_duration = read_duration(fields, backoff, backoff_path, "duration", to->retry_duration);
	to->retry_max = read_duration(fields, backoff, backoff_path, "maxDuration", to->retry_max);
	const json_t *factor = json_object_get(backoff, "factor");
	if (json_is_number(factor) && json_number_value(factor) >= 1)
		to->retry_factor = json_number_value(factor);
	else if (factor && !is_empty(factor))
		fields_error(fields, "%s.factor must be a number of at least 1", backoff_path);
}

static void read_namespace_metadata(struct fields *fields, const json_t *metadata, struct application *to)
{
	static const struct field table[] = {KNOWN("labels"), KNOWN("annotations")};
	static const char path[] = "spec.syncPolicy.managedNamespaceMetadata";
	if (!check_fields(fields, metadata, path, table, COUNT_OF(table)))
		return;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const json_t *map = json_object_get(metadata, table[i].name);
		const char *key;
		json_t *value;
		if (map && !json_is_null(map) && !json_is_object(map))
			fields_error(fields, "%s.%s must be an object", path, table[i].name);
		json_object_foreach ((json_t *)(uintptr_t)map, key, value)
			if (!json_is_string(value))
				fields_error(fields, "%s.%s.%s must be a string", path, table[i].name, key);
	}
	to->namespace_metadata = metadata;
}

static void read_sync_policy(struct fields *fields, const json_t *policy, struct application *to)
{
	static const struct field table[] = {
		KNOWN("automated"),
		KNOWN("syncOptions"),
		KNOWN("retry"),
		KNOWN("managedNamespaceMetadata"),
	};
	if (!check_fields(fields, policy, "spec.syncPolicy", table, COUNT_OF(table)))
		return;
	read_automated(fields, json_object_get(policy, "automated"), to);
	read_options(fields, json_object_get(policy, "syncOptions"), to);
	read_retry(fields, json_object_get(policy, "retry"), to);
	read_namespace_metadata(fields, json_object_get(policy, "managedNamespaceMetadata"), to);
}

static void read_ignore(struct fields *fields, const json_t *list, struct application *to)
{
	struct mistakes mistakes = {.mem = fields->mem};
	ignore_read(list, "spec.ignoreDifferences", fields->mem, &to->ignore, &mistakes);
	for (size_t i = 0; i < mistakes.count; i++)
		fields_error(fields, "%s", mistakes.items[i].text);
}

static void read_spec(struct fields *fields, const json_t *spec, struct application *to)
{
	static const struct field table[] = {
		KNOWN("project"),
		KNOWN("source"),
		KNOWN("destination"),
		KNOWN("syncPolicy"),
		{.name = "info", .type = FIELD_IGNORED},
		KNOWN("revisionHistoryLimit"),
		KNOWN("sources"),
		REFUSED("sourceHydrator",
			"name the branch with the rendered manifests in spec.source.targetRevision"),
		KNOWN("ignoreDifferences"),
	};
	if (!check_fields(fields, spec, "spec", table, COUNT_OF(table))) {
		if (!spec || json_is_null(spec))
			fields_error(fields, "spec is missing");
		return;
	}
	read_sources(fields, spec, to);
	read_destination(fields, json_object_get(spec, "destination"), to);
	for (size_t i = 0; i < to->source_count && *to->destination; i++)
		to->sources[i].directory.rendering.namespace = to->destination;
	read_sync_policy(fields, json_object_get(spec, "syncPolicy"), to);
	const char *project = read_text(fields, spec, "spec", "project");
	if (*project)
		to->project = project;
	read_ignore(fields, json_object_get(spec, "ignoreDifferences"), to);
	to->history_limit = read_integer(fields, spec, "spec", "revisionHistoryLimit", 10);
	if (to->history_limit < 0)
		fields_error(fields, "spec.revisionHistoryLimit may not be negative");
}

void application_read_spec(const json_t *spec, struct arena *mem, struct application *application)
{
	struct fields fields = {.mem = mem, .depth = EMPTY_DEPTH};
	application->destination = "";
	application->project = PROJECT_DEFAULT;
	application->history_limit = 10;
	application->retry_limit = RETRY_LIMIT;
	application->retry_duration = RETRY_DURATION;
	application->retry_max = RETRY_MAX;
	application->retry_factor = RETRY_FACTOR;
	read_spec(&fields, spec, application);
	application->spec_errors = fields.errors;
	application->spec_error_count = fields.error_count;
}
