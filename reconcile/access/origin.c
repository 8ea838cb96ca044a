#include "reconcile/access/world.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "reconcile/roles/users_check.h"

#define ANY "*"

/* memberOf of a group that is listed as such. */
static bool group_membership(const struct world *world, size_t member, const char *role, int *line)
{
	const struct group_role *group = users_find_group(world->wanted, world->roles[member].name);
	if (!group || !text_is_listed(group->roles, group->role_count, role))
		return false;
	*line = group->line;
	return true;
}

bool origin_membership(const struct world *world, size_t member, size_t role, int *line)
{
	const struct users *wanted = world->wanted;
	const struct user *user = wanted ? users_find(wanted, world->roles[member].name) : NULL;
	if (wanted && !user)
		return group_membership(world, member, world->roles[role].name, line);
	if (!user || user->ensure == USER_ABSENT ||
		!text_is_listed(user->roles, user->role_count, world->roles[role].name))
		return false;
	*line = user->line;
	return true;
}

static bool has_admin(
	const char *const *names, const struct role_options *options, size_t count, const char *role)
{
	for (size_t i = 0; options && i < count; i++)
		if (strcmp(names[i], role) == 0)
			return options[i].admin;
	return false;
}

bool origin_admin(const struct world *world, size_t member, size_t role, int *line)
{
	const char *name = world->roles[member].name, *of = world->roles[role].name;
	if (!origin_membership(world, member, role, line))
		return false;
	const struct user *user = users_find(world->wanted, name);
	if (user)
		return has_admin(user->roles, user->role_options, user->role_count, of);
	const struct group_role *group = users_find_group(world->wanted, name);
	return has_admin(group->roles, group->role_options, group->role_count, of);
}

bool origin_attribute(const struct world *world, size_t role, const char *name, int *line)
{
	const struct user *user = world->wanted ? users_find(world->wanted, world->roles[role].name) : NULL;
	for (unsigned i = 0; user && user->ensure != USER_ABSENT && i < ATTRIBUTES; i++)
		if (strcasecmp(role_attribute_word(i), name) == 0 && user_has_attribute(user, i)) {
			*line = user->line;
			return true;
		}
	return false;
}

/* The function's types may be left out, which is a NULL. */
void origin_prepare(struct world *world)
{
	const struct grants *wanted = &world->wanted->grants.grants;
	world->grants = arena_array(world->mem, wanted->count + 1, sizeof(*world->grants));
	world->grant_count = wanted->count;
	for (size_t i = 0; i < wanted->count; i++) {
		world->grants[i] = wanted->items[i];
		if (!world->grants[i].column)
			world->grants[i].column = ANY;
	}
	if (wanted->count)
		qsort(world->grants, wanted->count, sizeof(*world->grants), grant_compare);
}

static int line_of(const struct world *world, const struct grant *key)
{
	const struct grant *found = world->grant_count
		? bsearch(key, world->grants, world->grant_count, sizeof(*world->grants), grant_compare)
		: NULL;
	return found ? found->line : 0;
}

/* As it stands there, or as one of "all privileges", of all objects of the schema, of all functions of the name. */
static int wanted_line(const struct world *world, const struct world_row *row)
{
	struct grant key = {.database = row->database == NOBODY ? "" : world->databases[row->database].name,
		.role = world->roles[row->grantee].name,
		.on = row->on,
		.schema = row->schema};
	const char *names[] = {row->name, GRANTS_ALL}, *privileges[] = {row->privilege, "ALL"};
	const char *columns[] = {row->column, row->on == GRANT_ON_COLUMN ? row->column : "",
		row->on == GRANT_ON_COLUMN ? row->column : ANY};
	for (size_t i = 0; i < COUNT_OF(names) * COUNT_OF(privileges) * COUNT_OF(columns); i++) {
		key.name = names[i % 2];
		key.privilege = privileges[i / 2 % 2];
		key.column = columns[i / 4];
		int line = line_of(world, &key);
		if (line)
			return line;
	}
	return 0;
}

