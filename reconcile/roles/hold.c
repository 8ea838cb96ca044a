#include "reconcile/roles/hold.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/text.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

enum { MILLISECONDS = 1000, MICROSECONDS = 1000000 };

static bool is_hurried(const struct planner *planner, const struct role *role)
{
	return text_is_listed(planner->input->hurried, planner->input->hurried_count, role->name);
}

static enum on_remove on_remove_of(const struct planner *planner, const struct role *role)
{
	const struct user *user = users_find(planner->input->wanted, role->name);
	return user ? user->on_remove : role->on_remove;
}

bool hold_lets_go(struct planner *planner, const struct role *role, struct role_report *report)
{
	struct arena *mem = planner->mem;
	if (on_remove_of(planner, role) != ON_REMOVE_KEEP || is_hurried(planner, role))
		return false;
	const char *people = mark_people(role->comment, planner->input->target);
	const char *comment = role->long_comment
		? ""
		: arena_printf(mem, "COMMENT ON ROLE %s IS %s; ", sql_identifier(role->name, mem),
			  *people ? sql_literal(people, mem) : "NULL");
	if (!planner->holding)
		report->progress = "let go: it stays as it is, and is not managed any more (onRemove: keep)";
	planner_step(planner, PHASE_FORGET,
		(struct role_step){
			.action = ROLE_LET_GO,
			.user = role->name,
			.sql = arena_printf(mem, "%s%s", comment, managed_forget_sql(role->oid, mem)),
			.statements = 1 + !role->long_comment,
		});
	return true;
}

/* Before its first step the clock has not begun, but for the moment of this pass. */
static int64_t end_of(const struct planner *planner, const struct role *role)
{
	if (on_remove_of(planner, role) == ON_REMOVE_LOCK)
		return INT64_MAX;
	int64_t since = role->mark == MARK_LEAVING ? role->since : planner->present->now;
	int64_t hold = planner->input->policy->hold / MILLISECONDS;
	return since > INT64_MAX - hold ? INT64_MAX : since + hold;
}

static void tell(const struct planner *planner, const struct role *role, int64_t end, struct role_report *report)
{
	struct arena *mem = planner->mem;
	const struct roles_plan_input *input = planner->input;
	const struct user *user = users_find(input->wanted, role->name);
	char text[CLOCK_TEXT_SIZE], hold[16];
	bool begun = role->mark == MARK_LEAVING || !input->policy->report_only;
	if (begun && end <= INT64_MAX / MICROSECONDS) {
		clock_text_seconds(end * MICROSECONDS, text);
		report->until = arena_copy(mem, text);
	}
	duration_text(input->policy->hold, hold);
	report->held = begun;
	const char *length = on_remove_of(planner, role) == ON_REMOVE_LOCK ? "and stays so (onRemove: lock)"
		: report->until ? arena_printf(mem, "until %s, then removed", report->until)
		: begun         ? "and stays so, as its row in the agent's table has no time"
				: arena_printf(mem, "for %s, then removed", hold);
	report->progress = arena_printf(mem, "locked out %s; %s in users.yaml brings it back as it was, %s %s",
		length, user && user_has_ended(user) ? "a later until" : "its line",
		planner_now_command(planner, role->name), report->until ? "does not wait" : "removes it");
}

bool hold_applies(struct planner *planner, const struct role *role, struct role_report *report)
{
	int64_t end = end_of(planner, role);
	bool holds = planner->input->policy->hold || end == INT64_MAX;
	if (!holds || role->mark == MARK_RETIRING || end <= planner->present->now || is_hurried(planner, role))
		return false;
	if (planner->holding)
		return true;
	tell(planner, role, end, report);
	if (report->until)
		planner_wake_at(planner, end);
	return true;
}

bool hold_lock(struct planner *planner, const struct role *role, const char *name)
{
	struct arena *mem = planner->mem;
	const char *clauses = rights_lock_clauses(planner, role);
	bool powers = planner->rights
		? *clauses
		: role->super || role->create_db || role->create_role || role->replication || role->bypass_rls;
	bool told = role->said == MARK_LEAVING || role->long_comment;
	bool recorded = role->mark == MARK_LEAVING && role->on_remove == on_remove_of(planner, role);
	if (recorded && !role->login && !powers && told)
		return false;
	const char *comment = told
		? ""
		: arena_printf(
			  mem, "; %s", planner_comment_sql(planner, role->name, MARK_LEAVING, role->comment));
	planner_step(planner, PHASE_HOLD,
		(struct role_step){
			.action = ROLE_HOLD,
			.user = role->name,
			.sql = arena_printf(mem, "ALTER ROLE %s NOLOGIN%s%s", name, clauses, comment),
			.statements = 1 + !told,
		});
	return true;
}

static const char *why_not(const struct planner *planner, const char *name)
{
	const struct role *role = present_role(planner->present, name);
	const struct role_report *report = NULL;
	if (!role)
		return "there is no such role";
	if (!mark_is_user(role->mark))
		return "it is no user of ours";
	if (!planner_is_leaving(planner, role))
		return "users.yaml lists it: take its line out first";
	for (size_t i = 0; i < planner->plan->report_count; i++)
		if (text_equal(planner->plan->reports[i].name, name))
			report = &planner->plan->reports[i];
	return report && *report->reason ? report->reason : NULL;
}

void hold_tell(struct planner *planner)
{
	const struct roles_plan_input *input = planner->input;
	for (size_t i = 0; i < input->hurried_count; i++) {
		const char *why = why_not(planner, input->hurried[i]);
		if (why)
			planner->plan->not_adopted = arena_join(planner->mem, planner->plan->not_adopted, "; ",
				arena_printf(planner->mem, "\"%s\" is not removed: %s", input->hurried[i], why));
	}
}
