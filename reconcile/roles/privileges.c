#include "reconcile/roles/privileges.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/present.h"
#include "reconcile/roles/retire_sql.h"

/* Roles that steps of removal are for, in `list` beside what is there already. */
static void add_leaving(const struct grants_wanted *wanted, const struct role_step *steps, size_t count,
	const char ***list, size_t *list_count, struct arena *mem)
{
	for (size_t i = 0; i < count; i++) {
		if (steps[i].action != ROLE_RETIRE ||
			text_is_listed(wanted->roles, wanted->role_count, steps[i].user))
			continue;
		*list = arena_grow(mem, *list, *list_count, sizeof(**list));
		(*list)[(*list_count)++] = steps[i].user;
	}
	text_sort_unique(*list, list_count);
}

/* Those of the list that stand among the roles. In `mem`. */
static void keep_described(
	const struct grants_wanted *wanted, const char ***list, size_t *count, struct arena *mem)
{
	const char **kept = arena_array(mem, *count + 1, sizeof(*kept));
	size_t number = 0;
	for (size_t i = 0; i < *count; i++)
		if (text_is_listed(wanted->roles, wanted->role_count, (*list)[i]))
			kept[number++] = (*list)[i];
	*list = kept;
	*count = number;
}

static void leave_out_withheld(const struct roles_plan *plan, const struct grants_wanted *all,
	struct grants_wanted *wanted, struct arena *mem)
{
	wanted->roles = arena_array(mem, all->role_count + 1, sizeof(*wanted->roles));
	wanted->grants.items = arena_array(mem, all->grants.count + 1, sizeof(*wanted->grants.items));
	wanted->role_count = wanted->grants.count = 0;
	for (size_t i = 0; i < all->role_count; i++)
		if (!text_is_listed(plan->withheld, plan->withheld_count, all->roles[i]))
			wanted->roles[wanted->role_count++] = all->roles[i];
	for (size_t i = 0; i < all->grants.count; i++)
		if (text_is_listed(wanted->roles, wanted->role_count, all->grants.items[i].role))
			wanted->grants.items[wanted->grants.count++] = all->grants.items[i];
	keep_described(wanted, &wanted->kept, &wanted->kept_count, mem);
	keep_described(wanted, &wanted->told, &wanted->told_count, mem);
}

void privileges_wanted(const struct roles_plan *plan, const struct users *users, struct arena *mem,
	struct grants_wanted *wanted)
{
	*wanted = users->grants;
	wanted->renamed = plan->renamed;
	wanted->renamed_count = plan->renamed_count;
	wanted->owners = plan->owners;
	wanted->owner_count = plan->owner_count;
	if (plan->withheld_count)
		leave_out_withheld(plan, &users->grants, wanted, mem);
	add_leaving(wanted, plan->steps, plan->step_count, &wanted->going, &wanted->going_count, mem);
	add_leaving(wanted, plan->steps, plan->step_count, &wanted->leaving, &wanted->leaving_count, mem);
	add_leaving(wanted, plan->held, plan->held_count, &wanted->leaving, &wanted->leaving_count, mem);
}

static void join_differences(struct roles_plan *plan, const struct grants_plan *grants, struct arena *mem)
{
	for (size_t i = 0; i < grants->difference_count; i++) {
		const struct grants_difference *from = &grants->differences[i];
		struct role_report *report = roles_report(plan, from->role);
		if (!report)
			continue;
		report->differences = arena_grow(
			mem, report->differences, report->difference_count, sizeof(*report->differences));
		report->differences[report->difference_count++] = (struct role_difference){
			.field = from->field, .wanted = from->wanted, .found = from->found, .left = from->left};
		if (from->left && !(i && from[-1].left && strcmp(from[-1].role, from->role) == 0))
			report->reason = arena_join(mem, report->reason, "; ",
				"grantsMode: report: privileges that differ are told and left");
		report->left |= from->left;
		if (report->status == USER_SYNCED)
			report->status = USER_DRIFTED;
	}
}

/* Before what ends the text of a removal in one database. */
static const char *put_before_drop(const char *sql, const char *tail, const char *more, struct arena *mem)
{
	if (!text_ends(sql, tail))
		return sql;
	return arena_printf(mem, "%.*s%s;\n%s", (int)(strlen(sql) - strlen(tail)), sql, more, tail);
}

/* Removals send what DROP OWNED would leave; what is of the whole cluster, in any database. */
static void join_leaving(
	struct role_step *steps, size_t count, const struct grants_plan *grants, struct arena *mem)
{
	for (size_t i = 0; i < grants->leaving_count; i++) {
		const struct grants_step *from = &grants->leaving[i];
		const char *tail =
			arena_printf(mem, "DROP OWNED BY %s;\nCOMMIT", sql_identifier(from->role, mem));
		size_t s = 0;
		while (s < count &&
			(steps[s].action != ROLE_RETIRE || strcmp(steps[s].user, from->role) != 0 ||
				(*from->database && strcmp(steps[s].database, from->database) != 0)))
			s++;
		if (s == count || !*from->sql)
			continue;
		steps[s].sql = put_before_drop(steps[s].sql, tail, from->sql, mem);
		steps[s].redacted = put_before_drop(steps[s].redacted, tail, from->sql, mem);
		steps[s].statements += from->statements;
	}
}

