/*
 * Fields and their meaning: Argo CD's types.go (argocd.md 1.1, 1.2). A field that is empty, as Argo CD itself writes many,
 * asks for nothing and is passed over; any other field that we do not honour is an error that names it.
 */
#include "agent/config/application_spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/project.h"
#include "base/clock.h"
#include "base/text.h"

#define IN_CLUSTER "https://kubernetes.default.svc"

struct spec_reader {
	struct application *application;
	struct arena *mem;
};

/* A field of one object of the spec. */
struct spec_field {
	const char *name;
	const char *refused; /* why it is not honoured; NULL = it is */
};

static void PRINTF_LIKE(2, 3) refuse(struct spec_reader *reader, const char *format, ...)
{
	char text[1024];
	va_list args;
	struct application *application = reader->application;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	application->spec_errors = arena_grow(reader->mem, application->spec_errors,
		application->spec_error_count, sizeof(*application->spec_errors));
	application->spec_errors[application->spec_error_count++] = arena_copy(reader->mem, text);
}

/* null, "", 0, false, [] and objects of nothing else: what Go leaves out or writes for a zero value. Recursion: json_read
   and the API server bound the depth, and so does `depth`. */
static bool is_empty(const json_t *value, int depth)
{
	const char *key;
	json_t *inside;
	if (json_is_string(value))
		return !*json_string_value(value);
	if (json_is_integer(value))
		return json_integer_value(value) == 0;
	if (json_is_array(value))
		return json_array_size(value) == 0;
	if (!json_is_object(value))
		return !value || json_is_null(value) || json_is_false(value);
	json_object_foreach ((json_t *)(uintptr_t)value, key, inside)
		if (depth >= 8 || !is_empty(inside, depth + 1))
			return false;
	return true;
}

static void refuse_unknown(struct spec_reader *reader, const char *path, const char *name,
	const struct spec_field *fields, size_t count)
{
	const char *names[24];
	size_t known = 0;
	for (size_t i = 0; i < count && known < COUNT_OF(names); i++)
		names[known++] = fields[i].name;
	const char *near = text_nearest(name, names, known);
	refuse(reader, "%s.%s: there is no such field%s%s%s", path, name, near ? ", did you mean \"" : "",
		near ? near : "", near ? "\"?" : "");
}

/* Every field of the object is known, and honoured unless it is empty. False when the object is none. */
static bool check_fields(struct spec_reader *reader, const json_t *object, const char *path,
	const struct spec_field *fields, size_t count)
{
	const char *key;
	json_t *value;
	if (!object || json_is_null(object))
		return false;
	if (!json_is_object(object)) {
		refuse(reader, "%s must be an object", path);
		return false;
	}
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (i < count && strcmp(fields[i].name, key) != 0)
			i++;
		if (i == count)
			refuse_unknown(reader, path, key, fields, count);
		else if (fields[i].refused && !is_empty(value, 0))
			refuse(reader, "%s.%s is not supported: %s", path, key, fields[i].refused);
	}
	return true;
}

static const char *read_text(struct spec_reader *reader, const json_t *object, const char *path, const char *key)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return "";
	if (json_is_string(value))
		return arena_copy(reader->mem, json_string_value(value));
	refuse(reader, "%s.%s must be a string", path, key);
	return "";
}

static bool read_bool(
	struct spec_reader *reader, const json_t *object, const char *path, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return fallback;
	if (!json_is_boolean(value))
		refuse(reader, "%s.%s must be true or false", path, key);
	return json_is_true(value);
}

static int64_t read_integer(
	struct spec_reader *reader, const json_t *object, const char *path, const char *key, int64_t fallback)
{
	const json_t *value = json_object_get(object, key);
	if (!value || json_is_null(value))
		return fallback;
	if (json_is_integer(value))
		return (int64_t)json_integer_value(value);
	refuse(reader, "%s.%s must be an integer", path, key);
	return fallback;
}

static int64_t read_duration(
	struct spec_reader *reader, const json_t *object, const char *path, const char *key, int64_t fallback)
{
	int64_t milliseconds;
	const char *text = read_text(reader, object, path, key);
	if (!*text)
		return fallback;
	if (duration_parse(text, &milliseconds))
		return milliseconds;
	refuse(reader, "%s.%s must be a duration such as 5s or 3m", path, key);
	return fallback;
}

