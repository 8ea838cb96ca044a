#include "agent/show/access_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum {
	NAMED = 3, /* objects of a row that are named */
	LOOK_BACK = 64, /* rows that an object may be joined to: of thousands with ways of their own none is like it */
	COMMIT_DIGITS = 7
};

/* A row that may grow. */
struct growing {
	struct access_row row;
	const json_t *first; /* its first item */
	const char *kind, *schema;
	size_t objects;
	const char *names;
};

static const char *shown_role(const char *name)
{
	return strcmp(name, "public") == 0 ? "PUBLIC" : name;
}

/* From the `from`th on, up to the `end`th. */
static const char *chain(const json_t *via, size_t from, size_t end, struct arena *mem)
{
	const char *text = NULL;
	for (size_t i = from; i < end; i++) {
		const char *role = json_string_value(json_array_get(via, i));
		text = arena_join(mem, text, " > ", shown_role(role ? role : "?"));
	}
	return text ? text : "";
}

const char *access_via(const json_t *item, struct arena *mem)
{
	const json_t *via = json_object_get(item, "via");
	return chain(via, 0, json_array_size(via), mem);
}

static const char *through(const json_t *item, struct arena *mem)
{
	const json_t *via = json_object_get(item, "via");
	const char *set = json_text_at(item, "setRole", NULL);
	size_t from = 0, end = json_array_size(via);
	if (end && text_equal(json_text_at(item, "kind", ""), "role"))
		end -= !text_equal(json_text_at(item, "privilege", ""), "ADMIN"); /* the last is the role itself */
	if (!set)
		return end ? chain(via, 0, end, mem) : "directly";
	while (from < json_array_size(via) && !text_equal(json_string_value(json_array_get(via, from)), set))
		from++;
	const char *rest = chain(via, from + 1, end, mem);
	return arena_printf(mem, "SET ROLE %s%s%s", set, *rest ? " > " : "", rest);
}

static const char *given(const json_t *item, struct arena *mem)
{
	const char *origin = json_text_at(item, "origin", ""), *hand = json_text_at(item, "hand", "");
	const char *file = json_text_at(item, "file", ""), *slash = strrchr(file, '/');
	if (text_equal(origin, "default"))
		return "PostgreSQL's default";
	if (!text_equal(origin, "git"))
		return text_starts(hand, "membership of ") ? arena_printf(mem, "by hand: %s", hand)
			: text_ends(hand, " owns it")      ? "by hand: owns it"
							   : "by hand";
	return arena_printf(mem, "%s:%lld (%.*s)", slash ? slash + 1 : file,
		(long long)json_number_at(item, "line", 0), COMMIT_DIGITS, json_text_at(item, "commit", ""));
}

static const char *note(const json_t *item, struct arena *mem)
{
	const char *needs = json_text_at(item, "needs", NULL), *text = NULL;
	int64_t more = json_number_at(item, "more", 0);
	if (needs)
		text = arena_printf(mem, "without effect: needs %s", needs);
	if (json_bool_at(item, "rowSecurity", false))
		text = arena_join(mem, text, "; ", "row security says which rows");
	if (*json_text_at(item, "means", ""))
		text = arena_join(mem, text, "; ", json_text_at(item, "means", ""));
	if (more)
		text = arena_join(mem, text, "; ",
			arena_printf(mem, "and %lld more %s", (long long)more, more == 1 ? "way" : "ways"));
	return text ? text : "";
}

static const char *privilege(const json_t *item, struct arena *mem)
{
	const char *word = json_text_at(item, "privilege", "");
	bool star = json_bool_at(item, "grantable", false) && !text_equal(word, "OWNER") &&
		!text_equal(word, "ALL");
	return arena_printf(mem, "%s%s", word, star ? "*" : "");
}

/* "shop" of "shop.orders": objects of one schema are joined. A quoted schema is joined with its like, too. */
static const char *schema_of(const char *object, struct arena *mem)
{
	const char *dot = *object == '"' ? strstr(object, "\".") : strchr(object, '.');
	return dot ? arena_copy_n(mem, object, (size_t)(dot - object)) : NULL;
}

