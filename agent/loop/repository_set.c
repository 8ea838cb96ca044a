/*
 * repository_set.c - which repositories there are: one for each identity and revision that an Application names
 */
#include <stdlib.h>
#include <string.h>

#include "agent/loop/content.h"
#include "agent/loop/repositories.h"
#include "agent/loop/repository_turns.h"
#include "base/limits.h"
#include "base/memory.h"

/* "https://git.example.org:8443" */
static char *server_of(const char *plain)
{
	const char *scheme = strstr(plain, "://");
	size_t length = scheme ? (size_t)(scheme - plain) + 3 : 0;
	return memory_printf("%.*s", (int)(length + strcspn(plain + length, "/")), plain);
}

static struct repository *repository_for(struct agent *agent, const struct application_source *source)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	const char *identity = source_url_identity(source->repo_url, mem);

	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		if (strcmp(repository->identity, identity) == 0 &&
			strcmp(repository->revision, source->revision) == 0 &&
			strcmp(repository->tag_prefix, source->tag_prefix) == 0)
			return repository;
	}
	struct repository *repository = memory_alloc(sizeof(*repository));
	*repository = (struct repository){
		.url = memory_copy(source->repo_url),
		.identity = memory_copy(identity),
		.server = server_of(source_url_plain(source->repo_url, mem)),
		.plain = memory_copy(source_url_plain(source->repo_url, mem)),
		.shown = memory_copy(source_url_shown(source->repo_url, mem)),
		.revision = memory_copy(source->revision),
		.tag_prefix = memory_copy(source->tag_prefix),
		.rest_until = repository_rest_until(agent, identity),
	};
	agent->repositories = memory_resize(
		agent->repositories, (agent->repository_count + 1) * sizeof(*agent->repositories));
	agent->repositories[agent->repository_count++] = repository;
	return repository;
}

static void repository_free(struct repository *repository)
{
	free(repository->url);
	free(repository->identity);
	free(repository->server);
	free(repository->plain);
	free(repository->shown);
	free(repository->revision);
	free(repository->tag_prefix);
	free(repository);
}

void repositories_drop_unused(struct agent *agent)
{
	for (size_t i = agent->repository_count; i-- > 0;) {
		struct repository *repository = agent->repositories[i];
		bool used = repository->reading;
		for (size_t j = 0; j < agent->app_count; j++)
			used = used || app_reads(agent->apps[j], repository);
		if (used)
			continue;
		repository_free(repository);
		agent->repositories[i] = agent->repositories[--agent->repository_count];
	}
}

/* What was read stays good where only something else of the Application changed. */
void repositories_attach(struct agent *agent, struct app *app)
{
	bool usable = !app->spec.spec_error_count && app->spec.source_count;
	if (!usable || !app->sources || strcmp(app->parts_hash, app->source_hash) != 0)
		content_forget_parts(app);
	memcpy(app->parts_hash, app->source_hash, sizeof(app->parts_hash));
	if (!usable) {
		app->refresh = app->refresh == REFRESH_ASKED ? REFRESH_ANSWERED : app->refresh;
		return;
	}
	if (!app->sources) {
		app->source_count = app->spec.source_count;
		app->sources = memory_alloc(app->source_count * sizeof(*app->sources));
	}
	for (size_t i = 0; i < app->source_count; i++) {
		struct repository *repository = repository_for(agent, &app->spec.sources[i]);
		app->sources[i].repository = repository;
		app->sources[i].refreshing = app->refresh == REFRESH_ASKED;
		repository->paths_changed = true;
		repository->next_poll = 0;
	}
}

void repositories_free(struct agent *agent)
{
	for (size_t i = 0; i < agent->repository_count; i++)
		repository_free(agent->repositories[i]);
	free(agent->repositories);
}
