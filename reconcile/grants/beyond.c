#include "reconcile/grants/beyond.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/grants/kinds.h"
#include "reconcile/grants/statement.h"

enum { OBJECTS_TOLD = 5 }; /* of one kind, role and database: there may be thousands of large objects */

static bool is_promised(const struct grants_wanted *wanted, const char *role)
{
	return text_is_listed(wanted->roles, wanted->role_count, role) &&
		!text_is_listed(wanted->kept, wanted->kept_count, role);
}

static bool same_kind(const struct grant *a, const struct grant *b)
{
	return a->on == b->on && strcmp(a->role, b->role) == 0 && strcmp(a->database, b->database) == 0;
}

static bool same_object(const struct grant *a, const struct grant *b)
{
	return same_kind(a, b) && strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0;
}

/* Rows of one object: "SELECT, UPDATE", and who else than the owner has to take it (REVOKE, "Notes"). */
static void join_rows(const struct grant *rows, size_t count, const char **privileges, const char **grantors,
	struct arena *mem)
{
	*privileges = *grantors = NULL;
	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(rows[i - 1].privilege, rows[i].privilege) != 0)
			*privileges = arena_join(mem, *privileges, ", ", rows[i].privilege);
		if (*rows[i].grantor)
			*grantors = arena_join(mem, *grantors, ", ",
				arena_printf(mem, "%s by \"%s\"", rows[i].privilege, rows[i].grantor));
	}
}

static const char *object_text(const struct grant *rows, size_t count, struct arena *mem)
{
	const char *privileges, *grantors;
	join_rows(rows, count, &privileges, &grantors, mem);
	const struct change change = {
		.kind = CHANGE_REVOKE, .grant = rows, .privileges = privileges, .grantor = ""};
	const struct grants_step step = {.changes = &change};
	return arena_printf(mem,
		"role \"%s\" has %s on %s, for which users.yaml has no word, so that it is left: %s takes it%s%s%s%s",
		rows->role, privileges, grant_describe(rows, mem), statement_sql(&step, 0, 1, mem),
		*rows->database ? ", in database " : "", rows->database,
		grantors ? "; not by its owner was granted " : "", grantors ? grantors : "");
}

/* Rows of one kind, role and database: each object of them, up to some. */
static void tell_kind(const struct grant *rows, size_t count, struct grants_plan *plan, struct arena *mem)
{
	size_t objects = 0;
	for (size_t i = 0, length; i < count; i += length) {
		for (length = 1; i + length < count && same_object(&rows[i], &rows[i + length]);)
			length++;
		if (objects++ < OBJECTS_TOLD)
			grants_warn(plan, object_text(&rows[i], length, mem), mem);
	}
	if (objects > OBJECTS_TOLD)
		grants_warn(plan,
			arena_printf(mem,
				"role \"%s\" has privileges on %zu more %ss in database %s, for which users.yaml "
				"has no word, so that they are left: `pgitops user access %s` shows each",
				rows->role, objects - OBJECTS_TOLD, grant_on_singular(rows->on),
				rows->database, rows->role),
			mem);
}

void beyond_tell(const struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_plan *plan)
{
	const struct grants *grants = &present->grants;
	for (size_t i = 0, count; i < grants->count; i += count) {
		const struct grant *row = &grants->items[i];
		for (count = 1; i + count < grants->count && same_kind(row, row + count);)
			count++;
		if (!grant_kinds[row->on].word && is_promised(wanted, row->role))
			tell_kind(row, count, plan, mem);
	}
}
