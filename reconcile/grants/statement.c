#include "reconcile/grants/statement.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "reconcile/grants/kinds.h"
#include "reconcile/postgres/sql.h"

static void print_object(const struct grant *grant, struct arena *mem, struct buf *sql)
{
	if (*grant->schema)
		buf_printf(sql, "%s.", sql_identifier(grant->schema, mem));
	bool number = grant->on == GRANT_ON_LARGE_OBJECT;
	buf_text(sql, number ? grant->name : sql_identifier(grant->name, mem));
	if (grant->on == GRANT_ON_FUNCTION)
		buf_printf(sql, "(%s)", grant->column);
}

/* "SELECT, UPDATE", of a column "SELECT (c), UPDATE (c)". */
static void print_privileges(const struct change *change, struct arena *mem, struct buf *sql)
{
	const char *at = change->privileges;
	while (change->grant->on == GRANT_ON_COLUMN && *at) {
		size_t length = strcspn(at, ",");
		buf_printf(sql, "%.*s (%s)", (int)length, at, sql_identifier(change->grant->column, mem));
		at += length;
		buf_text(sql, *at ? ", " : "");
		at += strspn(at, ", ");
	}
	buf_text(sql, at);
}

bool statement_joins(const struct change *first, const struct change *next)
{
	return first->kind == next->kind && first->depth == next->depth &&
		first->grant->on == next->grant->on && !grant_kinds[first->grant->on].defaults &&
		first->grant->on != GRANT_ON_COLUMN &&
		strcmp(first->grant->database, next->grant->database) == 0 &&
		strcmp(first->grant->role, next->grant->role) == 0 &&
		strcmp(first->grantor, next->grantor) == 0 && first->grant->blind == next->grant->blind &&
		(!first->grant->blind || strcmp(first->grant->schema, next->grant->schema) == 0) &&
		strcmp(first->privileges, next->privileges) == 0;
}

void statement_head(const struct change *changes, size_t count, struct arena *mem, struct buf *sql)
{
	static const char *const verbs[] = {"REVOKE", "REVOKE GRANT OPTION FOR", "GRANT"};
	const struct grant *grant = changes->grant;
	const struct grant_kind *kind = &grant_kinds[grant->on];
	if (kind->defaults)
		buf_printf(sql, "ALTER DEFAULT PRIVILEGES FOR ROLE %s ", sql_identifier(grant->name, mem));
	if (kind->defaults && *grant->schema)
		buf_printf(sql, "IN SCHEMA %s ", sql_identifier(grant->schema, mem));
	buf_printf(sql, "%s ", verbs[changes->kind]);
	print_privileges(changes, mem, sql);
	buf_printf(sql, " ON %s", kind->sql);
	for (size_t i = 0; !kind->defaults && i < count; i++) {
		buf_text(sql, i ? ", " : " ");
		print_object(changes[i].grant, mem, sql);
	}
	buf_text(sql, changes->kind == CHANGE_GRANT ? " TO " : " FROM ");
}

size_t statement_count(const struct change *change)
{
	if (!*change->grantor)
		return 1;
	return change->grant->blind ? 5 : 3;
}

/*
 * What somebody gave by a grant option, only he can take (REVOKE, "Notes"), and only where he may look into the schema. Who has no USAGE
 * of his own gets it for this one transaction: nobody else sees it, and taking it away again takes nothing else.
 */
const char *statement_sql(const struct grants_step *step, size_t first, size_t count, struct arena *mem)
{
	CLEANUP(buf_done) struct buf head = BUF(LIMIT_BATCH_BYTES / 2);
	const struct change *changes = step->changes + first;
	const char *role = sql_identifier(changes->grant->role, mem);
	statement_head(changes, count, mem, &head);
	if (buf_failed(&head))
		return "";
	if (!*changes->grantor)
		return arena_printf(mem, "%s%s", buf_string(&head), role);
	const char *grantor = sql_identifier(changes->grantor, mem);
	const char *as_grantor = arena_printf(mem, "SET LOCAL ROLE %s; %s%s%s; SET LOCAL ROLE NONE", grantor,
		buf_string(&head), role, step->cascades ? " CASCADE" : "");
	if (!changes->grant->blind)
		return as_grantor;
	const char *schema = sql_identifier(changes->grant->schema, mem);
	return arena_printf(mem, "GRANT USAGE ON SCHEMA %s TO %s; %s; REVOKE USAGE ON SCHEMA %s FROM %s",
		schema, grantor, as_grantor, schema, grantor);
}

/* --- order --- */

static bool same_object(const struct change *a, const struct change *b)
{
	const struct grant *left = a->grant, *right = b->grant;
	return a->kind == b->kind && a->depth == b->depth && left->on == right->on &&
		strcmp(left->database, right->database) == 0 && strcmp(left->role, right->role) == 0 &&
		strcmp(left->schema, right->schema) == 0 && strcmp(left->name, right->name) == 0 &&
		strcmp(left->column, right->column) == 0 && strcmp(a->grantor, b->grantor) == 0;
}

/* By the object first, so that the privileges on it are neighbours. */
static int compare_objects(const void *a, const void *b)
{
	const struct change *left = a, *right = b;
	int order = (left->kind > right->kind) - (left->kind < right->kind);
	if (!order)
		order = (left->depth > right->depth) - (left->depth < right->depth);
	if (!order)
		order = strcmp(left->grantor, right->grantor);
	return order ? order : grant_compare(left->grant, right->grant);
}

/* By what is the same in one statement; REVOKE before GRANT in each database. */
static int compare_statements(const void *a, const void *b)
{
	const struct change *left = a, *right = b;
	int order = strcmp(left->grant->database, right->grant->database);
	if (!order)
		order = (left->kind > right->kind) - (left->kind < right->kind);
	if (!order)
		order = strcmp(left->grant->role, right->grant->role);
	if (!order)
		order = (left->depth > right->depth) - (left->depth < right->depth);
	if (!order)
		order = (left->grant->on > right->grant->on) - (left->grant->on < right->grant->on);
	if (!order)
		order = strcmp(left->grantor, right->grantor);
	if (!order)
		order = strcmp(left->privileges, right->privileges);
	return order ? order : grant_compare(left->grant, right->grant);
}

size_t statement_join(struct change *changes, size_t count, struct arena *mem)
{
	size_t kept = 0;
	if (count)
		qsort(changes, count, sizeof(*changes), compare_objects);
	for (size_t i = 0; i < count; i++) {
		if (kept && same_object(&changes[kept - 1], &changes[i]))
			changes[kept - 1].privileges =
				arena_join(mem, changes[kept - 1].privileges, ", ", changes[i].privileges);
		else
			changes[kept++] = changes[i];
	}
	if (kept)
		qsort(changes, kept, sizeof(*changes), compare_statements);
	return kept;
}
