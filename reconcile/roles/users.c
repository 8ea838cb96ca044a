#include "reconcile/roles/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

enum { NEWEST_VERSION = 2 };

/* What is of version 2 stands at the end. */
static const char *const root_keys[] = {"users", "timestamp", "version", "groups", "defaults", "databases"};

int reader_line(const struct users_reader *reader, int line)
{
	return line + reader->shift;
}

int reader_column(const struct users_reader *reader, int column)
{
	return column && reader->indent >= 0 ? column + reader->indent : 0;
}

static void wrong(struct users_reader *reader, int line, int column, const char *text)
{
	mistakes_add(reader->mistakes, reader->file, reader_line(reader, line), reader_column(reader, column),
		"%s", text);
}

void reader_wrong(struct users_reader *reader, const struct yaml_node *node, const char *text)
{
	wrong(reader, node->line, node->column, text);
}

/* As a key, too, `on` without quotes is a boolean (yaml.h), which JSON writes "true". */
static bool known_key(const char *key, const char *const *keys, size_t count)
{
	if (strcmp(key, "true") == 0)
		key = "on";
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

const char *reader_instead(struct users_reader *reader, const char *key, const char *const *keys, size_t count)
{
	const char *meant = text_nearest(key, keys, count), *all = "";
	if (meant)
		return arena_printf(reader->mem, "did you mean %s?", meant);
	for (size_t i = 0; i < count; i++)
		all = arena_printf(reader->mem, "%s%s%s", all, i ? ", " : "known are ", keys[i]);
	return all;
}

void reader_refuse_unknown_keys(
	struct users_reader *reader, const struct yaml_node *map, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		bool password = strcmp(pair->key, "password") == 0, known = known_key(pair->key, keys, count);
		if (known && (!password || pair->value->kind == YAML_MAP))
			continue;
		bool of_a_group = yaml_get(map, "name") != NULL;
		if (of_a_group &&
			(strcmp(pair->key, "parameters") == 0 || strcmp(pair->key, "parametersIn") == 0))
			wrong(reader, pair->line, pair->column,
				"settings of a role that nobody logs in as have no effect: list them under the users");
		else if (password)
			wrong(reader, pair->line, pair->column,
				"a password does not belong in Git: remove it, change the "
				"password, and put the new one into the user's Secret");
		else
			wrong(reader, pair->line, pair->column,
				arena_printf(reader->mem, "unknown key \"%s\": %s", pair->key,
					reader_instead(reader, pair->key, keys, count)));
	}
}

const char *reader_text(struct users_reader *reader, const struct yaml_node *node, const char *what)
{
	if (node->kind != YAML_STRING) {
		reader_wrong(reader, node,
			arena_printf(reader->mem, "%s must be a string, this is %s%s", what,
				yaml_kind_name(node->kind),
				node->kind > YAML_STRING ? "" : ": write it in quotes"));
		return NULL;
	}
	const char *problem = name_problem(node->text, node->length);
	if (problem) {
		reader_wrong(reader, node, arena_printf(reader->mem, "%s %s", what, problem));
		return NULL;
	}
	return node->text;
}

bool reader_needs_version(struct users_reader *reader, const struct yaml_node *node, const char *key)
{
	if (reader->version < 2)
		reader_wrong(reader, node,
			arena_printf(reader->mem, "%s needs version: 2 at the top of the document", key));
	return reader->version >= 2;
}

/* --- one entry --- */

static void read_username(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	const char *name = reader_text(reader, node, "username");
	if (!name)
		return;
	user->line = reader_line(reader, node->line);
	user->column = reader_column(reader, node->column);
	const char *problem = user_name_problem(reader->policy, name, reader->mem);
	if (problem)
		reader_wrong(reader, node, problem);
	else
		user->name = name;
}

static void read_ensure(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	for (size_t i = 0; i <= USER_ABSENT && node->kind == YAML_STRING; i++)
		if (strcmp(node->text, user_ensure_name((enum user_ensure)i)) == 0) {
			if (i != USER_LOCKED || reader_needs_version(reader, node, "ensure: locked"))
				user->ensure = (enum user_ensure)i;
			return;
		}
	reader_wrong(reader, node, "ensure must be present, locked or absent");
}

