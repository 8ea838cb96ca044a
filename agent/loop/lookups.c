#include "agent/loop/lookups.h"

#include <string.h>

#include "agent/loop/apps.h"
#include "agent/loop/content.h"
#include "agent/loop/part.h"
#include "agent/loop/repositories.h"
#include "agent/loop/repository_turns.h"
#include "agent/sync/operation.h"
#include "base/clock.h"
#include "base/memory.h"

/* An operation goes on in the next pass; a preview is no matter of the passes. */
static void wake(struct app *app, const struct lookup *lookup)
{
	app->dirty = app->dirty || lookup == app->last_good ||
		(app->operation && app->operation->lookup == lookup);
}

static void lookup_fail(struct app *app, struct lookup *lookup, const char *why)
{
	wake(app, lookup);
	lookup->answered = true;
	lookup->error = memory_copy(why);
	if (lookup != app->last_good)
		return;
	app->last_good = NULL;
	lookup_drop(app, lookup);
}

static bool is_commit(const char *revision)
{
	return commits_are_whole(revision) && commits_count(revision) == 1;
}

/* The Application as it would be with the lookup's sources. */
static bool read_with_source(const struct app *app, const struct lookup *lookup, struct arena *mem,
	struct application *spec, struct error *err)
{
	CLEANUP(json_done) json_t *document = json_deep_copy(app->spec.document);
	if (lookup->source)
		apps_set_source(json_make_object(document, "spec"), lookup->source);
	if (!application_read(document, app->spec.file, mem, spec, err))
		return false;
	if (!spec->spec_error_count)
		return true;
	application_done(spec);
	return error_set(err, ERROR_INVALID, "%s", spec->spec_errors[0]);
}

/* There is a revision of each source, and the sources are still those that the parts before were read from. */
static bool is_answerable(
	const struct app *app, struct lookup *lookup, const struct application *spec, struct error *err)
{
	char hash[sizeof(lookup->source_hash)];
	apps_source_hash(app, lookup->source, hash);
	if (spec->source_count != lookup->part_count)
		return error_set(err, ERROR_INVALID, "it has %zu source%s, and the commits are those of %zu",
			spec->source_count, spec->source_count == 1 ? "" : "s", lookup->part_count);
	if (*lookup->source_hash && strcmp(lookup->source_hash, hash) != 0)
		return error_set(err, ERROR_RETRY, "its sources were changed while they were read: ask again");
	memcpy(lookup->source_hash, hash, sizeof(hash));
	return true;
}

/* What one source is asked, as `spec` has it. */
static void set_question(const struct agent *agent, const struct lookup *lookup,
	const struct application *spec, size_t source, struct fetch *fetch)
{
	const struct application_source *at = &spec->sources[source];
	const struct lookup_part *part = &lookup->parts[source];
	struct source_path *path = arena_alloc(fetch->mem, sizeof(*path));

	fetch->application = spec->name;
	fetch->lookup = lookup->id;
	fetch->sources = spec->sources;
	fetch->source_count = spec->source_count;
	fetch->source = source;
	*path = (struct source_path){.application = spec->name, .directory = at->directory, .source = source};
	fetch->request = (struct source_request){
		.url = at->repo_url,
		.revision = *part->revision ? arena_copy(fetch->mem, part->revision) : at->revision,
		.tag_prefix = at->tag_prefix,
		.folder = arena_printf(fetch->mem, "%s/repositories", agent->config->state),
		.deadline = agent->config->git_deadline,
		.stop = agent->stop,
		.paths = path,
		.path_count = !at->files_only,
	};
}

/* Who asks for another revision asks the same server. */
static bool may_be_asked(const struct agent *agent, const struct fetch *fetch, struct error *err)
{
	const char *identity = source_url_identity(fetch->request.url, fetch->mem);
	int64_t left = repository_rest_until(agent, identity) - clock_steady();
	if (fetch->request.offline || left <= 0)
		return true;
	return error_set(err, ERROR_RETRY,
		"the server was asked too often and wants %lld s more of rest: ask again then",
		(long long)(left / 1000 + 1));
}

/* A commit is looked for on the disk first; a branch or tag is what the server says it is. */
static bool ask_part(struct agent *agent, struct credentials *credentials, const struct app *app,
	struct lookup *lookup, size_t source, struct error *err)
{
	struct lookup_part *part = &lookup->parts[source];
	struct fetch *fetch = fetch_new();
	struct application spec;

	if (!read_with_source(app, lookup, fetch->mem, &spec, err)) {
		fetch_free(fetch);
		return false;
	}
	bool good = is_answerable(app, lookup, &spec, err);
	if (good)
		set_question(agent, lookup, &spec, source, fetch);
	application_done(&spec);
	fetch->request.offline = is_commit(part->revision) && !part->tried_disk;
	fetch->request.known = fetch->request.offline ? arena_copy(fetch->mem, part->revision) : NULL;
	part->tried_disk = part->tried_disk || fetch->request.offline;
	good = good && may_be_asked(agent, fetch, err) &&
		(fetch->request.offline ||
			credentials_for(credentials, fetch->request.url, fetch->mem, &fetch->access, err)) &&
		fetch_start(agent, fetch, err);
	part->reading = good;
	if (!good)
		fetch_free(fetch);
	return good;
}

static void ask(struct agent *agent, struct credentials *credentials, struct app *app, struct lookup *lookup)
{
	struct error err;
	for (size_t i = 0; i < lookup->part_count && agent->fetching < REPOSITORIES_AT_ONCE; i++) {
		const struct lookup_part *part = &lookup->parts[i];
		if (part->reading || part->part || ask_part(agent, credentials, app, lookup, i, &err))
			continue;
		lookup_fail(app, lookup, err.text);
		return;
	}
}

void lookups_ask(struct agent *agent, struct credentials *credentials)
{
	for (size_t i = 0; i < agent->app_count; i++)
		for (struct lookup *at = agent->apps[i]->lookups, *next; at; at = next) {
			next = at->next;
			if (!at->answered)
				ask(agent, credentials, agent->apps[i], at);
		}
}

static bool is_whole(const struct lookup *lookup)
{
	for (size_t i = 0; i < lookup->part_count; i++)
		if (!lookup->parts[i].part)
			return false;
	return true;
}

static void take_part(struct agent *agent, struct app *app, struct lookup *lookup, const struct fetch *fetch)
{
	const struct part_answer answer = {.sources = fetch->sources,
		.source_count = fetch->source_count,
		.source = fetch->source,
		.result = &fetch->result,
		.content = fetch->request.path_count ? &fetch->result.contents[0] : NULL};
	CLEANUP(memory_freep) char *why = NULL;

	lookup->parts[fetch->source].part = part_make(&answer, &why);
	if (why) {
		lookup_fail(app, lookup, why);
	} else if (is_whole(lookup)) {
		wake(app, lookup);
		content_take_lookup(agent, app, lookup);
	}
}

void lookups_answer(struct agent *agent, struct fetch *fetch)
{
	struct app *app = agent_app(agent, fetch->application);
	struct lookup *lookup = app ? app->lookups : NULL;

	while (lookup && lookup->id != fetch->lookup)
		lookup = lookup->next;
	if (lookup && !lookup->answered) {
		lookup->parts[fetch->source].reading = false;
		if (fetch->ok)
			take_part(agent, app, lookup, fetch);
		else if (!fetch->request.offline || lookup->disk_only)
			lookup_fail(app, lookup, fetch->error.text);
		else
			wake(app, lookup); /* the server is asked next */
	}
	fetch_free(fetch);
}
