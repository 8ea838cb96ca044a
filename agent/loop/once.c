#include "agent/loop/once.h"

#include <stdio.h>
#include <string.h>

#include "agent/queue.h"
#include "agent/users/users_in_force.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"

/* Without users in force (their Application has no content, or waits for its sync) there is nothing to wait for. */
static bool database_is_settled(const struct database *database)
{
	if (database->running)
		return false;
	if (!database->app || database->without_users)
		return true;
	return !database->dirty && (database->had_pass || database->failures > 0);
}

bool once_is_settled(const struct agent *agent)
{
	if (agent->fetching || queue_length(agent->queue))
		return false;
	for (size_t i = 0; i < agent->app_count; i++)
		if (!app_is_settled(agent->apps[i]))
			return false;
	for (size_t i = 0; i < agent->database_count; i++)
		if (!database_is_settled(agent->databases[i]))
			return false;
	return true;
}

static bool app_is_good(const struct app *app)
{
	return strcmp(app->sync_status, "Synced") == 0;
}

static void tell_app(const struct app *app)
{
	size_t i;
	const json_t *condition;

	say(stderr, "pgitops: application %s is %s", app->spec.name, app->sync_status);
	json_array_foreach (json_object_get(app->status, "conditions"), i, condition)
		say(stderr, ": %s: %s", json_text_at(condition, "type", ""),
			json_text_at(condition, "message", ""));
	fputc('\n', stderr);
}

static bool database_is_good(const struct database *database)
{
	return database->had_pass && !database->failed;
}

/* The reason that the pass has recorded, or why it cannot be read; NULL = none. */
static const char *recorded_reason(const struct agent *agent, const char *name, struct arena *mem)
{
	struct store_database *items;
	struct error err, ignored;
	size_t count;

	if (!store_database_list(agent->store, mem, &items, &count, &err))
		return arena_copy(mem, err.text);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(json_done) json_t *document = NULL;
		if (strcmp(items[i].name, name) == 0 &&
			json_read(items[i].document, strlen(items[i].document), &document, &ignored))
			return arena_copy(mem, json_text_at(document, "reason", ""));
	}
	return NULL;
}

static void tell_database(const struct agent *agent, const struct database *database)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	const struct database_config *config = database->config;
	const char *reason = !database->app || database->without_users
		? users_in_force_reason(agent, database, mem, NULL)
		: recorded_reason(agent, config->name, mem);
	if (!reason || !*reason)
		reason = "not every user is as wanted: see `pgitops user list`";
	say(stderr, "pgitops: database %s: %s\n", config->name, reason);
}

bool once_is_good(const struct agent *agent)
{
	bool good = agent->app_count > 0;

	if (!good)
		say(stderr, "pgitops: there are no applications%s%s\n", *agent->cluster_trouble ? ": " : "",
			agent->cluster_trouble);
	for (size_t i = 0; i < agent->app_count; i++)
		if (!app_is_good(agent->apps[i])) {
			tell_app(agent->apps[i]);
			good = false;
		}
	for (size_t i = 0; i < agent->database_count; i++)
		if (!database_is_good(agent->databases[i])) {
			tell_database(agent, agent->databases[i]);
			good = false;
		}
	return good;
}
