#include "agent/loop/reconciler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/loop/apps.h"
#include "agent/loop/cluster_state.h"
#include "agent/loop/repositories.h"
#include "agent/loop/repository_turns.h"
#include "agent/loop/join.h"
#include "agent/events/metrics.h"
#include "agent/events/outcome.h"
#include "agent/loop/once.h"
#include "agent/loop/operations.h"
#include "agent/loop/projects.h"
#include "agent/sync/operation.h"
#include "agent/sync/preview.h"
#include "agent/users/users_in_force.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/write_gate.h"

enum {
	LONGEST_NAP = 1000,
	ONCE_LIMIT = 600000,
	SHRINK_AFTER = 2000,
	SHRINK_EVERY = 10000,
	TRIM_EVERY = 60000,
	LOOK_EVERY = 2000
};

/* ---- events ---- */

/* The cluster was away and answers again: what failed meanwhile has waited long enough. */
static void try_again(struct agent *agent)
{
	for (size_t i = 0; i < agent->app_count; i++)
		operation_try_now(agent->apps[i]);
	agent->next_join = 0;
}

static void load_applications(struct agent *agent)
{
	struct error err;
	if (agent->config->applications && !apps_load_folder(agent, &err))
		log_error("applications stay as they were", "error", err.text, NULL);
}

/* Application files are picked up without being told. */
static void look_at_folder(struct agent *agent)
{
	if (clock_steady() < agent->next_look)
		return;
	agent->next_look = clock_steady() + LOOK_EVERY;
	if (apps_folder_changed(agent))
		load_applications(agent);
}

static void reload(struct agent *agent)
{
	log_info("reloading", NULL);
	load_applications(agent);
	for (size_t i = 0; i < agent->repository_count; i++)
		agent->repositories[i]->next_poll = 0;
	for (size_t i = 0; i < agent->database_count; i++)
		agent->databases[i]->dirty = true;
	agent->next_join = 0;
}

/* Repositories that failed are asked again. */
static void credentials_changed(struct agent *agent)
{
	for (size_t i = 0; i < agent->repository_count; i++)
		if (agent->repositories[i]->error.kind != ERROR_NONE)
			agent->repositories[i]->next_poll = 0;
}

static void secrets_changed(struct agent *agent, const char *namespace)
{
	for (size_t i = 0; i < agent->database_count; i++)
		if (!*namespace ||
			passwords_may_be_in(&agent->databases[i]->config->policy,
				agent->databases[i]->namespace, namespace))
			agent->databases[i]->dirty = true;
	/* One that is gone is made again of its SealedSecret, and that is a pass that a quiet poll does not make. */
	for (size_t i = 0; agent->config->sealing_controller && i < agent->app_count; i++)
		agent->apps[i]->dirty = true;
}

/* False when the agent is to stop. */
static bool handle(struct agent *agent, struct event *event)
{
	switch (event->kind) {
	case EVENT_NONE:
	case EVENT_KINDS:
	case EVENT_PROJECT: /* projects_look() takes it over before the next pass */
		return true;
	case EVENT_STOP:
		return false;
	case EVENT_RELOAD:
		reload(agent);
		break;
	case EVENT_LISTED:
		apps_forget_others(agent);
		break;
	case EVENT_APPLICATION:
		apps_collect(agent);
		break;
	case EVENT_OBJECT:
		agent_wake(agent, event->key);
		break;
	case EVENT_RECOVERED:
		try_again(agent);
		break;
	case EVENT_CREDENTIALS:
		credentials_changed(agent);
		break;
	case EVENT_SECRET:
		secrets_changed(agent, event->key);
		break;
	case EVENT_ANNOUNCED:
		repositories_announced(agent, event->key);
		break;
	case EVENT_FETCHED:
		repositories_collect(agent);
		break;
	case EVENT_USERS:
		users_pass_collect(agent);
		break;
	case EVENT_OPERATION:
		operations_take(agent);
		break;
	}
	return true;
}

/* ---- work ---- */