/* Without "./", trailing '/'; "" for the root. A path that leads out of the repository is an error. */
static const char *read_path(struct spec_reader *reader, const char *at, const char *text)
{
	while (text_starts(text, "./"))
		text += 2;
	size_t length = strlen(text);
	while (length && text[length - 1] == '/')
		length--;
	char *path = arena_copy_n(reader->mem, text, length);
	if ((!*path && *text != '/') || strcmp(path, ".") == 0)
		return "";
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t size = strcspn(part, "/");
		bool dots = (size == 1 && part[0] == '.') || (size == 2 && memcmp(part, "..", 2) == 0);
		if (size && !dots)
			continue;
		refuse(reader, "%s.path must lie inside the repository: no leading '/', no '..'", at);
		break;
	}
	return path;
}

static void read_directory(
	struct spec_reader *reader, const json_t *directory, const char *at, struct manifest_directory *to)
{
	static const struct spec_field fields[] = {
		{"recurse", NULL},
		{"include", NULL},
		{"exclude", NULL},
		{"jsonnet", "render to YAML and commit the result"},
		{"disableExtensionFilter", NULL},
	};
	const char *path = arena_printf(reader->mem, "%s.directory", at);
	if (!check_fields(reader, directory, path, fields, COUNT_OF(fields)))
		return;
	to->recurse = read_bool(reader, directory, path, "recurse", false);
	to->any_name = read_bool(reader, directory, path, "disableExtensionFilter", false);
	const char *include = read_text(reader, directory, path, "include");
	const char *exclude = read_text(reader, directory, path, "exclude");
	to->include = *include ? include : NULL;
	to->exclude = *exclude ? exclude : NULL;
}

/* `at`: where it stands in the Application. */
static void read_source(
	struct spec_reader *reader, const json_t *source, const char *at, struct application_source *to)
{
	static const char render[] = "render to YAML and commit the result";
	static const struct spec_field fields[] = {
		{"repoURL", NULL},
		{"path", NULL},
		{"targetRevision", NULL},
		{"tagPrefix", NULL},
		{"directory", NULL},
		{"name", NULL},
		{"helm", render},
		{"kustomize", render},
		{"plugin", render},
		{"chart", render},
		{"ref", "only Helm's value files are named by it, and Helm is not rendered"},
	};
	*to = (struct application_source){
		.repo_url = "", .revision = "", .tag_prefix = "", .directory.path = ""};
	if (!check_fields(reader, source, at, fields, COUNT_OF(fields))) {
		if (!source || json_is_null(source))
			refuse(reader, "%s is missing", at);
		return;
	}
	to->repo_url = read_text(reader, source, at, "repoURL");
	to->revision = read_text(reader, source, at, "targetRevision");
	to->tag_prefix = read_text(reader, source, at, "tagPrefix");
	const char *folder = read_text(reader, source, at, "path");
	to->directory.path = read_path(reader, at, folder);
	if (!*to->repo_url)
		refuse(reader, "%s.repoURL is missing", at);
	if (!*folder && is_empty(json_object_get(source, "chart"), 0) &&
		is_empty(json_object_get(source, "ref"), 0))
		refuse(reader, "%s.path is missing: \".\" is the root of the repository", at);
	read_directory(reader, json_object_get(source, "directory"), at, &to->directory);
}

/* spec.sources wins over spec.source, as in Argo CD; a hydrator has its own and is refused as a whole. */
static void read_sources(struct spec_reader *reader, const json_t *spec)
{
	struct application *to = reader->application;
	const json_t *list = json_object_get(spec, "sources"), *single = json_object_get(spec, "source");
	bool several = !is_empty(list, 0);
	if (!several && is_empty(single, 0) && !is_empty(json_object_get(spec, "sourceHydrator"), 0))
		return;
	if (several && !json_is_array(list)) {
		refuse(reader, "spec.sources must be a list");
		return;
	}
	to->source_count = several ? json_array_size(list) : 1;
	to->sources = arena_array(reader->mem, to->source_count, sizeof(*to->sources));
	if (!several)
		read_source(reader, single, "spec.source", &to->sources[0]);
	for (size_t i = 0; several && i < to->source_count; i++)
		read_source(reader, json_array_get(list, i),
			arena_printf(reader->mem, "spec.sources[%zu]", i), &to->sources[i]);
	if (to->source_count > 1)
		refuse(reader,
			"spec.sources has %zu sources: one Application has one source; make an Application of each",
			to->source_count);
	to->repo_url = to->sources[0].repo_url;
	to->revision = to->sources[0].revision;
	to->tag_prefix = to->sources[0].tag_prefix;
	to->directory = to->sources[0].directory;
}

