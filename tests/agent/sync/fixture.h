/*
 * fixture.h - one Application with its agent, a pass over it and an operation, without a cluster
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/sync/finish.h"
#include "agent/sync/steps.h"
#include "base/memory.h"

enum { ROOM = 32 }; /* objects and steps of a test */

struct world {
	struct arena *mem;
	struct config config;
	struct agent agent;
	struct app app;
	struct desired desired;
	struct content content;
	struct pass pass;
	struct sync_request request;
	struct sync_operation operation;
	struct object objects[ROOM];
	struct plan_step plan[ROOM];
	struct pass_step steps[ROOM];
};

static inline int open_world(void **state)
{
	struct world *world = memory_alloc(sizeof(*world));
	*world = (struct world){
		.mem = arena_new(64u << 20),
		.config = {.file = "agent.yaml", .namespace = "argocd"},
		.app.spec = {.name = "shop", .destination = "team", .history_limit = 10},
		.content = {.references = 1,
			.commit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
			.source_hash = "one"},
		.request = {.by = "cli", .rollback_id = -1},
	};
	world->app.spec.document = json_pack("{s:{s:{s:s, s:s}}}", "spec", "source", "repoURL",
		"https://git.example.org/shop", "path", "p");
	world->agent.config = &world->config;
	world->desired.objects.items = world->objects;
	world->content.desired = &world->desired;
	world->app.content = &world->content;
	memcpy(world->app.source_hash, "one", sizeof("one"));
	world->operation = (struct sync_operation){.mem = world->mem,
		.request = &world->request,
		.content = &world->content,
		.started = 1700000000000000};
	memcpy(world->operation.commit, world->content.commit, sizeof(world->operation.commit));
	world->app.operation = &world->operation;
	world->pass = (struct pass){.agent = &world->agent,
		.app = &world->app,
		.mem = world->mem,
		.content = &world->content,
		.wanted = &world->desired.objects,
		.steps = world->steps};
	world->pass.plan.steps = world->plan;
	*state = world;
	return 0;
}

static inline int close_world(void **state)
{
	struct world *world = *state;
	results_clear(&world->operation);
	operation_wait_over(&world->operation);
	free(world->operation.saved);
	json_decref(world->app.spec.document);
	json_decref(world->app.history);
	status_free(&world->app);
	arena_free(world->mem);
	free(world);
	return 0;
}

static inline struct object_key key_of(const char *group, const char *kind, const char *name)
{
	return (struct object_key){group, kind, "team", name};
}

/* An object that Git has; with `options.hooks` a hook. */
static inline struct object *wants(struct world *world, struct object_key key, struct object_options options)
{
	struct object *object = &world->objects[world->desired.objects.count++];
	assert_true(world->desired.objects.count <= ROOM);
	*object = (struct object){.key = key,
		.version = "v1",
		.file = "a.yaml",
		.line = 1,
		.json = "{}",
		.json_length = 2,
		.options = options};
	return object;
}

static inline struct pass_step *add_step(struct world *world, struct plan_step step)
{
	size_t at = world->pass.plan.count++;
	assert_true(at < ROOM);
	step.rank = object_kind_rank(step.key.group, step.key.kind);
	world->plan[at] = step;
	world->steps[at] = (struct pass_step){.plan = &world->plan[at], .message = ""};
	return &world->steps[at];
}

/* An ordinary object of Git, and its step, which writes it. */
static inline struct pass_step *applies(struct world *world, struct object_key key, int32_t wave)
{
	const struct object *object = wants(world, key, (struct object_options){.wave = wave});
	struct pass_step *step = add_step(
		world, (struct plan_step){.action = PLAN_CREATE, .object = object, .key = key, .wave = wave});
	step->out_of_sync = true;
	return step;
}

/* The step of an object that is not in Git any more. */
static inline struct pass_step *prunes(struct world *world, struct object_key key, int32_t wave, bool last)
{
	static const struct plan_owned owned = {.version = "v1", .uid = "u"};
	struct plan_live *live = arena_alloc(world->mem, sizeof(*live));
	*live = (struct plan_live){.key = key, .uid = "u", .options = {.wave = wave, .prune_last = last}};
	return add_step(world,
		(struct plan_step){
			.action = PLAN_PRUNE, .live = live, .owned = &owned, .key = key, .wave = wave});
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)
