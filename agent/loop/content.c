#include "agent/loop/content.h"

#include <stdlib.h>
#include <string.h>

#include "agent/loop/part.h"
#include "agent/users/users_source.h"
#include "base/budget.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* What is said of the whole is said of this place. */
static const char *place_of(const struct app *app)
{
	return app->spec.source_count == 1 ? app->spec.sources[0].directory.path : "spec.sources";
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
			mistakes_add(mistakes, place_of(app), 0, 0,
				"no ConfigMap %s with the key %s: database %s of the agent file takes its users from it",
				database->config_map, database->key, database->name);
		commits_at(made->commit, users_source_of(made->desired, database), found.commit);
		users_source_hash(agent->config, made->desired, &found);
		made->users = arena_grow(made->mem, made->users, made->users_count, sizeof(*made->users));
		made->users[made->users_count++] = found;
	}
}

/* ---- completing ---- */

static const char *joined(struct mistakes *mistakes, struct arena *mem)
{
	if (!mistakes->count)
		return NULL;
	CLEANUP(memory_freep) char *text = part_join_mistakes(mistakes, mem);
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
		mistakes_add(&desired->mistakes, place_of(app), 0, 0,
			"the manifests of this path need more than %ld MiB of memory", LIMIT_PASS_MEMORY >> 20);
	if (!desired->mistakes.count) {
		set_warnings(made, from_files);
		content_find_definitions(made);
		return NULL;
	}
	CLEANUP(memory_freep) char *all = part_join_mistakes(&desired->mistakes, made->mem);
	return memory_printf("commit %s cannot be used: %s", commits_short(made->commit, 12, made->mem), all);
}

/* ---- uniting ---- */

/* One source alone: its part becomes the content. */
static struct content *content_of_part(struct part *part)
{
	struct content *content = arena_alloc(part->mem, sizeof(*content));
	*content = (struct content){.mem = part->mem, .desired = part->desired};
	return content;
}

static void append_objects(struct desired *to, const struct desired *from)
{
	if (from->objects.count)
		memcpy(&to->objects.items[to->objects.count], from->objects.items,
			from->objects.count * sizeof(*from->objects.items));
	to->objects.count += from->objects.count;
	to->files += from->files;
	part_copy_mistakes(&from->warnings, &to->warnings);
}

/* All objects in the order of the sources, so that the later one wins where two have the same (argocd.md 2.6). Their texts stay in the
   parts, which the content holds. */
static struct content *content_of_parts(struct part *const *parts, size_t count)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct content *content = arena_alloc(mem, sizeof(*content));
	struct desired *desired = arena_alloc(mem, sizeof(*desired));
	size_t objects = 0;

	*content = (struct content){.mem = mem, .part_count = count, .desired = desired};
	content->parts = arena_array(mem, count, sizeof(struct part *));
	for (size_t i = 0; i < count; i++) {
		content->parts[i] = part_hold(parts[i]);
		objects += parts[i]->desired->objects.count;
	}
	desired->mistakes.mem = desired->warnings.mem = mem;
	desired->objects.items = arena_array(mem, objects, sizeof(*desired->objects.items));
	for (size_t i = 0; i < count; i++)
		append_objects(desired, parts[i]->desired);
	for (size_t i = 0; i < desired->objects.count; i++)
		desired->bytes += desired->objects.items[i].json_length;
	if (desired->bytes > LIMIT_PATH_BYTES)
		mistakes_add(&desired->mistakes, "spec.sources", 0, 0,
			"the manifests of all sources are more than %ld MiB: make Applications of them",
			LIMIT_PATH_BYTES >> 20);
	return content;
}

/* Of all Applications together: none may take the memory of the others, nor all of them the agent's. */
static char *too_much(const struct agent *agent, const struct app *app, const struct content *made)
{
	const struct desired *wanted = made->desired;
	size_t objects = wanted->objects.count, bytes = wanted->bytes;
	for (size_t i = 0; i < agent->app_count; i++)
		if (agent->apps[i] != app && agent->apps[i]->content) {
			objects += agent->apps[i]->content->desired->objects.count;
			bytes += agent->apps[i]->content->desired->bytes;
		}
	if (budget_fits(objects, bytes))
		return NULL;
	return memory_printf(
		"its %zu objects, and those of the other Applications, are %zu with %zu KiB: more than the agent's "
		"memory is for (%zu MiB in its memory group); give it more (resources.limits.memory)",
		wanted->objects.count, objects, bytes >> 10, budget_group() >> 20);
}

/* Of the parts, one of each source; a single one is given up to it. NULL with the reason, which the caller frees. */
static struct content *content_make(
	struct agent *agent, const struct app *app, struct part *const *parts, size_t count, char **why)
{
	const struct part *newest = parts[0];
	struct content *made = count == 1 ? content_of_part(parts[0]) : content_of_parts(parts, count);
	bool fits = true;

