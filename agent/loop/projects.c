#include "agent/loop/projects.h"

#include <string.h>

#include "agent/config/project_set.h"
#include "agent/loop/inbox.h"
#include "agent/sync/operation.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

enum { LOOK_AGAIN = 30000 };

#define GROUP "argoproj.io"
#define VERSION "v1alpha1"

static bool has_kind(const struct agent *agent)
{
	return cluster_has_kind(agent->cluster, GROUP, VERSION, "AppProject");
}

/* Somebody names a project that must come from the cluster. */
static bool are_wanted(const struct agent *agent)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (strcmp(agent->apps[i]->spec.project, PROJECT_DEFAULT) != 0)
			return true;
	return false;
}

/* What failed may be allowed now. */
static void wake(struct agent *agent, const char *project)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (!*project || strcmp(agent->apps[i]->spec.project, project) == 0)
			operation_try_now(agent->apps[i]);
}

static void say_known(struct agent *agent, const char *trouble)
{
	if (project_set_known(agent->projects, trouble))
		wake(agent, "");
}

/* What cannot be read is not the same as what is not there: nothing is allowed on missing knowledge. */
static void follow(struct agent *agent)
{
	struct error err;
	if (agent->projects_followed || clock_steady() < agent->next_projects)
		return;
	agent->next_projects = clock_steady() + LOOK_AGAIN;
	if (!has_kind(agent) && are_wanted(agent) && !cluster_refresh(agent->cluster, &err))
		log_warning("the kinds of the cluster could not be asked for", "error", err.text, NULL);
	if (!has_kind(agent)) {
		say_known(agent, cluster_knows_group(agent->cluster, GROUP, &err) ? NULL : err.text);
		return;
	}
	CLEANUP(memory_freep)
	char *path = memory_printf(
		"/apis/" GROUP "/" VERSION "/namespaces/%s/appprojects", agent->config->namespace);
	agent->projects_followed = cluster_follow(agent->cluster, PROJECTS, path, NULL, &err);
	say_known(agent, agent->projects_followed ? NULL : err.text);
	if (!agent->projects_followed)
		log_warning("AppProjects cannot be read: no Application is synced", "error", err.text, NULL);
}

void projects_look(struct agent *agent)
{
	struct application_event event;
	if (!agent->config->applications && agent->cluster_joined && !*agent->cluster_trouble &&
		!*agent->cluster_stale)
		follow(agent);
	while (inbox_take(agent->project_inbox, &event)) {
		project_set_put(agent->projects, event.document, event.gone);
		wake(agent, json_text_at(event.document, "metadata.name", ""));
		json_decref(event.document);
	}
}

bool projects_load(struct agent *agent, struct error *err)
{
	if (!project_set_load(agent->projects, agent->config->applications, err))
		return false;
	say_known(agent, NULL);
	wake(agent, "");
	return true;
}
