#include "agent/users/users_in_force.h"

#include <stdlib.h>
#include <string.h>

#include "agent/users/users_kept.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum { TELL_AFTER = 1000 }; /* milliseconds */

/* ---- taking over ---- */

void users_in_force_recall(struct agent *agent, struct database *database)
{
	database->content = users_kept_load(agent, database->config, &database->namespace);
	database->dirty = true;
	database->recalled = database->content;
	if (database->content)
		log_info("the users in force are known", "database", database->config->name, "commit",
			content_users(database->content, database->config)->commit, NULL);
}

static bool is_synced(const struct app *app, const struct content *content)
{
	char target[TARGET_SIZE];
	content_target(content, target);
	return strcmp(app->synced, target) == 0;
}

static struct content *synced_content(const struct agent *agent, const struct app *app)
{
	bool without_cluster =
		agent->cluster_on && !agent->cluster_joined && app->spec.automated && !agent->cluster;
	if (app_content_is_current(app) && (without_cluster || is_synced(app, app->content)))
		return app->content;
	return app->synced_users && is_synced(app, app->synced_users) ? app->synced_users : NULL;
}

static void replace(struct database *database, struct content *content)
{
	struct content *held = content ? content_hold(content) : NULL;
	content_release(database->content);
	database->content = held;
}

/* What cannot be kept does not come into force: the next process would go back to the one before. */
static void take_over(struct agent *agent, struct database *database, struct content *content)
{
	struct error err = {0};
	bool kept = users_kept_save(agent, database, content, &err);
	if (log_changed(database->kept_slot, kept ? "" : err.text))
		log_error("newer users cannot be kept, so they do not come into force", "database",
			database->config->name, "error", err.text, NULL);
	free(database->not_kept);
	database->not_kept = kept ? NULL : memory_copy(err.text);
	if (kept)
		replace(database, content);
}

/* What lies on the disk came with the same backup: only a server's answer confirms what the store says. */
static bool repositories_have_answered(const struct app *app)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (!app->sources[i].repository->answered)
			return false;
	return true;
}

bool users_in_force_take(struct agent *agent, struct database *database)
{
	struct content *content = database->app ? synced_content(agent, database->app) : NULL;
	/* The same commit was read once more: one of the two is enough. */
	if (content && content == database->app->content && is_synced(database->app, content))
		app_set_synced(database->app, content);
	if (!database->app && agent_knows_applications(agent))
		replace(database, NULL);
	else if (content && content != database->content && content_users(content, database->config))
		take_over(agent, database, content);
	if (content && content == database->content && repositories_have_answered(database->app))
		database->recalled = false;
	return database->content;
}

/* ---- why not the newest ---- */

/* Why the Application has no newer content that could be synced; NULL = it has. */
static const char *no_content(const struct agent *agent, const struct app *app, struct arena *mem)
{
	const struct error *unreadable = app_source_error(app);
	if (app->spec.spec_error_count)
		return arena_printf(mem, "it cannot be used: %s", app->spec.spec_errors[0]);
	if (app->spec.skip_reconcile)
		return "the annotation argocd.argoproj.io/skip-reconcile holds it";
	if (app->broken)
		return users_broken(app, mem);
	if (unreadable)
		return arena_printf(mem, "its repository cannot be read: %s", unreadable->text);
	if (!app_content_is_current(app))
		return "its repository has not answered yet";
	if (agent->cluster_on && *agent->cluster_trouble && !agent->cluster_joined)
		return arena_printf(mem, "it waits for the cluster: %s", agent->cluster_trouble);
	return NULL;
}

/* The first condition that says why nothing is synced. */
static const char *condition_of(const struct app *app)
{
	const json_t *condition;
	size_t i;
	json_array_foreach (json_object_get(app->status, "conditions"), i, condition) {
		const char *type = json_text_at(condition, "type", "");
		if (text_ends(type, "Error") || strcmp(type, "SyncWindowWarning") == 0)
			return json_text_at(condition, "message", type);
	}
	return NULL;
}

static const char *not_synced(const struct app *app, struct arena *mem)
{
	const char *commit = commits_short(app->content->commit, 7, mem);
	const char *condition = condition_of(app), *why = "its sync has not ended yet";
	char target[TARGET_SIZE];

	content_target(app->content, target);
	bool failed = app->last_phase == SYNC_FAILED && strcmp(app->tried, target) == 0;
	if (condition)
		why = condition;
	else if (failed)
		why = arena_printf(mem, "its sync failed: %s",
			json_text_at(app->operation_state, "message", "no reason is known"));
	else if (app->operation)
		why = arena_printf(
			mem, "its sync is under way: %s", json_text_at(app->operation_state, "message", ""));
	else if (!app->spec.automated)
		why = arena_printf(mem, "it is synced by hand: `pgitops app sync %s`", app->spec.name);
	return arena_printf(mem, "commit %s is not synced, %s", commit, why);
}

