#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/grants/beyond.h"
#include "reconcile/grants/closed.h"
#include "reconcile/grants/danger.h"
#include "reconcile/grants/kinds.h"
#include "reconcile/grants/leavers.h"
#include "reconcile/grants/named.h"
#include "reconcile/grants/statement.h"
#include "reconcile/postgres/sql.h"

enum { OBJECTS_A_STATEMENT = 200, DEEPEST_CHAIN = 64 };

struct planner {
	const struct grants_present *present;
	const struct grants_wanted *wanted;
	struct arena *mem;
	struct grants_plan *plan;
	struct grants rows; /* wanted, one privilege of one object each; sorted, unique */
	struct change *changes;
	size_t change_count;
	unsigned *depths;         /* parallel to present->grants: chain_depth(), once it is known */
	unsigned chain;           /* calls of it under way, one within the other */
	struct danger_left *left; /* out of what is meant by many words at once */
	size_t left_count;
};

void grants_warn(struct grants_plan *plan, const char *text, struct arena *mem)
{
	plan->warnings = arena_grow(mem, plan->warnings, plan->warning_count, sizeof(*plan->warnings));
	plan->warnings[plan->warning_count++] = text;
}

/* --- what is wanted, object by object --- */

/* What is said to be given to an owner comes with owning: a GRANT would change nothing, at each pass. */
static bool is_owner(const struct planner *planner, const struct grant *grant)
{
	struct grant key = *grant;
	if (grant_kinds[grant->on].defaults)
		return strcmp(grant->name, grant->role) == 0;
	key.privilege = "";
	if (grant->on == GRANT_ON_COLUMN) {
		key.on = GRANT_ON_TABLE;
		key.column = "";
	}
	return grant_row(&planner->present->owned, &key);
}

static void add_row(struct planner *planner, const struct grant *grant)
{
	struct grants *rows = &planner->rows;
	if (is_owner(planner, grant))
		return;
	rows->items = arena_grow(planner->mem, rows->items, rows->count, sizeof(*rows->items));
	rows->items[rows->count++] = *grant;
}

static void add_privileges(struct planner *planner, struct grant grant)
{
	const struct grant_kind *kind = &grant_kinds[grant.on];
	if (strcmp(grant.privilege, "ALL") != 0) {
		add_row(planner, &grant);
		return;
	}
	grant.swept = true;
	for (size_t i = 0; kind->privileges[i].name; i++) {
		grant.privilege = kind->privileges[i].name;
		if (planner->present->version >= kind->privileges[i].since)
			add_row(planner, &grant);
	}
}

static bool leaves(const struct planner *planner, const char *role)
{
	return text_is_listed(planner->wanted->leaving, planner->wanted->leaving_count, role);
}

static bool is_told(const struct planner *planner, const char *role)
{
	return text_is_listed(planner->wanted->told, planner->wanted->told_count, role);
}

static bool keeps_unlisted(const struct planner *planner, const char *role)
{
	return text_is_listed(planner->wanted->kept, planner->wanted->kept_count, role);
}

static struct grants_step *add_step(struct planner *planner, const struct grant *grant)
{
	struct grants_plan *plan = planner->plan;
	bool leaving = leaves(planner, grant->role);
	struct grants_step **list = leaving ? &plan->leaving : &plan->steps;
	size_t *count = leaving ? &plan->leaving_count : &plan->step_count;
	*list = arena_grow(planner->mem, *list, *count, sizeof(**list));
	struct grants_step *step = &(*list)[(*count)++];
	*step = (struct grants_step){.role = grant->role,
		.database = grant->on == GRANT_ON_DATABASE ? "" : grant->database,
		.sql = "",
		.tail = "",
		.statements = 1};
	return step;
}

static void add_difference(
	struct planner *planner, const struct grant *grant, const char *wanted, const char *found)
{
	struct grants_plan *plan = planner->plan;
	plan->differences = arena_grow(
		planner->mem, plan->differences, plan->difference_count, sizeof(*plan->differences));
	plan->differences[plan->difference_count++] = (struct grants_difference){grant->role,
		grant_describe(grant, planner->mem), wanted, found, is_told(planner, grant->role)};
}

/* A function's types are pasted into a statement only as the catalog has them. */
static void not_there(struct planner *planner, const struct grant *grant)
{
	add_difference(planner, grant, grant->privilege, "");
	if (is_told(planner, grant->role))
		return;
	struct grants_step *step = add_step(planner, grant);
	error_set(&step->error, ERROR_MISSING, "%s does not exist%s", grant_describe(grant, planner->mem),
		grant->on == GRANT_ON_FUNCTION
			? ": `name` has the types of what is passed in, spelled out and without names: f(integer, character varying)"
			: "");
}

