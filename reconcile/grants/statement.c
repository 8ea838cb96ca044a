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

/* What somebody is lent is taken back behind the last one that he takes from: those of one privilege of one object are joined. */
bool statement_joins(const struct change *first, const struct change *next)
{
	return !first->lends && !next->lends && first->kind == next->kind && first->depth == next->depth &&
		first->grant->on == next->grant->on && !grant_kinds[first->grant->on].defaults &&
		first->grant->on != GRANT_ON_COLUMN &&
		strcmp(first->grant->database, next->grant->database) == 0 &&
		strcmp(first->grant->role, next->grant->role) == 0 &&
		strcmp(first->grantor, next->grantor) == 0 && first->grant->blind == next->grant->blind &&
		(!first->grant->blind || strcmp(first->grant->schema, next->grant->schema) == 0) &&
		strcmp(first->privileges, next->privileges) == 0;
}

static void print_head(const struct change *changes, size_t count, enum change_kind change, struct arena *mem,
	struct buf *sql)
{
	static const char *const verbs[] = {"REVOKE", "REVOKE GRANT OPTION FOR", "GRANT"};
	const struct grant *grant = changes->grant;
	const struct grant_kind *kind = &grant_kinds[grant->on];
	if (kind->defaults)
		buf_printf(sql, "ALTER DEFAULT PRIVILEGES FOR ROLE %s ", sql_identifier(grant->name, mem));
	if (kind->defaults && *grant->schema)
		buf_printf(sql, "IN SCHEMA %s ", sql_identifier(grant->schema, mem));
	buf_printf(sql, "%s ", verbs[change]);
	print_privileges(changes, mem, sql);
	buf_printf(sql, " ON %s", kind->sql);
	for (size_t i = 0; !kind->defaults && i < count; i++) {
		buf_text(sql, i ? ", " : " ");
		print_object(changes[i].grant, mem, sql);
	}
	buf_text(sql, change == CHANGE_GRANT ? " TO " : " FROM ");
}

size_t statement_count(const struct change *change)
{
	if (!*change->grantor)
		return 1;
	return 3 + (change->grant->blind ? 2u : 0u) + (change->lends ? 2u : 0u);
}

/* The option for what these changes are about, for as long as the grantor's REVOKE takes. */
static void lend_option(
	const struct change *changes, size_t count, struct arena *mem, struct buf *head, struct buf *tail)
{
	const char *grantor = sql_identifier(changes->grantor, mem);
	print_head(changes, count, CHANGE_GRANT, mem, head);
	buf_printf(head, "%s WITH GRANT OPTION; ", grantor);
	buf_text(tail, "; ");
	print_head(changes, count, changes->grant->plain ? CHANGE_REVOKE_OPTION : CHANGE_REVOKE, mem, tail);
	buf_text(tail, grantor);
}

/*
 * What somebody gave by a grant option, only he can take (REVOKE, "Notes"), and only where he may look into the schema. Who has no USAGE
 * of his own gets it for this one transaction, and so does an orphan's grantor (struct grant) the option: nobody else sees it, and taking it away again
 * takes nothing else.
 */
static void print_as_grantor(const struct grants_step *step, const struct change *changes, size_t count,
	struct arena *mem, struct buf *head, struct buf *tail)
{
	const char *grantor = sql_identifier(changes->grantor, mem);
	const char *schema = changes->grant->blind ? sql_identifier(changes->grant->schema, mem) : NULL;
	if (schema)
		buf_printf(head, "GRANT USAGE ON SCHEMA %s TO %s; ", schema, grantor);
	buf_printf(tail, "%s; SET LOCAL ROLE NONE", step->cascades ? " CASCADE" : "");
	if (changes->lends)
		lend_option(changes, count, mem, head, tail);
	if (schema)
		buf_printf(tail, "; REVOKE USAGE ON SCHEMA %s FROM %s", schema, grantor);
	buf_printf(head, "SET LOCAL ROLE %s; ", grantor);
}

bool statement_around(const struct grants_step *step, size_t first, size_t count, struct arena *mem,
	const char **head, const char **tail)
{
	CLEANUP(buf_done) struct buf before = BUF(LIMIT_BATCH_BYTES / 2);
	CLEANUP(buf_done) struct buf behind = BUF(LIMIT_BATCH_BYTES / 2);
	const struct change *changes = step->changes + first;
	if (*changes->grantor)
		print_as_grantor(step, changes, count, mem, &before, &behind);
	print_head(changes, count, changes->kind, mem, &before);
	if (buf_failed(&before) || buf_failed(&behind))
		return false;
	*head = arena_copy(mem, buf_string(&before));
	*tail = arena_copy(mem, buf_string(&behind));
	return true;
}

const char *statement_sql(const struct grants_step *step, size_t first, size_t count, struct arena *mem)
{
	const char *head, *tail;
	if (!statement_around(step, first, count, mem, &head, &tail))
		return "";
	return arena_printf(mem, "%s%s%s", head, sql_identifier(step->changes[first].grant->role, mem), tail);
}

/* --- order --- */

static bool same_object(const struct change *a, const struct change *b)
{
	const struct grant *left = a->grant, *right = b->grant;
	return !a->lends && !b->lends && a->kind == b->kind && a->depth == b->depth && left->on == right->on &&
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
