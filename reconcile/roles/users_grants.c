#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

static const char *const group_keys[] = {"name", "memberOf", "memberships", "dropWhenUnused", "grantsMode",
	"grants", "defaultPrivileges", "comment"};
static const char *const grant_keys[] = {"database", "on", "schema", "names", "columns", "privileges"};
static const char *const default_keys[] = {"database", "owner", "on", "schema", "privileges"};

/* One entry of a list while it is read: `grant` has what is the same in all of its rows. */
struct entry {
	struct users_reader *reader;
	const struct yaml_node *node;
	struct grant grant;
	bool defaults, good;
};

static void refuse(struct entry *entry, const struct yaml_node *node, const char *text)
{
	reader_wrong(entry->reader, node ? node : entry->node, text);
	entry->good = false;
}

/* "database, schema, tables": the words that `on` may have. */
static const char *kinds(struct entry *entry, const char *word)
{
	const char *words[GRANT_KINDS];
	size_t count = 0;
	for (int i = 0; i < GRANT_KINDS; i++) {
		enum grant_on on;
		const char *at = grant_on_word((enum grant_on)i);
		bool right = entry->defaults ? grant_default_of(at, &on) : grant_on_of(at, &on);
		if (right && (int)on == i && on != GRANT_ON_PARAMETER && on != GRANT_ON_COLUMN)
			words[count++] = at;
	}
	return reader_instead(entry->reader, word, words, count);
}

static void read_on(struct entry *entry)
{
	const struct yaml_node *quoted = yaml_get(entry->node, "on");
	const struct yaml_node *node =
		quoted ? quoted : yaml_get(entry->node, "true"); /* users.c: known_key() */
	const char *word = node ? reader_text(entry->reader, node, "on") : "";
	struct arena *mem = entry->reader->mem;
	if (!word) {
		entry->good = false;
		return;
	}
	bool known = entry->defaults ? grant_default_of(word, &entry->grant.on)
				     : grant_on_of(word, &entry->grant.on) && strcmp(word, "columns") != 0;
	if (!known)
		refuse(entry, node,
			node ? arena_printf(mem, "on: there is no \"%s\": %s", word, kinds(entry, word))
			     : arena_printf(mem, "on is missing: %s", kinds(entry, word)));
}

/* A name under this key; `fallback` where it is not there, NULL = it has to be. */
static const char *name_at(struct entry *entry, const char *key, const char *fallback)
{
	const struct yaml_node *node = yaml_get(entry->node, key);
	const char *name = node ? reader_text(entry->reader, node, key) : fallback;
	if (!name && !node)
		refuse(entry, NULL, arena_printf(entry->reader->mem, "%s is missing", key));
	entry->good = entry->good && name;
	return name ? name : "";
}

static void must_not_have(struct entry *entry, const char *key, const char *why)
{
	const struct yaml_node *node = yaml_get(entry->node, key);
	if (node)
		refuse(entry, node, arena_printf(entry->reader->mem, "%s %s", key, why));
}

/* A list of strings that is not empty, or NULL after a mistake. */
static const struct yaml_node *list_at(struct entry *entry, const char *key, const char *example)
{
	const struct yaml_node *node = yaml_get(entry->node, key);
	if (node && node->kind == YAML_LIST && node->count)
		return node;
	refuse(entry, node,
		arena_printf(entry->reader->mem, "%s must be a list that is not empty, as in %s: [%s]", key,
			key, example));
	return NULL;
}

static void add(struct entry *entry, const struct yaml_node *place, const struct grant *grant)
{
	struct users_reader *reader = entry->reader;
	struct grants *grants = &reader->users->grants.grants;
	const char *refusal = grant_refusal(grant);
	if (refusal) {
		refuse(entry, place, arena_printf(reader->mem, "this cannot be granted here: %s", refusal));
		return;
	}
	if (grants->count >= LIMIT_GRANTS) {
		if (grants->count++ == LIMIT_GRANTS)
			refuse(entry, place,
				arena_printf(reader->mem, "more than %d privileges: use names: [\"*\"]",
					LIMIT_GRANTS));
		return;
	}
	grants->items = arena_grow(reader->mem, grants->items, grants->count, sizeof(*grants->items));
	grants->items[grants->count++] = *grant;
}

