#include "agent/users/users_kept.h"

#include <stdio.h>
#include <string.h>

#include "agent/users/users_source.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/sealed/open.h"

/* ---- writing ---- */

/* A line about the object, and one with it: canonical JSON has no line end inside. */
static void add_object(struct buf *out, const struct object *object)
{
	CLEANUP(json_done)
	json_t *head =
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:i}", "group", json_text(object->key.group),
			"kind", json_text(object->key.kind), "namespace", json_text(object->key.namespace),
			"name", json_text(object->key.name), "file", json_text(object->file), "line",
			object->line, "textLine", object->text_line, "textIndent", object->text_indent);
	CLEANUP(memory_freep) char *line = json_canonical(head);
	buf_printf(out, "%s\n", line);
	buf_append(out, object->json, object->json_length);
	buf_char(out, '\n');
}

/* In the order of the objects, which is that of their keys. */
static void add_objects(struct buf *out, const struct config *config, const struct database *database,
	const struct content *content)
{
	const struct objects *objects = &content->desired->objects;
	const struct object *list = users_source_object(content->desired, database->config);
	for (size_t i = 0; i < objects->count; i++) {
		const struct object *object = &objects->items[i];
		bool sealed = config->sealing_key_count && sealed_is(&object->key) &&
			passwords_may_be_in(
				&database->config->policy, database->namespace, object->key.namespace);
		if (object == list || sealed)
			add_object(out, object);
	}
}

bool users_kept_save(struct agent *agent, const struct database *database, const struct content *content,
	struct error *err)
{
	const struct database_config *config = database->config;
	CLEANUP(buf_done) struct buf objects = BUF(LIMIT_STORE_TEXT);
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "commit",
		content_users(content, config)->commit, "commits", content->commit, "application",
		json_text(config->application), "configMap", json_text(config->config_map), "key",
		json_text(config->key), "namespace", json_text(database->namespace));
	CLEANUP(memory_freep) char *text = json_canonical(document);

	add_objects(&objects, agent->config, database, content);
	if (buf_failed(&objects))
		return error_set(err, ERROR_INVALID, "the users and their SealedSecrets are more than %d MiB",
			LIMIT_STORE_TEXT >> 20);
	const struct store_users_text row = {.database = config->name,
		.application = config->application,
		.document = text,
		.objects = buf_string(&objects),
		.updated = clock_now()};
	return store_users_text_set(agent->store, &row, err);
}

/* ---- reading ---- */

static bool read_object(const char *head, const char *json, size_t length, struct arena *mem,
	struct object *object, struct error *err)
{
	CLEANUP(json_done) json_t *about = NULL;
	if (!json_read(head, strlen(head), &about, err))
		return false;
	*object = (struct object){
		.key = {arena_copy(mem, json_text_at(about, "group", "")),
			arena_copy(mem, json_text_at(about, "kind", "")),
			arena_copy(mem, json_text_at(about, "namespace", "")),
			arena_copy(mem, json_text_at(about, "name", ""))},
		.file = arena_copy(mem, json_text_at(about, "file", "")),
		.line = (int)json_number_at(about, "line", 0),
		.text_line = (int)json_number_at(about, "textLine", 0),
		.text_indent = (int)json_number_at(about, "textIndent", 0),
		.version = "",
		.json = arena_copy_n(mem, json, length),
		.json_length = length,
	};
	digest_sha256_hex(json, length, object->hash);
	return true;
}

static bool read_objects(const char *text, struct arena *mem, struct objects *objects, struct error *err)
{
	while (*text) {
		const char *json = strchr(text, '\n');
		const char *end = json ? strchr(++json, '\n') : NULL;
		if (!end)
			return error_set(err, ERROR_BUG, "it is cut off");
		objects->items = arena_grow(mem, objects->items, objects->count, sizeof(*objects->items));
		const char *head = arena_copy_n(mem, text, (size_t)(json - text));
		if (!read_object(head, json, (size_t)(end - json), mem, &objects->items[objects->count], err))
			return false;
		objects->count++;
		text = end + 1;
	}
	return true;
}

/* Where the agent file names another list now, it is no list of this database any more. */
static bool is_of(const json_t *document, const struct database_config *config)
{
	return text_equal(json_text_at(document, "application", ""), config->application) &&
		text_equal(json_text_at(document, "configMap", ""), config->config_map) &&
		text_equal(json_text_at(document, "key", ""), config->key);
}

static struct content *content_new(void)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct content *content = arena_alloc(mem, sizeof(*content));
	*content = (struct content){.references = 1, .mem = mem, .author = "", .message = ""};
	content->desired = arena_alloc(mem, sizeof(*content->desired));
	content->desired->mistakes.mem = content->desired->warnings.mem = mem;
	return content;
}

/* Mistakes are those of a list that was good: the agent file allows less than it did. */
static bool read_users(const struct config *agent_file, const struct database_config *config,
	const json_t *document, struct content *content, struct error *err)
{
	struct mistakes *mistakes = &content->desired->mistakes;
	struct content_users *users = arena_alloc(content->mem, sizeof(*users));

	*users = (struct content_users){.database = config};
	snprintf(users->commit, sizeof(users->commit), "%s", json_text_at(document, "commit", ""));
	snprintf(content->commit, sizeof(content->commit), "%s", json_text_at(document, "commits", ""));
	if (!users_source_read(content->desired, config, content->mem, &users->users, mistakes))
		return error_set(err, ERROR_BUG, "there is no list in it");
	if (mistakes->count)
		return error_set(err, ERROR_INVALID, "%s", mistake_text(&mistakes->items[0], content->mem));
	users_source_hash(agent_file, content->desired, users);
	content->users = users;
	content->users_count = 1;
	return true;
}

static bool read_kept(const struct agent *agent, const struct database_config *config,
	const struct store_users_text *kept, struct content *content, char **namespace, struct error *err)
{
	CLEANUP(json_done) json_t *document = NULL;
	if (!json_read(kept->document, strlen(kept->document), &document, err))
		return false;
	if (!is_of(document, config))
		return error_set(err, ERROR_MISSING, "the agent file names another list now");
	if (!read_objects(kept->objects, content->mem, &content->desired->objects, err) ||
		!read_users(agent->config, config, document, content, err))
		return false;
	*namespace = memory_copy(json_text_at(document, "namespace", ""));
	return true;
}

struct content *users_kept_load(
	const struct agent *agent, const struct database_config *config, char **namespace)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_users_text kept;
	struct error err;
	bool found = false;

	bool ok = store_users_text_get(agent->store, config->name, mem, &kept, &found, &err);
	if (ok && !found)
		return NULL;
	struct content *content = content_new();
	if (ok && read_kept(agent, config, &kept, content, namespace, &err))
		return content;
	log_warning("the users that were in force cannot be read from the store: they wait for a sync",
		"database", config->name, "error", err.text, NULL);
	content_release(content);
	return NULL;
}
