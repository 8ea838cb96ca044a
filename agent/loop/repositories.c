/*
 * repositories.c - when each repository is asked, and what its answer means for the Applications that name it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/loop/repositories.h"
#include "agent/loop/lookups.h"
#include "agent/loop/content.h"
#include "agent/events/series.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { RETRY_FIRST = 5000, RETRY_LONGEST = 300000 };

static const char *commit_fact(const struct repository *repository, struct arena *mem)
{
	return arena_printf(mem, "commit:%s %s%s%s", repository->plain, repository->revision,
		*repository->tag_prefix ? " " : "", repository->tag_prefix);
}

/* ---- the set ---- */

static struct repository *repository_for(struct agent *agent, const struct application *spec)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	const char *plain = source_url_plain(spec->repo_url, mem);

	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		if (strcmp(repository->plain, plain) == 0 && strcmp(repository->revision, spec->revision) == 0 &&
			strcmp(repository->tag_prefix, spec->tag_prefix) == 0)
			return repository;
	}
	struct repository *repository = memory_alloc(sizeof(*repository));
	*repository = (struct repository){
		.url = memory_copy(spec->repo_url),
		.plain = memory_copy(plain),
		.shown = memory_copy(source_url_shown(spec->repo_url, mem)),
		.revision = memory_copy(spec->revision),
		.tag_prefix = memory_copy(spec->tag_prefix),
	};
	agent->repositories = memory_resize(
		agent->repositories, (agent->repository_count + 1) * sizeof(*agent->repositories));
	agent->repositories[agent->repository_count++] = repository;
	return repository;
}

static void repository_free(struct repository *repository)
{
	free(repository->url);
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
			used = used || agent->apps[j]->repository == repository;
		if (used)
			continue;
		repository_free(repository);
		agent->repositories[i] = agent->repositories[--agent->repository_count];
	}
}

void repositories_attach(struct agent *agent, struct app *app)
{
	app->repository = NULL;
	if (app->spec.spec_error_count || !app->spec.repo_url)
		return;
	app->repository = repository_for(agent, &app->spec);
	app->repository->paths_changed = true;
	app->repository->next_poll = 0;
}

void repositories_free(struct agent *agent)
{
	for (size_t i = 0; i < agent->repository_count; i++)
		repository_free(agent->repositories[i]);
	free(agent->repositories);
}

/* ---- asking ---- */

/* `known` is an answer only when every Application of the repository has its content from it. */
static bool content_is_complete(const struct agent *agent, const struct repository *repository)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		const struct app *app = agent->apps[i];
		if (app->repository == repository && !app->content && !app->broken)
			return false;
	}
	return *repository->commit && !repository->paths_changed;
}

static struct source_path path_of(const struct app *app, struct arena *mem)
{
	return (struct source_path){
		.application = arena_copy(mem, app->spec.name),
		.directory =
			{
				.path = arena_copy(mem, app->spec.directory.path),
				.recurse = app->spec.directory.recurse,
				.any_name = app->spec.directory.any_name,
				.include = arena_copy(mem, app->spec.directory.include),
				.exclude = arena_copy(mem, app->spec.directory.exclude),
				.rendering = rendering_copy(&app->spec.directory.rendering, mem),
			},
	};
}

static void add_paths(const struct agent *agent, const struct repository *repository, struct fetch *fetch)
{
	struct source_path *paths = arena_array(fetch->mem, agent->app_count, sizeof(*paths));
	size_t count = 0;
	for (size_t i = 0; i < agent->app_count; i++) {
		const struct app *app = agent->apps[i];
		if (app->repository != repository)
			continue;
		paths[count++] = path_of(app, fetch->mem);
	}
	fetch->request.paths = paths;
	fetch->request.path_count = count;
}

static struct fetch *question(const struct agent *agent, const struct repository *repository)
{
	struct fetch *fetch = fetch_new();
	fetch->request = (struct source_request){
		.url = arena_copy(fetch->mem, repository->url),
		.revision = arena_copy(fetch->mem, repository->revision),
		.tag_prefix = arena_copy(fetch->mem, repository->tag_prefix),
		.folder = arena_printf(fetch->mem, "%s/repositories", agent->config->state),
		.deadline = agent->config->git_deadline,
		.stop = agent->stop,
	};
	return fetch;
}

static void set_failure(struct agent *agent, struct repository *repository, const struct error *err);

static void start(struct agent *agent, struct credentials *credentials, struct repository *repository,
	const char *offline)
{
	struct fetch *fetch = question(agent, repository);
	struct error err;

	add_paths(agent, repository, fetch);
	if (offline) {
		fetch->request.known = arena_copy(fetch->mem, offline);
		fetch->request.offline = true;
	} else if (content_is_complete(agent, repository)) {
		fetch->request.known = arena_copy(fetch->mem, repository->commit);
	}
	if ((offline || credentials_for(credentials, repository->url, fetch->mem, &fetch->access, &err)) &&
		fetch_start(agent, fetch, &err)) {
		repository->reading = true;
		repository->ask_again = false;
		repository->paths_changed = false;
		return;
	}
	set_failure(agent, repository, &err);
	fetch_free(fetch);
}

