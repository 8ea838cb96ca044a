#include "agent/users/users_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events/metrics.h"
#include "agent/users/database_target.h"
#include "agent/users/users_events.h"
#include "agent/users/users_export.h"
#include "agent/users/users_access.h"
#include "agent/users/users_in_force.h"
#include "agent/users/users_ownership.h"
#include "agent/users/users_record.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/roles/privileges.h"

enum {
	RETRY_FIRST = 2000,
	RETRY_LONGEST = 60000,
	DEFAULT_INTERVAL = 60000,
	MILLISECONDS = 1000,
	THREAD_STACK = 512 * 1024,
	REASON_BYTES = 400 /* of why the newest commit is broken: the Application's condition has all of it */
};

/* ---- the pass ---- */

static bool connect_database(struct users_pass *pass, struct session **session)
{
	struct session_target target;
	bool ok = database_target(pass->database->config, pass->agent->secrets, pass->database->kube,
		pass->mem, &target, &pass->claims, &pass->error);
	target.plain = pass->database->plain;
	ok = ok && session_connect(&target, session, &pass->error);
	if (ok)
		pass->database->plain = session_is_plain(*session);
	secret_done(&target.password);
	return ok;
}

static bool plan_privileges(struct users_pass *pass, struct session *session, const struct users *wanted,
	struct roles_plan *plan, struct grants_plan *grants)
{
	struct grants_wanted described;
	struct grants_present *present;
	privileges_wanted(plan, wanted, pass->mem, &described);
	if (!described.role_count && !described.leaving_count)
		return true;
	if (!grants_observe(session, &described, pass->mem, &present, &pass->error))
		return false;
	grants_plan(present, &described, pass->mem, grants);
	privileges_join(plan, grants, pass->mem);
	return true;
}

/* Nothing is done that could not be written down before. Roles first: the privileges are for them. */
static bool apply_plan(
	struct users_pass *pass, struct session *session, struct roles_plan *plan, struct grants_plan *grants)
{
	struct users_journal journal;
	pass->unwritten = !users_record_intents(pass, plan, &journal, &pass->error);
	if (pass->unwritten)
		return false;
	users_record_leaving(pass, plan);
	bool whole = roles_apply(session, plan, pass->mem, &pass->error) &&
		grants_apply(session, grants, pass->mem, &pass->error);
	pass->moved = session_is_stopped(session, &pass->error);
	privileges_settle(plan, pass->mem);
	users_record_outcomes(pass, plan, &journal);
	return whole && !pass->moved;
}

/* In a pass that wrote nothing, too, for as long as it is so. */
static bool tell_unconfirmed(struct users_pass *pass, struct session *session, struct roles_plan *plan)
{
	const char *why;
	if (!standbys_confirm(session, pass->database->memory.unconfirmed, pass->mem, &why, &pass->error))
		return false;
	if (!why)
		return true;
	plan->warnings = arena_grow(pass->mem, plan->warnings, plan->warning_count, sizeof(*plan->warnings));
	plan->warnings[plan->warning_count++] = why;
	return true;
}

static bool answer_access(struct users_pass *pass, struct session *session)
{
	pass->ok = users_access_answer(pass, session, &pass->wish->answer, &pass->error);
	return pass->ok;
}

/* Where verifiers cannot be read, and for the users in force: of others the Secrets are not there yet. */
static void try_logins(struct users_pass *pass, struct session *session)
{
	struct passwords *passwords = &pass->passwords;
	if (!passwords->policy->password_login || !session_is_plain(session) || passwords->foretold)
		return;
	passwords->session = session;
	password_looks_begin(passwords->looks, clock_steady());
}

