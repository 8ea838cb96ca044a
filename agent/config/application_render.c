/*
 * Fields and their meaning: Argo CD's types.go (argocd.md 1.1). What would fetch something, run something or put a variable of Argo CD's
 * in is refused by name.
 */
#include "agent/config/application_render.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

#define OWN(field, check)                                                                                    \
	{                                                                                                    \
		.name = field, .type = FIELD_OWN, .read = check                                              \
	}
#define REFUSED(field, why)                                                                                  \
	{                                                                                                    \
		.name = field, .type = FIELD_REFUSED, .text = why                                            \
	}

static const char fetches[] = "nothing is fetched while it is rendered: what is needed lies in the repository";
static const char inflates[] = "charts are not inflated by kustomize: make an Application of the chart";

/* ---- one value ---- */

static void check_text(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	if (!json_is_string(value))
		fields_error(fields, "%s must be a string", path);
}

/* Where Argo CD puts the variables of its build environment in. */
static void check_constant(struct fields *fields, const json_t *value, const char *path, void *to)
{
	check_text(fields, value, path, to);
	if (json_is_string(value) && strchr(json_string_value(value), '$'))
		fields_error(
			fields, "%s holds a '$': variables are not put in, write what it stands for", path);
}

static void check_flag(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	if (!json_is_boolean(value))
		fields_error(fields, "%s must be true or false", path);
}

static void check_object(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	if (!json_is_object(value))
		fields_error(fields, "%s must be an object", path);
}

/* types.go: an integer, or a string of one. */
static void check_count(struct fields *fields, const json_t *value, const char *path, void *to)
{
	const char *text = json_string_value(value);
	bool digits = text && *text && strlen(text) < 10 && strspn(text, "0123456789") == strlen(text);
	(void)to;
	if (!digits && !(json_is_integer(value) && json_integer_value(value) >= 0))
		fields_error(fields, "%s must be a number that is not negative", path);
}

static void check_helm_version(struct fields *fields, const json_t *value, const char *path, void *to)
{
	check_text(fields, value, path, to);
	if (json_is_string(value) && *json_string_value(value) && strcmp(json_string_value(value), "v3") != 0)
		fields_error(fields, "%s must be v3: the helm on the agent's PATH is what there is", path);
}

/* ---- several ---- */

typedef void check_value(struct fields *fields, const json_t *value, const char *path, void *to);

static bool is_list(struct fields *fields, const json_t *value, const char *path)
{
	if (json_is_array(value) && json_array_size(value) <= LIMIT_PROJECT_ITEMS)
		return true;
	fields_error(fields, "%s must be a list of at most %d entries", path, LIMIT_PROJECT_ITEMS);
	return false;
}

static void check_each(struct fields *fields, const json_t *value, const char *path, check_value *check)
{
	size_t i;
	json_t *item;
	if (!is_list(fields, value, path))
		return;
	json_array_foreach ((json_t *)(uintptr_t)value, i, item)
		check(fields, item, arena_printf(fields->mem, "%s[%zu]", path, i), NULL);
}

static void check_texts(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_text);
}

static void check_constants(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_constant);
}

static void check_map(struct fields *fields, const json_t *value, const char *path, check_value *check)
{
	const char *key;
	json_t *item;
	if (!json_is_object(value)) {
		fields_error(fields, "%s must be an object", path);
		return;
	}
	json_object_foreach ((json_t *)(uintptr_t)value, key, item)
		check(fields, item, arena_printf(fields->mem, "%s.%s", path, key), NULL);
}

static void check_labels(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_map(fields, value, path, check_constant);
}

static void check_annotations(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_map(fields, value, path, check_text);
}

static void check_flags(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_map(fields, value, path, check_flag);
}

/* An entry of a list, by a table of its own. */
static void check_entry(struct fields *fields, const json_t *value, const char *path,
	const struct field *table, size_t count, const char *required)
{
	char nothing = 0; /* no field of these tables has a place */
	fields_read(fields, value, path, table, count, &nothing);
	if (required && json_is_object(value) && !json_is_string(json_object_get(value, required)))
		fields_error(fields, "%s.%s is missing", path, required);
}

/* ---- kustomize ---- */

static void check_replica(struct fields *fields, const json_t *value, const char *path, void *to)
{
	static const struct field table[] = {OWN("name", check_text), OWN("count", check_count)};
	(void)to;
	check_entry(fields, value, path, table, COUNT_OF(table), "name");
}

static void check_replicas(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_replica);
}

static void check_target(struct fields *fields, const json_t *value, const char *path, void *to)
{
	static const struct field table[] = {OWN("group", check_text), OWN("version", check_text),
		OWN("kind", check_text), OWN("name", check_text), OWN("namespace", check_text),
		OWN("labelSelector", check_text), OWN("annotationSelector", check_text)};
	(void)to;
	check_entry(fields, value, path, table, COUNT_OF(table), NULL);
}