/* The server cannot be reached and nothing was ever read in this process: the last good commit is on the disk. */
static const char *offline_commit(struct agent *agent, struct repository *repository, struct arena *mem)
{
	if (repository->error.kind == ERROR_NONE || repository->tried_offline || repository->answered)
		return NULL;
	const char *commit = NULL;
	struct error err;
	repository->tried_offline =
		store_fact_get(agent->store, commit_fact(repository, mem), mem, &commit, &err);
	if (!repository->tried_offline && log_changed(repository->offline_slot, err.text))
		log_warning("the last good commit cannot be read", "repository", repository->shown, "error",
			err.text, NULL);
	return commit;
}

/* The newest commit cannot be used, and this process has read no other: the one in force is on the disk. */
static struct app *without_content(struct agent *agent, const struct repository *repository)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		struct app *app = agent->apps[i];
		if (app->repository == repository && app->broken && !app->content && !app->last_good_asked &&
			*app->synced)
			return app;
	}
	return NULL;
}

static void start_last_good(struct agent *agent, struct repository *repository, struct app *app)
{
	struct fetch *fetch = question(agent, repository);
	struct source_path *path = arena_alloc(fetch->mem, sizeof(*path));
	char commit[41];
	struct error err;

	app_synced_commit(app, commit);
	*path = path_of(app, fetch->mem);
	fetch->last_good = true;
	fetch->request.paths = path;
	fetch->request.path_count = 1;
	fetch->request.known = arena_copy(fetch->mem, commit);
	fetch->request.offline = true;
	app->last_good_asked = true;
	if (fetch_start(agent, fetch, &err)) {
		repository->reading = true;
		return;
	}
	log_warning(
		"the commit in force cannot be read", "application", app->spec.name, "error", err.text, NULL);
	fetch_free(fetch);
}

void repositories_ask(struct agent *agent, struct credentials *credentials)
{
	lookups_ask(agent, credentials);
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	for (size_t i = 0; i < agent->repository_count && agent->fetching < REPOSITORIES_AT_ONCE; i++) {
		struct repository *repository = agent->repositories[i];
		if (repository->reading)
			continue;
		const char *offline = offline_commit(agent, repository, mem);
		struct app *lost = offline ? NULL : without_content(agent, repository);
		if (lost)
			start_last_good(agent, repository, lost);
		else if (offline || clock_steady() >= repository->next_poll)
			start(agent, credentials, repository, offline);
	}
}

void repositories_announced(struct agent *agent, const char *plain)
{
	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		if (*plain && strcmp(repository->plain, plain) != 0)
			continue;
		repository->next_poll = 0;
		repository->ask_again =
			repository->reading; /* the running question may have been asked too early */
	}
}

void repositories_refresh(struct app *app, bool hard)
{
	struct repository *repository = app->repository;
	app->dirty = true;
	app->forget = app->forget || hard;
	app->refresh = repository ? REFRESH_ASKED : REFRESH_ANSWERED;
	if (!repository)
		return;
	repository->next_poll = 0;
	repository->ask_again = repository->reading;
	if (hard)
		repository->paths_changed = true;
}

/* ---- answers ---- */

static void wake_apps(struct agent *agent, const struct repository *repository, bool news)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		struct app *app = agent->apps[i];
		app->dirty = app->dirty || (app->repository == repository && news);
		app->polled = app->polled || app->repository == repository;
	}
}

/* A tenth of jitter, so that a hundred agents do not ask a forge in the same second. */
static int64_t poll_wait(const struct agent *agent)
{
	int64_t poll = agent->once ? 0 : agent->config->poll;
	return poll ? poll + (int64_t)((uint64_t)clock_now() % (uint64_t)(poll / 10 + 1)) : INT64_MAX / 4;
}

static void set_failure(struct agent *agent, struct repository *repository, const struct error *err)
{
	int64_t wait = RETRY_FIRST << (repository->failures < 6 ? repository->failures : 6);
	repository->failures++;
	repository->error = *err;
	if (!repository->failed_since)
		repository->failed_since = clock_now();
	repository->next_poll = clock_steady() + (wait < RETRY_LONGEST ? wait : RETRY_LONGEST);
	series_add(SERIES_GIT_FAILED, (const char *const[]){repository->plain}, 1);
	if (log_changed(repository->error_slot, err->text))
		log_error("repository cannot be read; the last good state is kept", "repository",
			repository->shown, "error", err->text, NULL);
	wake_apps(agent, repository, true);
}

static void clear_failure(struct repository *repository)
{
	if (repository->failed_since)
		log_info("repository can be read again", "repository", repository->shown, NULL);
	repository->error = (struct error){.kind = ERROR_NONE};
	repository->failures = 0;
	repository->failed_since = 0;
	repository->error_slot[0] = '\0';
	repository->answered = true;
}

static struct app *named(struct agent *agent, const struct repository *repository, const char *name)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i]->repository == repository && strcmp(agent->apps[i]->spec.name, name) == 0)
			return agent->apps[i];
	return NULL;
}

