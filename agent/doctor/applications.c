#include "agent/doctor/doctor.h"

#include <string.h>

#include "agent/config/project.h"
#include "agent/config/rules.h"
#include "base/buf.h"
#include "base/http/percent.h"
#include "base/limits.h"
#include "base/text.h"

#define CRD_GROUP "argoproj.io"

/* The agent names them by the object, not by the namespace: there is one namespace. */
static void add(struct doctor *doctor, const struct application *spec)
{
	struct doctor_application *items = arena_grow(
		doctor->mem, doctor->applications, doctor->application_count, sizeof(*doctor->applications));
	items[doctor->application_count++] = (struct doctor_application){.spec = *spec};
	doctor->applications = items;
}

static void take(void *context, json_t *object)
{
	struct doctor *doctor = context;
	struct application spec;
	struct error err;
	if (application_read(object, NULL, doctor->mem, &spec, &err))
		add(doctor, &spec);
	else
		doctor_fail(doctor, "application", "kubectl edit it", "%s", err.text);
}

/* ---- AppProjects ---- */

static void take_project(void *context, json_t *object)
{
	struct doctor *doctor = context;
	struct project project;
	struct error err;
	if (!project_read(object, NULL, doctor->mem, &project, &err)) {
		doctor_fail(doctor, "applications", "kubectl edit it", "%s", err.text);
		return;
	}
	doctor->projects =
		arena_grow(doctor->mem, doctor->projects, doctor->project_count, sizeof(*doctor->projects));
	doctor->projects[doctor->project_count++] = project;
}

/* A cluster without the kind has none. */
static void read_cluster_projects(struct doctor *doctor)
{
	const char *path = arena_printf(doctor->mem, "/apis/" CRD_GROUP "/v1alpha1/namespaces/%s/appprojects",
		doctor->config->namespace);
	char version[64];
	struct error err;

	doctor->projects_known = !resources_find(doctor->resources, CRD_GROUP, "v1alpha1", "AppProject") ||
		kube_list(doctor->kube, path, take_project, doctor, version, &err);
	if (!doctor->projects_known)
		doctor_fail(doctor, "applications", "allow it with a Role as in manifests/install.yaml",
			"AppProjects cannot be read, so no Application is synced: %s", err.text);
}

static void say_projects(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->project_count; i++) {
		const struct project *project = &doctor->projects[i];
		const char *where = project->file ? arena_printf(doctor->mem, "%s: ", project->file) : "";
		for (size_t j = 0; j < project->error_count; j++)
			doctor_fail(doctor, "applications",
				"correct the project; until then its Applications are not synced",
				"%sAppProject %s: %s", where, project->name, project->errors[j]);
		for (size_t j = 0; j < project->warning_count; j++)
			doctor_warn(doctor, "applications", "take the field away, or leave it to Argo CD",
				"%sAppProject %s: %s", where, project->name, project->warnings[j]);
	}
}

static void check_project(struct doctor *doctor, const struct application *spec)
{
	if (!doctor->projects_known || strcmp(spec->project, PROJECT_DEFAULT) == 0)
		return;
	for (size_t i = 0; i < doctor->project_count; i++)
		if (strcmp(doctor->projects[i].name, spec->project) == 0)
			return;
	doctor_fail(doctor, "application", "make the AppProject, or correct spec.project",
		"%s: spec.project: there is no AppProject \"%s\"", spec->name, spec->project);
}

/* ---- Applications ---- */

/* The query for this agent's share of them. */
static const char *selected(struct doctor *doctor)
{
	CLEANUP(buf_done) struct buf query = BUF(LIMIT_CONFIG_BYTES);
	if (!doctor->config->selector)
		return "";
	buf_text(&query, "?labelSelector=");
	percent_encode(&query, doctor->config->selector);
	return arena_copy(doctor->mem, buf_string(&query));
}

/* False after it has said why the set is not known. */
static bool read_cluster(struct doctor *doctor)
{
	const char *path =
		arena_printf(doctor->mem, "/apis/" CRD_GROUP "/v1alpha1/namespaces/%s/applications%s",
			doctor->config->namespace, selected(doctor));
	char version[64];
	struct error err;

	if (!resources_find(doctor->resources, CRD_GROUP, "v1alpha1", "Application")) {
		doctor_fail(doctor, "applications",
			"kubectl apply --server-side -f manifests/crds/application.yaml",
			"the cluster does not know the kind Application (" CRD_GROUP ")");
		return false;
	}
	if (!kube_list(doctor->kube, path, take, doctor, version, &err)) {
		doctor_fail(doctor, "applications", "allow it with a Role as in manifests/install.yaml", "%s",
			err.text);
		return false;
	}
	read_cluster_projects(doctor);
	if (!doctor->application_count)
		doctor_warn(doctor, "applications",
			"kubectl apply -f manifests/examples/applications/, with your repository in it",
			"none in namespace %s: there is nothing to do", doctor->config->namespace);
	return true;
}