static void check_patch(struct fields *fields, const json_t *value, const char *path, void *to)
{
	static const struct field table[] = {OWN("path", check_text), OWN("patch", check_text),
		OWN("target", check_target), OWN("options", check_flags)};
	(void)to;
	check_entry(fields, value, path, table, COUNT_OF(table), NULL);
}

static void check_patches(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_patch);
}

static const struct field kustomize[] = {
	OWN("namePrefix", check_text),
	OWN("nameSuffix", check_text),
	OWN("namespace", check_text),
	OWN("images", check_constants),
	OWN("replicas", check_replicas),
	OWN("commonLabels", check_labels),
	OWN("forceCommonLabels", check_flag),
	OWN("labelWithoutSelector", check_flag),
	OWN("labelIncludeTemplates", check_flag),
	OWN("commonAnnotations", check_annotations),
	OWN("forceCommonAnnotations", check_flag),
	REFUSED("commonAnnotationsEnvsubst", "variables are not put in: write what they stand for"),
	OWN("patches", check_patches),
	OWN("components", check_texts),
	OWN("ignoreMissingComponents", check_flag),
	REFUSED("version", "the kustomize on the agent's PATH is what there is"),
	REFUSED("kubeVersion", inflates),
	REFUSED("apiVersions", inflates),
};

/* ---- helm ---- */

static void check_parameter(struct fields *fields, const json_t *value, const char *path, void *to)
{
	static const struct field table[] = {
		OWN("name", check_text), OWN("value", check_constant), OWN("forceString", check_flag)};
	(void)to;
	check_entry(fields, value, path, table, COUNT_OF(table), "name");
}

static void check_parameters(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_parameter);
}

static void check_file_parameter(struct fields *fields, const json_t *value, const char *path, void *to)
{
	static const struct field table[] = {OWN("name", check_text), OWN("path", check_constant)};
	(void)to;
	check_entry(fields, value, path, table, COUNT_OF(table), "name");
}

static void check_file_parameters(struct fields *fields, const json_t *value, const char *path, void *to)
{
	(void)to;
	check_each(fields, value, path, check_file_parameter);
}

static const struct field helm[] = {
	OWN("valueFiles", check_constants),
	OWN("values", check_text),
	OWN("valuesObject", check_object),
	OWN("parameters", check_parameters),
	OWN("fileParameters", check_file_parameters),
	OWN("releaseName", check_text),
	OWN("namespace", check_text),
	OWN("version", check_helm_version),
	REFUSED("passCredentials", fetches),
	OWN("ignoreMissingValueFiles", check_flag),
	OWN("skipCrds", check_flag),
	OWN("skipTests", check_flag),
	OWN("skipSchemaValidation", check_flag),
	OWN("kubeVersion", check_constant),
	OWN("apiVersions", check_constants),
};

/* ---- the source ---- */

/* Without what asks for nothing, so that writing it down is no change. */
static const char *options_of(const json_t *value, struct fields *fields)
{
	const char *key;
	json_t *field;
	void *next;
	CLEANUP(json_done) json_t *options = json_deep_copy(value);
	json_object_foreach_safe (options, next, key, field)
		if (json_is_zero(field, fields->depth))
			json_object_del(options, key);
	CLEANUP(memory_freep) char *text = json_canonical(options);
	return arena_copy(fields->mem, text);
}

void application_read_rendering(
	struct fields *fields, const json_t *source, const char *at, struct rendering *to)
{
	static const struct {
		const char *name;
		enum render_tool tool;
		const struct field *table;
		size_t count;
	} tools[] = {{"kustomize", RENDER_KUSTOMIZE, kustomize, COUNT_OF(kustomize)},
		{"helm", RENDER_HELM, helm, COUNT_OF(helm)}};
	char nothing = 0;
	size_t kinds = 0;
	to->plain = !json_is_zero(json_object_get(source, "directory"), fields->depth);
	kinds += to->plain;
	for (size_t i = 0; i < COUNT_OF(tools); i++) {
		const json_t *value = json_object_get(source, tools[i].name);
		if (json_is_zero(value, fields->depth))
			continue;
		kinds++;
		fields_read(fields, value, arena_printf(fields->mem, "%s.%s", at, tools[i].name),
			tools[i].table, tools[i].count, &nothing);
		to->asked = tools[i].tool;
		to->options = json_is_object(value) ? options_of(value, fields) : NULL;
	}
	if (kinds > 1)
		fields_error(fields,
			"%s has more than one of directory, kustomize and helm: a path is one of them", at);
}
