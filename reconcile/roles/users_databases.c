#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

static const char *const database_keys[] = {
	"name", "owner", "comment", "revokePublicConnect", "extensions", "encoding", "locale", "ensure"};
static const char *const extension_keys[] = {"name", "schema"};

/* --- one database --- */

static const char *text_at(struct users_reader *reader, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	return node ? reader_text(reader, node, key) : NULL;
}

static void read_owner(
	struct users_reader *reader, const struct yaml_node *map, struct wanted_database *database)
{
	const char *owner = text_at(reader, map, "owner");
	if (!owner)
		return;
	if (strcmp(database->name, "postgres") == 0)
		reader_wrong(reader, yaml_get(map, "owner"),
			"database \"postgres\" keeps its owner: leave this line out");
	else if (roles_policy_protects(reader->policy, owner))
		reader_wrong(reader, yaml_get(map, "owner"),
			arena_printf(reader->mem,
				"\"%s\" cannot own a database here: the name belongs to PostgreSQL, the operator or "
				"the agent's policy; name a user, a group or another role",
				owner));
	else
		database->owner = owner;
}

/* Of any length and with lines: it is no name. */
static void read_comment(
	struct users_reader *reader, const struct yaml_node *map, struct wanted_database *database)
{
	const struct yaml_node *node = yaml_get(map, "comment");
	if (!node)
		return;
	if (node->kind != YAML_STRING)
		reader_wrong(reader, node, "comment must be a string: write it in quotes");
	else if (strlen(node->text) != node->length || !text_is_utf8(node->text, node->length))
		reader_wrong(reader, node, "comment has a NUL inside, or is not UTF-8");
	else if (node->length > LIMIT_ROLE_COMMENT)
		reader_wrong(reader, node,
			arena_printf(reader->mem, "comment is longer than %d bytes", LIMIT_ROLE_COMMENT));
	else
		database->comment = node->text;
}

static void read_closed(
	struct users_reader *reader, const struct yaml_node *map, struct wanted_database *database)
{
	const struct yaml_node *node = yaml_get(map, "revokePublicConnect");
	if (node && node->kind != YAML_BOOL)
		reader_wrong(reader, node, "revokePublicConnect must be true or false");
	database->closed = node && node->kind == YAML_BOOL && node->boolean;
}

static void read_ensure(struct users_reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *node = yaml_get(map, "ensure");
	const char *word = node && node->kind == YAML_STRING ? node->text : "";
	if (!node || strcmp(word, "present") == 0)
		return;
	reader_wrong(reader, node,
		strcmp(word, "absent") == 0
			? "a database is never dropped from here: take the entry out, and DROP DATABASE by hand"
			: "ensure must be present");
}

static void add_extension(struct users_reader *reader, const struct yaml_node *node,
	struct wanted_database *database, const struct wanted_extension *extension)
{
	for (size_t i = 0; i < database->extension_count; i++)
		if (strcmp(database->extensions[i].name, extension->name) == 0) {
			reader_wrong(reader, node,
				arena_printf(reader->mem, "extension \"%s\" is listed twice", extension->name));
			return;
		}
	database->extensions = arena_grow(
		reader->mem, database->extensions, database->extension_count, sizeof(*database->extensions));
	database->extensions[database->extension_count++] = *extension;
}

static void read_extension(
	struct users_reader *reader, const struct yaml_node *node, struct wanted_database *database)
{
	struct wanted_extension extension = {0};
	if (node->kind != YAML_MAP) {
		extension.name = reader_text(reader, node, "an extension");
	} else {
		reader_refuse_unknown_keys(reader, node, extension_keys, COUNT_OF(extension_keys));
		extension.name = text_at(reader, node, "name");
		extension.schema = text_at(reader, node, "schema");
		if (!yaml_get(node, "name"))
			reader_wrong(reader, node, "this extension has no name");
	}
	if (extension.name)
		add_extension(reader, node, database, &extension);
}

