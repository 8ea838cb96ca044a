#include "agent/loop/content.h"

#include <stdlib.h>
#include <string.h>

#include "agent/loop/apps.h"
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
	to->rendered = from->rendered;
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

/* Once for a content, however many passes go over them. A users.yaml that cannot be read is a mistake of the path: then neither the
   cluster nor the database is touched. */
static void read_users(const struct agent *agent, const struct app *app, struct content *made)
{
	struct mistakes *mistakes = &made->desired->mistakes;
	for (size_t i = 0; i < agent->config->database_count; i++) {
		const struct database_config *database = &agent->config->databases[i];
		struct content_users found = {.database = database};
		if (!text_equal(database->application, app->spec.name))
			continue;
		if (!users_source_read(made->desired, database, made->mem, &found.users, mistakes))
			mistakes_add(mistakes, app->spec.directory.path, 0, 0,
				"no ConfigMap %s with the key %s: database %s of the agent file takes its users from it",
				database->config_map, database->key, database->name);
		made->users = arena_grow(made->mem, made->users, made->users_count, sizeof(*made->users));
		made->users[made->users_count++] = found;
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

static const char *joined(struct mistakes *mistakes, struct arena *mem)
{
	if (!mistakes->count)
		return NULL;
	CLEANUP(memory_freep) char *text = join(mistakes, mem);
	return arena_copy(mem, text);
}

/* Warnings of the files, and of objects that stand in two of them (found when the set was completed, after `from_files`). */
static void set_warnings(struct content *content, size_t from_files)
{
	const struct desired *desired = content->desired;
	struct mistakes files = desired->warnings, repeated = desired->warnings;
	files.count = from_files;
	repeated.items += from_files;
	repeated.count -= from_files;
	content->warnings = joined(&files, content->mem);
	content->repeated = joined(&repeated, content->mem);
}

void content_find_definitions(struct content *made)
{
	const struct objects *objects = &made->desired->objects;
	for (size_t i = 0; i < objects->count; i++) {
		struct object_key defined;
		if (!desired_defines(&objects->items[i], made->mem, &defined))
			continue;
		made->definitions = arena_grow(
			made->mem, made->definitions, made->definition_count, sizeof(*made->definitions));
		made->definitions[made->definition_count++] = defined;
	}
}

/* Why it cannot be used, or NULL: then `made` is complete. */
static char *complete(struct agent *agent, const struct app *app, struct content *made)
{
	struct desired *desired = made->desired;
	size_t from_files = desired->warnings.count;
	if (!desired->mistakes.count)
		desired_complete(desired, app->spec.destination, agent->cluster ? cluster_scope : NULL,
			agent->cluster, made->mem);
	if (!desired->mistakes.count)
		read_users(agent, app, made);
	if (arena_full(made->mem))
		mistakes_add(&desired->mistakes, app->spec.directory.path, 0, 0,
			"the manifests of this path need more than %ld MiB of memory", LIMIT_PASS_MEMORY >> 20);
	if (!desired->mistakes.count) {
		set_warnings(made, from_files);
		content_find_definitions(made);
		return NULL;
	}
	CLEANUP(memory_freep) char *all = join(&desired->mistakes, made->mem);
	return memory_printf("commit %.12s cannot be used: %s", made->commit, all);
}

/* The content, or NULL with the reason, which the caller frees. */
static struct content *content_make(struct agent *agent, const struct app *app,
	const struct source_result *result, const struct source_content *from, char **why)
{
	if (!from->found) {
		*why = memory_printf("path %s does not exist at commit %.12s of %s", app->spec.directory.path,
			result->commit, app->repository ? app->repository->shown : app->spec.repo_url);
		return NULL;
	}
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct content *made = arena_alloc(mem, sizeof(*made));
	*made = (struct content){
		.references = 1,
		.mem = mem,
		.desired = copy_desired(&from->desired, mem),
		.author = arena_copy(mem, result->author),
		.message = arena_copy(mem, result->message),
	};
	memcpy(made->commit, result->commit, sizeof(made->commit));
	memcpy(made->source_hash, app->source_hash, sizeof(made->source_hash));
	*why = complete(agent, app, made);
	if (!*why)
		return made;
	content_release(made);
	return NULL;
}

void content_take(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *from)
{
	char *why = NULL;
	struct content *made = content_make(agent, app, result, from, &why);
	if (!made) {
		set_broken(app, result->commit, why);
		return;
	}
	free(app->broken);
	app->broken = NULL;
	app->broken_commit[0] = '\0';
	content_release(app->content);
	app->content = made;
	memcpy(app->commit, made->commit, sizeof(app->commit));
}

void content_take_last_good(struct agent *agent, struct app *app, const struct source_result *result,
	const struct source_content *from)
{
	char *broken = app->broken;
	char commit[sizeof(app->broken_commit)];
	if (app->content)
		return;
	memcpy(commit, app->broken_commit, sizeof(commit));
	app->broken = NULL;
	content_take(agent, app, result, from);
	free(app->broken);
	app->broken = broken;
	memcpy(app->broken_commit, commit, sizeof(commit));
}

void content_take_lookup(struct agent *agent, struct app *app, struct lookup *lookup,
	const struct source_result *result, const struct source_content *from)
{
	lookup->answered = true;
	lookup->content = content_make(agent, app, result, from, &lookup->error);
	/* What was read from another path is no sync of the Application's own. */
	if (lookup->content && lookup->source)
		apps_source_hash(app, lookup->source, lookup->content->source_hash);
}