static bool same_directory(const struct manifest_directory *a, const struct manifest_directory *b)
{
	return text_equal(a->path, b->path) && a->recurse == b->recurse && a->any_name == b->any_name &&
		text_equal(a->include, b->include) && text_equal(a->exclude, b->exclude) &&
		rendering_same(&a->rendering, &b->rendering);
}

static void take_contents(struct agent *agent, struct repository *repository, const struct fetch *fetch)
{
	void (*take)(struct agent *, struct app *, const struct source_result *,
		const struct source_content *) = fetch->last_good ? content_take_last_good : content_take;
	for (size_t i = 0; i < fetch->result.content_count; i++) {
		const struct source_content *content = &fetch->result.contents[i];
		struct app *app = named(agent, repository, content->application);
		/* The Application may have changed its path while the thread was reading the old one. */
		if (app && same_directory(&fetch->request.paths[i].directory, &app->spec.directory))
			take(agent, app, &fetch->result, content);
	}
}

static void log_commit(const struct repository *repository, const struct source_result *result)
{
	char received[24];
	snprintf(received, sizeof(received), "%lld", (long long)result->received);
	log_info(result->rewritten && *repository->commit ? "new commit; history was rewritten" : "new commit",
		"repository", repository->shown, "revision", repository->revision, "ref", result->ref,
		"commit", result->commit, "signer", result->signer, "author", result->author, "message",
		result->message, "received_bytes", received, NULL);
}

/* At every good answer, the unchanged ones too: the store forgets the commits that nobody has recorded for long. */
static void record_commit(struct agent *agent, const struct repository *repository)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	struct error err;

	if (*repository->commit &&
		!store_fact_set(agent->store, commit_fact(repository, mem), repository->commit, &err))
		log_warning("the commit could not be recorded", "error", err.text, NULL);
}

static void remember_commit(struct repository *repository, const struct source_result *result)
{
	if (strcmp(repository->commit, result->commit) != 0)
		log_commit(repository, result);
	memcpy(repository->commit, result->commit, sizeof(repository->commit));
}

static struct repository *asked(struct agent *agent, const struct fetch *fetch)
{
	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		if (strcmp(repository->url, fetch->request.url) == 0 &&
			strcmp(repository->revision, fetch->request.revision) == 0 &&
			strcmp(repository->tag_prefix, fetch->request.tag_prefix) == 0)
			return repository;
	}
	return NULL;
}

/* One question asks for the revision, and for its content when that is new. */
static void count_requests(const struct repository *repository, const struct fetch *fetch)
{
	const char *const ls_remote[] = {repository->plain, "ls-remote"},
			  *const content[] = {repository->plain, "fetch"};
	if (fetch->ok && fetch->result.fetched)
		series_add(SERIES_GIT, content, (double)fetch->result.fetched);
	if (fetch->request.offline)
		return;
	series_add(SERIES_GIT, ls_remote, 1);
	series_observe(SERIES_GIT_SECONDS, fetch->ok && fetch->result.fetched ? content : ls_remote,
		(double)fetch->took / 1000);
}

static void take_answer(struct agent *agent, struct fetch *fetch)
{
	/* The agent ends: that is no answer to anything, and what waits for one is taken up by the next process. */
	if (fetch->error.kind == ERROR_STOPPED) {
		fetch_free(fetch);
		return;
	}
	if (fetch->lookup) {
		lookups_answer(agent, fetch);
		return;
	}
	struct repository *repository = asked(agent, fetch);
	const struct source_result *result = &fetch->result;

	if (!repository) {
		fetch_free(fetch);
		return;
	}
	repository->reading = false;
	count_requests(repository, fetch);
	if (!fetch->ok && !fetch->request.offline) {
		set_failure(agent, repository, &fetch->error);
	} else if (fetch->ok) {
		bool news =
			!result->unchanged || fetch->request.offline || repository->error.kind != ERROR_NONE;
		if (!fetch->request.offline) {
			clear_failure(repository);
			repository->next_poll = clock_steady() + poll_wait(agent);
		}
		if (!result->unchanged) {
			take_contents(agent, repository, fetch);
			if (!fetch->last_good)
				remember_commit(repository, result);
		}
		record_commit(agent, repository);
		wake_apps(agent, repository, news);
	}
	if (repository->ask_again || repository->paths_changed)
		repository->next_poll = 0;
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i]->repository == repository && agent->apps[i]->refresh == REFRESH_ASKED &&
			!repository->ask_again) {
			agent->apps[i]->refresh = REFRESH_ANSWERED;
			agent->apps[i]->dirty = true;
		}
	fetch_free(fetch);
	/* Its Applications may have gone elsewhere while the thread was at work. */
	repositories_drop_unused(agent);
}

void repositories_collect(struct agent *agent)
{
	for (size_t i = 0; i < COUNT_OF(agent->fetches); i++) {
		struct fetch *fetch = agent->fetches[i];
		if (!fetch || !queue_is_done(agent->queue, &fetch->done))
			continue;
		agent->fetches[i] = NULL;
		agent->fetching--;
		take_answer(agent, fetch);
	}
}