static void add_privileges(struct entry *entry, const struct yaml_node *place)
{
	const struct yaml_node *list = list_at(entry, "privileges", "SELECT");
	for (size_t i = 0; list && entry->good && i < list->count; i++) {
		const char *word = reader_text(entry->reader, list->items[i], "a privilege");
		entry->good = entry->good && word;
		if (!word)
			return;
		entry->grant.privilege = grant_privilege(entry->grant.on, word);
		if (!entry->grant.privilege)
			refuse(entry, list->items[i],
				arena_printf(entry->reader->mem,
					"there is no privilege \"%s\" on %s: ALL, or of %s", word,
					grant_on_word(entry->grant.on),
					grant_privileges(entry->grant.on, entry->reader->mem)));
		else
			add(entry, place, &entry->grant);
	}
}

/* "f(integer, text)" has its types behind it, "f" means all of the name. */
static void set_function(struct entry *entry, const struct yaml_node *node)
{
	struct arena *mem = entry->reader->mem;
	const char *text = node->kind == YAML_STRING ? node->text : "", *open = strchr(text, '(');
	size_t name = open ? (size_t)(open - text) : node->length;
	if (node->kind != YAML_STRING || (open && text[node->length - 1] != ')')) {
		refuse(entry, node, "a function must be a string, as in \"f\" or \"f(integer, text)\"");
		return;
	}
	entry->grant.name = arena_copy_n(mem, text, name);
	entry->grant.column = open ? arena_copy_n(mem, open + 1, node->length - name - 2) : NULL;
	const char *problem = name_problem(entry->grant.name, name);
	if (problem)
		refuse(entry, node, arena_printf(mem, "the function's name %s", problem));
}

static void add_columns(struct entry *entry, const struct yaml_node *place)
{
	const struct yaml_node *list = list_at(entry, "columns", "id");
	entry->grant.on = GRANT_ON_COLUMN;
	for (size_t i = 0; list && entry->good && i < list->count; i++) {
		entry->grant.column = reader_text(entry->reader, list->items[i], "a column");
		entry->good = entry->good && entry->grant.column;
		if (entry->good)
			add_privileges(entry, place);
	}
	entry->grant.on = GRANT_ON_TABLE;
	entry->grant.column = "";
}

static void set_name(struct entry *entry, const struct yaml_node *place, bool columns)
{
	const char *name = reader_text(entry->reader, place, "a name");
	entry->good = entry->good && name;
	if (!name)
		return;
	entry->grant.name = name;
	if (strcmp(name, GRANTS_ALL) == 0 && (!grant_on_is_in_schema(entry->grant.on) || columns))
		refuse(entry, place,
			"\"*\" stands for all tables, sequences, functions or types of a schema: here each has to be named");
}

static void add_name(struct entry *entry, const struct yaml_node *place)
{
	bool columns = yaml_get(entry->node, "columns") != NULL;
	if (entry->grant.on == GRANT_ON_FUNCTION)
		set_function(entry, place);
	else
		set_name(entry, place, columns);
	if (entry->good && columns)
		add_columns(entry, place);
	else if (entry->good)
		add_privileges(entry, place);
}

/* A database, and a schema by its own key, need no names. */
static void add_grants(struct entry *entry)
{
	enum grant_on on = entry->grant.on;
	bool itself = on == GRANT_ON_DATABASE || (on == GRANT_ON_SCHEMA && !yaml_get(entry->node, "names"));
	if (on != GRANT_ON_TABLE)
		must_not_have(entry, "columns", "are those of tables");
	if (on == GRANT_ON_DATABASE || (on != GRANT_ON_SCHEMA && !grant_on_is_in_schema(on)))
		must_not_have(entry, "schema", "has no meaning here");
	if (on == GRANT_ON_SCHEMA && !itself)
		must_not_have(entry, "schema", "and names say the same: leave one out");
	if (on == GRANT_ON_DATABASE)
		must_not_have(entry, "names", "are not needed: the database is the one under database");
	if (grant_on_is_in_schema(on))
		entry->grant.schema = name_at(entry, "schema", NULL);
	if (itself) {
		entry->grant.name =
			on == GRANT_ON_DATABASE ? entry->grant.database : name_at(entry, "schema", NULL);
		if (entry->good)
			add_privileges(entry, entry->node);
		return;
	}
	const struct yaml_node *names = list_at(entry, "names", grant_on_is_in_schema(on) ? "\"*\"" : "app");
	for (size_t i = 0; names && entry->good && i < names->count; i++)
		add_name(entry, names->items[i]);
}