static void refuse(struct planner *planner, const struct grant *grant, const char *why)
{
	add_difference(planner, grant, grant->privilege, "");
	if (is_told(planner, grant->role))
		return;
	error_set(&add_step(planner, grant)->error, ERROR_DENIED,
		"%s on %s is not given from here: %s. A superuser can grant it by hand, or the agent file allow it: "
		"policy: {allowGrants: [\"%s\"]}",
		grant->privilege, grant_describe(grant, planner->mem), why, danger_word(grant, planner->mem));
}

static bool matches(const struct grant *grant, const struct grant_object *object)
{
	if (strcmp(grant->name, GRANTS_ALL) == 0)
		return true;
	return strcmp(grant->name, object->name) == 0 &&
		(!grant->column || strcmp(grant->column, object->arguments) == 0);
}

static void expand_objects(struct planner *planner, struct grant grant)
{
	const struct grants_present *present = planner->present;
	const struct grant wanted = grant;
	bool found = strcmp(grant.name, GRANTS_ALL) == 0;
	for (size_t i = named_first(present, &wanted); i < present->object_count; i++) {
		const struct grant_object *object = &present->objects[i];
		if (strcmp(object->database, wanted.database) != 0 || object->on != wanted.on ||
			strcmp(object->schema, wanted.schema) != 0)
			break;
		if (!matches(&wanted, object))
			continue;
		found = true;
		grant.swept = strcmp(wanted.name, GRANTS_ALL) == 0;
		grant.name = object->name;
		grant.column = object->arguments;
		add_privileges(planner, grant);
	}
	if (!found)
		not_there(planner, &wanted);
}

/* Once for all that a role is to have there, whatever it may have already: an error is no empty set. */
static void not_read(struct planner *planner, const struct grant *grant, const char *why)
{
	const struct grants_plan *plan = planner->plan;
	for (size_t i = 0; i < plan->step_count; i++)
		if (strcmp(plan->steps[i].role, grant->role) == 0 &&
			strcmp(plan->steps[i].database, grant->database) == 0)
			return;
	if (is_told(planner, grant->role) || leaves(planner, grant->role))
		return;
	struct grants_step *step = add_step(planner, grant);
	error_set(&step->error, ERROR_RETRY, "what it may do in database \"%s\" was not compared: %s",
		grant->database, why);
}

static void expand(struct planner *planner)
{
	struct grants *rows = &planner->rows;
	size_t kept = 0;
	for (size_t i = 0; i < planner->wanted->grants.count; i++) {
		const struct grant *grant = &planner->wanted->grants.items[i];
		bool many = strcmp(grant->name, GRANTS_ALL) == 0 && grant_kinds[grant->on].in_schema &&
			!grant_kinds[grant->on].defaults;
		const char *why =
			grant->on == GRANT_ON_DATABASE ? NULL : closed_why(planner->present, grant->database);
		if (why)
			not_read(planner, grant, why);
		else if (many || grant->on == GRANT_ON_FUNCTION)
			expand_objects(planner, *grant);
		else
			add_privileges(planner, *grant);
	}
	if (rows->count)
		qsort(rows->items, rows->count, sizeof(*rows->items), grant_compare);
	for (size_t i = 0; i < rows->count; i++)
		if (!kept || grant_compare(&rows->items[kept - 1], &rows->items[i]) != 0)
			rows->items[kept++] = rows->items[i];
		else
			rows->items[kept - 1].swept &= rows->items[i].swept;
	rows->count = kept;
}

/* --- wanted and present, walked once --- */

/* Given by a described role, by a right to give it on that is taken from it: what it gave goes before. */
static bool is_given_on(const struct planner *planner, const struct grant *row)
{
	const struct grants_wanted *wanted = planner->wanted;
	return *row->grantor && text_is_listed(wanted->roles, wanted->role_count, row->grantor) &&
		!keeps_unlisted(planner, row->grantor) && !is_told(planner, row->grantor);
}

/* Given by one who was given it by one, ...: what stands at the end of such a chain is taken first, or the server refuses. Who has it from
   several stands below the lowest of them; a row is looked at once. */
