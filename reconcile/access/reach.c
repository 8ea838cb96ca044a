#include "reconcile/access/world.h"

#include <stdlib.h>
#include <string.h>

/*
 * Memberships have no loops (PostgreSQL refuses them), so the ways to a role are the ways to those that lead to it, each one longer: roles
 * are taken in an order in which each comes after all that lead to it, and of each the shortest few ways are kept.
 */

struct walk {
	const struct world *world;
	enum reach_kind kind;
	size_t owner;
	struct reach *reach;
	size_t *place;   /* of a role in reach->roles plus 1; 0 = was not reached */
	size_t *leading; /* memberships that lead to it and were not followed yet */
};

static bool follows(const struct walk *walk, const struct world_edge *edge)
{
	return walk->kind == REACH_ANY || (walk->kind == REACH_SET ? edge->set : edge->inherit);
}

/* Who owns a database is a member of pg_database_owner there; before 16 one who inherits nothing does not inherit that, either. */
static bool owns(const struct walk *walk, size_t role)
{
	const struct world *world = walk->world;
	return role == walk->owner && world->owners != NOBODY && role != world->owners &&
		(walk->kind != REACH_INHERIT || world->version >= FIRST_WITH_GRANT_OPTIONS ||
			world->roles[role].inherit);
}

/* The roles that `role` leads to, one after the other: `next` begins with 0. NOBODY = that was all. */
static size_t next_role(const struct walk *walk, size_t role, size_t *next)
{
	const struct world_role *member = &walk->world->roles[role];
	while (*next < member->edges) {
		const struct world_edge *edge = &walk->world->edges[member->first_edge + (*next)++];
		if (follows(walk, edge))
			return edge->role;
	}
	if ((*next)++ == member->edges && owns(walk, role))
		return walk->world->owners;
	return NOBODY;
}

/* All that are reached, in any order, and how many memberships lead to each. */
static void find_reached(struct walk *walk, size_t start)
{
	struct reach *reach = walk->reach;
	reach->roles = arena_grow(walk->world->mem, NULL, 0, sizeof(*reach->roles));
	reach->roles[reach->count++] = start;
	walk->place[start] = 1;
	for (size_t i = 0; i < reach->count; i++) {
		size_t next = 0, role;
		while ((role = next_role(walk, reach->roles[i], &next)) != NOBODY) {
			walk->leading[role]++;
			if (walk->place[role])
				continue;
			reach->roles = arena_grow(
				walk->world->mem, reach->roles, reach->count, sizeof(*reach->roles));
			reach->roles[reach->count++] = role;
			walk->place[role] = reach->count;
		}
	}
}

static void put_in_order(struct walk *walk, size_t start)
{
	struct reach *reach = walk->reach;
	size_t taken = 0, count = 1;
	reach->roles[0] = start;
	while (taken < count) {
		size_t next = 0, role, from = reach->roles[taken++];
		while ((role = next_role(walk, from, &next)) != NOBODY)
			if (--walk->leading[role] == 0)
				reach->roles[count++] = role;
	}
	reach->count = count;
	for (size_t i = 0; i < count; i++)
		walk->place[reach->roles[i]] = i + 1;
}

static struct way longer(const struct walk *walk, const struct way *before, size_t role)
{
	const struct world *world = walk->world;
	struct way way = *before;
	int line = 0;
	way.before = before;
	way.role = role;
	way.length = before->length + 1;
	bool own = role == world->owners && before->role == walk->owner;
	if (own || (world_is_system(world, role) && world_is_system(world, before->role)))
		return way; /* nobody granted that */
	if (origin_membership(world, before->role, role, &line))
		way.line = line;
	else if (way.hand_role == NOBODY) {
		way.hand_member = before->role;
		way.hand_role = role;
	}
	return way;
}

/* Of two ways the shorter, then the one that is of Git. */
static bool is_better(const struct way *way, const struct way *other)
{
	if (way->length != other->length)
		return way->length < other->length;
	return way->hand_role == NOBODY && other->hand_role != NOBODY;
}

/* Keeps the best few. */
static void keep(struct reach *reach, size_t place, const struct way *way)
{
	struct way *ways = reach->ways[place];
	size_t at = reach->way_counts[place];
	if (at == ACCESS_WAYS && !is_better(way, &ways[at - 1]))
		return;
	if (at < ACCESS_WAYS)
		reach->way_counts[place]++;
	else
		at--;
	for (; at > 0 && is_better(way, &ways[at - 1]); at--)
		ways[at] = ways[at - 1];
	ways[at] = *way;
}

static void lead(struct walk *walk, size_t from, size_t role)
{
	struct reach *reach = walk->reach;
	size_t to = walk->place[role] - 1;
	for (size_t i = 0; i < reach->way_counts[from]; i++) {
		const struct way way = longer(walk, &reach->ways[from][i], role);
		keep(reach, to, &way);
	}
	reach->totals[to] = reach->totals[to] > SIZE_MAX - reach->totals[from]
		? SIZE_MAX
		: reach->totals[to] + reach->totals[from];
}

const struct way *reach_start(const struct world *world, size_t role)
{
	struct way *way = arena_alloc(world->mem, sizeof(*way));
	*way = (struct way){.role = role, .hand_member = NOBODY, .hand_role = NOBODY};
	return way;
}

static int by_role(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;
	return (left > right) - (left < right);
}

bool reach_has(const struct reach *reach, size_t role)
{
	return role != NOBODY && reach->count &&
		bsearch(&role, reach->sorted, reach->count, sizeof(role), by_role);
}

static void make_room(struct reach *reach, const struct way *start, struct arena *mem)
{
	reach->ways = arena_array(mem, reach->count, sizeof(*reach->ways));
	reach->way_counts = arena_array(mem, reach->count, sizeof(*reach->way_counts));
	reach->totals = arena_array(mem, reach->count, sizeof(*reach->totals));
	reach->sorted = arena_array(mem, reach->count, sizeof(*reach->sorted));
	for (size_t i = 0; i < reach->count; i++)
		reach->ways[i] = arena_array(mem, ACCESS_WAYS, sizeof(**reach->ways));
	memcpy(reach->sorted, reach->roles, reach->count * sizeof(*reach->sorted));
	qsort(reach->sorted, reach->count, sizeof(*reach->sorted), by_role);
	reach->ways[0][0] = *start;
	reach->way_counts[0] = 1;
	reach->totals[0] = 1;
}

void reach_walk(const struct world *world, enum reach_kind kind, size_t owner, const struct way *start,
	struct reach *reach)
{
	struct walk walk = {world, kind, owner, reach, world->place, world->leading};
	*reach = (struct reach){0};
	find_reached(&walk, start->role);
	put_in_order(&walk, start->role);
	make_room(reach, start, world->mem);
	for (size_t i = 0; i < reach->count; i++) {
		size_t next = 0, role;
		while ((role = next_role(&walk, reach->roles[i], &next)) != NOBODY)
			lead(&walk, i, role);
	}
	for (size_t i = 0; i < reach->count; i++)
		walk.place[reach->roles[i]] = walk.leading[reach->roles[i]] = 0;
}

const char **way_names(const struct world *world, const struct way *way, bool everybody, size_t *count)
{
	size_t length = way->length + (everybody ? 1 : 0);
	const char **names = arena_array(world->mem, length + 1, sizeof(*names));
	*count = length;
	if (everybody)
		names[--length] = ACCESS_PUBLIC;
	for (const struct way *at = way; at->before; at = at->before)
		names[--length] = world->roles[at->role].name;
	return names;
}
