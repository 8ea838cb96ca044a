#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/planner.h"

void planner_create_group(struct planner *planner, const char *name)
{
	struct arena *mem = planner->mem;
	const struct group_role *group = users_find_group(planner->input->wanted, name);
	const char *comment = group && group->comment ? group->comment : "";
	planner_step(planner, PHASE_GROUP,
		(struct role_step){
			.action = ROLE_CREATE_GROUP,
			.user = name,
			.sql = arena_printf(mem, "CREATE ROLE %s NOLOGIN; COMMENT ON ROLE %s IS %s",
				sql_identifier(name, mem), sql_identifier(name, mem),
				sql_literal(mark_write(MARK_GROUP, planner->input->target, comment, mem), mem)),
			.statements = 2,
		});
}

/* Nothing is given to it and nothing taken from it in this pass. What nobody describes is left alone anyway. */
static void withhold(struct planner *planner, const char *name)
{
	struct roles_plan *plan = planner->plan;
	const struct grants_wanted *described = &planner->input->wanted->grants;
	if (!text_is_listed(described->roles, described->role_count, name))
		return;
	plan->withheld =
		arena_grow(planner->mem, plan->withheld, plan->withheld_count, sizeof(*plan->withheld));
	plan->withheld[plan->withheld_count++] = name;
}

/* As of a user (plan_managed.c): what was renamed by hand is not made a second time. */
static void tell_renamed(struct planner *planner, struct role_report *report, const struct role *renamed)
{
	planner_difference(planner, report, "name", report->name, renamed->name);
	planner_reason(planner, report, USER_DEGRADED,
		"the group was renamed by hand to \"%s\": it is left as it is, and none is made in its place; ALTER ROLE %s "
		"RENAME TO %s undoes it",
		renamed->name, sql_identifier(renamed->name, planner->mem),
		sql_identifier(report->name, planner->mem));
	withhold(planner, report->name);
}

/* As of a user: by the policy, and only where it cannot be taken for one (plan_managed.c). */
bool planner_claims_group(const struct planner *planner, const struct role *role)
{
	if (role->mark == MARK_GROUP)
		return !role->recorded;
	bool free = role->mark == MARK_NONE || role->mark == MARK_UNPROVEN || role->mark == MARK_REPLACED;
	return planner->input->policy->adopt && free && !role->login && !role->long_comment &&
		!managed_is_untouchable(planner->present, role) &&
		!operator_claim(planner->present, role, planner->mem);
}

/* It becomes ours as it is, but for what no group has. */
static void claim(struct planner *planner, const struct role *role, const char *git, struct role_report *report)
{
	struct role_step step = {.action = ROLE_ALTER, .user = role->name};
	size_t statements;
	step.sql = managed_row_sql(
		planner->present, planner->input, role->name, MARK_GROUP, planner->mem, &statements);
	step.statements = statements;
	if (role->mark != MARK_GROUP &&
		planner_comment_differs(planner, role, MARK_GROUP, git)) { /* else plan_managed.c mends it */
		step.sql = arena_printf(planner->mem, "%s; %s",
			planner_comment_sql(planner, role->name, MARK_GROUP, git ? git : role->comment),
			step.sql);
		step.statements++;
	}
	planner_difference(planner, report, "managed", "true", "false");
	planner_step(planner, PHASE_GROUP, step);
	planner_strip_group(planner, role, report);
}

static struct role_report *group_report(
	struct planner *planner, const struct group_role *group, const struct role *role)
{
	struct role_report *report = planner_report(planner, group->name);
	report->group = true;
	report->secret_version = "";
	report->managed_before = role && role->mark == MARK_GROUP;
	report->roles = group->roles;
	report->role_count = group->role_count;
	return report;
}

static void plan_group(struct planner *planner, size_t at)
{
	const struct group_role *group = &planner->input->wanted->groups[at];
	const struct role *role = present_role(planner->present, group->name);
	const struct role *renamed = role ? NULL : managed_renamed(planner->present, group->name);
	struct role_report *report = planner->group_reports[at] = group_report(planner, group, role);
	const char *theirs = operator_lists(planner->present, group->name, planner->mem);
	bool ours = !theirs && (!role || role->mark == MARK_GROUP);
	bool claims = role && !theirs && planner_claims_group(planner, role);
	if (renamed) {
		tell_renamed(planner, report, renamed);
	} else if (theirs) {
		planner_reason(planner, report, USER_REFUSED,
			"the role belongs to the postgres-operator: %s; take it out of the groups: users may be members of it "
			"all the same",
			theirs);
	} else if (!ours && !claims) {
		planner_reason(planner, report, USER_REFUSED,
			"the role exists and is no group of ours: what it may do is left as it is; "
			"give the group another name, or take it over with `pgitops user adopt`");
	} else if (planner->unused[at] && !role) {
		planner_reason(planner, report, USER_SYNCED,
			"there is no such role, as nobody uses it (dropWhenUnused)");
	} else if (planner->unused[at] && ours) {
		planner_difference(planner, report, "exists", "false", "true");
		plan_group_removal(planner, role, report);
	} else if (claims) {
		claim(planner, role, group->comment, report);
	} else if (!role) {
		planner_difference(planner, report, "exists", "true", "false");
		planner_create_group(planner, group->name);
	} else if (role && planner_comment_differs(planner, role, MARK_GROUP, group->comment)) {
		planner_difference(planner, report, "comment",
			mark_write(MARK_GROUP, planner->input->target,
				group->comment ? group->comment : role->comment, planner->mem),
			role->comment);
	}
	if (planner->kept[at])
		planner_reason(planner, report, USER_DEGRADED, "%s", planner->kept[at]);
	if (planner->unused[at] || (!ours && !claims))
		withhold(planner, group->name);
}

bool planner_heals_group(const struct planner *planner, const struct role *role)
{
	return role->mark == MARK_GROUP && !users_find(planner->input->wanted, role->name) &&
		(planner_referrer(planner, role->name) || planner_is_group(planner, role->name)) &&
		!planner_group_goes(planner, role) &&
		!operator_lists(planner->present, role->name, planner->mem);
}

/* Those that users list without a group of that name have a report as soon as there is something to say. */
static void strip_groups(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		bool differs = role->login || role->super || role->create_role || role->create_db ||
			role->replication || role->bypass_rls || !role->inherit;
		if (!differs || !planner_heals_group(planner, role))
			continue;
		const struct group_role *group = users_find_group(wanted, role->name);
		struct role_report *report = group ? planner->group_reports[group - wanted->groups]
						   : planner_report(planner, role->name);
		report->group = report->managed_before = true;
		report->secret_version = "";
		planner_strip_group(planner, role, report);
	}
}

void plan_groups(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	for (size_t i = 0; i < wanted->group_count; i++)
		plan_group(planner, i);
	strip_groups(planner);
	for (size_t i = 0; i < planner->user_count; i++) {
		const struct wanted_user *user = &planner->users[i];
		if (!user->managed || (!user->role && !user->creatable))
			withhold(planner, user->user->name);
	}
	text_sort_unique(planner->plan->withheld, &planner->plan->withheld_count);
}

void plan_group_memberships(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	for (size_t i = 0; i < wanted->group_count; i++) {
		const struct member member = planner_group_member(planner, &wanted->groups[i]);
		bool ours = member.report->status != USER_REFUSED &&
			(member.role || !managed_renamed(planner->present, member.name));
		if (wanted->groups[i].lists_roles && ours && !planner->unused[i])
			plan_memberships(planner, &member);
	}
}

bool planner_is_group(const struct planner *planner, const char *name)
{
	return users_find_group(planner->input->wanted, name) != NULL;
}
