#include "reconcile/render/helm.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

struct helm {
	const struct render_job *job;
	struct arguments *arguments;
	struct arena *mem;
};

static void add_pair(struct helm *helm, const char *option, const char *value)
{
	arguments_add(helm->arguments, option);
	arguments_add(helm->arguments, value);
}

/* `found` NULL = it is not there. */
static bool find_file(
	struct helm *helm, const char *field, const char *text, const char **found, struct error *err)
{
	struct stat status;
	const char *name;
	*found = NULL;
	if (strstr(text, "://"))
		return error_set(err, ERROR_INVALID,
			"source.helm.%s: %.200s: nothing is fetched from elsewhere: "
			"put the file into the repository",
			field, text);
	if (!job_resolve(helm->job, text, helm->mem, &name, err))
		return error_prefix(err, "source.helm.%s", field);
	const char *path = arena_printf(helm->mem, "%s/tree/%s", helm->job->folder, name);
	if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
		*found = path;
	return true;
}

static bool add_value_files(struct helm *helm, const json_t *options, struct error *err)
{
	size_t i;
	json_t *file;
	const char *path;
	bool ignore = json_bool_at(options, "ignoreMissingValueFiles", false);
	json_array_foreach (json_object_get(options, "valueFiles"), i, file) {
		const char *text = json_string_value(file);
		if (!find_file(helm, "valueFiles", text, &path, err))
			return false;
		if (!path && !ignore)
			return error_set(err, ERROR_INVALID,
				"source.helm.valueFiles: %.200s is not in the repository", text);
		if (path)
			add_pair(helm, "--values", path);
	}
	return true;
}

/* valuesObject comes before values, as in Argo CD. Behind the files: the last one has the last word. */
static bool add_values(struct helm *helm, const json_t *options, struct error *err)
{
	const json_t *object = json_object_get(options, "valuesObject");
	const char *text = json_text_at(options, "values", NULL);
	const char *path = job_file(helm->job, "temporary/values.yaml", helm->mem);
	CLEANUP(memory_freep) char *canonical = object ? json_canonical(object) : NULL;
	if (canonical)
		text = canonical;
	if (!text)
		return true;
	add_pair(helm, "--values", path);
	return file_replace(path, text, strlen(text), 0600, err);
}

/* A comma would begin the next value. One that has a backslash in front of it is meant, and in {a,b} it is a list. */
static const char *escape_commas(const char *text, struct arena *mem)
{
	if (*text == '{')
		return text;
	char *escaped = arena_alloc(mem, 2 * strlen(text) + 1), *to = escaped;
	for (const char *c = text; *c; c++) {
		if (*c == ',' && (c == text || c[-1] != '\\'))
			*to++ = '\\';
		*to++ = *c;
	}
	return escaped;
}

static void add_parameters(struct helm *helm, const json_t *options)
{
	size_t i;
	json_t *parameter;
	json_array_foreach (json_object_get(options, "parameters"), i, parameter)
		add_pair(helm, json_bool_at(parameter, "forceString", false) ? "--set-string" : "--set",
			arena_printf(helm->mem, "%s=%s", json_text_at(parameter, "name", ""),
				escape_commas(json_text_at(parameter, "value", ""), helm->mem)));
}

static bool add_file_parameters(struct helm *helm, const json_t *options, struct error *err)
{
	size_t i;
	json_t *parameter;
	const char *path;
	json_array_foreach (json_object_get(options, "fileParameters"), i, parameter) {
		const char *text = json_text_at(parameter, "path", "");
		if (!find_file(helm, "fileParameters", text, &path, err))
			return false;
		if (!path)
			return error_set(err, ERROR_INVALID,
				"source.helm.fileParameters: %.200s is not in the repository", text);
		add_pair(helm, "--set-file",
			arena_printf(helm->mem, "%s=%s", json_text_at(parameter, "name", ""),
				escape_commas(path, helm->mem)));
	}
	return true;
}

static void add_switches(struct helm *helm, const json_t *options)
{
	static const struct {
		const char *field, *option;
	} switches[] = {
		{"skipTests", "--skip-tests"},
		{"skipSchemaValidation", "--skip-schema-validation"},
	};
	size_t i;
	json_t *version;
	const char *kube = json_text_at(options, "kubeVersion", NULL);
	if (!json_bool_at(options, "skipCrds", false))
		arguments_add(helm->arguments, "--include-crds");
	for (i = 0; i < COUNT_OF(switches); i++)
		if (json_bool_at(options, switches[i].field, false))
			arguments_add(helm->arguments, switches[i].option);
	if (kube)
		add_pair(helm, "--kube-version", arena_copy(helm->mem, kube));
	json_array_foreach (json_object_get(options, "apiVersions"), i, version)
		add_pair(helm, "--api-versions", arena_copy(helm->mem, json_string_value(version)));
}

bool helm_arguments(const struct render_job *job, struct arguments *arguments, struct error *err)
{
	static const char none[] = "{}";
	CLEANUP(json_done) json_t *options = NULL;
	struct helm helm = {job, arguments, arguments->mem};
	const char *text = job->options ? job->options : none;
	if (!json_read(text, strlen(text), &options, err))
		return false;
	arguments_add(arguments, "template");
	arguments_add(arguments, ".");
	add_pair(&helm, "--name-template",
		arena_copy(arguments->mem, json_text_at(options, "releaseName", job->name)));
	add_pair(&helm, "--namespace",
		arena_copy(arguments->mem,
			json_text_at(options, "namespace", job->namespace ? job->namespace : "default")));
	add_switches(&helm, options);
	if (!add_value_files(&helm, options, err) || !add_values(&helm, options, err))
		return false;
	add_parameters(&helm, options);
	return add_file_parameters(&helm, options, err);
}