static unsigned chain_depth(struct planner *planner, const struct grant *row)
{
	const struct grants *rows = &planner->present->grants;
	unsigned *known = &planner->depths[row - rows->items];
	if (*known || planner->chain == DEEPEST_CHAIN || !is_given_on(planner, row))
		return *known;
	struct grant key = *row;
	key.role = row->grantor;
	*known = 1;
	planner->chain++;
	size_t count;
	const struct grant *above = grant_rows(rows, &key, &count);
	for (size_t i = 0; i < count; i++) {
		unsigned depth = above[i].grantable ? 1 + chain_depth(planner, &above[i]) : 0;
		*known = depth > *known ? depth : *known;
	}
	planner->chain--;
	return *known;
}

static void add_change(
	struct planner *planner, enum change_kind kind, const struct grant *grant, const char *grantor)
{
	planner->changes =
		arena_grow(planner->mem, planner->changes, planner->change_count, sizeof(*planner->changes));
	planner->changes[planner->change_count++] = (struct change){
		.kind = kind,
		.grant = grant,
		.privileges = grant->privilege,
		.grantor = grantor,
		.depth = kind == CHANGE_REVOKE ? chain_depth(planner, grant) : 0,
		.lends = grant->orphan && !grant->stuck,
	};
}

/* What Git may not give (danger.h): the rest of many is given, one that is named is told. */
static void give(struct planner *planner, const struct grant *wanted)
{
	if (danger_is_unknown(planner->present, wanted)) {
		not_there(planner, wanted);
		return;
	}
	const char *why = danger_of(planner->present, planner->wanted, wanted, planner->mem);
	if (!why) {
		add_change(planner, CHANGE_GRANT, wanted, "");
		return;
	}
	if (!wanted->swept) {
		refuse(planner, wanted, why);
		return;
	}
	planner->left = arena_grow(planner->mem, planner->left, planner->left_count, sizeof(*planner->left));
	planner->left[planner->left_count++] = (struct danger_left){wanted, why};
}

/* Taking a privilege on a table takes it on the columns, too (REVOKE, "Notes"): then they are given anew. */
static bool goes_with_its_table(const struct planner *planner, const struct grant *column)
{
	struct grant table = *column;
	if (column->on != GRANT_ON_COLUMN || keeps_unlisted(planner, column->role))
		return false;
	table.on = GRANT_ON_TABLE;
	table.column = "";
	return grant_row(&planner->present->grants, &table) && !grant_row(&planner->rows, &table);
}

static bool is_decided_elsewhere(const struct planner *planner, const struct grant *grant)
{
	const struct grants_wanted *wanted = planner->wanted;
	return grant->on == GRANT_ON_DATABASE && strcmp(grant->privilege, "CONNECT") == 0 &&
		text_is_listed(wanted->users, wanted->user_count, grant->role);
}

/* Of a role that goes only what DROP OWNED leaves: what others than the owner gave, and do not take with themselves. */
static bool is_taken_elsewhere(const struct planner *planner, const struct grant *row)
{
	return leaves(planner, row->role) && (!*row->grantor || leaves(planner, row->grantor));
}

static void take_away(struct planner *planner, const struct grant *found, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_decided_elsewhere(planner, found) && !keeps_unlisted(planner, found->role) &&
			(grant_kinds[found->on].word || leaves(planner, found->role)) &&
			!is_taken_elsewhere(planner, &found[i]) &&
			!leavers_take(planner->present, planner->wanted, &found[i]))
			add_change(planner, CHANGE_REVOKE, &found[i], found[i].grantor);
}

static void keep(struct planner *planner, const struct grant *wanted, const struct grant *found, size_t count)
{
	size_t stays = 0;
	for (size_t i = 0; i < count; i++) {
		bool goes = leavers_take(planner->present, planner->wanted, &found[i]);
		bool falls = goes || is_given_on(planner, &found[i]);
		stays += !falls;
		if (goes)
			continue;
		if (falls)
			add_change(planner, CHANGE_REVOKE, &found[i], found[i].grantor);
		else if (found[i].grantable && !keeps_unlisted(planner, found->role))
			add_change(planner, CHANGE_REVOKE_OPTION, &found[i], found[i].grantor);
	}
	if (!stays)
		give(planner, wanted);
	else if (goes_with_its_table(planner, wanted))
		add_change(planner, CHANGE_GRANT, wanted, "");
}

static void walk(struct planner *planner)
{
	const struct grants *wanted = &planner->rows, *present = &planner->present->grants;
	size_t w = 0, p = 0;
	while (w < wanted->count || p < present->count) {
		int order = w == wanted->count ? 1
			: p == present->count  ? -1
					       : grant_compare(&wanted->items[w], &present->items[p]);
		size_t count = order >= 0 ? grant_count(present, &present->items[p]) : 0;
		if (order < 0)
			give(planner, &wanted->items[w]);
		else if (order > 0)
			take_away(planner, &present->items[p], count);
		else
			keep(planner, &wanted->items[w], &present->items[p], count);
		w += order <= 0;
		p += count;
	}
}