/* Whoever watches the Application object hears of a change; the first status after a start is none. */
static void tell_changes(struct agent *agent, const struct app *app, const json_t *before)
{
	const struct event_subject subject = {.name = app->spec.name,
		.namespace = app->spec.namespace,
		.uid = app->spec.uid,
		.destination = app->spec.destination};
	if (!before || before == app->status)
		return;
	outcome_status(agent->events, &subject, "sync status", json_text_at(before, "sync.status", ""),
		json_text_at(app->status, "sync.status", ""));
	outcome_status(agent->events, &subject, "health status", json_text_at(before, "health.status", ""),
		json_text_at(app->status, "health.status", ""));
}

static void run_passes(struct agent *agent)
{
	for (size_t i = 0; i < agent->app_count; i++) {
		struct app *app = agent->apps[i];
		char before[TARGET_SIZE];
		if (!app_is_due(app)) {
			apps_write_status(agent, app); /* one that could not be written */
			continue;
		}
		memcpy(before, app->synced, sizeof(before));
		CLEANUP(json_done) json_t *status = json_incref(app->status);
		pass_run(agent, app);
		tell_changes(agent, app, status);
		apps_write_status(agent, app);
		for (size_t j = 0; j < agent->database_count; j++)
			if (agent->databases[j]->app == app &&
				(agent->databases[j]->without_users || strcmp(before, app->synced) != 0))
				agent->databases[j]->dirty = true;
	}
}

/* Where the users' Secrets are: the agent file says, else the Application's destination. */
static void learn_namespace(struct database *database)
{
	const char *from_app = database->app ? database->app->spec.destination : NULL;
	const char *where = database->config->users_namespace ? database->config->users_namespace : from_app;

	if (!where || text_equal(database->namespace, where))
		return;
	free(database->namespace);
	database->namespace = memory_copy(where);
	database->followed = 0;
}

/* Neither its Application nor users of it will come of waiting. */
static bool stays_without_users(const struct agent *agent, const struct database *database)
{
	return database->app ? app_is_settled(database->app) : agent_knows_applications(agent);
}

static void run_users(struct agent *agent)
{
	for (size_t i = 0; i < agent->database_count; i++) {
		struct database *database = agent->databases[i];
		learn_namespace(database);
		bool due = database->dirty || users_pass_is_asked(database) ||
			clock_steady() >= database->next_pass;
		if (database->running || !due)
			continue;
		database->without_users = !users_pass_start(agent, database);
		if (database->without_users)
			database->next_pass = clock_steady() + LONGEST_NAP;
		if (!database->running && database->wishes && stays_without_users(agent, database))
			users_pass_refuse(agent, database);
	}
}

/* ---- ready, healthy ---- */

/* Ready once every part has answered or failed once: an Application with a wrong URL must not take page and webhook away. */
static void set_ready(struct agent *agent)
{
	char text[sizeof(agent->not_ready)] = "";
	if (agent->cluster_on && (!agent->cluster_joined || *agent->cluster_trouble))
		snprintf(text, sizeof(text), "waiting for the cluster: %.200s", agent->cluster_trouble);
	else if (*agent->cluster_stale)
		snprintf(text, sizeof(text), "%.250s", agent->cluster_stale);
	for (size_t i = 0; !*text && i < agent->repository_count; i++)
		if (!agent->repositories[i]->answered && !agent->repositories[i]->failures)
			snprintf(text, sizeof(text), "repository %.200s has not answered yet",
				agent->repositories[i]->shown);
	for (size_t i = 0; !*text && i < agent->database_count; i++)
		if (!agent->databases[i]->had_pass && !agent->databases[i]->failures &&
			!(agent->databases[i]->without_users && stays_without_users(agent, agent->databases[i])))
			snprintf(text, sizeof(text), "database %.200s was not reached yet",
				agent->databases[i]->config->name);
	pthread_mutex_lock(&agent->lock);
	if (!*text && *agent->not_ready)
		log_info("ready", NULL);
	memcpy(agent->not_ready, text, sizeof(text));
	pthread_mutex_unlock(&agent->lock);
}

/* ---- the loop ---- */

