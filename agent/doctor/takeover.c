/*
 * takeover.c - Applications that this agent has never synced: what its first syncs would do
 *
 * The comparison is the agent's own, with all Applications in their places, on a store that is thrown away afterwards.
 */
#include "agent/doctor/takeover.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/project_set.h"
#include "agent/loop/content.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

enum {
	LIST_DEADLINE = 30000, /* for the first lists of all kinds, milliseconds */
	LIST_PAUSE = 200
};

#define CHECK "takeover"
#define OURS "pgitops" /* as a field manager */

/* An agent that does not run: its parts are there, nothing moves them. */
struct scene {
	struct doctor *doctor;
	struct agent agent;
	const char *folder; /* of its store */
};

/* ---- whose it is ---- */

/* Who wrote the status last, by the server's own record, which knows seconds: of two in the same one, ourselves. */
static const char *status_manager(const json_t *document)
{
	const char *manager = "";
	int64_t latest = -1;
	size_t i;
	const json_t *entry;
	json_array_foreach (json_at(document, "metadata.managedFields"), i, entry) {
		int64_t when = 0;
		if (!json_at(entry, "fieldsV1.f:status") ||
			!clock_parse(json_text_at(entry, "time", ""), &when) || when < latest ||
			(when == latest && strcmp(manager, OURS) == 0))
			continue;
		latest = when;
		manager = json_text_at(entry, "manager", "");
	}
	return manager;
}

/* Files have no status: what we have synced of them stands in our store alone. */
static bool is_in_store(const struct doctor *doctor, const char *name)
{
	struct store *store;
	struct store_application row;
	struct error ignored;
	if (!store_open_reader(doctor->config->state, &store, &ignored))
		return false;
	bool found = store_application_get(store, name, doctor->mem, &row, &ignored);
	store_close(store);
	return found;
}

static struct takeover takeover_of(struct doctor *doctor, const struct doctor_application *application)
{
	const json_t *document = application->spec.document;
	struct takeover takeover = {.doctor = doctor,
		.application = application,
		.manager = application->spec.file ? "" : status_manager(document)};
	bool shows = !application->spec.file && json_at(document, "status.sync");
	if (strcmp(takeover.manager, OURS) == 0)
		takeover.hands = HANDS_OURS;
	else if (shows)
		takeover.hands = HANDS_OTHERS;
	else if (is_in_store(doctor, application->spec.name))
		takeover.hands = HANDS_OURS;
	return takeover;
}

/* ---- the scene ---- */

static void take_project(void *context, json_t *object)
{
	project_set_put(context, object, false);
}

static void load_projects(struct scene *scene)
{
	const struct doctor *doctor = scene->doctor;
	struct project_set *projects = scene->agent.projects = project_set_new();
	struct error err = {0};
	char version[64];
	const char *path = arena_printf(doctor->mem, "/apis/argoproj.io/v1alpha1/namespaces/%s/appprojects",
		doctor->config->namespace);
	bool good = true;
	if (doctor->config->applications)
		good = project_set_load(projects, doctor->config->applications, &err);
	else if (resources_find(doctor->resources, "argoproj.io", "v1alpha1", "AppProject"))
		good = kube_list(doctor->kube, path, take_project, projects, version, &err);
	(void)project_set_known(projects, good ? NULL : err.text);
}

static struct content *content_of(struct doctor *doctor, const struct doctor_application *application)
{
	struct content *content = arena_alloc(doctor->mem, sizeof(*content));
	*content = (struct content){.references = 1, .mem = doctor->mem, .desired = application->desired};
	for (size_t i = 0; i < application->spec.source_count; i++)
		if (application->commits[i] && !commits_add(content->commit, application->commits[i]))
			break; /* they are shown, nothing more */
	content_find_definitions(content);
	return content;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct app *const *)a)->spec.name, (*(struct app *const *)b)->spec.name);
}

static void place_applications(struct scene *scene)
{
	struct doctor *doctor = scene->doctor;
	struct agent *agent = &scene->agent;
	agent->apps = arena_array(doctor->mem, doctor->application_count, sizeof(struct app *));
	for (size_t i = 0; i < doctor->application_count; i++) {
		const struct doctor_application *application = &doctor->applications[i];
		struct app *app = arena_alloc(doctor->mem, sizeof(*app));
		*app = (struct app){.spec = application->spec,
			.content = application->desired ? content_of(doctor, application) : NULL};
		agent->apps[agent->app_count++] = app;
	}
	qsort(agent->apps, agent->app_count, sizeof(struct app *), by_name);
}