/* The server would say yes, and change nothing. A removal tries all the same, and DROP ROLE says what is left. */
static bool is_stuck(struct planner *planner, struct grants_step *step, const struct change *change)
{
	if (!*change->grantor || leaves(planner, change->grant->role) || !change->grant->stuck)
		return false;
	error_set(&step->error, ERROR_DENIED, "%s on %s is not revoked from \"%s\": " GRANTS_STUCK,
		change->privileges, grant_describe(change->grant, planner->mem), change->grant->role,
		change->grantor);
	return true;
}

/* What the owner gives and takes is one statement for all roles that it is the same for: each is a change of the object's whole list. So
   is what one gave whose right to give it is lent to him: it can be taken back only once nothing hangs on it. */
static void add_statement(struct planner *planner, const struct change *changes, size_t count)
{
	struct arena *mem = planner->mem;
	const struct grant *grant = changes->grant;
	struct grants_step *step = add_step(planner, grant);
	const char *head;
	step->revokes = changes->kind != CHANGE_GRANT;
	step->depth = changes->depth;
	if (is_stuck(planner, step, changes))
		return;
	step->changes = changes;
	step->change_count = count;
	step->cascades = leaves(planner, grant->role);
	step->statements = statement_count(changes);
	if (!statement_around(step, 0, count, mem, &head, &step->tail)) {
		error_set(&step->error, ERROR_INVALID, "the statement would be larger than %ld bytes",
			LIMIT_BATCH_BYTES / 2);
		return;
	}
	step->head = *changes->grantor && !changes->lends ? NULL : head;
	step->sql = arena_printf(mem, "%s%s%s", head, sql_identifier(grant->role, mem), step->tail);
}

static int compare_steps(const void *a, const void *b)
{
	const struct grants_step *left = a, *right = b;
	int order = strcmp(left->database, right->database);
	if (!order)
		order = right->revokes - left->revokes;
	if (!order)
		order = (left->depth < right->depth) - (left->depth > right->depth);
	if (!order)
		order = strcmp(left->head ? left->head : "", right->head ? right->head : "");
	return order ? order : strcmp(left->role, right->role);
}

static int compare_differences(const void *a, const void *b)
{
	const struct grants_difference *left = a, *right = b;
	int order = strcmp(left->role, right->role);
	return order ? order : strcmp(left->field, right->field);
}

static void tell(struct planner *planner)
{
	struct grants_plan *plan = planner->plan;
	for (size_t i = 0; i < planner->change_count; i++) {
		const struct change *change = &planner->changes[i];
		if (leaves(planner, change->grant->role))
			continue;
		const char *with_option = change->kind != CHANGE_REVOKE_OPTION
			? change->privileges
			: arena_printf(planner->mem, "%s with grant option", change->privileges);
		add_difference(planner, change->grant, change->kind == CHANGE_REVOKE ? "" : change->privileges,
			change->kind == CHANGE_GRANT ? "" : with_option);
	}
	if (plan->difference_count)
		qsort(plan->differences, plan->difference_count, sizeof(*plan->differences),
			compare_differences);
}

void grants_plan(const struct grants_present *present, const struct grants_wanted *wanted, struct arena *mem,
	struct grants_plan *plan)
{
	*plan = (struct grants_plan){0};
	const struct grants_wanted those = leavers_hold(present, wanted, mem, plan);
	struct planner planner = {.present = present,
		.wanted = &those,
		.mem = mem,
		.plan = plan,
		.depths = arena_array(mem, present->grants.count + 1, sizeof(*planner.depths))};
	closed_warn(present, mem, plan);
	named_missing(present, wanted, mem, plan);
	beyond_tell(present, wanted, mem, plan);
	expand(&planner);
	walk(&planner);
	planner.change_count = statement_join(planner.changes, planner.change_count, mem);
	for (size_t i = 0, count; i < planner.change_count; i += count) {
		for (count = 1; i + count < planner.change_count && count < OBJECTS_A_STATEMENT &&
			statement_joins(&planner.changes[i], &planner.changes[i + count]);)
			count++;
		if (!is_told(&planner, planner.changes[i].grant->role))
			add_statement(&planner, &planner.changes[i], count);
	}
	if (plan->step_count)
		qsort(plan->steps, plan->step_count, sizeof(*plan->steps), compare_steps);
	tell(&planner);
	danger_warn(planner.left, planner.left_count, mem, plan);
}
