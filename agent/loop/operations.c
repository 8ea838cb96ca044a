#include "agent/loop/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/loop/apps.h"
#include "agent/loop/repositories.h"
#include "agent/users/users_pass.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { STUCK_AFTER = 300000 }; /* a reconciler that has not turned for so long is stuck, not busy */

/* A wish as the store keeps it. */
struct operation {
	const char *kind, *target, *by;
	const char *confirm; /* NULL = none */
	bool hard, prune, dry_run;
	int64_t id;
};

/* ---- from the HTTP thread ---- */

static bool is_about_users(const char *kind)
{
	return text_starts(kind, "users-");
}

static bool target_exists(struct agent *agent, const struct agent_request *request, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_application ignored;

	if (!is_about_users(request->kind))
		return store_application_get(agent->store, request->target, mem, &ignored, err);
	if (!*request->target && agent->config->database_count > 1)
		return error_set(err, ERROR_INVALID,
			"the agent file has %zu databases: say which one (--database %s, ...)",
			agent->config->database_count, agent->config->databases[0].name);
	for (size_t i = 0; i < agent->config->database_count; i++)
		if (!*request->target || strcmp(agent->config->databases[i].name, request->target) == 0)
			return true;
	return error_set(err, ERROR_MISSING, "the agent file has no database %s", request->target);
}

