#include "agent/users/users_plan.h"

#include "agent/users/users_record.h"

/* Whom no step makes as wanted, and why. */
static json_t *refusals_of(const struct users_pass *pass, const struct roles_plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		if (report->status == USER_DEGRADED || report->status == USER_REFUSED)
			json_array_append_new(list,
				json_pack("{s:o, s:s, s:o}", "user", json_text(report->name), "status",
					user_status_name(report->status), "reason",
					json_text(users_record_reason(pass, report))));
	}
	return list;
}

/* Who is locked out and not removed yet: until when. */
static json_t *waiting_of(const struct users_pass *pass, const struct roles_plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->report_count; i++) {
		const struct role_report *report = &plan->reports[i];
		if (report->held)
			json_array_append_new(list,
				json_pack("{s:o, s:s, s:o, s:o}", "user", json_text(report->name), "status",
					user_status_name(report->status), "until", json_text(report->until),
					"reason", json_text(users_record_reason(pass, report))));
	}
	return list;
}

/* The privileges are sent all the same: it may be there by then. */
static json_t *missing_of(const struct users_pass *pass, const struct roles_plan *plan)
{
	json_t *list = json_array();
	for (size_t i = 0; i < plan->missing_count; i++) {
		const struct grants_missing *missing = &plan->missing[i];
		json_array_append_new(list,
			json_pack("{s:o, s:s, s:o, s:i}", "user", json_text(missing->role), "status",
				"Missing", "reason",
				json_text(arena_printf(pass->mem,
					"%s does not exist (line %d of users.yaml): what is "
					"granted there fails until it does",
					missing->what, missing->line)),
				"line", missing->line));
	}
	return list;
}

static json_t *steps_of(const struct role_step *steps, size_t count)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct role_step *step = &steps[i];
		json_t *item = json_pack("{s:o, s:s, s:o, s:o}", "user", json_text(step->user), "action",
			role_action_name(step->action), "database", json_text(step->database), "statement",
			json_text(step->redacted));
		if (step->error.kind != ERROR_NONE)
			json_set_text(item, "error", step->error.text);
		if (step->summary)
			json_object_set_new(item, "summary", json_text(step->summary));
		json_array_append_new(list, item);
	}
	return list;
}

json_t *users_plan_item(const struct users_pass *pass, const struct roles_plan *plan)
{
	json_t *deletions = json_array();
	for (size_t i = 0; i < plan->deletion_count; i++)
		json_array_append_new(deletions, json_text(plan->deletions[i]));
	return json_pack("{s:s, s:s, s:s, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "database",
		pass->database->config->name, "confirm", plan->confirm, "commit", pass->commit, "pending",
		json_text(pass->pending), "blocked", plan->blocked, "deletions", deletions, "refusals",
		refusals_of(pass, plan), "waiting", waiting_of(pass, plan), "missing", missing_of(pass, plan),
		"steps", steps_of(plan->steps, plan->step_count), "held",
		steps_of(plan->held, plan->held_count), "script", json_text(roles_script(plan, pass->mem)));
}
