/*
 * in_force_fixture.h - a database whose users come from one Application, and content of it with a list of users
 */
#pragma once

#include "agent/queue.h"
#include "agent/users/users_in_force.h"
#include "agent/users/users_kept.h"
#include "agent/users/users_source.h"
#include "base/memory.h"
#include "tests/store/fixture.h"

#define COMMIT "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define NEXT_COMMIT "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"

struct team {
	struct fixture *store;
	struct config config;
	struct database_config database_config;
	struct agent agent;
	struct app app, *apps[1];
	struct database database, *databases[1];
};

static inline int open_team(void **state)
{
	struct team *team = memory_alloc(sizeof(*team));
	void *store = NULL;
	if (fixture_open(&store) != 0)
		return -1;
	*team = (struct team){
		.store = store,
		.database_config = {.name = "main",
			.application = "team",
			.config_map = "users",
			.key = "users.yaml",
			.database = "app"},
		.app = {.spec = {.name = "team", .automated = true}, .source_hash = "one"},
	};
	team->config.databases = &team->database_config;
	team->config.database_count = 1;
	team->config.applications = "applications";
	team->agent = (struct agent){.config = &team->config,
		.store = team->store->store,
		.queue = queue_new(),
		.apps = team->apps,
		.app_count = 1,
		.databases = team->databases,
		.database_count = 1};
	team->apps[0] = &team->app;
	team->databases[0] = &team->database;
	team->database = (struct database){
		.config = &team->database_config, .app = &team->app, .namespace = memory_copy("people")};
	*state = team;
	return 0;
}

static inline void end_process(struct team *team)
{
	struct database *database = &team->database;
	content_release(database->content);
	free(database->namespace);
	free(database->not_kept);
	free(database->reason);
	*database = (struct database){.config = &team->database_config, .app = &team->app};
	content_release(team->app.content);
	content_release(team->app.synced_users);
	team->app.content = team->app.synced_users = NULL;
}

static inline int close_team(void **state)
{
	struct team *team = *state;
	void *store = team->store;
	end_process(team);
	queue_free(team->agent.queue);
	free(team);
	return fixture_done(&store);
}

static inline void add_object(
	struct content *content, const char *group, const char *kind, const char *name, const char *json)
{
	struct objects *objects = &content->desired->objects;
	objects->items = arena_grow(content->mem, objects->items, objects->count, sizeof(*objects->items));
	struct object *object = &objects->items[objects->count++];
	*object = (struct object){.key = {group, kind, "people", name},
		.file = "p/users.yaml",
		.line = 1,
		.text_line = 6,
		.version = "v1",
		.json = arena_copy(content->mem, json),
		.json_length = strlen(json)};
	digest_sha256_hex(object->json, object->json_length, object->hash);
}

/* The content of a commit that lists this user, with a SealedSecret beside it. */
static inline struct content *content_with(struct team *team, const char *commit, const char *user)
{
	struct arena *mem = arena_new(1u << 22);
	struct content *content = arena_alloc(mem, sizeof(*content));
	struct content_users *users = arena_alloc(mem, sizeof(*users));
	*content = (struct content){.references = 1, .mem = mem, .users = users, .users_count = 1};
	snprintf(content->commit, sizeof(content->commit), "%s", commit);
	memcpy(content->source_hash, team->app.source_hash, sizeof(content->source_hash));
	content->desired = arena_alloc(mem, sizeof(*content->desired));
	struct mistakes *mistakes = &content->desired->mistakes;
	mistakes->mem = mem;
	add_object(content, "", "ConfigMap", "users",
		arena_printf(mem, "{\"data\":{\"users.yaml\":\"users:\\n- username: %s\\n\"}}", user));
	add_object(content, "bitnami.com", "SealedSecret", "user-ada-secret",
		"{\"spec\":{\"encryptedData\":{\"password\":\"AgA=\"}}}");
	*users = (struct content_users){.database = &team->database_config};
	snprintf(users->commit, sizeof(users->commit), "%s", commit);
	assert_true(users_source_read(content->desired, &team->database_config, mem, &users->users, mistakes));
	assert_int_equal(mistakes->count, 0);
	users_source_hash(&team->config, content->desired, users);
	return content;
}

static inline const char *user_in_force(const struct team *team)
{
	return content_users(team->database.content, &team->database_config)->users.items[0].name;
}

#define team_test(function) cmocka_unit_test_setup_teardown(function, open_team, close_team)