static const char *object_name(const json_t *item, struct arena *mem)
{
	const char *object = json_text_at(item, "object", "");
	int64_t many = json_number_at(item, "standsFor", 0);
	if (!many)
		return object;
	return arena_printf(mem, "%s (%lld)", object, (long long)many);
}

static struct growing begin(const json_t *item, struct arena *mem)
{
	struct growing row = {.first = item, .objects = 1};
	row.kind = json_text_at(item, "kind", "");
	row.names = object_name(item, mem);
	row.schema = json_number_at(item, "standsFor", 0) || text_starts(row.kind, "new ") ||
			text_equal(row.kind, "column")
		? NULL
		: schema_of(json_text_at(item, "object", ""), mem);
	row.row = (struct access_row){.user = shown_role(json_text_at(item, "user", "")),
		.database = json_text_at(item, "database", ""),
		.privileges = privilege(item, mem),
		.through = through(item, mem),
		.given = given(item, mem),
		.note = note(item, mem),
		.hand = json_bool_at(item, "byHand", false),
		.idle = json_text_at(item, "needs", NULL) != NULL};
	return row;
}

static bool same_way(const struct growing *a, const struct growing *b)
{
	return strcmp(a->row.user, b->row.user) == 0 && strcmp(a->row.database, b->row.database) == 0 &&
		strcmp(a->kind, b->kind) == 0 && strcmp(a->row.through, b->row.through) == 0 &&
		strcmp(a->row.given, b->row.given) == 0 && strcmp(a->row.note, b->row.note) == 0;
}

/* One more privilege of an object by a way that is there: true. */
static bool join_privilege(struct growing *rows, size_t count, const struct growing *row, struct arena *mem)
{
	for (size_t i = count; i > 0 && count - i < LOOK_BACK; i--) {
		struct growing *other = &rows[i - 1];
		if (strcmp(other->names, row->names) != 0 || strcmp(other->kind, row->kind) != 0 ||
			!same_way(other, row))
			continue;
		other->row.privileges = arena_join(mem, other->row.privileges, ", ", row->row.privileges);
		return true;
	}
	return false;
}

static bool join_object(struct growing *rows, size_t count, const struct growing *row, struct arena *mem)
{
	for (size_t i = count; row->schema && i > 0 && count - i < LOOK_BACK; i--) {
		struct growing *other = &rows[i - 1];
		if (!text_equal(other->schema, row->schema) || !same_way(other, row) ||
			strcmp(other->row.privileges, row->row.privileges) != 0)
			continue;
		if (++other->objects <= NAMED)
			other->names = arena_join(mem, other->names, ", ", row->names);
		return true;
	}
	return false;
}

static void finish(struct growing *row, struct arena *mem)
{
	const char *names = row->names;
	if (row->objects > NAMED)
		names = arena_printf(mem, "%s and %zu more", names, row->objects - NAMED);
	row->row.object = arena_printf(
		mem, "%s%s%s%s", row->kind, row->objects > 1 ? "s" : "", *names ? " " : "", names);
}

size_t access_rows(const json_t *items, bool every_object, struct arena *mem, struct access_row **rows)
{
	size_t most = json_array_size(items), count = 0, kept = 0, i;
	struct growing *made = arena_array(mem, most + 1, sizeof(*made));
	const json_t *item;
	json_array_foreach (items, i, item) {
		made[count] = begin(item, mem);
		if (!join_privilege(made, count, &made[count], mem))
			count++;
	}
	for (i = 0; i < count; i++)
		if (every_object || !join_object(made, kept, &made[i], mem))
			made[kept++] = made[i];
	*rows = arena_array(mem, kept + 1, sizeof(**rows));
	for (i = 0; i < kept; i++) {
		finish(&made[i], mem);
		(*rows)[i] = made[i].row;
	}
	return kept;
}
