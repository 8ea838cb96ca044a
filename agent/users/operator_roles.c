#include "agent/users/operator_roles.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct reader {
	struct arena *mem;
	struct role_claims claims;
};

static void add(struct reader *reader, const char *name, const char *where)
{
	struct role_claims *claims = &reader->claims;
	claims->items = arena_grow(reader->mem, claims->items, claims->count, sizeof(*claims->items));
	claims->items[claims->count++] =
		(struct role_claim){arena_copy(reader->mem, name), arena_copy(reader->mem, where)};
}

/* The three roles of a prepared database or of one of its schemas. */
static void add_roles(struct reader *reader, const char *prefix, const char *where, bool with_users)
{
	static const char *const ends[] = {"_owner", "_reader", "_writer"};
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		const char *name = arena_join(reader->mem, prefix, "", ends[i]);
		add(reader, name, where);
		if (with_users)
			add(reader, arena_join(reader->mem, name, "", "_user"), where);
	}
}

static void add_schema(struct reader *reader, const char *database, const char *schema, const json_t *wanted,
	const char *where)
{
	const char *prefix = arena_printf(reader->mem, "%s_%s", database, schema);
	if (json_bool_at(wanted, "defaultRoles", true))
		add_roles(reader, prefix, where, json_bool_at(wanted, "defaultUsers", false));
}

static void add_prepared(struct reader *reader, const char *database, const json_t *wanted)
{
	json_t *schemas = json_object_get(wanted, "schemas"), *schema;
	const char *where = arena_printf(reader->mem, "preparedDatabases.%s", database), *name;
	add_roles(reader, database, where, json_bool_at(wanted, "defaultUsers", false));
	if (!json_object_size(schemas))
		add_schema(reader, database, "data", NULL, where);
	json_object_foreach (schemas, name, schema)
		add_schema(reader, database, name, schema, where);
}

/* `{}` stands for one that is called like the cluster. */
static void add_all_prepared(struct reader *reader, const json_t *postgresql)
{
	json_t *prepared = json_at(postgresql, "spec.preparedDatabases"), *wanted;
	const char *name;
	if (json_is_object(prepared) && !json_object_size(prepared)) {
		char *usual = arena_copy(reader->mem, json_text_at(postgresql, "metadata.name", ""));
		for (char *c = usual; *c; c++)
			*c = *c == '-' ? '_' : *c;
		add_prepared(reader, usual, NULL);
	}
	json_object_foreach (prepared, name, wanted)
		add_prepared(reader, name, wanted);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct role_claim *)a)->name, ((const struct role_claim *)b)->name);
}

static void sort_unique(struct role_claims *claims)
{
	size_t kept = 0;
	if (claims->count)
		qsort(claims->items, claims->count, sizeof(*claims->items), compare);
	for (size_t i = 0; i < claims->count; i++)
		if (!kept || compare(&claims->items[kept - 1], &claims->items[i]) != 0)
			claims->items[kept++] = claims->items[i];
	claims->count = kept;
}

struct role_claims operator_roles(const json_t *postgresql, struct arena *mem)
{
	struct reader reader = {.mem = mem};
	json_t *users = json_at(postgresql, "spec.users"), *databases = json_at(postgresql, "spec.databases"),
	       *value;
	const char *key, *pooler = json_text_at(postgresql, "spec.connectionPooler.user", NULL);
	json_object_foreach (users, key, value)
		add(&reader, key, "users");
	json_object_foreach (databases, key, value)
		if (json_is_string(value))
			add(&reader, json_string_value(value), "databases");
	add_all_prepared(&reader, postgresql);
	if (pooler)
		add(&reader, pooler, "connectionPooler.user");
	sort_unique(&reader.claims);
	return reader.claims;
}