static void read_extensions(
	struct users_reader *reader, const struct yaml_node *map, struct wanted_database *database)
{
	const struct yaml_node *list = yaml_get(map, "extensions");
	if (!list || list->kind == YAML_NULL)
		return;
	if (list->kind != YAML_LIST) {
		reader_wrong(reader, list, "extensions must be a list, as in extensions: [pgcrypto]");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		read_extension(reader, list->items[i], database);
}

static const char *own_database(const char *name)
{
	bool template = strcmp(name, "template0") == 0 || strcmp(name, "template1") == 0;
	return template ? "is PostgreSQL's own and cannot be looked after here" : NULL;
}

static void read_database(struct users_reader *reader, const struct yaml_node *map)
{
	struct users *users = reader->users;
	if (map->kind != YAML_MAP) {
		reader_wrong(reader, map,
			"an entry of databases must be a map with name, as in {name: app, owner: app_owner}");
		return;
	}
	reader_refuse_unknown_keys(reader, map, database_keys, COUNT_OF(database_keys));
	const struct yaml_node *at = yaml_get(map, "name");
	const char *name = at ? reader_text(reader, at, "name") : NULL;
	if (!at)
		reader_wrong(reader, map, "this database has no name");
	else if (name && own_database(name))
		reader_wrong(reader, at,
			arena_printf(reader->mem, "database \"%s\" %s", name, own_database(name)));
	struct wanted_database database = {.name = name ? name : "",
		.line = reader_line(reader, (at ? at : map)->line),
		.column = reader_column(reader, (at ? at : map)->column)};
	read_owner(reader, map, &database);
	read_comment(reader, map, &database);
	read_closed(reader, map, &database);
	read_extensions(reader, map, &database);
	read_ensure(reader, map);
	database.encoding = text_at(reader, map, "encoding");
	database.locale = text_at(reader, map, "locale");
	if (!name)
		return;
	users->databases =
		arena_grow(reader->mem, users->databases, users->database_count, sizeof(*users->databases));
	users->databases[users->database_count++] = database;
}

void reader_databases(struct users_reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "databases");
	if (!list || !reader_needs_version(reader, list, "databases"))
		return;
	if (list->kind != YAML_LIST && list->kind != YAML_NULL) {
		reader_wrong(reader, list, "databases must be a list");
		return;
	}
	if (list->count > LIMIT_DATABASES) {
		reader_wrong(reader, list,
			arena_printf(reader->mem, "%zu databases; at most %d are read", list->count,
				LIMIT_DATABASES));
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		read_database(reader, list->items[i]);
}

/* --- all of them --- */

static int compare_databases(const void *a, const void *b)
{
	const struct wanted_database *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : (left->line > right->line) - (left->line < right->line);
}

static void tell(struct users_reader *reader, const struct wanted_database *database, const char *text)
{
	mistakes_add(reader->mistakes, reader->file, database->line, database->column, "database \"%s\" %s",
		database->name, text);
}

static bool is_a_group(const struct users *users, const char *name)
{
	for (size_t i = 0; i < users->group_count; i++)
		if (strcmp(users->groups[i].name, name) == 0)
			return true;
	return false;
}

void reader_finish_databases(struct users_reader *reader)
{
	struct users *users = reader->users;
	if (users->database_count)
		qsort(users->databases, users->database_count, sizeof(*users->databases), compare_databases);
	for (size_t i = 0; i < users->database_count; i++) {
		const struct wanted_database *database = &users->databases[i];
		const struct user *owner = database->owner ? users_find(users, database->owner) : NULL;
		const char *subject = database_subject(database->name, reader->mem);
		if (i && strcmp(users->databases[i - 1].name, database->name) == 0)
			tell(reader, database, "is listed twice");
		if (owner && owner->ensure == USER_ABSENT)
			tell(reader, database,
				arena_printf(reader->mem, "has owner \"%s\", which is to be absent (line %d)",
					owner->name, owner->line));
		if (users_find(users, subject) || is_a_group(users, subject))
			tell(reader, database,
				arena_printf(reader->mem,
					"is called \"%s\" in reports, and so is a user or group: rename that one",
					subject));
	}
}

const char *database_subject(const char *name, struct arena *mem)
{
	return arena_printf(mem, "database %s", name);
}

static int compare_name(const void *name, const void *database)
{
	return strcmp(name, ((const struct wanted_database *)database)->name);
}

const struct wanted_database *users_database(const struct users *users, const char *name)
{
	if (!users->database_count)
		return NULL;
	return bsearch(name, users->databases, users->database_count, sizeof(*users->databases), compare_name);
}
