/*
 * repositories.c - when each repository is asked, and what its answer means for the Applications that name it
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/loop/repositories.h"
#include "agent/loop/repository_turns.h"
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
enum { REST_LONGEST = 3600 }; /* seconds: GitHub counts by the hour */

static const char *commit_fact(const struct repository *repository, struct arena *mem)
{
	return arena_printf(mem, "commit:%s %s%s%s", repository->identity, repository->revision,
		*repository->tag_prefix ? " " : "", repository->tag_prefix);
}

/* ---- asking ---- */

/* `known` is an answer only when each source in the repository has its content from it. */
static bool content_is_complete(const struct agent *agent, const struct repository *repository)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		const struct app *app = agent->apps[i];
		for (size_t j = 0; j < app->source_count; j++)
			if (app->sources[j].repository == repository && !app->sources[j].read)
				return false;
	}
	return *repository->commit && !repository->paths_changed;
}

static struct source_path path_of(const struct app *app, size_t source, struct arena *mem)
{
	const struct manifest_directory *directory = &app->spec.sources[source].directory;
	return (struct source_path){
		.application = arena_copy(mem, app->spec.name),
		.source = source,
		.directory =
			{
				.path = arena_copy(mem, directory->path),
				.recurse = directory->recurse,
				.any_name = directory->any_name,
				.include = arena_copy(mem, directory->include),
				.exclude = arena_copy(mem, directory->exclude),
				.rendering = rendering_copy(&directory->rendering, mem),
			},
	};
}