static bool is_known(const char *kind)
{
	static const char *const kinds[] = {"sync", "refresh", "users-sync", "users-plan"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static char *request_document(const struct agent_request *request)
{
	CLEANUP(json_done)
	json_t *document = json_pack("{s:b, s:b, s:b}", "prune", request->prune, "dryRun", request->dry_run,
		"hard", request->hard);
	json_set_text(document, "confirm", request->confirm);
	return json_canonical(document);
}

static bool has_room(struct agent *agent, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_operation *pending;
	size_t count;

	if (!store_operation_pending(agent->store, mem, &pending, &count, err))
		return false;
	return count < LIMIT_PENDING ||
		error_set(err, ERROR_RETRY, "the agent is too busy to take this now: try again");
}

static bool take_request(void *context, const struct agent_request *request, int64_t *id, struct error *err)
{
	struct agent *agent = context;

	if (!is_known(request->kind))
		return error_set(err, ERROR_INVALID, "%s is not something this agent does", request->kind);
	if (!target_exists(agent, request, err))
		return false;
	if (!has_room(agent, err))
		return false;
	CLEANUP(memory_freep) char *document = request_document(request);
	struct store_operation row = {.kind = request->kind,
		.target = request->target,
		.by = request->by,
		.request = document,
		.started = clock_now(),
		.phase = "Pending",
		.message = "",
		.result = ""};
	if (!store_operation_add(agent->store, &row, &row.id, err))
		return false;
	queue_push(agent->queue, EVENT_OPERATION, "");
	*id = row.id;
	return true;
}

static size_t take_announcement(void *context, const char *const *urls, size_t count)
{
	struct agent *agent = context;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	/* Which of them we know, only the reconciler can tell; asking about the others costs nothing. */
	for (size_t i = 0; i < count; i++)
		queue_push(agent->queue, EVENT_ANNOUNCED, source_url_plain(urls[i], mem));
	return count;
}

static bool is_healthy(void *context, struct error *err)
{
	struct agent *agent = context;
	int64_t silent = clock_steady() - atomic_load(&agent->heartbeat);
	if (silent < STUCK_AFTER)
		return true;
	return error_set(err, ERROR_BUG, "the reconciler has not turned for %lld s", (long long)silent / 1000);
}

static bool is_ready(void *context, struct error *err)
{
	struct agent *agent = context;
	char why[sizeof(agent->not_ready)];
	pthread_mutex_lock(&agent->lock);
	memcpy(why, agent->not_ready, sizeof(why));
	pthread_mutex_unlock(&agent->lock);
	return !*why || error_set(err, ERROR_RETRY, "%s", why);
}

struct http_agent operations_http(struct agent *agent)
{
	return (struct http_agent){agent, take_request, take_announcement, is_healthy, is_ready};
}

/* ---- in the reconciler ---- */

static void answer(struct agent *agent, int64_t id, const char *phase, const char *message)
{
	struct error err;
	const struct store_operation row = {.id = id,
		.finished = *phase == 'R' ? 0 : clock_now(),
		.phase = phase,
		.message = message,
		.result = ""};
	if (!store_operation_update(agent->store, &row, &err))
		log_error("the operation could not be recorded", "error", err.text, NULL);
}

static void ask_sync(struct agent *agent, struct app *app, const struct operation *operation)
{
	if (app->asked) {
		answer(agent, operation->id, "Failed", "another sync of this application is waiting already");
		return;
	}
	app->asked = sync_request_new();
	app->asked->prune = operation->prune;
	app->asked->dry_run = operation->dry_run;
	app->asked->confirm = arena_copy(app->asked->mem, operation->confirm);
	app->asked->by = arena_copy(app->asked->mem, operation->by);
	app->asked->operation = operation->id;
	answer(agent, operation->id, "Running", "");
}

static void ask_refresh(struct agent *agent, struct app *app, const struct operation *operation)
{
	if (app->refresh_operation)
		answer(agent, app->refresh_operation, "Succeeded", "taken together with a newer refresh");
	app->refresh_operation = operation->id;
	repositories_refresh(agent, app, operation->hard);
	answer(agent, operation->id, "Running", "");
}

static void ask_application(struct agent *agent, const struct operation *operation)
{
	struct app *app = agent_app(agent, operation->target);
	if (!app)
		answer(agent, operation->id, "Error", "there is no such application any more");
	else if (app->spec.skip_reconcile)
		answer(agent, operation->id, "Error",
			"the annotation argocd.argoproj.io/skip-reconcile holds this application: take it away first");
	else if (strcmp(operation->kind, "sync") == 0)
		ask_sync(agent, app, operation);
	else
		ask_refresh(agent, app, operation);
}

static void ask_database(struct agent *agent, struct database *database, const struct operation *operation)
{
	struct users_wish *wish = memory_alloc(sizeof(*wish)), **last = &database->wishes;
	*wish = (struct users_wish){
		.operation = operation->id,
		.plan_only = operation->dry_run || strcmp(operation->kind, "users-plan") == 0,
		.confirm = memory_copy(operation->confirm),
	};
	while (*last)
		last = &(*last)->next;
	*last = wish;
	answer(agent, operation->id, "Running", "");
}

static void ask_users(struct agent *agent, const struct operation *operation)
{
	for (size_t i = 0; i < agent->database_count; i++) {
		struct database *database = agent->databases[i];
		if (*operation->target && strcmp(database->config->name, operation->target) != 0)
			continue;
		ask_database(agent, database, operation);
		return;
	}
	answer(agent, operation->id, "Error", "the agent file has no such database");
}

static void take_row(struct agent *agent, const struct store_operation *row)
{
	CLEANUP(json_done) json_t *request = NULL;
	struct error err;

	if (!json_read(row->request, strlen(row->request), &request, &err)) {
		answer(agent, row->id, "Error", err.text);
		return;
	}
	const struct operation operation = {
		.kind = row->kind,
		.target = row->target,
		.by = row->by,
		.confirm = json_text_at(request, "confirm", NULL),
		.hard = json_bool_at(request, "hard", false),
		.prune = json_bool_at(request, "prune", false),
		.dry_run = json_bool_at(request, "dryRun", false),
		.id = row->id,
	};
	if (is_about_users(operation.kind))
		ask_users(agent, &operation);
	else
		ask_application(agent, &operation);
}

/* A row whose new phase could not be written is still Pending the next time: it was taken nevertheless. */
void operations_take(struct agent *agent)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_operation *rows;
	struct error err;
	size_t count;

	if (!store_operation_pending(agent->store, mem, &rows, &count, &err)) {
		log_error("what was asked for could not be read", "error", err.text, NULL);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (rows[i].id <= agent->last_operation)
			continue;
		agent->last_operation = rows[i].id;
		take_row(agent, &rows[i]);
	}
}

void operations_sweep(struct agent *agent)
{
	struct error err;
	if (!store_sweep(agent->store, clock_now(), "the agent ended before it was done", &err))
		log_warning("what was left open could not be ended", "error", err.text, NULL);
}
