#include "reconcile/access/looking.h"

#include <string.h>

#include "base/text.h"

const struct world_row *world_rows(const struct world *world, size_t role, size_t *count)
{
	size_t shelf = role == EVERYBODY ? world->role_count : role;
	*count = world->first_row[shelf + 1] - world->first_row[shelf];
	return &world->rows[world->first_row[shelf]];
}

static bool is_usage(const struct world_row *row, size_t database)
{
	return row->on == GRANT_ON_SCHEMA && row->database == database && strcmp(row->privilege, "USAGE") == 0;
}

void identity_find_schemas(const struct world *world, size_t database, struct identity *as)
{
	for (size_t i = 0; i <= as->reach.count; i++) {
		size_t count;
		const struct world_row *rows =
			world_rows(world, i < as->reach.count ? as->reach.roles[i] : EVERYBODY, &count);
		for (size_t j = 0; j < count; j++)
			if (is_usage(&rows[j], database)) {
				as->schemas = arena_grow(world->mem, (void *)as->schemas, as->schema_count,
					sizeof(*as->schemas));
				as->schemas[as->schema_count++] = rows[j].name;
			}
	}
	text_sort_unique(as->schemas, &as->schema_count);
	as->all_schemas = reach_has(&as->reach, world->reads) || reach_has(&as->reach, world->writes);
}

bool identity_may_connect(const struct world *world, const struct reach *reach, size_t database)
{
	for (size_t i = 0; i <= reach->count; i++) {
		size_t count;
		const struct world_row *rows =
			world_rows(world, i < reach->count ? reach->roles[i] : EVERYBODY, &count);
		for (size_t j = 0; j < count; j++)
			if (rows[j].on == GRANT_ON_DATABASE && rows[j].database == database &&
				strcmp(rows[j].privilege, "CONNECT") == 0)
				return true;
	}
	return false;
}

static bool needs_schema(const struct world_row *row)
{
	return *row->schema && grant_on_is_in_schema(row->on) && row->on < GRANT_DEFAULT_SCHEMAS;
}

bool row_needs_connection(const struct world_row *row)
{
	if (row->on >= GRANT_DEFAULT_SCHEMAS || row->on == GRANT_ON_PARAMETER || row->on == GRANT_ON_TABLESPACE)
		return false;
	return row->on != GRANT_ON_DATABASE ||
		(strcmp(row->privilege, "CONNECT") != 0 && strcmp(row->privilege, "OWNER") != 0);
}

bool identity_uses(const struct identity *as, const struct world_row *row)
{
	return !needs_schema(row) || as->all_schemas ||
		text_is_listed(as->schemas, as->schema_count, row->schema);
}

/* Row security does not ask whoever owns the table, unless it is forced, nor whoever bypasses it. */
bool identity_is_limited(const struct world *world, const struct identity *as, const struct world_row *row)
{
	static const char *const words[] = {"SELECT", "INSERT", "UPDATE", "DELETE"};
	bool asked = false;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		asked = asked || strcmp(row->privilege, words[i]) == 0;
	if (!row->secured || !asked)
		return false;
	if (as->role == EVERYBODY)
		return true;
	return !world->roles[as->role].bypass_rls && (row->forced || !reach_has(&as->reach, row->owner));
}
