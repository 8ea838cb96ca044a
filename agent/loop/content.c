#include "agent/loop/content.h"

#include <stdlib.h>
#include <string.h>

#include "agent/users/users_source.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- copying out of the fetch ---- */

static void copy_mistakes(const struct mistakes *from, struct mistakes *to, struct arena *mem)
{
	to->mem = mem;
	for (size_t i = 0; i < from->count; i++)
		mistakes_add(to, from->items[i].file, from->items[i].line, from->items[i].column, "%s",
			from->items[i].text);
	to->dropped += from->dropped;
}

static struct desired *copy_desired(const struct desired *from, struct arena *mem)
{
	struct desired *to = arena_alloc(mem, sizeof(*to));
	to->files = from->files;
	to->objects.count = from->objects.count;
	to->objects.items = arena_array(mem, from->objects.count, sizeof(*to->objects.items));
	for (size_t i = 0; i < from->objects.count; i++) {
		const struct object *object = &from->objects.items[i];
		to->objects.items[i] = *object;
		to->objects.items[i].key = object_key_copy(&object->key, mem);
		to->objects.items[i].version = arena_copy(mem, object->version);
		to->objects.items[i].file = arena_copy(mem, object->file);
		to->objects.items[i].json = arena_copy_n(mem, object->json, object->json_length);
	}
	copy_mistakes(&from->mistakes, &to->mistakes, mem);
	copy_mistakes(&from->warnings, &to->warnings, mem);
	return to;
}

/* ---- users ---- */

/* A users.yaml that cannot be read is a mistake of the path: then neither the cluster nor the database is touched. */
static void check_users(
	const struct agent *agent, const struct app *app, struct desired *desired, struct arena *mem)
{
	for (size_t i = 0; i < agent->config->database_count; i++) {
		const struct database_config *database = &agent->config->databases[i];
		struct users_source text;
		struct users users;
		if (!text_equal(database->application, app->spec.name))
			continue;
		if (users_source_find(desired, database, mem, &text))
			users_read(text.file, text.line, text.text, text.length,
				database->database ? database->database : "", &database->policy, mem, &users,
				&desired->mistakes);
		else
			mistakes_add(&desired->mistakes, app->spec.directory.path, 0, 0,
				"no ConfigMap %s with the key %s: database %s of the agent file takes its users from it",
				database->config_map, database->key, database->name);
	}
}

/* ---- taking over ---- */

static char *join(struct mistakes *mistakes, struct arena *mem)
{
	struct buf text = BUF(64 * 1024);
	mistakes_sort(mistakes);
	for (size_t i = 0; i < mistakes->count; i++)
		buf_printf(&text, "%s%s", i ? "; " : "", mistake_text(&mistakes->items[i], mem));
	if (mistakes->dropped)
		buf_printf(&text, "; and %zu more", mistakes->dropped);
	char *joined = memory_copy(buf_string(&text));
	buf_done(&text);
	return joined;
}

static void set_broken(struct app *app, const char *commit, char *why)
{
	free(app->broken);
	app->broken = why;
	memcpy(app->broken_commit, commit, sizeof(app->broken_commit));
}

/* Warnings of the files, and of objects that stand in two of them (found when the set was completed, after `from_files`). */
static void set_warnings(struct app *app, const struct desired *desired, size_t from_files, struct arena *mem)
{
	struct mistakes files = desired->warnings, repeated = desired->warnings;
	files.count = from_files;
	repeated.items += from_files;
	repeated.count -= from_files;
	if (files.count)
		app->warnings = join(&files, mem);
	if (repeated.count)
		app->repeated = join(&repeated, mem);
}

static void set_good(
	struct app *app, const struct source_result *result, struct desired *desired, struct arena *mem)
{
	free(app->broken);
	free(app->warnings);
	free(app->repeated);
	app->broken = NULL;
	app->broken_commit[0] = '\0';
	app->warnings = NULL;
	app->repeated = NULL;
	app->author = arena_copy(mem, result->author);
	app->message = arena_copy(mem, result->message);
	app->authored = result->author_time;
	memcpy(app->commit, result->commit, sizeof(app->commit));
	arena_free(app->desired_mem);
	app->desired_mem = mem;
	app->desired = desired;
}

void content_take(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);

	if (!content->found) {
		set_broken(app, result->commit,
			memory_printf("path %s does not exist at commit %.12s of %s",
				app->spec.directory.path, result->commit, app->repository->plain));
		arena_free(mem);
		return;
	}
	struct desired *desired = copy_desired(&content->desired, mem);
	size_t from_files = desired->warnings.count;
	if (!desired->mistakes.count)
		desired_complete(desired, app->spec.destination, agent->cluster ? cluster_scope : NULL,
			agent->cluster, mem);
	if (!desired->mistakes.count)
		check_users(agent, app, desired, mem);
	if (desired->mistakes.count) {
		CLEANUP(memory_freep) char *all = join(&desired->mistakes, mem);
		set_broken(app, result->commit,
			memory_printf("commit %.12s cannot be used: %s", result->commit, all));
		arena_free(mem);
		return;
	}
	if (arena_full(mem)) {
		set_broken(app, result->commit,
			memory_printf("commit %.12s cannot be used: its objects need more than %ld MiB of memory",
				result->commit, LIMIT_PASS_MEMORY >> 20));
		arena_free(mem);
		return;
	}
	set_good(app, result, desired, mem);
	set_warnings(app, desired, from_files, mem);
}

void content_take_last_good(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *content)
{
	char *broken = app->broken;
	char commit[sizeof(app->broken_commit)];
	if (app->desired)
		return;
	memcpy(commit, app->broken_commit, sizeof(commit));
	app->broken = NULL;
	content_take(agent, app, result, content);
	free(app->broken);
	app->broken = broken;
	memcpy(app->broken_commit, commit, sizeof(commit));
}
