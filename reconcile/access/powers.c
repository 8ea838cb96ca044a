#include "reconcile/access/world.h"

#include <string.h>

/* --- attributes --- */

/* What stands at the end of a way: where the way itself is by hand that has been said. */
static void set_last(struct access_item *item, enum access_origin origin, int line, const char *hand)
{
	if (item->origin == ACCESS_BY_HAND)
		return;
	item->origin = origin;
	item->line = origin == ACCESS_BY_GIT ? line : 0;
	item->hand = origin == ACCESS_BY_HAND ? hand : NULL;
}

static void add_attribute(struct answering *at, size_t user, const struct way *way, size_t attribute)
{
	const struct world *world = at->world;
	struct access_item *item = answer_item(at);
	*item = (struct access_item){
		.user = world->roles[user].name,
		.database = "",
		.what = ACCESS_ON_ATTRIBUTE,
		.object = "",
		.schema = "",
		.privilege = words_attributes[attribute].name,
		.means = words_attributes[attribute].means,
	};
	item->via = way_names(world, way, false, &item->via_count);
	item->set_role = way->before ? world->roles[way->role].name : NULL;
	origin_set(world, way, NULL, item);
	int line = 0;
	bool first = world->roles[way->role].oid == 10 && !way->before;
	bool said = origin_attribute(world, way->role, words_attributes[attribute].name, &line);
	set_last(item,
		first          ? ACCESS_BY_DEFAULT
			: said ? ACCESS_BY_GIT
			       : ACCESS_BY_HAND,
		line,
		arena_printf(world->mem, "%s of %s", words_attributes[attribute].name,
			world->roles[way->role].name));
}

/* Her own, and those of whom she may become. */
static void add_attributes(struct answering *at, size_t user, const struct reach *become)
{
	for (size_t i = 0; i < become->count; i++)
		for (size_t j = 0; j < words_attribute_count; j++) {
			const struct world_role *role = &at->world->roles[become->roles[i]];
			bool implied = role->super && !words_attributes[j].is_all;
			if (words_attributes[j].has(role) && !implied)
				add_attribute(at, user, &become->ways[i][0], j);
		}
}

/* --- memberships --- */

static void add_membership(
	struct answering *at, size_t user, const struct reach *reach, size_t place, const char *privilege)
{
	const struct world *world = at->world;
	size_t count = reach->way_counts[place];
	for (size_t i = 0; i < count; i++) {
		const struct way *way = &reach->ways[place][i];
		struct access_item *item = answer_item(at);
		*item = (struct access_item){
			.user = world->roles[user].name,
			.database = "",
			.what = ACCESS_ON_ROLE,
			.object = world->roles[way->role].name,
			.schema = "",
			.privilege = privilege,
			.more = i + 1 == count ? reach->totals[place] - count : 0,
		};
		if (world_is_system(world, way->role))
			item->means = words_of_role(world->roles[way->role].name);
		item->via = way_names(world, way, false, &item->via_count);
		origin_set(world, way, NULL, item);
	}
}

static void add_memberships(struct answering *at, size_t user, const struct reach *reach,
	const char *privilege, const struct reach *const *but)
{
	for (size_t i = 1; i < reach->count; i++) {
		bool said = false;
		for (size_t j = 0; but && but[j]; j++)
			said = said || reach_has(but[j], reach->roles[i]);
		if (!said)
			add_membership(at, user, reach, i, privilege);
	}
}

/* Whoever is a member of the one that has ADMIN on a role may give it to anybody, herself too. */
static void add_admins(struct answering *at, size_t user, const struct reach *any)
{
	const struct world *world = at->world;
	for (size_t i = 0; i < any->count; i++) {
		const struct world_role *member = &world->roles[any->roles[i]];
		for (size_t j = 0; j < member->edges; j++) {
			const struct world_edge *edge = &world->edges[member->first_edge + j];
			if (!edge->admin)
				continue;
			struct access_item *item = answer_item(at);
			*item = (struct access_item){
				.user = world->roles[user].name,
				.database = "",
				.what = ACCESS_ON_ROLE,
				.object = world->roles[edge->role].name,
				.schema = "",
				.privilege = "ADMIN",
				.means = "may give the role to anybody, and take it",
			};
			int line = 0;
			bool said = origin_admin(world, any->roles[i], edge->role, &line);
			item->via = way_names(world, &any->ways[i][0], false, &item->via_count);
			origin_set(world, &any->ways[i][0], NULL, item);
			set_last(item, said ? ACCESS_BY_GIT : ACCESS_BY_HAND, line,
				arena_printf(world->mem, "ADMIN of %s in %s", member->name,
					world->roles[edge->role].name));
		}
	}
}

void powers_of(struct answering *at, size_t role)
{
	const struct world *world = at->world;
	const struct way *start = reach_start(world, role);
	struct reach inherited = {0}, become = {0}, any = {0};
	reach_walk(world, REACH_INHERIT, NOBODY, start, &inherited);
	reach_walk(world, REACH_SET, NOBODY, start, &become);
	reach_walk(world, REACH_ANY, NOBODY, start, &any);
	const struct reach *const both[] = {&inherited, &become, NULL};
	add_attributes(at, role, &become);
	add_memberships(at, role, &inherited, "USAGE", NULL);
	add_memberships(at, role, &become, "SET", NULL);
	add_memberships(at, role, &any, "MEMBER", both);
	add_admins(at, role, &any);
}