/* `news`: what the Applications have is the content of the same paths. */
static void add_paths(
	const struct agent *agent, const struct repository *repository, bool news, struct fetch *fetch)
{
	struct source_path *paths = NULL;
	size_t count = 0;
	for (size_t i = 0; i < agent->app_count; i++) {
		const struct app *app = agent->apps[i];
		for (size_t j = 0; j < app->source_count; j++) {
			if (app->sources[j].repository != repository || app->spec.sources[j].files_only)
				continue;
			paths = arena_grow(fetch->mem, paths, count, sizeof(*paths));
			paths[count] = path_of(app, j, fetch->mem);
			paths[count++].base = news ? arena_copy(fetch->mem, content_base(app)) : NULL;
		}
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

/* Whatever revision is asked for, it is the same server that is asked, as the same user. */
static void let_rest(struct agent *agent, struct repository *repository, int64_t seconds)
{
	int64_t until = clock_steady() + (seconds < REST_LONGEST ? seconds : REST_LONGEST) * 1000;
	repository->rest_until = 0;
	for (size_t i = 0; seconds > 0 && i < agent->repository_count; i++)
		if (strcmp(agent->repositories[i]->identity, repository->identity) == 0)
			agent->repositories[i]->rest_until = until;
}

static void set_failure(struct agent *agent, struct repository *repository, const struct error *err);

static void start(struct agent *agent, struct credentials *credentials, struct repository *repository,
	const char *offline)
{
	struct fetch *fetch = question(agent, repository);
	bool news = !offline && content_is_complete(agent, repository);
	struct error err;

	add_paths(agent, repository, news, fetch);
	if (!offline)
		repository->asked = ++agent->questions;
	if (offline) {
		fetch->request.known = arena_copy(fetch->mem, offline);
		fetch->request.offline = true;
	} else if (news) {
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

/* The newest commits are of no use, and this process has read no others: those in force are on the disk. */
static void ask_last_good(struct app *app)
{
	char commit[COMMITS_SIZE];
	bool of_no_use = app->broken || (app->source_count > 1 && app_source_error(app));
	if (!of_no_use || app->content || app->last_good_asked || !*app->synced)
		return;
	app_synced_commit(app, commit);
	app->last_good_asked = true;
	app->last_good = lookup_commits(app, commit, NULL);
	app->last_good->disk_only = true;
}

void repositories_ask(struct agent *agent, struct credentials *credentials)
{
	for (size_t i = 0; i < agent->app_count; i++)
		ask_last_good(agent->apps[i]);
	lookups_ask(agent, credentials);
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	for (size_t i = 0; i < agent->repository_count && agent->fetching < REPOSITORIES_AT_ONCE; i++) {
		struct repository *repository = agent->repositories[i];
		const char *offline = repository->reading ? NULL : offline_commit(agent, repository, mem);
		if (offline)
			start(agent, credentials, repository, offline);
	}
	/* Each is either being read afterwards, or has failed and is due later. */
	for (struct repository *next; (next = repository_next(agent));)
		start(agent, credentials, next, NULL);
}

void repositories_announced(struct agent *agent, const char *plain)
{
	for (size_t i = 0; i < agent->repository_count; i++) {
		struct repository *repository = agent->repositories[i];
		/* Forges take the path in upper and lower case; a question too many costs nothing. */
		if (*plain && strcasecmp(repository->plain, plain) != 0)
			continue;
		repository->next_poll = 0;
		repository->ask_again =
			repository->reading; /* the running question may have been asked too early */
	}
}

void repositories_refresh(struct app *app, bool hard)
{
	/* A pass before the answer would hold up the one that has it. */
	bool asks = false;
	app->forget = app->forget || hard;
	for (size_t i = 0; i < app->source_count; i++) {
		struct repository *repository = app->sources[i].repository;
		/* What its server said last is the answer for as long as that does not want to be asked. */
		app->sources[i].refreshing = clock_steady() >= repository->rest_until;
		asks = asks || app->sources[i].refreshing;
		repository->next_poll = 0;
		repository->ask_again = repository->reading;
		repository->paths_changed = repository->paths_changed || hard;
	}
	app->dirty = app->dirty || !asks;
	app->refresh = asks ? REFRESH_ASKED : REFRESH_ANSWERED;
}

/* ---- answers ---- */

static void wake_apps(struct agent *agent, const struct repository *repository, bool news)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		struct app *app = agent->apps[i];
		if (!app_reads(app, repository))
			continue;
		app->dirty = app->dirty || news;
		app->polled = true;
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
	let_rest(agent, repository, err->rest);
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
	repository->rest_until = 0;
	repository->failed_since = 0;
	repository->error_slot[0] = '\0';
	repository->answered = true;
}

static bool same_directory(const struct manifest_directory *a, const struct manifest_directory *b)
{
	return text_equal(a->path, b->path) && a->recurse == b->recurse && a->any_name == b->any_name &&
		text_equal(a->include, b->include) && text_equal(a->exclude, b->exclude) &&
		rendering_same(&a->rendering, &b->rendering);
}

/* The Application that this is about; NULL = it, or its source, changed while the thread was reading. */
static struct app *asker(
	struct agent *agent, const struct repository *repository, const struct source_path *path)
{
	struct app *app = agent_app(agent, path->application);
	bool same = app && path->source < app->source_count &&
		app->sources[path->source].repository == repository &&
		same_directory(&path->directory, &app->spec.sources[path->source].directory);
	return same ? app : NULL;
}

/* Sources of which only the commit counts. */
static void take_commit(struct app *app, const struct repository *repository, const struct source_result *result)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (app->sources[i].repository == repository && app->spec.sources[i].files_only)
			content_take(app, i, result, NULL);
}

/* It can only be put together with what it was read against. */
static bool has_base(const struct app *app, const struct source_path *path, const struct source_content *content)
{
	return !content->based || text_equal(content_base(app), path->base);
}

static void take_contents(struct agent *agent, struct repository *repository, const struct fetch *fetch)
{
	for (size_t i = 0; i < fetch->result.content_count; i++) {
		const struct source_path *path = &fetch->request.paths[i];
		const struct source_content *content = &fetch->result.contents[i];
		struct app *app = asker(agent, repository, path);
		if (app && has_base(app, path, content))
			content_take(app, path->source, &fetch->result, content);
		else if (app)
			repository->paths_changed = true;
	}
	for (size_t i = 0; i < agent->app_count; i++)
		take_commit(agent->apps[i], repository, &fetch->result);
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

/* Also when nothing is new: newer commits of others may have waited until this one can be read. */
static void unite_contents(struct agent *agent, const struct repository *repository)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (app_reads(agent->apps[i], repository))
			content_unite(agent, agent->apps[i]);
}

/* When the last of its repositories has answered. */
static void answer_refresh(struct app *app, const struct repository *repository)
{
	bool refreshing = false;
	for (size_t i = 0; i < app->source_count; i++) {
		if (app->sources[i].repository == repository)
			app->sources[i].refreshing = false;
		refreshing = refreshing || app->sources[i].refreshing;
	}
	if (app->refresh != REFRESH_ASKED || refreshing || !app_reads(app, repository))
		return;
	app->refresh = REFRESH_ANSWERED;
	app->dirty = true;
}

static void take_answer(struct agent *agent, struct fetch *fetch)
{
	/* The agent ends: that is no answer to anything, and what waits for one is taken up by the next process. */
	if (fetch->error.kind == ERROR_STOPPED) {
		fetch_free(fetch);
		return;
	}
	if (fetch->application) {
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
			remember_commit(repository, result);
		}
		record_commit(agent, repository);
		unite_contents(agent, repository);
		wake_apps(agent, repository, news);
	}
	if (repository->ask_again || repository->paths_changed)
		repository->next_poll = 0;
	for (size_t i = 0; i < agent->app_count && !repository->ask_again; i++)
		answer_refresh(agent->apps[i], repository);
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
		pthread_join(fetch->thread, NULL);
		take_answer(agent, fetch);
	}
}
