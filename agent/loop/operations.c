#include "agent/loop/operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/loop/apps.h"
#include "agent/loop/manifests.h"
#include "agent/loop/repositories.h"
#include "agent/users/users_pass.h"
#include "agent/queue.h"
#include "agent/sync/finish.h"
#include "agent/sync/preview.h"
#include "agent/sync/status.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { NEWEST_WITHIN = 10000 }; /* milliseconds that a sync of users waits for its commit's own sync */
enum { STUCK_AFTER = 300000 };  /* a reconciler that has not turned for so long is stuck, not busy */

/* A wish as the store keeps it. */
struct operation {
	const char *kind, *target, *by;
	const json_t *body; /* as it came over HTTP */
	int64_t id;
};

/* ---- what becomes of it ---- */

static void answer(struct agent *agent, int64_t id, const char *phase, const char *message)
{
	agent_answer(agent, id, phase, message, "");
}

/* ---- a sync's body ---- */

/* What it says in the words of Argo CD's `operation`: there is one reader for what may be asked of a sync. */
static json_t *request_document(const json_t *body, const char *by)
{
	static const char *const of_sync[] = {
		"revision", "revisions", "prune", "dryRun", "resources", "syncOptions"};
	static const char *const of_operation[] = {"info", "retry"};
	json_t *document = json_pack("{s:{}, s:{s:s}}", "sync", "initiatedBy", "username", by);
	json_t *sync = json_object_get(document, "sync");
	bool force = json_bool_at(body, "force", false);

	for (size_t i = 0; i < COUNT_OF(of_sync); i++)
		if (json_object_get(body, of_sync[i]))
			json_object_set(sync, of_sync[i], json_object_get(body, of_sync[i]));
	for (size_t i = 0; i < COUNT_OF(of_operation); i++)
		if (json_object_get(body, of_operation[i]))
			json_object_set(document, of_operation[i], json_object_get(body, of_operation[i]));
	if (json_bool_at(body, "applyOnly", false))
		json_object_set_new(sync, "syncStrategy", json_pack("{s:{s:b}}", "apply", "force", force));
	else if (force)
		json_object_set_new(sync, "syncStrategy", json_pack("{s:{s:b}}", "hook", "force", force));
	return document;
}

static bool read_sync(const json_t *body, const char *by, struct sync_request **sync, struct error *err)
{
	CLEANUP(json_done) json_t *document = request_document(body, by);
	const json_t *positions = json_object_get(body, "sourcePositions");
	if (!sync_request_read(document, sync, err)) {
		static const char prefix[] = "operation.sync."; /* the body has these fields at its top */
		if (text_starts(err->text, prefix))
			memmove(err->text, err->text + strlen(prefix), strlen(err->text + strlen(prefix)) + 1);
		return false;
	}
	if (positions && !sync_request_place(*sync, positions, err)) {
		sync_request_free(*sync);
		*sync = NULL;
		return false;
	}
	json_done(&(*sync)->document); /* no object in the cluster holds it */
	(*sync)->confirm = arena_copy((*sync)->mem, json_text_at(body, "confirm", NULL));
	return true;
}

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
			"the agent file has %zu databases: say which one (--%s %s, ...)",
			agent->config->database_count,
			strcmp(request->kind, "users-access") == 0 ? "entry" : "database",
			agent->config->databases[0].name);
	for (size_t i = 0; i < agent->config->database_count; i++)
		if (!*request->target || strcmp(agent->config->databases[i].name, request->target) == 0)
			return true;
	return error_set(err, ERROR_MISSING, "the agent file has no database %s", request->target);
}