static void read_destination(struct spec_reader *reader, const json_t *destination)
{
	static const struct spec_field fields[] = {{"server", NULL}, {"name", NULL}, {"namespace", NULL}};
	const char *path = "spec.destination";
	if (!check_fields(reader, destination, path, fields, COUNT_OF(fields))) {
		if (!destination || json_is_null(destination))
			refuse(reader, "spec.destination is missing");
		return;
	}
	const char *server = read_text(reader, destination, path, "server");
	const char *name = read_text(reader, destination, path, "name");
	reader->application->destination = read_text(reader, destination, path, "namespace");
	if (*server && *name)
		refuse(reader, "spec.destination has both server and name: set one");
	else if (!*server && !*name)
		refuse(reader, "spec.destination names no cluster: set server to " IN_CLUSTER);
	else if (*server && strcmp(server, IN_CLUSTER) != 0)
		refuse(reader,
			"spec.destination.server must be " IN_CLUSTER ": the agent writes to its own cluster");
	else if (*name && strcmp(name, "in-cluster") != 0)
		refuse(reader, "spec.destination.name must be in-cluster: the agent writes to its own cluster");
	if (*reader->application->destination && !text_is_dns_label(reader->application->destination))
		refuse(reader, "spec.destination.namespace is not a valid name");
}

static void read_automated(struct spec_reader *reader, const json_t *automated)
{
	static const struct spec_field fields[] = {
		{"prune", NULL}, {"selfHeal", NULL}, {"allowEmpty", NULL}, {"enabled", NULL}};
	const char *path = "spec.syncPolicy.automated";
	struct application *to = reader->application;
	if (!check_fields(reader, automated, path, fields, COUNT_OF(fields)))
		return;
	to->automated = read_bool(reader, automated, path, "enabled", true);
	to->prune = read_bool(reader, automated, path, "prune", false);
	to->self_heal = read_bool(reader, automated, path, "selfHeal", false);
	to->allow_empty = read_bool(reader, automated, path, "allowEmpty", false);
}

