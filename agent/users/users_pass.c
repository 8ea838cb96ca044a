#include "agent/users/users_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/users/users_source.h"
#include "agent/events/metrics.h"
#include "agent/users/users_record.h"
#include "agent/queue.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

enum {
	DATABASE_DEADLINE = 10000,
	RETRY_FIRST = 2000,
	RETRY_LONGEST = 60000,
	DEFAULT_INTERVAL = 60000,
	THREAD_STACK = 512 * 1024
};

static bool connection_password(const struct users_pass *pass, struct secret *password, struct error *err)
{
	const struct secret_reference *from = &pass->database->config->password;
	if (from->file)
		return secret_read(password, from->file, true, err);
	if (from->name)
		return secrets_value(pass->agent->secrets, pass->database->kube, from->namespace, from->name,
			from->key, password, err);
	return true;
}

/* ---- the pass ---- */

static bool read_users(struct users_pass *pass, struct users *users)
{
	struct mistakes mistakes = {.mem = pass->mem};
	const struct database_config *config = pass->database->config;
	users_read(pass->text->file, pass->text->line, pass->text->text, pass->text->length,
		config->database ? config->database : "", &config->policy, pass->mem, users, &mistakes);
	if (!mistakes.count)
		return true;
	return error_set(&pass->error, ERROR_INVALID, "%s", mistake_text(&mistakes.items[0], pass->mem));
}

static bool connect_database(struct users_pass *pass, struct roles_session **session)
{
	const struct database_config *config = pass->database->config;
	struct roles_target target = {
		.name = config->name,
		.connection = config->connection,
		.deadline = DATABASE_DEADLINE,
	};
	bool ok = connection_password(pass, &target.password, &pass->error) &&
		roles_connect(&target, session, &pass->error);
	secret_done(&target.password);
	return ok;
}

static bool run_session(struct users_pass *pass, struct roles_session *session, const struct users *wanted)
{
	const struct database_config *config = pass->database->config;
	struct roles_present *present;
	struct roles_plan plan = {0};
	const struct roles_passwords passwords = passwords_calls(&pass->passwords);
	const struct roles_plan_input input = {
		.wanted = wanted,
		.commit = pass->commit,
		.confirmed = pass->wish ? pass->wish->confirm : NULL,
		.no_deletions = pass->no_deletions,
		.policy = &config->policy,
		.passwords = &passwords,
		.target = config->name,
	};

	if (!roles_observe(session, wanted, pass->mem, &present, &pass->error))
		return false;
	pass->reached = true;
	roles_plan(present, &input, pass->mem, &plan);
	if (arena_full(pass->mem))
		return error_set(&pass->error, ERROR_INVALID,
			"the roles of this server and the plan for them need more than %ld MiB of memory",
			LIMIT_PASS_MEMORY >> 20);
	if (pass->wish && pass->wish->plan_only) {
		pass->ok = true;
		users_record_answer(pass, &plan, "Succeeded", "");
		return true;
	}
	users_record_drift(pass, &plan);
	bool whole = true;
	if (!config->policy.report_only) {
		struct users_journal journal;
		users_record_intents(pass, &plan, &journal);
		whole = roles_apply(session, &plan, pass->mem, &pass->error);
		users_record_outcomes(pass, &plan, &journal);
	}
	pass->ok = users_record(pass, &plan, roles_server_version(session));
	if (pass->wish)
		users_record_answer(
			pass, &plan, pass->ok ? "Succeeded" : "Failed", whole ? "" : pass->error.text);
	return whole;
}

static void *run(void *context)
{
	struct users_pass *pass = context;
	struct roles_session *session = NULL;
	struct users wanted = {0};

	log_context(pass->application, pass->commit);
	secrets_refresh(pass->agent->secrets);
	bool ok = read_users(pass, &wanted) && connect_database(pass, &session) &&
		run_session(pass, session, &wanted);
	if (session) {
		metric_add(METRIC_SQL_STATEMENTS, roles_statements(session));
		metric_add(METRIC_SQL_WRITES, roles_writes(session));
	}
	roles_close(session);
	passwords_done(&pass->passwords);
	secrets_forget(pass->agent->secrets);
	metric_add(METRIC_USER_PASSES, 1);
	if (!ok) {
		pass->ok = false;
		users_record_failure(pass);
	}
	queue_done(pass->agent->queue, EVENT_USERS, &pass->done);
	return NULL;
}

/* ---- starting and ending it ---- */

static bool has_own_text(const struct users_wish *wish)
{
	return wish && wish->text.mem;
}

/* It looks and writes nothing: what it finds changes nothing that is known of the database, either. */
static bool only_plans(const struct users_wish *wish)
{
	return wish && wish->plan_only;
}

static struct users_pass *pass_new(struct agent *agent, struct database *database, struct arena *mem)
{
	struct users_pass *pass = memory_alloc(sizeof(*pass));
	struct users_wish *wish = database->wishes;
	const struct users_text *text = has_own_text(wish) ? &wish->text : &database->text;
	*pass = (struct users_pass){
		.agent = agent,
		.database = database,
		.mem = mem,
		.text = text,
		.commit = text->commit,
		.application = arena_copy(mem, database->config->application),
		.namespace = arena_copy(mem, database->namespace),
		.no_deletions = database->no_deletions,
		.wish = wish,
	};
	pass->passwords = (struct passwords){
		.mem = mem,
		.config = agent->config,
		.secrets = agent->secrets,
		.store = agent->store,
		.kube = database->kube,
		.database = database->config->name,
		.namespace = pass->namespace,
		.sealed = &text->sealed,
		.foretold = has_own_text(wish),
	};
	if (wish)
		database->wishes = wish->next;
	return pass;
}

