#include "reconcile/access/world.h"

#include <stdlib.h>
#include <string.h>

size_t world_role(const struct world *world, const char *name)
{
	size_t low = 0, high = world->role_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(world->roles[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < world->role_count && strcmp(world->roles[low].name, name) == 0 ? low : NOBODY;
}

size_t world_role_by_oid(const struct world *world, uint32_t oid)
{
	size_t low = 0, high = world->role_count;
	if (!oid)
		return EVERYBODY;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (world->roles[world->by_oid[middle]].oid < oid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < world->role_count && world->roles[world->by_oid[low]].oid == oid ? world->by_oid[low]
										      : NOBODY;
}

bool world_is_system(const struct world *world, size_t role)
{
	return role < world->role_count && world->roles[role].oid < FIRST_NORMAL_OID;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct world_role *)a)->name, ((const struct world_role *)b)->name);
}

static int by_number(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

void world_index_roles(struct world *world)
{
	struct {
		uint32_t oid;
		size_t role;
	} *pairs = arena_array(world->mem, world->role_count + 1, sizeof(*pairs));
	qsort(world->roles, world->role_count, sizeof(*world->roles), by_name);
	for (size_t i = 0; i < world->role_count; i++) {
		pairs[i].oid = world->roles[i].oid;
		pairs[i].role = i;
	}
	qsort(pairs, world->role_count, sizeof(*pairs), by_number);
	world->by_oid = arena_array(world->mem, world->role_count + 1, sizeof(*world->by_oid));
	for (size_t i = 0; i < world->role_count; i++)
		world->by_oid[i] = pairs[i].role;
	world->owners =
		world->version >= FIRST_WITH_OWNER_ROLE ? world_role(world, "pg_database_owner") : NOBODY;
	world->reads = world_role(world, "pg_read_all_data");
	world->writes = world_role(world, "pg_write_all_data");
	world->maintains = world_role(world, "pg_maintain");
}

static size_t shelf_of(const struct world *world, const struct world_row *row)
{
	return row->grantee == EVERYBODY ? world->role_count : row->grantee;
}

/* By grantee; those of roles that are not there are left out. */
void world_index_rows(struct world *world)
{
	size_t shelves = world->role_count + 2, kept = 0;
	size_t *first = arena_array(world->mem, shelves + 1, sizeof(*first));
	struct world_row *sorted = arena_array(world->mem, world->row_count + 1, sizeof(*sorted));
	for (size_t i = 0; i < world->row_count; i++)
		if (world->rows[i].grantee != NOBODY) {
			first[shelf_of(world, &world->rows[i]) + 1]++;
			kept++;
		}
	for (size_t i = 1; i <= shelves; i++)
		first[i] += first[i - 1];
	size_t *next = arena_array(world->mem, shelves + 1, sizeof(*next));
	memcpy(next, first, shelves * sizeof(*next));
	for (size_t i = 0; i < world->row_count; i++)
		if (world->rows[i].grantee != NOBODY)
			sorted[next[shelf_of(world, &world->rows[i])]++] = world->rows[i];
	world->rows = sorted;
	world->row_count = kept;
	world->first_row = first;
	for (size_t i = 0; world->question->table && i < kept; i++) {
		const struct world_row *row = &sorted[i];
		if (row->database != NOBODY && strcmp(row->privilege, "OWNER") == 0 &&
			(row->on == GRANT_ON_TABLE || row->on == GRANT_ON_SEQUENCE))
			world->databases[row->database].table = row;
	}
}
