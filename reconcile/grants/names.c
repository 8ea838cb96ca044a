#include "reconcile/grants/names.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"

const char *names_before(const struct grants_wanted *wanted, const char *name)
{
	for (size_t i = 0; i < wanted->renamed_count; i++)
		if (strcmp(wanted->renamed[i].is, name) == 0)
			return wanted->renamed[i].was;
	return name;
}

const char *names_afterwards(const struct grants_wanted *wanted, const char *name)
{
	for (size_t i = 0; i < wanted->renamed_count; i++)
		if (name && strcmp(wanted->renamed[i].was, name) == 0)
			return wanted->renamed[i].is;
	return name;
}

bool names_is_mute(const struct names_mute *mute, const char *name)
{
	return text_is_listed(mute->items, mute->count, name);
}

static void note(const char *name, struct arena *mem, struct names_mute *names)
{
	bool ascii = true;
	for (const char *c = name; *c; c++)
		ascii = ascii && !(*c & 0x80);
	if (ascii)
		return;
	names->items = arena_grow(mem, names->items, names->count, sizeof(*names->items));
	names->items[names->count++] = name;
}

static void note_all(const char *const *names, size_t count, struct arena *mem, struct names_mute *all)
{
	for (size_t i = 0; i < count; i++)
		note(names[i], mem, all);
}

static bool is_refused(struct session *session, PGconn *conn, const char *name, struct arena *mem)
{
	CLEANUP(session_clear) PGresult *rows = NULL;
	const char *sql = arena_printf(mem, "SELECT %s", sql_literal(name, mem));
	struct outcome outcome;
	return !(session_send(session, conn, sql, 1, &outcome) &&
		       session_collect(session, conn, 1, &rows, 1, &outcome)) &&
		strcmp(outcome.sqlstate, NAMES_FOREIGN) == 0;
}

bool names_find_mute(struct session *session, PGconn *conn, const struct grants_wanted *wanted,
	const char *database, struct arena *mem, struct names_mute *mute)
{
	struct names_mute all = {0};
	for (size_t i = 0; i < wanted->role_count; i++)
		note(names_before(wanted, wanted->roles[i]), mem, &all);
	note_all(wanted->leaving, wanted->leaving_count, mem, &all);
	note_all(wanted->going, wanted->going_count, mem, &all);
	for (size_t i = 0; i < wanted->grants.count; i++)
		if (strcmp(wanted->grants.items[i].database, database) == 0) {
			note(wanted->grants.items[i].schema, mem, &all);
			note(wanted->grants.items[i].name, mem, &all);
		}
	text_sort_unique(all.items, &all.count);
	mute->count = 0;
	for (size_t i = 0; i < all.count; i++)
		if (is_refused(session, conn, all.items[i], mem))
			all.items[mute->count++] = all.items[i];
	mute->items = all.items;
	return mute->count > 0;
}

void names_print(const struct names_mute *mute, const char *const *names, size_t count, struct arena *mem,
	struct buf *list)
{
	for (size_t i = 0; i < count; i++)
		if (!names_is_mute(mute, names[i]))
			buf_printf(list, "%s%s", list->length ? ", " : "", sql_literal(names[i], mem));
}

const char *names_list(const struct names_mute *mute, const char *const *names, size_t count, struct arena *mem)
{
	CLEANUP(buf_done) struct buf list = BUF(LIMIT_PASS_MEMORY);
	names_print(mute, names, count, mem, &list);
	return list.length ? arena_copy(mem, buf_string(&list)) : "NULL";
}

const char *names_roles(const struct grants_wanted *wanted, const struct names_mute *mute, struct arena *mem)
{
	CLEANUP(buf_done) struct buf list = BUF(LIMIT_PASS_MEMORY);
	for (size_t i = 0; i < wanted->role_count; i++) {
		const char *name = names_before(wanted, wanted->roles[i]);
		names_print(mute, &name, 1, mem, &list);
	}
	names_print(mute, wanted->leaving, wanted->leaving_count, mem, &list);
	return list.length ? arena_copy(mem, buf_string(&list)) : "NULL";
}
