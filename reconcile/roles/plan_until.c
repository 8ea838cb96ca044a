/*
 * plan_until.c - what is told of users whose access ends by itself (users_until.c)
 *
 * In advance, and when the pass is to come that ends it; and for as long as the line stands there afterwards, as whoever wrote it might not
 * expect that it has come.
 */
#include "reconcile/roles/planner.h"

void plan_until(struct planner *planner, struct wanted_user *wanted)
{
	const struct user_fields *fields = &wanted->user->fields;
	if (!fields->until)
		return;
	wanted->report->until = fields->until;
	planner_wake_at(planner, fields->end);
}

/* Of several the first. */
void planner_wake_at(struct planner *planner, int64_t end)
{
	int64_t wait = end - planner->present->now;
	if (!planner->plan->wake || wait < planner->plan->wake)
		planner->plan->wake = wait;
}

void planner_tell_ended(struct planner *planner, struct wanted_user *wanted)
{
	struct role_report *report = wanted->report;
	const char *until = wanted->user->fields.until;
	if (!user_has_ended(wanted->user))
		return;
	if (!wanted->role) {
		planner_reason(planner, report, USER_SYNCED,
			"ended at %s: there is no such role, and none is made", until);
		planner_warning(planner,
			"user \"%s\" is not made: its until %s has passed; give it a later one, or take the line out",
			wanted->user->name, until);
		return;
	}
	if (*report->reason)
		report->reason = arena_printf(planner->mem, "ended at %s: %s", until, report->reason);
	if (report->progress)
		report->progress = arena_printf(planner->mem, "ended at %s: %s", until, report->progress);
}