static void read_option(struct spec_reader *reader, const char *option)
{
	const char *near = NULL;
	if (!sync_options_take(&reader->application->options, option, &near))
		refuse(reader, "spec.syncPolicy.syncOptions: \"%s\" is not supported%s%s%s", option,
			near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void read_options(struct spec_reader *reader, const json_t *options)
{
	size_t i;
	json_t *option;
	if (!options || json_is_null(options))
		return;
	if (!json_is_array(options)) {
		refuse(reader, "spec.syncPolicy.syncOptions must be a list");
		return;
	}
	json_array_foreach ((json_t *)(uintptr_t)options, i, option) {
		if (json_is_string(option))
			read_option(reader, json_string_value(option));
		else
			refuse(reader,
				"spec.syncPolicy.syncOptions must hold strings such as \"PruneLast=true\"");
	}
}

static void read_retry(struct spec_reader *reader, const json_t *retry)
{
	static const struct spec_field fields[] = {{"limit", NULL}, {"refresh", NULL}, {"backoff", NULL}};
	static const struct spec_field backoff_fields[] = {
		{"duration", NULL}, {"factor", NULL}, {"maxDuration", NULL}};
	const char *path = "spec.syncPolicy.retry", *backoff_path = "spec.syncPolicy.retry.backoff";
	struct application *to = reader->application;
	if (!check_fields(reader, retry, path, fields, COUNT_OF(fields)))
		return;
	to->retry_given = true;
	to->retry_limit = read_integer(reader, retry, path, "limit", to->retry_limit);
	if (to->retry_limit < -1)
		to->retry_limit = -1;
	read_bool(reader, retry, path, "refresh", true); /* a retry always takes the newest commit */
	const json_t *backoff = json_object_get(retry, "backoff");
	if (!check_fields(reader, backoff, backoff_path, backoff_fields, COUNT_OF(backoff_fields)))
		return;
	to->retry_duration = read_duration(reader, backoff, backoff_path, "duration", to->retry_duration);
	to->retry_max = read_duration(reader, backoff, backoff_path, "maxDuration", to->retry_max);
	const json_t *factor = json_object_get(backoff, "factor");
	if (json_is_number(factor) && json_number_value(factor) >= 1)
		to->retry_factor = json_number_value(factor);
	else if (factor && !is_empty(factor, 0))
		refuse(reader, "%s.factor must be a number of at least 1", backoff_path);
}

static void read_namespace_metadata(struct spec_reader *reader, const json_t *metadata)
{
	static const struct spec_field fields[] = {{"labels", NULL}, {"annotations", NULL}};
	static const char path[] = "spec.syncPolicy.managedNamespaceMetadata";
	if (!check_fields(reader, metadata, path, fields, COUNT_OF(fields)))
		return;
	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		const json_t *map = json_object_get(metadata, fields[i].name);
		const char *key;
		json_t *value;
		if (map && !json_is_null(map) && !json_is_object(map))
			refuse(reader, "%s.%s must be an object", path, fields[i].name);
		json_object_foreach ((json_t *)(uintptr_t)map, key, value)
			if (!json_is_string(value))
				refuse(reader, "%s.%s.%s must be a string", path, fields[i].name, key);
	}
	reader->application->namespace_metadata = metadata;
}

static void read_sync_policy(struct spec_reader *reader, const json_t *policy)
{
	static const struct spec_field fields[] = {
		{"automated", NULL},
		{"syncOptions", NULL},
		{"retry", NULL},
		{"managedNamespaceMetadata", NULL},
	};
	if (!check_fields(reader, policy, "spec.syncPolicy", fields, COUNT_OF(fields)))
		return;
	read_automated(reader, json_object_get(policy, "automated"));
	read_options(reader, json_object_get(policy, "syncOptions"));
	read_retry(reader, json_object_get(policy, "retry"));
	read_namespace_metadata(reader, json_object_get(policy, "managedNamespaceMetadata"));
}

static void read_ignore(struct spec_reader *reader, const json_t *list)
{
	struct mistakes mistakes = {.mem = reader->mem};
	ignore_read(list, "spec.ignoreDifferences", reader->mem, &reader->application->ignore, &mistakes);
	for (size_t i = 0; i < mistakes.count; i++)
		refuse(reader, "%s", mistakes.items[i].text);
}

void application_read_spec(const json_t *spec, struct arena *mem, struct application *application)
{
	static const struct spec_field fields[] = {
		{"project", NULL},
		{"source", NULL},
		{"destination", NULL},
		{"syncPolicy", NULL},
		{"info", NULL},
		{"revisionHistoryLimit", NULL},
		{"sources", NULL},
		{"sourceHydrator", "name the branch with the rendered manifests in spec.source.targetRevision"},
		{"ignoreDifferences", NULL},
	};
	struct spec_reader reader = {application, mem};
	application->repo_url = application->revision = application->tag_prefix = application->destination = "";
	application->project = PROJECT_DEFAULT;
	application->directory.path = "";
	application->history_limit = 10;
	application->retry_limit = 5;
	application->retry_duration = 5000;
	application->retry_max = 180000;
	application->retry_factor = 2;
	if (!check_fields(&reader, spec, "spec", fields, COUNT_OF(fields))) {
		if (!spec || json_is_null(spec))
			refuse(&reader, "spec is missing");
		return;
	}
	read_sources(&reader, spec);
	read_destination(&reader, json_object_get(spec, "destination"));
	read_sync_policy(&reader, json_object_get(spec, "syncPolicy"));
	const char *project = read_text(&reader, spec, "spec", "project");
	if (*project)
		application->project = project;
	read_ignore(&reader, json_object_get(spec, "ignoreDifferences"));
	application->history_limit = read_integer(&reader, spec, "spec", "revisionHistoryLimit", 10);
	if (application->history_limit < 0)
		refuse(&reader, "spec.revisionHistoryLimit may not be negative");
}