static void add_defaults(struct entry *entry)
{
	entry->grant.name = name_at(entry, "owner", NULL);
	if (entry->grant.on == GRANT_DEFAULT_SCHEMAS)
		must_not_have(entry, "schema", "has no meaning for schemas");
	else
		entry->grant.schema = name_at(entry, "schema", "");
	if (entry->good)
		add_privileges(entry, entry->node);
}

static void read_entry(
	struct users_reader *reader, const struct yaml_node *node, const char *role, bool defaults)
{
	struct entry entry = {
		.reader = reader,
		.node = node,
		.grant = {.role = role,
			.schema = "",
			.column = "",
			.grantor = "",
			.line = reader_line(reader, node->line)},
		.defaults = defaults,
		.good = true,
	};
	if (node->kind != YAML_MAP) {
		refuse(&entry, node,
			"an entry of this list must be a map, as in {database: app, on: schema, schema: public, privileges: [USAGE]}");
		return;
	}
	if (defaults)
		reader_refuse_unknown_keys(reader, node, default_keys, COUNT_OF(default_keys));
	else
		reader_refuse_unknown_keys(reader, node, grant_keys, COUNT_OF(grant_keys));
	entry.grant.database = name_at(&entry, "database", *reader->database ? reader->database : NULL);
	read_on(&entry);
	if (entry.good && defaults)
		add_defaults(&entry);
	else if (entry.good)
		add_grants(&entry);
}

/* True where it is a list, which may be empty: then the role may do what it says and no more. */
static bool read_list(struct users_reader *reader, const struct yaml_node *list, const char *key,
	const char *role, bool defaults)
{
	if (!list)
		return false;
	if (list->kind != YAML_LIST && list->kind != YAML_NULL) {
		reader_wrong(reader, list, arena_printf(reader->mem, "%s must be a list", key));
		return false;
	}
	for (size_t i = 0; i < list->count; i++)
		read_entry(reader, list->items[i], role, defaults);
	return true;
}

static void add_text(struct users_reader *reader, const char ***list, size_t *count, const char *text)
{
	*list = arena_grow(reader->mem, *list, *count, sizeof(**list));
	(*list)[(*count)++] = text;
}

/* Whoever has a list. */
static void add_described(struct users_reader *reader, const char *name, enum upkeep upkeep)
{
	struct grants_wanted *grants = &reader->users->grants;
	add_text(reader, &grants->roles, &grants->role_count, name);
	if (upkeep == UPKEEP_ADDITIVE)
		add_text(reader, &grants->kept, &grants->kept_count, name);
	if (upkeep == UPKEEP_REPORT)
		add_text(reader, &grants->told, &grants->told_count, name);
}

void reader_mode_needs_grants(struct users_reader *reader, const struct yaml_node *map)
{
	const struct yaml_node *mode = yaml_get(map, "grantsMode");
	if (mode && !yaml_get(map, "grants") && !yaml_get(map, "defaultPrivileges"))
		reader_wrong(
			reader, mode, "grantsMode is that of grants, and there are none here: leave it out");
}

