/*
 * users_roles.c - which roles somebody is to be a member of: `roles` of users, `memberOf` of groups
 *
 * An entry is a name, or with version 2 a map: {name, admin, inherit, set}, which are GRANT's options with GRANT's defaults.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"
#include "reconcile/roles/users_reader.h"

static const char *const role_keys[] = {"name", "admin", "inherit", "set"};

static const struct role_options plain = ROLE_OPTIONS_PLAIN;

static void read_option(struct users_reader *reader, const struct yaml_node *map, const char *key, bool *option)
{
	const struct yaml_node *node = yaml_get(map, key);
	if (!node)
		return;
	if (node->kind == YAML_BOOL)
		*option = node->boolean;
	else
		reader_wrong(reader, node, arena_printf(reader->mem, "%s must be true or false", key));
}

/* The name in it, or NULL after a mistake. */
static const char *read_map(
	struct users_reader *reader, const struct yaml_node *map, struct role_options *options)
{
	const struct yaml_node *name = yaml_get(map, "name");
	if (reader->version < 2) {
		reader_wrong(reader, map,
			"a role with options needs version: 2 at the top of the document; else a role is a name");
		return NULL;
	}
	reader_refuse_unknown_keys(reader, map, role_keys, COUNT_OF(role_keys));
	read_option(reader, map, "admin", &options->admin);
	read_option(reader, map, "inherit", &options->inherit);
	read_option(reader, map, "set", &options->set);
	if (!name)
		reader_wrong(reader, map, "this role has no name");
	return name ? reader_text(reader, name, "role") : NULL;
}

void reader_upkeep(struct users_reader *reader, const struct yaml_node *node, const char *key,
	enum upkeep most, enum upkeep *upkeep)
{
	static const char *const words[] = {"exact", "additive", "report"};
	const char *word = node->kind == YAML_STRING ? node->text : "";
	size_t at = 0;
	while (at < COUNT_OF(words) && strcmp(words[at], word) != 0)
		at++;
	if (at == COUNT_OF(words))
		reader_wrong(reader, node,
			arena_printf(reader->mem, "%s must be exact, additive or report: %s", key,
				reader_instead(reader, word, words, COUNT_OF(words))));
	else if (at < most)
		reader_wrong(reader, node,
			arena_printf(reader->mem,
				"%s: %s changes more than the agent file allows (%s), which can allow it in policy.%s",
				key, words[at], words[most], strcmp(key, "grantsMode") == 0 ? "grants" : key));
	else
		*upkeep = (enum upkeep)at;
}

static void add_options(struct arena *mem, struct role_list *list, size_t at, struct role_options options)
{
	list->options = arena_grow(mem, list->options, at, sizeof(*list->options));
	list->options[at] = options;
}

/* From the first entry with options on there is a list of them beside the names. */
static void add(struct arena *mem, struct role_list *list, const char *role, struct role_options options)
{
	bool special = memcmp(&options, &plain, sizeof(plain)) != 0;
	if (special && !list->options)
		for (size_t i = 0; i < list->count; i++)
			add_options(mem, list, i, plain);
	if (list->options || special)
		add_options(mem, list, list->count, options);
	list->names = arena_grow(mem, list->names, list->count, sizeof(*list->names));
	list->names[list->count++] = role;
}

static void read_role(
	struct users_reader *reader, const struct yaml_node *node, const char *who, struct role_list *list)
{
	struct role_options options = plain;
	const char *role =
		node->kind == YAML_MAP ? read_map(reader, node, &options) : reader_text(reader, node, "role");
	if (!role)
		return;
	const char *denied = roles_policy_denies(reader->policy, role);
	if (who && strcmp(role, who) == 0)
		reader_wrong(reader, node, "it cannot be a member of itself");
	else if (denied)
		reader_wrong(reader, node,
			arena_printf(reader->mem, "role \"%s\" cannot be granted: %s", role, denied));
	else
		add(reader->mem, list, role, options);
}

bool reader_roles(struct users_reader *reader, const struct yaml_node *node, const char *key, const char *who,
	struct role_list *list)
{
	if (!node || node->kind == YAML_NULL)
		return node != NULL;
	if (node->kind != YAML_LIST) {
		reader_wrong(reader, node,
			arena_printf(reader->mem, "%s must be a list, as in %s: [readers]", key, key));
		return false;
	}
	for (size_t i = 0; i < node->count; i++)
		read_role(reader, node->items[i], who, list);
	return true;
}

void reader_group_roles(struct users_reader *reader, const struct yaml_node *map, struct group_role *group)
{
	struct role_list list = {0};
	group->lists_roles = reader_roles(reader, yaml_get(map, "memberOf"), "memberOf", group->name, &list);
	const char *twice = role_list_sort(&list, reader->mem);
	if (twice)
		reader_wrong(reader, yaml_get(map, "memberOf"),
			arena_printf(reader->mem, "memberOf has \"%s\" twice, with different options", twice));
	group->roles = list.names;
	group->role_options = list.options;
	group->role_count = list.count;
	group->memberships = reader->memberships;
	if (yaml_get(map, "memberships"))
		reader_upkeep(reader, yaml_get(map, "memberships"), "memberships",
			reader->policy->memberships, &group->memberships);
	read_option(reader, map, "dropWhenUnused", &group->drop_when_unused);
}

void role_list_append(struct role_list *list, const struct role_list *more, struct arena *mem)
{
	for (size_t i = 0; i < more->count; i++)
		add(mem, list, more->names[i], more->options ? more->options[i] : plain);
}

struct entry {
	const char *name;
	struct role_options options;
};

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

const char *role_list_sort(struct role_list *list, struct arena *mem)
{
	const char *twice = NULL;
	if (!list->options) {
		text_sort_unique(list->names, &list->count);
		return NULL;
	}
	struct entry *entries = arena_array(mem, list->count, sizeof(*entries));
	struct role_options *options = arena_array(mem, list->count, sizeof(*options));
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		entries[i] = (struct entry){list->names[i], list->options[i]};
	qsort(entries, list->count, sizeof(*entries), compare_entries);
	for (size_t i = 0; i < list->count; i++) {
		bool again = kept && strcmp(entries[i].name, list->names[kept - 1]) == 0;
		if (again && memcmp(&entries[i].options, &options[kept - 1], sizeof(*options)) != 0)
			twice = entries[i].name;
		if (again)
			continue;
		options[kept] = entries[i].options;
		list->names[kept++] = entries[i].name;
	}
	list->options = options;
	list->count = kept;
	return twice;
}