/* In front of what is done to the role in each database: nothing of it goes then. */
static void join_stop(struct role_step *steps, size_t count, const struct grants_stop *stop, struct arena *mem)
{
	const char *sql = arena_printf(mem, "SELECT CAST(%s AS integer);\n",
		sql_literal(arena_printf(mem,
				    RETIRE_STOPS
				    "it gave to others, who have it from nobody else and would lose it: %s%s; GRANT "
				    "it to them as the owner, and it goes",
				    stop->why, stop->told ? "" : "; and more"),
			mem));
	for (size_t i = 0; i < count; i++) {
		if (steps[i].action != ROLE_RETIRE || strcmp(steps[i].user, stop->role) != 0)
			continue;
		const char *begin = strstr(steps[i].redacted, "BEGIN;\n");
		steps[i].redacted = begin ? arena_printf(mem, "%.*s%s%s", (int)(begin - steps[i].redacted),
						    steps[i].redacted, sql, begin)
					  : steps[i].redacted;
		steps[i].sql = arena_join(mem, sql, "", steps[i].sql);
		steps[i].statements++;
	}
}

/* What this plan makes may bring it along. */
static bool is_made(const struct roles_plan *plan, const struct grants_missing *missing, struct arena *mem)
{
	const char *subject = database_subject(missing->database, mem);
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct role_step *step = &plan->steps[i];
		bool makes = step->action == ROLE_CREATE_DATABASE || step->action == ROLE_EXTEND;
		if (makes && strcmp(step->user, subject) == 0)
			return true;
	}
	return false;
}

static void join_missing(struct roles_plan *plan, const struct grants_plan *grants, struct arena *mem)
{
	plan->missing = arena_array(mem, grants->missing_count + 1, sizeof(*plan->missing));
	for (size_t i = 0; i < grants->missing_count; i++)
		if (!is_made(plan, &grants->missing[i], mem))
			plan->missing[plan->missing_count++] = grants->missing[i];
}

static void join_warnings(struct roles_plan *plan, const struct grants_plan *grants, struct arena *mem)
{
	for (size_t i = 0; i < grants->warning_count; i++) {
		plan->warnings = arena_grow(mem, plan->warnings, plan->warning_count, sizeof(*plan->warnings));
		plan->warnings[plan->warning_count++] = grants->warnings[i];
	}
}

void privileges_join(struct roles_plan *plan, struct grants_plan *grants, struct arena *mem)
{
	join_warnings(plan, grants, mem);
	join_leaving(plan->steps, plan->step_count, grants, mem);
	join_leaving(plan->held, plan->held_count, grants, mem);
	for (size_t i = 0; i < grants->stop_count; i++) {
		join_stop(plan->steps, plan->step_count, &grants->stops[i], mem);
		join_stop(plan->held, plan->held_count, &grants->stops[i], mem);
	}
	join_missing(plan, grants, mem);
	struct role_step *steps = arena_array(mem, plan->step_count + grants->step_count + 1, sizeof(*steps));
	if (plan->step_count)
		memcpy(steps, plan->steps, plan->step_count * sizeof(*steps));
	for (size_t i = 0; i < grants->step_count; i++) {
		struct grants_step *from = &grants->steps[i];
		steps[plan->step_count + i] = (struct role_step){
			.action = from->revokes ? ROLE_REVOKE : ROLE_GRANT,
			.user = from->role,
			.database = from->database,
			.sql = from->sql,
			.redacted = *from->sql ? from->sql : arena_printf(mem, "-- %s", from->error.text),
			.statements = from->statements,
			.head = from->head,
			.tail = from->tail,
			.privileges = from,
		};
	}
	plan->steps = steps;
	plan->step_count += grants->step_count;
	join_differences(plan, grants, mem);
}

void privileges_settle(struct roles_plan *plan, struct arena *mem)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		struct role_step *step = &plan->steps[i];
		struct role_report *report = step->privileges ? roles_report(plan, step->user) : NULL;
		if (!step->privileges)
			continue;
		step->done = step->privileges->done;
		step->error = step->privileges->error;
		if (!step->done && step->error.kind == ERROR_NONE)
			error_set(&step->error, ERROR_RETRY, "not tried: the connection was lost before");
		if (!report || step->done)
			continue;
		if (report->status < USER_DEGRADED)
			report->status = USER_DEGRADED;
		report->reason = arena_join(mem, report->reason, "; ",
			arena_printf(mem, "%s%s%s: %s", step->privileges->revokes ? "revoke" : "grant",
				*step->database ? " in database " : "", step->database, step->error.text));
	}
}