void users_text_done(struct users_text *text)
{
	arena_free(text->mem);
	*text = (struct users_text){0};
}

/* The path's SealedSecrets, with the namespace they go to. */
static struct objects copy_sealed(const struct desired *desired, struct arena *mem)
{
	struct objects sealed = {0};
	for (size_t i = 0; i < desired->objects.count; i++) {
		const struct object *object = &desired->objects.items[i];
		if (!sealed_is(&object->key))
			continue;
		sealed.items = arena_grow(mem, sealed.items, sealed.count, sizeof(*sealed.items));
		sealed.items[sealed.count] = *object;
		sealed.items[sealed.count].key = object_key_copy(&object->key, mem);
		sealed.items[sealed.count].version = arena_copy(mem, object->version);
		sealed.items[sealed.count].file = arena_copy(mem, object->file);
		sealed.items[sealed.count++].json = arena_copy_n(mem, object->json, object->json_length);
	}
	return sealed;
}

/* Users follow what was synced; while there is no cluster to sync with (yet), the newest good commit. */
static bool content_is_in_force(const struct agent *agent, const struct app *app)
{
	char target[TARGET_SIZE];
	content_target(app->content, target);
	if (strcmp(app->synced, target) == 0)
		return true;
	return agent->cluster_on && !agent->cluster_joined && app->spec.automated && !agent->cluster;
}

/* The users that this content has for the database. False, and `text` untouched, when it has none. */
static bool read_text(
	const struct content *content, const struct database_config *config, struct users_text *text)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct users_source users;
	char target[TARGET_SIZE];

	if (!users_source_find(content->desired, config, mem, &users)) {
		arena_free(mem);
		return false;
	}
	content_target(content, target);
	*text = (struct users_text){
		.mem = mem,
		.file = arena_copy(mem, users.file),
		.text = users.text,
		.commit = arena_copy(mem, content->commit),
		.target = arena_copy(mem, target),
		.length = users.length,
		.line = users.line,
		.sealed = copy_sealed(content->desired, mem),
	};
	return true;
}

/* Takes the users in force; while newer ones wait for their sync, those of the last one stay. */
static bool take_text(const struct agent *agent, struct database *database)
{
	const struct app *app = database->app;
	struct users_text newer;
	char target[TARGET_SIZE];

	if (!app || !app_content_is_current(app) || !content_is_in_force(agent, app))
		return database->text.text != NULL;
	content_target(app->content, target);
	if (text_equal(database->text.target, target))
		return true;
	if (!read_text(app->content, database->config, &newer))
		return database->text.text != NULL;
	users_text_done(&database->text);
	database->text = newer;
	return true;
}

static void end_pass(struct users_pass *pass);

bool users_pass_start(struct agent *agent, struct database *database)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	pthread_t thread;
	pthread_attr_t attributes;

	if (!has_own_text(database->wishes) && (!database->app || !take_text(agent, database))) {
		arena_free(mem);
		return false;
	}
	if (agent->cluster && !database->kube)
		database->kube = kube_open(&agent->kube);
	struct users_pass *pass = pass_new(agent, database, mem);
	database->running = pass;
	database->dirty = database->dirty && only_plans(pass->wish);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int reason = pthread_create(&thread, &attributes, run, pass);
	pthread_attr_destroy(&attributes);
	if (reason) {
		error_set(&pass->error, ERROR_RETRY, "cannot start a thread: %s", strerror(reason));
		users_record_failure(pass);
		end_pass(pass);
	}
	return true;
}

const char *users_pass_missing(const struct database *database, struct arena *mem)
{
	const char *application = database->config->application;
	if (!database->app)
		return arena_printf(mem, "there is no application %s", application);
	return arena_printf(
		mem, "no users are in force: application %s has no synced commit with them", application);
}

void users_pass_refuse(struct agent *agent, struct database *database)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_CONFIG_BYTES);
	for (struct users_wish **at = &database->wishes; *at;) {
		struct users_wish *wish = *at;
		if (has_own_text(wish)) {
			at = &wish->next;
			continue;
		}
		*at = wish->next;
		agent_answer(agent, wish->operation, "Failed", users_pass_missing(database, mem), "");
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
	}
	database->next_pass = clock_steady() + wait;
}

void users_wish_free(struct users_wish *wish)
{
	if (!wish)
		return;
	users_text_done(&wish->text);
	json_decref(wish->plan);
	free(wish->failure);
	free(wish->confirm);
	free(wish);
}

/* Before those that wait for users to be in force. */
bool users_pass_plan(struct database *database, const struct content *content, int64_t operation)
{
	struct users_wish *wish = memory_alloc(sizeof(*wish)), **at = &database->wishes;

	*wish = (struct users_wish){.operation = operation, .plan_only = true};
	if (!read_text(content, database->config, &wish->text)) {
		users_wish_free(wish);
		return false;
	}
	while (has_own_text(*at))
		at = &(*at)->next;
	wish->next = *at;
	*at = wish;
	return true;
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
	if (!has_own_text(pass->wish)) {
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

	log_context(pass->application, pass->commit);
	if (log_changed(database->slot, pass->error.kind == ERROR_NONE ? "" : pass->error.text))
		log_error("users pass failed", "database", database->config->name, "error", pass->error.text,
			NULL);
	log_context(NULL, NULL);
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
		if (pass && queue_is_done(agent->queue, &pass->done))
			end_pass(pass);
	}
}