/* The newest content says the same as what is in force. */
static bool says_the_same(const struct database *database, const struct content *newest)
{
	const struct content_users *now =
		database->content ? content_users(database->content, database->config) : NULL;
	const struct content_users *then = content_users(newest, database->config);
	return now && then && strcmp(now->hash, then->hash) == 0;
}

static const char *reason_of(
	const struct agent *agent, const struct database *database, struct arena *mem, bool *newer)
{
	const char *name = database->config->application;
	const struct app *app = database->app;

	*newer = false;
	if (database->not_kept)
		return arena_printf(mem, "newer ones cannot be kept in the store: %s", database->not_kept);
	if (!app && !agent_knows_applications(agent))
		return arena_printf(mem, "which applications there are is not known%s%s",
			*agent->cluster_trouble ? ": " : " yet", agent->cluster_trouble);
	if (!app)
		return arena_printf(mem,
			"there is no application %s, which the agent file names as that of its users", name);
	const char *why = no_content(agent, app, mem);
	if (!why && (synced_content(agent, app) == app->content || says_the_same(database, app->content)))
		return NULL;
	*newer = !why;
	return arena_printf(mem, "application %s%s: %s", name,
		database->content ? "" : " has no synced commit with them", why ? why : not_synced(app, mem));
}

const char *users_in_force_reason(
	const struct agent *agent, const struct database *database, struct arena *mem, bool *newer)
{
	bool is_newer;
	const char *reason = reason_of(agent, database, mem, &is_newer);
	if (newer)
		*newer = is_newer;
	if (!reason)
		return NULL;
	if (!database->content)
		return arena_printf(mem, "no users are in force: %s", reason);
	return arena_printf(mem, "the users of commit %.7s are in force; %s",
		content_users(database->content, database->config)->commit, reason);
}

/* ---- telling ---- */

/* What the store has of the database, or its name alone. A new reference; NULL = the store could not be asked. */
static json_t *stored_document(struct agent *agent, const struct database_config *config, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_database *items;
	struct error ignored;
	json_t *document = NULL;
	size_t count;

	if (!store_database_list(agent->store, mem, &items, &count, err))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].name, config->name) == 0 &&
			json_read(items[i].document, strlen(items[i].document), &document, &ignored))
			return document;
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "name", config->name, "application",
		config->application, "serverVersion", "", "users", 0, "synced", 0);
}

/* Where no users are in force the database waits for them; else it is as its last pass has found it. */
static bool write_document(
	struct agent *agent, const struct database *database, const char *reason, struct error *err)
{
	CLEANUP(json_done) json_t *document = stored_document(agent, database->config, err);
	if (!document)
		return false;
	if (!database->content) {
		json_object_set_new(document, "status", json_string("Waiting"));
		json_object_set_new(document, "reason", json_text(reason));
	}
	json_object_set_new(document, "pending", json_text(database->content ? reason : NULL));
	if (database->content && !json_object_get(document, "status"))
		return true; /* its first pass will write it */
	CLEANUP(memory_freep) char *text = json_canonical(document);
	const struct store_database row = {database->config->name, text, clock_now()};
	return store_database_set(agent->store, &row, err);
}

/* A pass that runs writes the document, too: the outcome of both is written once it has ended. */
static void tell(struct agent *agent, struct database *database)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	const char *reason = users_in_force_reason(agent, database, mem, NULL);
	int64_t now = clock_steady();
	struct error err;

	if (!database->reason_since || !text_equal(reason, database->reason)) {
		free(database->reason);
		database->reason = memory_copy(reason);
		database->reason_since = now;
		database->told = false;
	}
	if (!reason && !database->content)
		return; /* taken over by the pass that is about to begin */
	bool lasts = !reason || now >= database->reason_since + TELL_AFTER;
	if (database->told || database->running || !lasts)
		return;
	if (!write_document(agent, database, reason, &err)) {
		if (log_changed(database->tell_slot, err.text))
			log_error("the database's state could not be recorded", "database",
				database->config->name, "error", err.text, NULL);
		return;
	}
	database->told = true;
	database->tell_slot[0] = '\0';
	if (log_changed(database->reason_slot, reason ? reason : "") && reason)
		log_warning("users wait", "database", database->config->name, "reason", reason, NULL);
}

void users_in_force_tell(struct agent *agent)
{
	for (size_t i = 0; i < agent->database_count; i++)
		tell(agent, agent->databases[i]);
}