static void read_group(struct users_reader *reader, const struct yaml_node *node)
{
	struct users *users = reader->users;
	if (node->kind != YAML_MAP) {
		reader_wrong(reader, node, "an entry of groups must be a map with name");
		return;
	}
	reader_refuse_unknown_keys(reader, node, group_keys, COUNT_OF(group_keys));
	const struct yaml_node *at = yaml_get(node, "name");
	const char *name = at ? reader_text(reader, at, "name") : NULL;
	const char *problem = name ? user_name_problem(reader->policy, name, reader->mem) : NULL;
	if (!problem && name)
		problem = roles_policy_denies(reader->policy, name);
	if (!at)
		reader_wrong(reader, node, "this group has no name");
	else if (problem)
		reader_wrong(reader, at, arena_printf(reader->mem, "group \"%s\": %s", name, problem));
	if (!name || problem)
		return;
	users->groups = arena_grow(reader->mem, users->groups, users->group_count, sizeof(*users->groups));
	struct group_role *group = &users->groups[users->group_count++];
	*group = (struct group_role){.name = name,
		.line = reader_line(reader, at->line),
		.column = reader_column(reader, at->column)};
	if (yaml_get(node, "comment"))
		group->comment = reader_comment(reader, yaml_get(node, "comment"));
	reader_group_roles(reader, node, group);
	enum upkeep upkeep = reader->grants;
	if (yaml_get(node, "grantsMode"))
		reader_upkeep(
			reader, yaml_get(node, "grantsMode"), "grantsMode", reader->policy->grants, &upkeep);
	reader_mode_needs_grants(reader, node);
	bool grants = read_list(reader, yaml_get(node, "grants"), "grants", name, false);
	bool defaults = read_list(reader, yaml_get(node, "defaultPrivileges"), "defaultPrivileges", name, true);
	if (grants || defaults)
		add_described(reader, name, upkeep);
}

void reader_groups(struct users_reader *reader, const struct yaml_node *root)
{
	const struct yaml_node *list = yaml_get(root, "groups");
	if (!list || !reader_needs_version(reader, list, "groups"))
		return;
	if (list->kind != YAML_LIST && list->kind != YAML_NULL) {
		reader_wrong(reader, list, "groups must be a list");
		return;
	}
	for (size_t i = 0; i < list->count; i++)
		read_group(reader, list->items[i]);
}

void reader_user_grants(struct users_reader *reader, const struct yaml_node *list, struct user *user)
{
	struct grants_wanted *grants = &reader->users->grants;
	size_t before = grants->grants.count;
	if (!user->name || !read_list(reader, list, "grants", user->name, false))
		return;
	for (size_t i = before; i < grants->grants.count; i++)
		if (grants->grants.items[i].on == GRANT_ON_DATABASE &&
			strcmp(grants->grants.items[i].privilege, "CONNECT") == 0)
			reader_wrong(
				reader, list, "CONNECT of a user is what database says: leave it out here");
	add_described(reader, user->name, user->grants_mode);
	add_text(reader, &grants->users, &grants->user_count, user->name);
}

static int compare_groups(const void *a, const void *b)
{
	const struct group_role *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order ? order : (left->line > right->line) - (left->line < right->line);
}

static void tell_group(struct users_reader *reader, const struct group_role *group, const char *text)
{
	mistakes_add(reader->mistakes, reader->file, group->line, group->column, "group \"%s\" %s",
		group->name, text);
}

/* A user's login, and what it owns, are nobody else's by being in a group. */
static void tell_users_among_roles(struct users_reader *reader, const struct group_role *group)
{
	for (size_t i = 0; i < group->role_count; i++)
		if (users_find(reader->users, group->roles[i]))
			tell_group(reader, group,
				arena_printf(reader->mem,
					"cannot be a member of \"%s\", which is a user: all in the group would have what that user has",
					group->roles[i]));
}

void reader_finish_groups(struct users_reader *reader)
{
	struct users *users = reader->users;
	if (users->group_count)
		qsort(users->groups, users->group_count, sizeof(*users->groups), compare_groups);
	for (size_t i = 0; i < users->group_count; i++) {
		if (i && strcmp(users->groups[i - 1].name, users->groups[i].name) == 0)
			tell_group(reader, &users->groups[i], "is listed twice");
		if (users_find(users, users->groups[i].name))
			tell_group(reader, &users->groups[i],
				"is listed under users, too: it is one or the other");
		tell_users_among_roles(reader, &users->groups[i]);
	}
	users->grants.allowed = reader->policy->grants_allowed;
	users->grants.allowed_count = reader->policy->grants_allowed_count;
	text_sort_unique(users->grants.roles, &users->grants.role_count);
	text_sort_unique(users->grants.users, &users->grants.user_count);
	text_sort_unique(users->grants.kept, &users->grants.kept_count);
	text_sort_unique(users->grants.told, &users->grants.told_count);
}
