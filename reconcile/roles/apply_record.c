#include "reconcile/roles/applier.h"

/* Nothing else is tried, and everybody is told. */
static void stop_without_table(struct applier *applier, const struct error *error)
{
	struct roles_plan *plan = applier->plan;
	for (size_t i = 0; i < plan->step_count; i++)
		if (!plan->steps[i].done && plan->steps[i].error.kind == ERROR_NONE)
			error_set(&plan->steps[i].error, ERROR_RETRY,
				"not tried: the agent's own table could not be written");
	for (size_t i = 0; i < plan->report_count; i++) {
		struct role_report *report = &plan->reports[i];
		if (report->status == USER_REFUSED)
			continue;
		if (report->status < USER_DEGRADED)
			report->status = USER_DEGRADED;
		report->reason = arena_join(applier->mem, report->reason, "; ",
			arena_printf(
				applier->mem, "the agent's own table could not be written: %s", error->text));
	}
}

bool record_is_done(struct applier *applier, struct role_step **queue, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!queue[i]->done) {
			stop_without_table(applier, &queue[i]->error);
			return false;
		}
	return true;
}