static bool run_session(struct users_pass *pass, struct session *session)
{
	const struct database_config *config = pass->database->config;
	const struct users *wanted = pass->content ? &content_users(pass->content, config)->users : NULL;
	struct roles_present *present;
	struct roles_plan plan = {0};
	struct grants_plan grants = {0};
	try_logins(pass, session);
	const struct roles_passwords passwords = passwords_calls(&pass->passwords);
	struct roles_plan_input input = {
		.wanted = wanted,
		.commit = pass->commit,
		.confirmed = pass->wish ? pass->wish->confirm : NULL,
		.no_deletions = pass->no_deletions,
		.no_deletions_why = pass->no_deletions_why,
		.policy = &config->policy,
		.passwords = &passwords,
		.target = config->name,
		.claims = &pass->claims,
	};

	if (pass->wish && pass->wish->exports)
		return users_export(pass, session);
	users_ownership_input(pass, &input);
	if (!roles_observe(session, &input, pass->mem, &present, &pass->error))
		return false;
	pass->reached = true;
	roles_plan(present, &input, pass->mem, &plan);
	pass->wake = plan.wake * MILLISECONDS;
	if (!plan_privileges(pass, session, wanted, &plan, &grants))
		return false;
	if (arena_full(pass->mem))
		return error_set(&pass->error, ERROR_INVALID,
			"the roles of this server and the plan for them need more than %ld MiB of memory",
			LIMIT_PASS_MEMORY >> 20);
	if (pass->wish && pass->wish->plan_only) {
		pass->ok = true;
		users_record_answer(pass, &plan, plan.not_adopted ? "Failed" : "Succeeded",
			plan.not_adopted ? plan.not_adopted : "");
		return true;
	}
	if (!users_record_known(pass, &plan, &pass->error))
		return false;
	users_record_drift(pass, &plan);
	bool whole = config->policy.report_only || apply_plan(pass, session, &plan, &grants);
	users_events_outcomes(pass, &plan);
	if (pass->unwritten)
		return false;
	whole = whole && tell_unconfirmed(pass, session, &plan);
	pass->ok = users_record(pass, &plan, session_server_version(session));
	if (pass->wish) {
		bool good = pass->ok;
		const char *said = users_ownership_answer(pass, &plan, &good);
		users_record_answer(
			pass, &plan, good ? "Succeeded" : "Failed", whole ? said : pass->error.text);
	}
	return whole;
}

static void *run(void *context)
{
	struct users_pass *pass = context;
	struct session *session = NULL;

	log_context(pass->application, pass->commit);
	secrets_refresh(pass->agent->secrets);
	bool asked = pass->wish && pass->wish->access;
	bool ok = connect_database(pass, &session) &&
		(asked ? answer_access(pass, session) : run_session(pass, session));
	if (session) {
		metric_add(METRIC_SQL_STATEMENTS, session_statements(session));
		metric_add(METRIC_SQL_WRITES, session_writes(session));
	}
	session_close(session);
	passwords_done(&pass->passwords);
	secrets_forget(pass->agent->secrets);
	if (!asked)
		metric_add(METRIC_USER_PASSES, 1);
	if (!ok) {
		pass->ok = false;
		users_record_failure(pass);
	}
	queue_done(pass->agent->queue, EVENT_USERS, &pass->done);
	return NULL;
}

/* ---- starting and ending it ---- */

static bool has_own_content(const struct users_wish *wish)
{
	return wish && wish->content;
}

/* It can be done whatever users are in force, and where none are. */
static bool stands_alone(const struct users_wish *wish)
{
	return wish && (wish->content || wish->exports || wish->access);
}

/* What somebody asks for goes on the newest list, so it waits until the repository has answered and what follows from it is done. */
static bool waits(const struct database *database, const struct users_wish *wish)
{
	const struct app *app = database->app;
	if (!app || clock_steady() >= wish->until)
		return false;
	return app->refresh == REFRESH_ASKED || !app_is_settled(app);
}

/* The first that can be done now, or NULL. */
static struct users_wish **next_wish(struct users_wish **first, const struct database *database)
{
	while (*first && waits(database, *first))
		first = &(*first)->next;
	return first;
}

