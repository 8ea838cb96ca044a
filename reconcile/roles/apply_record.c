#include "reconcile/roles/applier.h"

enum { FIRST_SERVER_WITH_SET_PRIVILEGES = 150000 };

const char *applier_silence(int version, bool plain, size_t *statements)
{
	*statements = 7;
	if (!plain)
		return "SET log_statement = 'none'; SET log_min_error_statement = 'panic'; "
		       "SET log_min_duration_statement = -1; SET log_min_duration_sample = -1; "
		       "SET log_transaction_sample_rate = 0; SET track_activities = off; "
		       "SET pg_stat_statements.track_utility = off";
	*statements = version >= FIRST_SERVER_WITH_SET_PRIVILEGES;
	return !*statements
		? ""
		: "SELECT count(set_config(name, value, false)) AS silenced FROM (VALUES ('log_statement', 'none'), "
		  "('log_min_error_statement', 'panic'), ('log_min_duration_statement', '-1'), "
		  "('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0'), "
		  "('track_activities', 'off'), ('pg_stat_statements.track_utility', 'off')) AS quiet (name, value) "
		  "WHERE has_parameter_privilege(name, 'SET')";
}

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