static bool is_known(const char *kind)
{
	static const char *const kinds[] = {"sync", "rollback", "terminate", "refresh", "manifests", "diff",
		"users-sync", "users-plan", "users-export", "users-access"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

/* What cannot be obeyed is refused here, where somebody waits for the answer. */
static bool is_readable(const struct agent_request *request, struct error *err)
{
	struct sync_request *sync = NULL;
	if (strcmp(request->kind, "sync") != 0 && strcmp(request->kind, "diff") != 0)
		return true;
	bool readable = read_sync(request->body, request->by, &sync, err);
	sync_request_free(sync);
	return readable;
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

/* What is asked for here would be done by nobody. */
static bool is_at_work(struct agent *agent, struct error *err)
{
	char standby[sizeof(agent->standby)];
	pthread_mutex_lock(&agent->lock);
	memcpy(standby, agent->standby, sizeof(standby));
	pthread_mutex_unlock(&agent->lock);
	return !*standby || error_set(err, ERROR_RETRY, "%s; ask that one", standby);
}

static bool take_request(void *context, const struct agent_request *request, int64_t *id, struct error *err)
{
	struct agent *agent = context;

	if (!is_at_work(agent, err))
		return false;
	if (!is_known(request->kind))
		return error_set(err, ERROR_INVALID, "%s is not something this agent does", request->kind);
	if (!target_exists(agent, request, err) || !is_readable(request, err) || !has_room(agent, err))
		return false;
	CLEANUP(memory_freep) char *body = request->body ? json_canonical(request->body) : memory_copy("{}");
	struct store_operation row = {.kind = request->kind,
		.target = request->target,
		.by = request->by,
		.request = body,
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

static size_t take_announcement(void *context, const char *const *urls, size_t count, struct error *err)
{
	struct agent *agent = context;
	if (!is_at_work(agent, err))
		return 0;
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	const char **plain = arena_array(mem, count, sizeof(*plain));
	/* Which of them we know, only the reconciler can tell; asking about the others costs nothing. Several are mostly one address in
	   other words: the second would arrive while the first is being asked, and be a question more. */
	for (size_t i = 0; i < count; i++) {
		bool again = false;
		plain[i] = source_url_plain(urls[i], mem);
		for (size_t j = 0; j < i; j++)
			again = again || strcmp(plain[j], plain[i]) == 0;
		if (!again)
			queue_push(agent->queue, EVENT_ANNOUNCED, plain[i]);
	}
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

static void ask_sync(struct agent *agent, struct app *app, const struct operation *operation)
{
	struct sync_request *request = NULL;
	struct error err;
	if (app->asked) {
		answer(agent, operation->id, "Failed", "another sync of this application is waiting already");
		return;
	}
	if (app->operation && !app->operation->request->automated) {
		answer(agent, operation->id, "Failed",
			"another operation is already in progress: wait for its end, or `pgitops app terminate`");
		return;
	}
	if (!read_sync(operation->body, operation->by, &request, &err)) {
		answer(agent, operation->id, "Error", err.text);
		return;
	}
	request->rollback_id = json_number_at(operation->body, "id", -1);
	request->operation = operation->id;
	app->asked = request;
	repositories_refresh(app, false); /* "sync" means the newest commit there is now */
	answer(agent, operation->id, "Running", "");
}

/* A sync of the revision and source of an entry of status.history (argocd.md 2.8); what cannot be is no operation at all. */
static void ask_rollback(struct agent *agent, struct app *app, const struct operation *operation)
{
	CLEANUP(memory_freep) char *why = NULL;
	int64_t id = json_number_at(operation->body, "id", -1);
	if (app->spec.automated)
		why = memory_printf(
			"%s is synced automatically, which would undo a rollback at once: set "
			"spec.syncPolicy.automated.enabled to false first, or revert the commit in Git",
			app->spec.name);
	else if (!status_history_find(app->history, id))
		why = memory_printf(
			"%s has no deployment with the id %lld: `pgitops app history %s` names those there are",
			app->spec.name, (long long)id, app->spec.name);
	if (why)
		answer(agent, operation->id, "Failed", why);
	else
		ask_sync(agent, app, operation);
}

/* The sync itself ends when its step allows it; until then the request is Running. */
static void ask_terminate(struct agent *agent, struct app *app, const struct operation *operation)
{
	if (!app->operation) {
		answer(agent, operation->id, "Failed", "no operation of this application is in progress");
		return;
	}
	if (app->terminate) {
		answer(agent, operation->id, "Failed", "this sync is being terminated already");
		return;
	}
	app->terminate = operation->id;
	app->dirty = true;
	answer(agent, operation->id, "Running", "");
}

static void ask_manifests(struct agent *agent, struct app *app, const struct operation *operation)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	CLEANUP(json_done) json_t *document = NULL;
	struct error err;
	if (!manifests_document(app, &document, &err)) {
		answer(agent, operation->id, "Error", err.text);
		return;
	}
	CLEANUP(memory_freep) char *result = json_canonical(document);
	CLEANUP(memory_freep)
	char *message = memory_printf("%zu objects at %s",
		json_array_size(json_object_get(document, "items")), commits_short(app->commit, 12, mem));
	agent_answer_large(agent, operation->id, message, result);
}

static void ask_refresh(struct agent *agent, struct app *app, const struct operation *operation)
{
	if (app->refresh_operation)
		answer(agent, app->refresh_operation, "Succeeded", "taken together with a newer refresh");
	app->refresh_operation = operation->id;
	repositories_refresh(app, json_bool_at(operation->body, "hard", false));
	answer(agent, operation->id, "Running", "");
}

static void ask_application(struct agent *agent, const struct operation *operation)
{
	static const struct {
		const char *kind;
		void (*ask)(struct agent *agent, struct app *app, const struct operation *operation);
		bool held; /* not done while skip-reconcile holds the Application */
	} kinds[] = {{"sync", ask_sync, true}, {"rollback", ask_rollback, true}, {"refresh", ask_refresh, true},
		{"terminate", ask_terminate, false}, {"manifests", ask_manifests, false}};
	struct app *app = agent_app(agent, operation->target);
	size_t i = 0;

	while (i + 1 < COUNT_OF(kinds) && strcmp(kinds[i].kind, operation->kind) != 0)
		i++;
	if (!app)
		answer(agent, operation->id, "Error", "there is no such application any more");
	else if (!app->recalled)
		answer(agent, operation->id, "Error",
			"what the store has of this application cannot be read now: try again");
	else if (app->spec.skip_reconcile && kinds[i].held)
		answer(agent, operation->id, "Error",
			"the annotation argocd.argoproj.io/skip-reconcile holds this application: take it away first");
	else
		kinds[i].ask(agent, app, operation);
}

static void ask_database(struct agent *agent, struct database *database, const struct operation *operation)
{
	struct users_wish *wish = memory_alloc(sizeof(*wish)), **last = &database->wishes;
	bool exports = strcmp(operation->kind, "users-export") == 0;
	bool access = strcmp(operation->kind, "users-access") == 0;
	*wish = (struct users_wish){
		.operation = operation->id,
		.plan_only = exports || access || json_bool_at(operation->body, "dryRun", false) ||
			strcmp(operation->kind, "users-plan") == 0,
		.exports = exports,
		.access = access ? json_deep_copy(operation->body) : NULL,
		.confirm = memory_copy(json_text_at(operation->body, "confirm", NULL)),
		.adopt = json_deep_copy(json_object_get(operation->body, "adopt")),
		.now = json_deep_copy(json_object_get(operation->body, "now")),
		.check = json_deep_copy(json_object_get(operation->body, "check")),
		.take_over = memory_copy(json_text_at(operation->body, "takeOver", NULL)),
	};
	if (!wish->plan_only && database->app) {
		repositories_refresh(database->app, false); /* "sync" means the newest commit there is now */
		wish->until = clock_steady() + NEWEST_WITHIN;
	}
	while (*last)
		last = &(*last)->next;
	*last = wish;
	answer(agent, operation->id, "Running", "");
}

static struct database *find_database(struct agent *agent, const char *name)
{
	for (size_t i = 0; i < agent->database_count; i++)
		if (!*name || strcmp(agent->databases[i]->config->name, name) == 0)
			return agent->databases[i];
	return NULL;
}

static void ask_users(struct agent *agent, const struct operation *operation)
{
	struct database *database = find_database(agent, operation->target);
	const json_t *body = operation->body;
	bool removes = json_object_get(body, "now");
	bool adopts = json_object_get(body, "adopt") || json_object_get(body, "takeOver") || removes;
	bool several = !*operation->target && agent->database_count > 1;
	if (database && json_object_get(body, "check") && several)
		answer(agent, operation->id, "Error",
			"the agent file has several databases: --database says of which the users are looked at");
	else if (database && adopts && several)
		answer(agent, operation->id, "Error",
			removes ? "the agent file has several databases: --database says of which the users are removed"
				: "the agent file has several databases: --database says of which the roles are taken over");
	else if (database && adopts && database->config->policy.report_only &&
		!json_bool_at(body, "dryRun", false))
		answer(agent, operation->id, "Error",
			removes ? "policy.mode is report in the agent file: nothing is written there, and nobody is removed"
				: "policy.mode is report in the agent file: nothing is written there, and nothing is taken over");
	else if (database)
		ask_database(agent, database, operation);
	else
		answer(agent, operation->id, "Error", "the agent file has no such database");
}

static bool is_plan_at_revision(const struct operation *operation)
{
	return strcmp(operation->kind, "users-plan") == 0 &&
		(json_object_get(operation->body, "revision") || json_object_get(operation->body, "revisions"));
}

/*
 * What the content at a revision would change, of an Application ("diff") or of a database's users ("users-plan"), without a change of
 * what is in force.
 */
static void ask_preview(struct agent *agent, const struct operation *operation)
{
	bool plan = is_plan_at_revision(operation);
	struct database *database = plan ? find_database(agent, operation->target) : NULL;
	struct app *app = database ? database->app : agent_app(agent, operation->target);
	struct sync_request *request = NULL;
	struct error err;

	if (plan && !database)
		answer(agent, operation->id, "Error", "the agent file has no such database");
	else if (!app)
		answer(agent, operation->id, "Error", "there is no such application (any more)");
	else if (!read_sync(operation->body, operation->by, &request, &err))
		answer(agent, operation->id, "Error", err.text);
	else if (!preview_ask(app, operation->id, request, database, &err))
		answer(agent, operation->id, "Failed", err.text);
	else
		answer(agent, operation->id, "Running", "");
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
		.body = request,
		.id = row->id,
	};
	if (strcmp(operation.kind, "diff") == 0 || is_plan_at_revision(&operation))
		ask_preview(agent, &operation);
	else if (is_about_users(operation.kind))
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
	/* An agent that starts knows none of the large answers, so it could not end their keeping. */
	if (!store_operation_forget(agent->store, LIMIT_ANSWER_KEPT, LARGE_ANSWER_GONE, &err))
		log_warning("large answers could not be dropped", "error", err.text, NULL);
}