static bool is_access(const struct users_wish *wish)
{
	return wish && wish->access;
}

bool users_pass_is_asked(const struct database *database)
{
	struct users_wish *first = database->wishes;
	return *next_wish(&first, database);
}

/* It looks and writes nothing: what it finds changes nothing that is known of the database, either. */
static bool only_plans(const struct users_wish *wish)
{
	return wish && wish->plan_only;
}

const char *users_broken(const struct app *app, struct arena *mem)
{
	size_t fits = app->broken ? text_fit(app->broken, REASON_BYTES) : 0;
	if (!app->broken || !app->broken[fits])
		return app->broken;
	return arena_printf(
		mem, "%.*s ... (all of it: `pgitops app get %s`)", (int)fits, app->broken, app->spec.name);
}

/* Nobody is removed by the last good commit while the newest one is broken: it may be the one that takes a removal back. */
static const char *newest_is_broken(const struct database *database, struct arena *mem)
{
	const char *broken = database->app ? users_broken(database->app, mem) : NULL;
	return broken ? arena_printf(mem, "as the newest commit cannot be used: %s", broken) : NULL;
}

static struct users_pass *pass_new(struct agent *agent, struct database *database, struct arena *mem)
{
	struct users_pass *pass = memory_alloc(sizeof(*pass));
	struct users_wish **at = next_wish(&database->wishes, database), *wish = *at;
	const struct content *content = has_own_content(wish) ? wish->content : database->content;
	const struct content_users *users = content ? content_users(content, database->config) : NULL;
	*pass = (struct users_pass){
		.agent = agent,
		.database = database,
		.mem = mem,
		.content = content,
		.commit = users ? users->commit : "",
		.list = users ? users->hash : "",
		.application = arena_copy(mem, database->config->application),
		.namespace = arena_copy(mem, database->namespace),
		.no_deletions = database->no_deletions || database->recalled,
		.wish = wish,
	};
	if (!stands_alone(wish))
		pass->no_deletions_why = newest_is_broken(database, mem);
	pass->no_deletions |= pass->no_deletions_why != NULL;
	pass->passwords = (struct passwords){
		.mem = mem,
		.config = agent->config,
		.secrets = agent->secrets,
		.store = agent->store,
		.memory = &database->memory,
		.kube = database->kube,
		.database = database->config->name,
		.namespace = pass->namespace,
		.policy = &database->config->policy,
		.objects = content ? &content->desired->objects : NULL,
		.foretold = has_own_content(wish),
		.looks = &database->looks,
		.asked = wish ? wish->check : NULL,
		.writes = !only_plans(wish) && !database->config->policy.report_only,
	};
	if (!stands_alone(wish) || is_access(wish))
		pass->pending = users_in_force_reason(agent, database, mem, &pass->newer);
	if (wish)
		*at = wish->next;
	return pass;
}

static void end_pass(struct users_pass *pass);

bool users_pass_start(struct agent *agent, struct database *database)
{
	pthread_attr_t attributes;

	if (!stands_alone(*next_wish(&database->wishes, database)) &&
		(!database->namespace || !users_in_force_take(agent, database)))
		return false;
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	if (agent->cluster && !database->kube)
		database->kube = kube_open(&agent->kube);
	struct users_pass *pass = pass_new(agent, database, mem);
	database->running = pass;
	database->dirty = database->dirty && only_plans(pass->wish);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	int reason = pthread_create(&pass->thread, &attributes, run, pass);
	pthread_attr_destroy(&attributes);
	if (reason) {
		error_set(&pass->error, ERROR_RETRY, "cannot start a thread: %s", strerror(reason));
		users_record_failure(pass);
		end_pass(pass);
	}
	return true;
}

void users_pass_refuse(struct agent *agent, struct database *database)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	for (struct users_wish **at = &database->wishes; *at;) {
		struct users_wish *wish = *at;
		if (stands_alone(wish)) {
			at = &wish->next;
			continue;
		}
		*at = wish->next;
		const char *reason = users_in_force_reason(agent, database, mem, NULL);
		agent_answer(agent, wish->operation, "Failed", reason ? reason : "try again", "");
		users_wish_free(wish);
	}
}