static void add_database(struct users_reader *reader, struct user *user, const char *name)
{
	user->databases =
		arena_grow(reader->mem, user->databases, user->database_count, sizeof(*user->databases));
	user->databases[user->database_count++] = name;
}

static void read_database(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	const char *name = reader_text(reader, node, "database");
	if (name)
		add_database(reader, user, name);
}

/* An empty list is a wish, too: what the user may connect to is what its groups may. */
static void read_databases(struct users_reader *reader, const struct yaml_node *list, struct user *user)
{
	if (user->database_count) {
		reader_wrong(reader, list, "database and databases say the same: leave one out");
		return;
	}
	if (list->kind != YAML_LIST) {
		reader_wrong(reader, list, "databases must be a list, as in databases: [app]");
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		const char *name = reader_text(reader, list->items[i], "a database");
		if (name)
			add_database(reader, user, name);
	}
}

static void read_roles(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	struct role_list list = {0};
	(void)reader_roles(reader, node, "roles", user->name, &list);
	user->roles = list.names;
	user->role_options = list.options;
	user->role_count = list.count;
}

static void read_memberships(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	reader_upkeep(reader, node, "memberships", reader->policy->memberships, &user->memberships);
	user->memberships_said = true;
}

static void read_grants_mode(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	reader_upkeep(reader, node, "grantsMode", reader->policy->grants, &user->grants_mode);
}

/* The predecessor pasted these into SQL. Empty ones lie in real files and mean nothing. */
static void refuse_privileges(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	(void)user;
	if (node->kind != YAML_NULL && node->count + node->length > 0)
		reader_wrong(reader, node,
			"privileges are not supported: give them to a group under groups (version: 2), and list "
			"that group under roles");
}

/* What an entry may say, in the order in which it is read; of version 1 or 2. NULL = one of the role's own fields. */
static const struct {
	const char *key;
	int version;
	void (*read)(struct users_reader *reader, const struct yaml_node *node, struct user *user);
} entry_keys[] = {
	{"username", 1, read_username},
	{"ensure", 1, read_ensure},
	{"database", 1, read_database},
	{"databases", 2, read_databases},
	{"roles", 1, read_roles},
	{"memberships", 2, read_memberships},
	{"privileges", 1, refuse_privileges},
	{"grantsMode", 2, read_grants_mode},
	{"password", 1, reader_password}, /* says itself what is of version 2: a text here is another mistake */
	{"grants", 2, reader_user_grants},
	{"parameters", 2, reader_parameters},
	{"parametersIn", 2, reader_parameters_in},
	{"onRemove", 2, reader_on_remove},
	{"login", 2, NULL},
	{"connectionLimit", 2, NULL},
	{"validUntil", 2, NULL},
	{"until", 2, NULL},
	{"comment", 2, NULL},
	{"attributes", 2, NULL},
	{"renamedFrom", 2, NULL},
};

static void read_keys(struct users_reader *reader, const struct yaml_node *entry, struct user *user)
{
	const char *names[COUNT_OF(entry_keys)];
	for (size_t i = 0; i < COUNT_OF(entry_keys); i++)
		names[i] = entry_keys[i].key;
	reader_refuse_unknown_keys(reader, entry, names, COUNT_OF(entry_keys));
	for (size_t i = 0; i < COUNT_OF(entry_keys); i++) {
		const char *key = entry_keys[i].key;
		const struct yaml_node *node = yaml_get(entry, key);
		if (!node || (entry_keys[i].version > 1 && !reader_needs_version(reader, node, key)))
			continue;
		if (entry_keys[i].read)
			entry_keys[i].read(reader, node, user);
		else
			reader_field(reader, key, node, user);
	}
}

static void read_entry(struct users_reader *reader, const struct yaml_node *entry)
{
	struct user user = {.line = reader_line(reader, entry->line),
		.column = reader_column(reader, entry->column),
		.on_remove = reader->on_remove,
		.memberships = reader->memberships,
		.grants_mode = reader->grants};
	if (entry->kind != YAML_MAP) {
		reader_wrong(reader, entry,
			arena_printf(reader->mem, "an entry of users must be a map with username, this is %s",
				yaml_kind_name(entry->kind)));
		return;
	}
	if (!yaml_get(entry, "username"))
		reader_wrong(reader, entry, "this entry has no username");
	read_keys(reader, entry, &user);
	reader_mode_needs_grants(reader, entry);
	if (!yaml_get(entry, "database") && !yaml_get(entry, "databases") && *reader->database)
		add_database(reader, &user, reader->database);
	reader_finish_password(reader, &user);
	if (user.name)
		reader->entries[reader->count++] = user;
}

