#include "reconcile/grants/leavers.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/grants/kinds.h"

enum { DEEPEST_CHAIN = 16, ROWS_TOLD = 5 };

static const char *takes(const struct grants_present *present, const struct grants_wanted *wanted,
	const struct grant *row, unsigned depth);

/* The rights by which somebody gave this: NULL when one of them stays, or there is none. */
static const char *rights_go(const struct grants_present *present, const struct grants_wanted *wanted,
	const struct grants *rows, const struct grant *given, unsigned depth)
{
	struct grant key = *given;
	const char *leaver = NULL;
	size_t count;
	key.role = given->grantor;
	const struct grant *row = grant_rows(rows, &key, &count);
	for (size_t i = 0; i < count; i++) {
		if (!row[i].grantable)
			continue;
		leaver = takes(present, wanted, &row[i], depth + 1);
		if (!leaver)
			return NULL;
	}
	return leaver;
}

/* With whom this row goes: what the role gave, what was given on from there by whoever has the right from nobody else, and what is said
   of objects that the role will make. NULL = it stays. */
static const char *takes(const struct grants_present *present, const struct grants_wanted *wanted,
	const struct grant *row, unsigned depth)
{
	bool defaults = grant_kinds[row->on].defaults;
	const char *giver = defaults ? row->name : row->grantor;
	if (text_is_listed(wanted->going, wanted->going_count, giver))
		return giver;
	if (defaults || !*row->grantor || row->lasts || !wanted->going_count || depth == DEEPEST_CHAIN)
		return NULL;
	const char *leaver = rights_go(present, wanted, &present->grants, row, depth);
	return leaver ? leaver : rights_go(present, wanted, &present->others, row, depth);
}

bool leavers_take(
	const struct grants_present *present, const struct grants_wanted *wanted, const struct grant *row)
{
	return takes(present, wanted, row, 0) != NULL;
}

/* Somebody else gave it, too, and stays. */
static bool is_kept(
	const struct grants_present *present, const struct grants_wanted *wanted, const struct grant *row)
{
	size_t count;
	const struct grant *rows = grant_rows(&present->others, row, &count);
	for (size_t i = 0; i < count; i++)
		if (!takes(present, wanted, &rows[i], 0))
			return true;
	return false;
}

/* What others than the described roles have, and with whom it goes. */
struct loss {
	const char *leaver;
	const struct grant *row;
};

static void add_stop(struct grants_plan *plan, const struct loss *loss, struct arena *mem)
{
	const struct grant *row = loss->row;
	struct grants_stop *last = plan->stop_count ? &plan->stops[plan->stop_count - 1] : NULL;
	if (!last || strcmp(last->role, loss->leaver) != 0) {
		plan->stops = arena_grow(mem, plan->stops, plan->stop_count, sizeof(*plan->stops));
		last = &plan->stops[plan->stop_count++];
		*last = (struct grants_stop){.role = loss->leaver, .why = ""};
	}
	const char *who = *row->role ? arena_printf(mem, "\"%s\"", row->role) : "PUBLIC";
	last->told = last->rows < ROWS_TOLD;
	if (last->rows++ < ROWS_TOLD)
		last->why = arena_join(mem, last->why, "; ",
			arena_printf(mem, "%s on %s of %s", row->privilege, grant_describe(row, mem), who));
}

static int compare_losses(const void *a, const void *b)
{
	const struct loss *left = a, *right = b;
	int order = strcmp(left->leaver, right->leaver);
	return order ? order : grant_compare(left->row, right->row);
}

static struct loss *find_losses(const struct grants_present *present, const struct grants_wanted *wanted,
	struct arena *mem, size_t *count)
{
	const struct grants *others = &present->others;
	struct loss *losses = arena_array(mem, others->count + 1, sizeof(*losses));
	*count = 0;
	for (size_t i = 0; wanted->going_count && i < others->count; i++) {
		const struct grant *row = &others->items[i];
		const char *leaver = grant_kinds[row->on].defaults ? NULL : takes(present, wanted, row, 0);
		if (leaver && !is_kept(present, wanted, row))
			losses[(*count)++] = (struct loss){leaver, row};
	}
	if (*count)
		qsort(losses, *count, sizeof(*losses), compare_losses);
	return losses;
}

struct grants_wanted leavers_hold(const struct grants_present *present, const struct grants_wanted *wanted,
	struct arena *mem, struct grants_plan *plan)
{
	struct grants_wanted those = *wanted;
	size_t count;
	const struct loss *losses = find_losses(present, wanted, mem, &count);
	for (size_t i = 0; i < count; i++)
		add_stop(plan, &losses[i], mem);
	those.going = arena_array(mem, wanted->going_count + 1, sizeof(*those.going));
	those.going_count = 0;
	for (size_t i = 0; i < wanted->going_count; i++) {
		bool stays = false;
		for (size_t j = 0; j < plan->stop_count && !stays; j++)
			stays = strcmp(plan->stops[j].role, wanted->going[i]) == 0;
		if (!stays)
			those.going[those.going_count++] = wanted->going[i];
	}
	return those;
}
