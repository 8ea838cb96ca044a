#include "reconcile/roles/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "reconcile/roles/users_check.h"

/* What is shared by the functions that read one file. */
struct reader {
	const char *file;
	int shift; /* added to lines: where the text starts inside its file */
	const char *database;
	const struct roles_policy *policy;
	struct arena *mem;
	struct mistakes *mistakes;
	struct user *entries; /* one for each item of the list, not merged */
	size_t count;
};

static const char *const entry_keys[] = {"username", "database", "roles", "ensure", "privileges"};
static const char *const root_keys[] = {"users", "timestamp"};

/* A column inside a block scalar is not the file's column: then it is left out. */
static void wrong(struct reader *reader, int line, int column, const char *text)
{
	mistakes_add(
		reader->mistakes, reader->file, line + reader->shift, reader->shift ? 0 : column, "%s", text);
}

static void wrong_node(struct reader *reader, const struct yaml_node *node, const char *text)
{
	wrong(reader, node->line, node->column, text);
}

static bool known_key(const char *key, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/* What was probably meant, or all there is. */
static const char *known_instead(struct reader *reader, const char *key, const char *const *keys, size_t count)
{
	const char *meant = text_nearest(key, keys, count), *all = "";
	if (meant)
		return arena_printf(reader->mem, "did you mean %s?", meant);
	for (size_t i = 0; i < count; i++)
		all = arena_printf(reader->mem, "%s%s%s", all, i ? ", " : "known are ", keys[i]);
	return all;
}

static void refuse_unknown_keys(
	struct reader *reader, const struct yaml_node *map, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct yaml_pair *pair = &map->pairs[i];
		if (known_key(pair->key, keys, count))
			continue;
		if (strcmp(pair->key, "password") == 0)
			wrong(reader, pair->line, pair->column,
				"a password does not belong in Git: remove it, change the "
				"password, and put the new one into the user's Secret");
		else
			wrong(reader, pair->line, pair->column,
				arena_printf(reader->mem, "unknown key \"%s\": %s", pair->key,
					known_instead(reader, pair->key, keys, count)));
	}
}

/* The text of a string scalar, or NULL after a mistake. `123`, `on` and `~` are no strings: whoever means them quotes them. */
static const char *text_of(struct reader *reader, const struct yaml_node *node, const char *what)
{
	if (node->kind != YAML_STRING) {
		wrong_node(reader, node,
			arena_printf(reader->mem, "%s must be a string, this is a %s%s", what,
				yaml_kind_name(node->kind),
				node->kind > YAML_STRING ? "" : ": write it in quotes"));
		return NULL;
	}
	const char *problem = name_problem(node->text, node->length);
	if (problem) {
		wrong_node(reader, node, arena_printf(reader->mem, "%s %s", what, problem));
		return NULL;
	}
	return node->text;
}

static void read_username(struct reader *reader, const struct yaml_node *entry, struct user *user)
{
	const struct yaml_node *node = yaml_get(entry, "username");
	if (!node) {
		wrong_node(reader, entry, "this entry has no username");
		return;
	}
	const char *name = text_of(reader, node, "username");
	if (!name)
		return;
	user->line = node->line + reader->shift;
	const char *problem = user_name_problem(reader->policy, name, reader->mem);
	if (problem)
		wrong_node(reader, node, problem);
	else
		user->name = name;
}

static void read_ensure(struct reader *reader, const struct yaml_node *entry, struct user *user)
{
	const struct yaml_node *node = yaml_get(entry, "ensure");
	if (!node)
		return;
	if (node->kind == YAML_STRING && strcmp(node->text, "absent") == 0)
		user->ensure = USER_ABSENT;
	else if (node->kind != YAML_STRING || strcmp(node->text, "present") != 0)
		wrong_node(reader, node, "ensure must be present or absent");
}

static void read_database(struct reader *reader, const struct yaml_node *entry, struct user *user)
{
	const struct yaml_node *node = yaml_get(entry, "database");
	const char *name = node ? text_of(reader, node, "database") : reader->database;
	if (!name || !*name)
		return;
	user->databases = arena_alloc(reader->mem, sizeof(*user->databases));
	user->databases[0] = name;
	user->database_count = 1;
}

