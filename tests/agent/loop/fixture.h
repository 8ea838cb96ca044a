/*
 * fixture.h - an agent with one Application, and answers of its repository made of the text of one file
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/loop/apps.h"
#include "agent/loop/content.h"
#include "base/memory.h"
#include "reconcile/manifest/manifest.h"

#define COMMIT "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
#define NEXT_COMMIT "2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d1a"

struct world {
	struct arena *mem;
	struct config config;
	struct agent agent;
	struct app app, *apps[1];
	struct application_source specs[2];
	struct repository repositories[2];
};

static inline int open_world(void **state)
{
	struct world *world = memory_alloc(sizeof(*world));
	*world = (struct world){
		.mem = arena_new(64u << 20),
		.config = {.file = "agent.yaml", .state = "/nowhere"},
		.app = {.spec = {.name = "shop", .destination = "team", .source_count = 1},
			.source_hash = "one",
			.source_count = 1},
		.specs = {{.repo_url = "https://git.example.org/shop",
				  .revision = "",
				  .tag_prefix = "",
				  .ref = "",
				  .directory.path = "p"},
			{.repo_url = "https://git.example.org/base",
				.revision = "v1",
				.tag_prefix = "",
				.ref = "",
				.directory.path = "p"}},
	};
	world->app.spec.sources = world->specs;
	world->app.sources = memory_alloc(2 * sizeof(*world->app.sources));
	for (size_t i = 0; i < 2; i++)
		world->app.sources[i].repository = &world->repositories[i];
	world->apps[0] = &world->app;
	world->agent =
		(struct agent){.config = &world->config, .apps = world->apps, .app_count = 1, .stop = -1};
	*state = world;
	return 0;
}

static inline int close_world(void **state)
{
	struct world *world = *state;
	while (world->app.lookups)
		lookup_drop(&world->app, world->app.lookups);
	content_release(world->app.content);
	content_release(world->app.synced_users);
	content_forget_parts(&world->app);
	free(world->app.broken);
	json_decref(world->app.spec.document);
	arena_free(world->mem);
	free(world);
	return 0;
}

/* What the path holds at the commit; `text` NULL = the path is not there. In `mem`. */
static inline struct source_result answer_of(
	const char *commit, const char *text, struct arena *mem, struct source_content *content)
{
	struct source_result result = {.author = "Ada <ada@example.org>",
		.message = "a change",
		.author_time = 5,
		.contents = content,
		.content_count = 1};
	memcpy(result.commit, commit, sizeof(result.commit));
	*content = (struct source_content){.application = "shop", .found = text != NULL};
	content->desired.mistakes.mem = content->desired.warnings.mem = mem;
	if (text)
		manifest_read("p/a.yaml", text, strlen(text), mem, &content->desired);
	return result;
}

/* The answer for one source of this Application; its memory goes at once, as that of a fetch does. */
static inline void takes_of(struct world *world, size_t source, const char *commit, const char *text)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(1u << 20);
	struct source_content content;
	const struct source_result result = answer_of(commit, text, mem, &content);
	content_take(&world->app, source, &result, &content);
	content_unite(&world->agent, &world->app);
}

/* For its only one. */
static inline void takes(struct world *world, const char *commit, const char *text)
{
	takes_of(world, 0, commit, text);
}

/* From here on it has two. */
static inline void has_two_sources(struct world *world)
{
	world->app.source_count = world->app.spec.source_count = 2;
	world->app.spec.sources_listed = true;
}

static inline const char *config_map(struct world *world, const char *name)
{
	return arena_printf(
		world->mem, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: v}\n", name);
}

#define world_test(function) cmocka_unit_test_setup_teardown(function, open_world, close_world)