/* --- the document --- */

static void read_list(struct users_reader *reader, const struct yaml_node *list)
{
	if (list->count > LIMIT_USERS) {
		reader_wrong(reader, list,
			arena_printf(reader->mem, "%zu users; at most %d are read", list->count, LIMIT_USERS));
		return;
	}
	reader->entries = arena_array(reader->mem, list->count ? list->count : 1, sizeof(*reader->entries));
	for (size_t i = 0; i < list->count; i++)
		read_entry(reader, list->items[i]);
}

/* Without the key it is the predecessor's format. */
static void read_version(struct users_reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *node = yaml_get(root, "version");
	reader->version = node ? 0 : 1;
	if (!node)
		return;
	if (node->kind == YAML_INTEGER && node->integer >= 1 && node->integer <= NEWEST_VERSION)
		reader->version = (int)node->integer;
	else
		reader_wrong(reader, node, "version must be 1 or 2");
	if (!reader->version)
		reader->version = NEWEST_VERSION; /* what is of the newest is no further mistake */
}

static void read_root(struct users_reader *reader, const struct yaml_node *root)
{
	if (root->kind != YAML_MAP) {
		reader_wrong(reader, root, "the document must be a map with the key users");
		return;
	}
	reader_refuse_unknown_keys(reader, root, root_keys, COUNT_OF(root_keys));
	read_version(reader, root);
	reader_defaults(reader, root);
	reader_groups(reader, root);
	reader_databases(reader, root);
	const struct yaml_node *list = yaml_get(root, "users");
	if (!list)
		reader_wrong(reader, root,
			"the key users is missing: nobody is removed; an empty list is written users: []");
	else if (list->kind != YAML_LIST)
		reader_wrong(reader, list,
			arena_printf(reader->mem,
				"users must be a list, this is %s: an empty list is "
				"written users: []",
				yaml_kind_name(list->kind)));
	else
		read_list(reader, list);
}

/* yaml_read() counts lines from the start of the text; here they become lines of the file. */
static const struct yaml_node *parse(struct users_reader *reader, const char *text, size_t length)
{
	struct mistakes inner = {.mem = reader->mem};
	struct yaml_documents documents = {0};
	yaml_read(reader->file, text, length, reader->mem, &documents, &inner);
	for (size_t i = 0; i < inner.count; i++)
		wrong(reader, inner.items[i].line, inner.items[i].column, inner.items[i].text);
	reader->mistakes->dropped += inner.dropped;
	if (inner.count)
		return NULL;
	if (documents.count == 1)
		return documents.items[0];
	wrong(reader, documents.count ? documents.items[1]->line : 1, 1,
		documents.count
			? "more than one document"
			: "the list of users is empty text: nobody is removed; an empty list is written users: []");
	return NULL;
}

void users_read(const struct users_place *place, const char *text, size_t length, const char *database,
	const struct roles_policy *policy, struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	size_t before = mistakes->count + mistakes->dropped;
	struct users_reader reader = {
		.file = place->file,
		.shift = place->line - 1,
		.indent = place->indent,
		.database = database,
		.policy = policy,
		.memberships = policy->memberships,
		.grants = policy->grants,
		.mem = mem,
		.mistakes = mistakes,
	};
	struct users read = {0};
	reader.users = &read;
	*users = (struct users){0};
	const struct yaml_node *root = parse(&reader, text, length);
	if (!root)
		return;
	read_root(&reader, root);
	struct users merged = {0};
	users_merge(place->file, reader.entries, reader.count, mem, &merged, mistakes);
	read.items = merged.items;
	read.count = merged.count;
	reader_finish_groups(&reader);
	reader_finish_databases(&reader);
	users_check(place->file, &read, mem, mistakes);
	users_check_renamed(place->file, &read, mem, mistakes);
	users_check_until(place->file, &read, mistakes);
	if (mistakes->count + mistakes->dropped != before)
		return;
	read.secret_template = NULL;
	*users = read;
	digest_sha256_hex(text, length, users->hash);
}