static bool read_folder(struct doctor *doctor)
{
	const char *folder = doctor->config->applications;
	struct mistakes mistakes = {.mem = doctor->mem};
	struct application *items;
	size_t count;
	struct error err;

	if (!application_read_folder(folder, doctor->mem, &items, &count, &mistakes, &err) ||
		!project_read_folder(
			folder, doctor->mem, &doctor->projects, &doctor->project_count, &mistakes, &err)) {
		doctor_fail(doctor, "applications",
			"make the folder, or correct `applications` in the agent file", "%s", err.text);
		return false;
	}
	doctor_fail_mistakes(doctor, "applications",
		"correct the file; until then the agent keeps the set it had", &mistakes);
	doctor->projects_known = !mistakes.count;
	for (size_t i = 0; i < count; i++)
		add(doctor, &items[i]);
	if (!count && !mistakes.count)
		doctor_warn(doctor, "applications",
			"put an Application manifest there (manifests/examples/applications)",
			"none in %s: there is nothing to do", folder);
	return !mistakes.count;
}

/* What a push to its repository may do to the cluster. */
static void say_rights(struct doctor *doctor, const struct application *spec)
{
	const char *why;
	if (doctor->config->kubernetes_off)
		return;
	if (!rules_allow_destination(doctor->config, spec->name, spec->destination, doctor->mem, &why))
		doctor_fail(doctor, "application", "correct the rule, or spec.destination.namespace",
			"%s: %s", spec->name, why);
	else
		doctor_ok(doctor, "application", "%s may write %s", spec->name,
			rules_text(doctor->config, spec->name, doctor->mem));
}

static void check_spec(struct doctor *doctor, const struct application *spec)
{
	for (size_t i = 0; i < spec->spec_error_count; i++)
		doctor_fail(doctor, "application",
			spec->file ? arena_printf(doctor->mem, "correct %s", spec->file)
				   : arena_printf(doctor->mem, "kubectl edit application %s -n %s",
					     spec->name, spec->namespace),
			"%s: %s", spec->name, spec->spec_errors[i]);
	check_project(doctor, spec);
	for (size_t i = 0; i < spec->warning_count; i++)
		doctor_warn(doctor, "application",
			"take it out, or see whether what is done instead is as good", "%s: %s", spec->name,
			spec->warnings[i]);
	if (spec->spec_error_count)
		return;
	say_rights(doctor, spec);
	for (size_t i = 0; i < spec->source_count; i++) {
		const struct application_source *source = &spec->sources[i];
		const char *path = *source->directory.path ? source->directory.path : ".";
		doctor_ok(doctor, "application", "%s: %s of %s%s", spec->name,
			source->files_only ? arena_printf(doctor->mem, "files ($%s)", source->ref) : path,
			source_url_shown(source->repo_url, doctor->mem),
			spec->automated ? "" : ", synced by hand");
	}
}

/* Users come from an Application, so a database without one has no users. */
static void check_database(struct doctor *doctor, const struct database_config *database)
{
	for (size_t i = 0; i < doctor->application_count; i++)
		if (text_equal(doctor->applications[i].spec.name, database->application))
			return;
	doctor_fail(doctor, "application",
		arena_printf(doctor->mem, "make that Application, or correct users.application (%s:%d)",
			doctor->config->file, database->line),
		"database %s takes its users from the Application %s, and there is none of this name",
		database->name, database->application);
}

static bool read_all(struct doctor *doctor)
{
	if (doctor->config->applications)
		return read_folder(doctor);
	if (doctor->resources)
		return read_cluster(doctor);
	if (doctor->config->kubernetes_off)
		doctor_fail(doctor, "applications", "set `applications: FOLDER` in the agent file",
			"Kubernetes is off and no folder is named: there is nowhere to read Applications from");
	return false;
}

void doctor_check_applications(struct doctor *doctor)
{
	bool complete = read_all(doctor);
	say_projects(doctor);
	for (size_t i = 0; i < doctor->application_count; i++)
		check_spec(doctor, &doctor->applications[i].spec);
	for (size_t i = 0; complete && i < doctor->config->database_count; i++)
		check_database(doctor, &doctor->config->databases[i]);
}