	made->references = 1;
	for (size_t i = 0; i < count; i++) {
		fits = fits && commits_add(made->commit, parts[i]->commit);
		newest = parts[i]->author_time > newest->author_time ? parts[i] : newest;
	}
	made->author = arena_copy(made->mem, newest->author);
	made->message = arena_copy(made->mem, newest->message);
	memcpy(made->source_hash, app->source_hash, sizeof(made->source_hash));
	*why = fits ? complete(agent, app, made) : memory_copy("it has too many sources");
	if (!*why)
		*why = too_much(agent, app, made);
	if (!*why)
		return made;
	content_release(made);
	return NULL;
}

static void set_content(struct app *app, struct content *content)
{
	content_release(app->content);
	app->content = content;
	memcpy(app->commit, content->commit, sizeof(app->commit));
}

void content_forget_parts(struct app *app)
{
	for (size_t i = 0; i < app->source_count; i++) {
		part_release(app->sources[i].part);
		free(app->sources[i].broken);
	}
	free(app->sources);
	app->sources = NULL;
	app->source_count = 0;
	app->parts_changed = false;
}

/* With a warning two objects may have one key, of which only one was kept; with definitions, or kinds that nobody knew, other objects'
   scopes were a matter of these. */
const char *content_base(const struct app *app)
{
	const struct content *content = app->content;
	bool simple = app->source_count == 1 && app->sources[0].read && app_content_is_current(app) &&
		!content->part_count && !content->warnings && !content->repeated &&
		!content->definition_count && !content->desired->guessed &&
		content->desired->rendered == RENDER_NONE;
	return simple ? content->commit : NULL;
}

void content_take(struct app *app, size_t source, const struct source_result *result,
	const struct source_content *content)
{
	struct app_source *at = &app->sources[source];
	const struct part_answer answer = {.sources = app->spec.sources,
		.source_count = app->source_count,
		.source = source,
		.result = result,
		.content = content,
		.base = app->content ? app->content->desired : NULL};
	part_release(at->part);
	memory_freep(&at->broken);
	at->part = part_make(&answer, &at->broken);
	at->read = true;
	app->parts_changed = true;
}

/* All that is broken, or NULL. The caller frees it. */
static char *broken_sources(const struct app *app)
{
	char *all = NULL;
	for (size_t i = 0; i < app->source_count; i++) {
		const char *broken = app->sources[i].broken;
		if (!broken)
			continue;
		char *joined = all ? memory_printf("%s; %s", all, broken) : memory_copy(broken);
		free(all);
		all = joined;
	}
	return all;
}

static bool is_whole(const struct app *app)
{
	for (size_t i = 0; i < app->source_count; i++)
		if (!app->sources[i].part)
			return false;
	return true;
}

/* What a repository that cannot be read has by now is not known. Without content there is something to say only with what it had; but
   what was in force is better (repositories.c asks for it). */
static bool waits_for_repository(const struct app *app)
{
	return app->source_count > 1 && app_source_error(app) && (app_content_is_current(app) || *app->synced);
}

void content_unite(struct agent *agent, struct app *app)
{
	struct part *parts[LIMIT_SOURCES] = {NULL};
	char *broken = app->parts_changed ? broken_sources(app) : NULL;

	if (!app->parts_changed || (!broken && (!is_whole(app) || waits_for_repository(app))))
		return;
	app->parts_changed = false;
	for (size_t i = 0; i < app->source_count; i++)
		parts[i] = app->sources[i].part;
	if (app->source_count == 1)
		app->sources[0].part = NULL;
	struct content *made = broken ? NULL : content_make(agent, app, parts, app->source_count, &broken);
	free(app->broken);
	app->broken = broken;
	if (made)
		set_content(app, made);
}

void content_take_lookup(struct agent *agent, struct app *app, struct lookup *lookup)
{
	struct part *parts[LIMIT_SOURCES] = {NULL};
	for (size_t i = 0; i < lookup->part_count; i++)
		parts[i] = lookup->parts[i].part;
	if (lookup->part_count == 1)
		lookup->parts[0].part = NULL;
	lookup->answered = true;
	lookup->content = content_make(agent, app, parts, lookup->part_count, &lookup->error);
	/* What was read from another path is no sync of the Application's own. */
	if (lookup->content)
		memcpy(lookup->content->source_hash, lookup->source_hash, sizeof(lookup->source_hash));
	if (lookup != app->last_good)
		return;
	/* It does not hide why the newest one is of no use. */
	if (lookup->content && !app->content)
		set_content(app, content_hold(lookup->content));
	app->last_good = NULL;
	lookup_drop(app, lookup);
}
