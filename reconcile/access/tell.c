#include "reconcile/access/looking.h"

#include <string.h>

struct access_item *answer_item(struct answering *at)
{
	struct access_answer *answer = at->answer;
	answer->items = arena_grow(at->world->mem, answer->items, answer->count, sizeof(*answer->items));
	return &answer->items[answer->count++];
}

void answer_note(struct answering *at, const char *text)
{
	struct access_answer *answer = at->answer;
	answer->notes =
		arena_grow(at->world->mem, (void *)answer->notes, answer->note_count, sizeof(*answer->notes));
	answer->notes[answer->note_count++] = text;
}

static const char *quoted(const char *name, struct arena *mem)
{
	if (!strpbrk(name, ".\"() \t\n\r,"))
		return name;
	char *text = arena_array(mem, 2 * strlen(name) + 3, 1), *to = text;
	*to++ = '"';
	for (; *name; name++) {
		*to = *name;
		to += 1;
		if (*name == '"')
			*to++ = '"';
	}
	*to = '"';
	return text;
}

const char *row_object(const struct world_row *row, struct arena *mem)
{
	const char *name = row->stands_for ? row->name : quoted(row->name, mem);
	const char *schema = quoted(row->schema, mem);
	if (row->on >= GRANT_DEFAULT_SCHEMAS)
		return arena_printf(mem, "by %s%s%s", name, *schema ? " in " : "", schema);
	if (!*schema)
		return name;
	if (row->on == GRANT_ON_FUNCTION && !row->stands_for)
		return arena_printf(mem, "%s.%s(%s)", schema, name, row->column);
	if (*row->column)
		return arena_printf(mem, "%s.%s.%s", schema, name, quoted(row->column, mem));
	return arena_printf(mem, "%s.%s", schema, name);
}

const char *world_database_name(const struct world *world, size_t database)
{
	return database == NOBODY ? "" : world->databases[database].name;
}

static const char *needs_of(const struct looking *look, const struct candidate *one)
{
	struct arena *mem = look->world->mem;
	const char *text = NULL;
	if (!one->connects)
		text = arena_printf(
			mem, "CONNECT on database %s", world_database_name(look->world, look->database));
	if (!one->uses)
		text = arena_join(
			mem, text, " and ", arena_printf(mem, "USAGE on schema %s", one->row->schema));
	return text;
}

static const char *user_name(const struct world *world, size_t user)
{
	return user == EVERYBODY ? ACCESS_PUBLIC : world->roles[user].name;
}

void tell_candidate(struct looking *look, const struct candidate *one)
{
	const struct world *world = look->world;
	const struct world_row *row = one->row;
	bool everybody = row->grantee == EVERYBODY && look->user != EVERYBODY;
	struct access_item *item = answer_item(look->at);
	*item = (struct access_item){
		.user = user_name(world, look->user),
		.database = world_database_name(world, look->database),
		.what = ACCESS_ON_OBJECT,
		.on = row->on,
		.object = row_object(row, world->mem),
		.schema = row->schema,
		.privilege = row->privilege,
		.stands_for = row->stands_for,
		.set_role = one->as->set_role == NOBODY ? NULL : world->roles[one->as->set_role].name,
		.needs = needs_of(look, one),
		.grantable = row->grantable,
		.limited = identity_is_limited(world, one->as, row),
	};
	item->via = way_names(world, one->way, everybody, &item->via_count);
	origin_set(world, one->way, one->own ? NULL : row, item);
}