static bool open_scene(struct scene *scene, struct error *err)
{
	static const struct cluster_listener nobody = {0};
	struct doctor *doctor = scene->doctor;
	struct store_opening how;
	scene->agent.config = doctor->config;
	scene->agent.cluster_on = true;
	load_projects(scene);
	place_applications(scene);
	return store_open(scene->folder, &scene->agent.store, &how, err) &&
		cluster_open(&doctor->kube_config, &nobody, &scene->agent.cluster, err) &&
		cluster_ready(scene->agent.cluster, err);
}

static void close_scene(struct scene *scene)
{
	struct error err;
	cluster_close(scene->agent.cluster);
	store_close(scene->agent.store);
	project_set_free(scene->agent.projects);
	if (!file_remove_folder(scene->folder, &err))
		doctor_warn(scene->doctor, CHECK, "remove it", "%s", err.text);
}

/* ---- one Application ---- */

/* Until the first lists are there. */
static bool compare(struct pass *pass, struct error *err)
{
	int64_t end = clock_steady() + LIST_DEADLINE;
	const struct pass blank = *pass;
	while (!takeover_compare(pass, err)) {
		if (err->kind != ERROR_RETRY || clock_steady() >= end)
			return false;
		*pass = blank;
		(void)poll(NULL, 0, LIST_PAUSE);
	}
	return true;
}

/* A project that is not there, or a rule; said apart from what the cluster does not tell. */
static bool is_allowed(const struct scene *scene, const struct app *app)
{
	const char *why = "";
	if (permission_project(&scene->agent, app, scene->doctor->mem, &why))
		return true;
	doctor_fail(scene->doctor, CHECK,
		"make the project, or correct what is named; until then it is not synced", "%s: %s",
		app->spec.name, why);
	return false;
}

static void check_application(struct scene *scene, const struct takeover *takeover)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct doctor *doctor = scene->doctor;
	struct app *app = agent_app(&scene->agent, takeover->application->spec.name);
	struct pass pass = {.agent = &scene->agent, .app = app, .mem = mem, .content = app->content};
	struct error err;

	doctor_wait(doctor, CHECK, app->spec.name);
	takeover_say_activity(takeover);
	if (app->spec.skip_reconcile)
		doctor_ok(doctor, CHECK, "%s: held by skip-reconcile: nothing is done until that goes",
			app->spec.name);
	if (app->spec.skip_reconcile || app->spec.deleting || app->spec.spec_error_count ||
		!is_allowed(scene, app) || !app->content)
		return; /* that is said elsewhere */
	if (compare(&pass, &err))
		takeover_say_objects(takeover, &pass);
	else
		doctor_warn(doctor, CHECK, "see what is said of rights and of the cluster, then ask again",
			"%s: what would change is not known: %s", app->spec.name, err.text);
}

void doctor_check_takeover(struct doctor *doctor)
{
	struct scene scene = {.doctor = doctor};
	struct takeover *all = arena_array(doctor->mem, doctor->application_count, sizeof(*all));
	struct error err;
	size_t count = 0;
	bool synced = false;

	if (!doctor->kube || !doctor->resources)
		return;
	for (size_t i = 0; i < doctor->application_count; i++) {
		const struct takeover takeover = takeover_of(doctor, &doctor->applications[i]);
		if (takeover.hands == HANDS_OURS)
			continue;
		synced = synced || takeover.hands == HANDS_OTHERS;
		all[count++] = takeover;
	}
	doctor_check_argo_cd(doctor, count, synced);
	scene.folder = count ? doctor_folder(doctor, CHECK) : NULL;
	if (!scene.folder)
		return;
	if (open_scene(&scene, &err))
		for (size_t i = 0; i < count; i++)
			check_application(&scene, &all[i]);
	else
		doctor_warn(doctor, CHECK, "see what is said of the cluster, then ask again",
			"what would change is not known: %s", err.text);
	close_scene(&scene);
}