/* The store's history is bounded: once a minute is often enough for what a minute can add. */
static void trim_store(struct agent *agent)
{
	struct error err;
	if (clock_steady() < agent->next_trim)
		return;
	agent->next_trim = clock_steady() + TRIM_EVERY;
	if (!store_trim(agent->store, &err))
		log_warning("the store's history could not be bounded", "error", err.text, NULL);
}

static int64_t next_wake(const struct agent *agent)
{
	int64_t when = clock_steady() + LONGEST_NAP;
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i]->look_again && agent->apps[i]->look_again < when &&
			!app_waits(agent->apps[i]))
			when = agent->apps[i]->look_again;
	int64_t turn = repository_next_time(agent);
	if (turn < when)
		when = turn;
	for (size_t i = 0; i < agent->database_count; i++)
		if (!agent->databases[i]->running && agent->databases[i]->next_pass < when &&
			agent->databases[i]->namespace)
			when = agent->databases[i]->next_pass;
	return when;
}

static void count_cluster(struct cluster *cluster)
{
	struct cluster_counts counts;
	cluster_count(cluster, &counts);
	metric_set(METRIC_TRACKED, counts.tracked);
	metric_set(METRIC_COLLECTIONS, counts.collections);
	metric_set(METRIC_KUBE_REQUESTS, cluster_requests(cluster));
}

/* Without the lease nothing is begun: it could only fail at its first write. */
static bool may_work(struct agent *agent)
{
	struct error err;
	atomic_store(&agent->heartbeat, clock_steady());
	if (write_gate_pass(&err))
		return true;
	pthread_mutex_lock(&agent->lock);
	snprintf(agent->not_ready, sizeof(agent->not_ready),
		"the lease %.100s/%.100s has ended and cannot be renewed", agent->config->lease.namespace,
		agent->config->lease.name);
	pthread_mutex_unlock(&agent->lock);
	return false;
}

static void turn(struct agent *agent, struct credentials *credentials)
{
	look_at_folder(agent);
	join_try(agent, credentials);
	cluster_state_look(agent);
	projects_look(agent);
	join_follow_users(agent);
	previews_run(agent);
	repositories_ask(agent, credentials);
	run_passes(agent);
	run_users(agent);
	users_in_force_tell(agent);
	trim_store(agent);
	if (agent->cluster && !*agent->cluster_trouble && !*agent->cluster_stale)
		kubernetes_events_flush(agent->events, cluster_kube(agent->cluster));
	if (agent->cluster)
		count_cluster(agent->cluster);
	set_ready(agent);
}

/* Something was done and nothing is being done any more: the memory of the busy time is given back, at most every ten seconds. That a
   repository has answered is nothing yet: what follows from it is (pass.c). */
static void shrink(struct agent *agent, enum event_kind event)
{
	int64_t now = clock_steady();
	if (event != EVENT_NONE && event != EVENT_FETCHED)
		agent->busy_until = now;
	if (agent->busy_until <= agent->shrunk || now < agent->busy_until + SHRINK_AFTER)
		return;
	if (agent->shrunk && now < agent->shrunk + SHRINK_EVERY)
		return;
	agent->shrunk = now;
	memory_give_back();
}

/* Asked at each turn: a second agent may begin on a new folder at any moment. */
static bool has_its_folder(struct agent *agent)
{
	struct error err;
	if (store_is_there(agent->store, &err))
		return true;
	log_error("the agent ends", "error", err.text, NULL);
	agent->lost = true;
	return false;
}

bool reconciler_run(struct agent *agent, struct credentials *credentials)
{
	int64_t limit = clock_steady() + ONCE_LIMIT;
	bool go_on = true;

	while (go_on && has_its_folder(agent)) {
		if (may_work(agent))
			turn(agent, credentials);
		if (agent->once && (once_is_settled(agent) || clock_steady() > limit))
			break;
		struct event event = queue_take(agent->queue, next_wake(agent));
		shrink(agent, event.kind);
		/* Those that wait now; what comes meanwhile has its turn after the passes. */
		for (size_t more = queue_length(agent->queue); event.kind != EVENT_NONE; more--) {
			go_on = handle(agent, &event) && go_on;
			free(event.key);
			if (!more)
				break;
			event = queue_take(agent->queue, 0);
		}
	}
	return !agent->once || once_is_good(agent);
}
