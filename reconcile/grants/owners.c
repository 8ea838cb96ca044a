#include "reconcile/grants/owners.h"

#include <stdlib.h>
#include <string.h>

/* NULL = it keeps its own. */
static const char *new_owner(const struct grants_wanted *wanted, const struct grant *row)
{
	for (size_t i = 0; row->on == GRANT_ON_DATABASE && i < wanted->owner_count; i++)
		if (strcmp(wanted->owners[i].database, row->database) == 0)
			return wanted->owners[i].owner;
	return NULL;
}

/* The owner's row of this privilege among the last ones; NULL = there is none. */
static struct grant *of_the_owner(struct grants *rows, const struct grant *row)
{
	for (size_t i = rows->count; i-- && grant_compare(&rows->items[i], row) == 0;)
		if (!*rows->items[i].grantor)
			return &rows->items[i];
	return NULL;
}

static void change_grants(struct grants *rows, const struct grants_wanted *wanted)
{
	struct grants kept = {rows->items, 0};
	for (size_t i = 0; i < rows->count; i++) {
		struct grant row = rows->items[i];
		const char *owner = new_owner(wanted, &row);
		if (owner && strcmp(row.role, owner) == 0)
			continue;
		if (owner && strcmp(row.grantor, owner) == 0) {
			row.grantor = "";
			row.stuck = row.lasts = row.orphan = row.plain = false;
		}
		struct grant *other = owner && !*row.grantor ? of_the_owner(&kept, &row) : NULL;
		if (other)
			other->grantable |= row.grantable;
		else
			kept.items[kept.count++] = row;
	}
	*rows = kept;
}

static void change_owned(struct grants *rows, const struct grants_wanted *wanted, struct arena *mem)
{
	size_t kept = 0;
	for (size_t i = 0; i < rows->count; i++)
		if (!new_owner(wanted, &rows->items[i]))
			rows->items[kept++] = rows->items[i];
	rows->count = kept;
	for (size_t i = 0; i < wanted->owner_count; i++) {
		const struct grants_owner *to = &wanted->owners[i];
		rows->items = arena_grow(mem, rows->items, rows->count, sizeof(*rows->items));
		rows->items[rows->count++] = (struct grant){.database = to->database,
			.on = GRANT_ON_DATABASE,
			.schema = "",
			.name = to->database,
			.column = "",
			.role = to->owner,
			.privilege = "",
			.grantor = ""};
	}
	qsort(rows->items, rows->count, sizeof(*rows->items), grant_compare);
}

void owners_change(struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem)
{
	if (!wanted->owner_count)
		return;
	change_grants(&present->grants, wanted);
	change_grants(&present->others, wanted);
	change_owned(&present->owned, wanted, mem);
}
