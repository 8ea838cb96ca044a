#include "agent/loop/lookups.h"

#include <string.h>

#include "agent/loop/content.h"
#include "agent/loop/repositories.h"
#include "agent/sync/operation.h"
#include "base/memory.h"

/* An operation goes on in the next pass; a preview is no matter of the passes. */
static void wake(struct app *app, const struct lookup *lookup)
{
	app->dirty = app->dirty || (app->operation && app->operation->lookup == lookup);
}

static bool is_commit(const char *revision)
{
	return strlen(revision) == 40 && strspn(revision, "0123456789abcdef") == 40;
}

/* The Application as it would be with the lookup's source. */
static bool read_with_source(const struct app *app, const struct lookup *lookup, struct arena *mem,
	struct application *spec, struct error *err)
{
	CLEANUP(json_done) json_t *document = json_deep_copy(app->spec.document);
	if (lookup->source)
		json_object_set(json_make_object(document, "spec"), "source", lookup->source);
	if (!application_read(document, app->spec.file, mem, spec, err))
		return false;
	if (!spec->spec_error_count)
		return true;
	application_done(spec);
	return error_set(err, ERROR_INVALID, "%s", spec->spec_errors[0]);
}

static bool lookup_send(struct agent *agent, struct credentials *credentials, const struct app *app,
	const struct lookup *lookup, bool offline, struct error *err)
{
	struct fetch *fetch = fetch_new();
	struct source_path *path = arena_alloc(fetch->mem, sizeof(*path));
	struct application spec;

	if (!read_with_source(app, lookup, fetch->mem, &spec, err)) {
		fetch_free(fetch);
		return false;
	}
	*path = (struct source_path){arena_copy(fetch->mem, app->spec.name), spec.directory};
	fetch->lookup = lookup->id;
	fetch->request = (struct source_request){
		.url = spec.repo_url,
		.revision = arena_copy(fetch->mem, lookup->revision),
		.tag_prefix = spec.tag_prefix,
		.folder = arena_printf(fetch->mem, "%s/repositories", agent->config->state),
		.deadline = agent->config->git_deadline,
		.stop = agent->stop,
		.paths = path,
		.path_count = 1,
		.offline = offline,
		.known = offline ? arena_copy(fetch->mem, lookup->revision) : NULL,
	};
	application_done(&spec);
	if ((offline || credentials_for(credentials, fetch->request.url, fetch->mem, &fetch->access, err)) &&
		fetch_start(agent, fetch, err))
		return true;
	fetch_free(fetch);
	return false;
}

/* A commit is looked for on the disk first; a branch or tag is what the server says it is. */
static void lookup_ask(
	struct agent *agent, struct credentials *credentials, struct app *app, struct lookup *lookup)
{
	struct error err;
	bool offline = is_commit(lookup->revision) && !lookup->tried_disk;

	lookup->tried_disk = lookup->tried_disk || offline;
	lookup->reading = lookup_send(agent, credentials, app, lookup, offline, &err);
	if (lookup->reading)
		return;
	lookup->answered = true;
	lookup->error = memory_copy(err.text);
	wake(app, lookup);
}

void lookups_ask(struct agent *agent, struct credentials *credentials)
{
	for (size_t i = 0; i < agent->app_count; i++)
		for (struct lookup *at = agent->apps[i]->lookups; at; at = at->next)
			if (!at->reading && !at->answered && agent->fetching < REPOSITORIES_AT_ONCE)
				lookup_ask(agent, credentials, agent->apps[i], at);
}

void lookups_answer(struct agent *agent, struct fetch *fetch)
{
	struct app *app = agent_app(agent, fetch->request.paths[0].application);
	struct lookup *lookup = app ? app->lookups : NULL;

	while (lookup && lookup->id != fetch->lookup)
		lookup = lookup->next;
	if (lookup) {
		lookup->reading = false;
		wake(app, lookup);
		if (fetch->ok) {
			content_take_lookup(agent, app, lookup, &fetch->result, &fetch->result.contents[0]);
		} else if (!fetch->request.offline) {
			lookup->answered = true;
			lookup->error = memory_copy(fetch->error.text);
		}
	}
	fetch_free(fetch);
}