static int64_t interval(const struct agent *agent)
{
	return agent->config->poll ? agent->config->poll : DEFAULT_INTERVAL;
}

static void schedule(struct users_pass *pass)
{
	struct database *database = pass->database;
	int64_t wait = interval(pass->agent);
	if (pass->error.kind != ERROR_NONE) {
		int64_t backoff = RETRY_FIRST << (database->failures < 5 ? database->failures : 5);
		database->failures++;
		if (backoff > RETRY_LONGEST)
			backoff = RETRY_LONGEST;
		wait = backoff < wait ? backoff : wait;
	} else {
		database->failures = 0;
		if (pass->wake && pass->wake < wait)
			wait = pass->wake;
	}
	database->next_pass = clock_steady() + wait;
}

void users_wish_free(struct users_wish *wish)
{
	if (!wish)
		return;
	content_release(wish->content);
	json_decref(wish->plan);
	json_decref(wish->adopt);
	json_decref(wish->now);
	json_decref(wish->check);
	json_decref(wish->access);
	free(wish->answer);
	free(wish->take_over);
	free(wish->failure);
	free(wish->confirm);
	free(wish);
}

/* Before those that wait for users to be in force. */
void users_pass_plan(struct database *database, struct content *content, int64_t operation)
{
	struct users_wish *wish = memory_alloc(sizeof(*wish)), **at = &database->wishes;

	while (has_own_content(*at))
		at = &(*at)->next;
	*wish = (struct users_wish){
		.next = *at, .operation = operation, .plan_only = true, .content = content_hold(content)};
	*at = wish;
}

struct users_wish *users_pass_planned(struct database *database, int64_t operation)
{
	struct users_wish **at = &database->planned;
	while (*at && (*at)->operation != operation)
		at = &(*at)->next;
	struct users_wish *found = *at;
	if (found)
		*at = found->next;
	return found;
}

/* What it found goes to whoever asked. */
static void end_wish(struct users_pass *pass)
{
	struct database *database = pass->database;
	if (is_access(pass->wish) && pass->wish->answer)
		agent_answer_large(pass->agent, pass->wish->operation, "", pass->wish->answer);
	if (!has_own_content(pass->wish)) {
		users_wish_free(pass->wish);
		return;
	}
	if (!pass->wish->plan && !pass->wish->failure)
		pass->wish->failure = memory_copy(pass->error.text);
	pass->wish->next = database->planned;
	database->planned = pass->wish;
}

/* What it found says something about the database from now on. */
static void take_outcome(struct users_pass *pass)
{
	struct database *database = pass->database;

	database->told = false; /* it has written the document */
	log_context(pass->application, pass->commit);
	if (log_changed(database->slot, pass->error.kind == ERROR_NONE ? "" : pass->error.text))
		log_error("users pass failed", "database", database->config->name, "error", pass->error.text,
			NULL);
	log_context(NULL, NULL);
	users_events_tell(pass);
	database->failed = !pass->ok;
	if (pass->error.kind == ERROR_NONE) {
		database->had_pass = true;
		database->no_deletions = false;
	}
	schedule(pass);
}

/* Takes the result over and frees it. */
static void end_pass(struct users_pass *pass)
{
	pass->database->running = NULL;
	if (!only_plans(pass->wish))
		take_outcome(pass);
	end_wish(pass);
	arena_free(pass->mem);
	free(pass);
}

void users_pass_collect(struct agent *agent)
{
	for (size_t i = 0; i < agent->database_count; i++) {
		struct users_pass *pass = agent->databases[i]->running;
		if (!pass || !queue_is_done(agent->queue, &pass->done))
			continue;
		pthread_join(pass->thread, NULL);
		end_pass(pass);
	}
}
