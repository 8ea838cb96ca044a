#include "agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static int compare_name(const void *name, const void *app)
{
	return strcmp(name, (*(struct app *const *)app)->spec.name);
}

struct app *agent_app(const struct agent *agent, const char *name)
{
	struct app *const *found = agent->app_count
		? bsearch(name, agent->apps, agent->app_count, sizeof(struct app *), compare_name)
		: NULL;
	return found ? *found : NULL;
}

void agent_wake(struct agent *agent, const char *application)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (!*application || strcmp(agent->apps[i]->spec.name, application) == 0)
			agent->apps[i]->dirty = true;
}

bool agent_knows_applications(const struct agent *agent)
{
	bool listed = !agent->cluster_on || agent->cluster_joined || agent->config->applications;
	return listed && !queue_length(agent->queue);
}

bool agent_cluster_stale(const struct agent *agent, struct error *why)
{
	return *agent->cluster_stale && !error_set(why, ERROR_RETRY, "%s", agent->cluster_stale);
}

void agent_answer(
	struct agent *agent, int64_t operation, const char *phase, const char *message, const char *result)
{
	const struct store_operation row = {.id = operation,
		.finished = strcmp(phase, "Running") == 0 ? 0 : clock_now(),
		.phase = phase,
		.message = message,
		.result = result};
	struct error err;
	if (operation && !store_operation_update(agent->store, &row, &err))
		log_error("the operation's outcome could not be recorded", "error", err.text, NULL);
}

void agent_answer_large(struct agent *agent, int64_t operation, const char *message, const char *result)
{
	int64_t *slot = &agent->large_answers[agent->large_next++ % COUNT_OF(agent->large_answers)];
	agent_answer(agent, *slot, "Succeeded", LARGE_ANSWER_GONE, "");
	*slot = operation;
	agent_answer(agent, operation, "Succeeded", message, result);
}

void content_target(const struct content *content, char target[TARGET_SIZE])
{
	snprintf(target, TARGET_SIZE, "%s %s", content->commit, content->source_hash);
}

void app_set_synced(struct app *app, struct content *content)
{
	content_target(content, app->synced);
	struct content *held = content->users_count ? content_hold(content) : NULL;
	content_release(app->synced_users);
	app->synced_users = held;
}

bool app_content_is_current(const struct app *app)
{
	return app->content && strcmp(app->content->source_hash, app->source_hash) == 0;
}

bool app_waits(const struct app *app)
{
	if (app->spec.deleting)
		return false;
	return !app_content_is_current(app) && !app->broken && !app->spec.spec_error_count &&
		app->source_count && !app_source_error(app);
}

bool app_is_due(const struct app *app)
{
	int64_t now = clock_steady();
	if (app_waits(app))
		return false;
	if (app->dirty || app->polled || (app->asked && app->refresh != REFRESH_ASKED))
		return true;
	if (app->look_again && now >= app->look_again)
		return true;
	bool failed = app->last_phase == SYNC_FAILED && app->next_try > app->last_pass && now >= app->next_try;
	bool healing = app->next_heal > app->last_pass && now >= app->next_heal;
	return failed || healing;
}

bool agent_is_awaited(const struct agent *agent, const struct app *app)
{
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i] != app && app_is_due(agent->apps[i]))
			return true;
	return queue_has_others(agent->queue, EVENT_OBJECT, app->spec.name);
}

static bool repository_has_answered(const struct repository *repository)
{
	return !repository->reading && !repository->ask_again && !repository->paths_changed &&
		(repository->answered || repository->failures > 0);
}

static bool sources_have_answered(const struct app *app)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (!repository_has_answered(app->sources[i].repository))
			return false;
	return true;
}

bool app_is_settled(const struct app *app)
{
	if (app->spec.spec_error_count || app->spec.skip_reconcile)
		return true;
	if (app->dirty || app->asked || app->operation || !sources_have_answered(app))
		return false;
	return app->last_pass != 0;
}

void app_synced_commit(const struct app *app, char commit[COMMITS_SIZE])
{
	snprintf(commit, COMMITS_SIZE, "%.*s", (int)strcspn(app->synced, " "), app->synced);
}

bool app_reads(const struct app *app, const struct repository *repository)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (app->sources[i].repository == repository)
			return true;
	return false;
}

const struct error *app_source_error(const struct app *app)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (app->sources[i].repository->error.kind != ERROR_NONE)
			return &app->sources[i].repository->error;
	return NULL;
}

struct part *part_hold(struct part *part)
{
	part->references++;
	return part;
}

void part_release(struct part *part)
{
	if (part && !--part->references)
		arena_free(part->mem); /* it lies in it itself */
}

struct content *content_hold(struct content *content)
{
	content->references++;
	return content;
}

void content_release(struct content *content)
{
	if (!content || --content->references)
		return;
	for (size_t i = 0; i < content->part_count; i++)
		part_release(content->parts[i]);
	arena_free(content->mem); /* it lies in it itself */
}

const struct content_users *content_users(const struct content *content, const struct database_config *database)
{
	for (size_t i = 0; i < content->users_count; i++)
		if (content->users[i].database == database)
			return &content->users[i];
	return NULL;
}

struct lookup *lookup_start(struct app *app, const char *const *revisions, size_t count, const json_t *source)
{
	struct lookup *lookup = memory_alloc(sizeof(*lookup));
	lookup->id = ++app->lookup_count;
	lookup->parts = memory_alloc(count * sizeof(*lookup->parts));
	lookup->part_count = count;
	for (size_t i = 0; i < count; i++)
		lookup->parts[i].revision = memory_copy(revisions[i]);
	lookup->source = source ? json_deep_copy(source) : NULL;
	lookup->next = app->lookups;
	app->lookups = lookup;
	return lookup;
}

struct lookup *lookup_commits(struct app *app, const char *commits, const json_t *source)
{
	char commit[LIMIT_SOURCES][COMMIT_SIZE];
	const char *revisions[LIMIT_SOURCES];
	size_t count = commits_count(commits);
	for (size_t i = 0; i < count; i++) {
		commits_at(commits, i, commit[i]);
		revisions[i] = commit[i];
	}
	return lookup_start(app, revisions, count, source);
}

void lookup_drop(struct app *app, struct lookup *lookup)
{
	struct lookup **at = &app->lookups;
	while (*at && *at != lookup)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = lookup->next;
	for (size_t i = 0; i < lookup->part_count; i++) {
		part_release(lookup->parts[i].part);
		free(lookup->parts[i].revision);
	}
	free(lookup->parts);
	content_release(lookup->content);
	json_decref(lookup->source);
	free(lookup->error);
	free(lookup);
}