static void read_role(struct reader *reader, const struct yaml_node *node, struct user *user)
{
	const char *role = text_of(reader, node, "role");
	if (!role)
		return;
	const char *denied = roles_policy_denies(reader->policy, role);
	if (user->name && strcmp(role, user->name) == 0) {
		wrong_node(reader, node, "a user cannot be a member of itself");
	} else if (denied) {
		wrong_node(reader, node,
			arena_printf(reader->mem, "role \"%s\" cannot be granted: %s", role, denied));
	} else {
		user->roles = arena_grow(reader->mem, user->roles, user->role_count, sizeof(*user->roles));
		user->roles[user->role_count++] = role;
	}
}

static void read_roles(struct reader *reader, const struct yaml_node *entry, struct user *user)
{
	const struct yaml_node *node = yaml_get(entry, "roles");
	if (!node || node->kind == YAML_NULL)
		return;
	if (node->kind != YAML_LIST) {
		wrong_node(reader, node, "roles must be a list, as in roles: [readers]");
		return;
	}
	for (size_t i = 0; i < node->count; i++)
		read_role(reader, node->items[i], user);
}

/* The predecessor pasted these into SQL. Empty ones lie in real files and mean nothing. */
static void refuse_privileges(struct reader *reader, const struct yaml_node *entry)
{
	const struct yaml_node *node = yaml_get(entry, "privileges");
	if (node && node->kind != YAML_NULL && node->count + node->length > 0)
		wrong_node(reader, node,
			"privileges are not supported: grant them to a group role in the database, and list "
			"that role under roles");
}

static void read_entry(struct reader *reader, const struct yaml_node *entry)
{
	struct user user = {.line = entry->line + reader->shift};
	if (entry->kind != YAML_MAP) {
		wrong_node(reader, entry,
			arena_printf(reader->mem, "an entry of users must be a map with username, this is a %s",
				yaml_kind_name(entry->kind)));
		return;
	}
	refuse_unknown_keys(reader, entry, entry_keys, COUNT_OF(entry_keys));
	read_username(reader, entry, &user);
	read_ensure(reader, entry, &user);
	read_database(reader, entry, &user);
	read_roles(reader, entry, &user);
	refuse_privileges(reader, entry);
	if (user.name)
		reader->entries[reader->count++] = user;
}

static void read_list(struct reader *reader, const struct yaml_node *list)
{
	if (list->count > LIMIT_USERS) {
		wrong_node(reader, list,
			arena_printf(reader->mem, "%zu users; at most %d are read", list->count, LIMIT_USERS));
		return;
	}
	reader->entries = arena_array(reader->mem, list->count ? list->count : 1, sizeof(*reader->entries));
	for (size_t i = 0; i < list->count; i++)
		read_entry(reader, list->items[i]);
}

static void read_root(struct reader *reader, const struct yaml_node *root)
{
	if (root->kind != YAML_MAP) {
		wrong_node(reader, root, "the document must be a map with the key users");
		return;
	}
	refuse_unknown_keys(reader, root, root_keys, COUNT_OF(root_keys));
	const struct yaml_node *list = yaml_get(root, "users");
	if (!list)
		wrong_node(reader, root,
			"the key users is missing: nobody is removed; an empty list is written users: []");
	else if (list->kind != YAML_LIST)
		wrong_node(reader, list,
			arena_printf(reader->mem,
				"users must be a list, this is %s: an empty list is "
				"written users: []",
				yaml_kind_name(list->kind)));
	else
		read_list(reader, list);
}

/* yaml_read() counts lines from the start of the text; here they become lines of the file. */
static const struct yaml_node *parse(struct reader *reader, const char *text, size_t length)
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
	wrong(reader, documents.count ? documents.items[1]->line : 1, 0,
		documents.count
			? "more than one document"
			: "the list of users is empty text: nobody is removed; an empty list is written users: []");
	return NULL;
}

void users_read(const char *file, int first_line, const char *text, size_t length, const char *database,
	const struct roles_policy *policy, struct arena *mem, struct users *users, struct mistakes *mistakes)
{
	size_t before = mistakes->count + mistakes->dropped;
	struct reader reader = {
		.file = file,
		.shift = first_line > 1 ? first_line - 1 : 0,
		.database = database,
		.policy = policy,
		.mem = mem,
		.mistakes = mistakes,
	};
	*users = (struct users){0};
	const struct yaml_node *root = parse(&reader, text, length);
	if (!root)
		return;
	read_root(&reader, root);
	struct users merged = {0};
	users_merge(file, reader.entries, reader.count, mem, &merged, mistakes);
	users_check(file, &merged, mem, mistakes);
	if (mistakes->count + mistakes->dropped != before)
		return;
	*users = merged;
	digest_sha256_hex(text, length, users->hash);
}