/* `databases` of a user is CONNECT there. */
static int connect_line(const struct world *world, const struct world_row *row)
{
	const struct user *user = row->on == GRANT_ON_DATABASE && strcmp(row->privilege, "CONNECT") == 0
		? users_find(world->wanted, world->roles[row->grantee].name)
		: NULL;
	bool listed = user && user->ensure != USER_ABSENT &&
		text_is_listed(user->databases, user->database_count, row->name);
	return listed ? user->line : 0;
}

/* `owner` of a listed database: it, and what comes with owning it. */
static int owner_line(const struct world *world, const struct world_row *row)
{
	const struct wanted_database *database = row->on == GRANT_ON_DATABASE && row->grantee == row->owner
		? users_database(world->wanted, row->name)
		: NULL;
	bool said =
		database && database->owner && strcmp(database->owner, world->roles[row->grantee].name) == 0;
	return said ? database->line : 0;
}

static const char *hand_of_row(const struct world *world, const struct world_row *row)
{
	const char *grantee = row->grantee == EVERYBODY ? "PUBLIC" : world->roles[row->grantee].name;
	if (row->grantee == row->owner || strcmp(row->privilege, "OWNER") == 0)
		return arena_printf(world->mem, "%s owns it", grantee);
	return arena_printf(world->mem, "%s granted to %s", row->privilege, grantee);
}

/* What PUBLIC has of every new object (documentation 5.8, table 5.2): the first grant to anybody writes it into the object's list, too. */
static bool is_publics_own(const struct world_row *row)
{
	static const struct {
		enum grant_on on;
		const char *privilege;
	} own[] = {{GRANT_ON_DATABASE, "CONNECT"}, {GRANT_ON_DATABASE, "TEMPORARY"},
		{GRANT_ON_FUNCTION, "EXECUTE"}, {GRANT_ON_TYPE, "USAGE"}, {GRANT_ON_LANGUAGE, "USAGE"}};
	for (size_t i = 0; i < COUNT_OF(own); i++)
		if (own[i].on == row->on && strcmp(own[i].privilege, row->privilege) == 0)
			return true;
	return row->by_default;
}

/* PostgreSQL's own: to PUBLIC, and what its own roles own. */
static bool is_default(const struct world *world, const struct world_row *row)
{
	return row->grantee == EVERYBODY ? is_publics_own(row)
					 : row->grantee == row->owner && world_is_system(world, row->owner);
}

static void set_row(const struct world *world, const struct world_row *row, struct access_item *item)
{
	int line = 0;
	if (row->grantee != EVERYBODY && world->wanted) {
		line = wanted_line(world, row);
		if (!line)
			line = connect_line(world, row);
		if (!line)
			line = owner_line(world, row);
	}
	if (item->origin == ACCESS_BY_HAND)
		return;
	if (line) {
		item->line = line;
		item->origin = ACCESS_BY_GIT;
	} else if (is_default(world, row)) {
		item->origin = ACCESS_BY_DEFAULT;
	} else {
		item->origin = ACCESS_BY_HAND;
		item->hand = hand_of_row(world, row);
	}
}

void origin_set(const struct world *world, const struct way *way, const struct world_row *row,
	struct access_item *item)
{
	bool own = way->line == 0 && way->before; /* memberships that PostgreSQL itself makes */
	item->origin = ACCESS_BY_GIT;
	item->line = way->line;
	if (way->hand_role != NOBODY) {
		item->origin = ACCESS_BY_HAND;
		item->hand = arena_printf(world->mem, "membership of %s in %s",
			world->roles[way->hand_member].name, world->roles[way->hand_role].name);
	} else if (own && !row) {
		item->origin = ACCESS_BY_DEFAULT;
	}
	if (row)
		set_row(world, row, item);
	if (item->origin != ACCESS_BY_GIT)
		item->line = 0;
}
