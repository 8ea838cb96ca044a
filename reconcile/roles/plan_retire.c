#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/heir.h"
#include "reconcile/roles/hold.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

/* More than this many, and more than this share of our users, are not removed without a confirmation (DESIGN 8). */
enum { REMOVE_FEW = 5, REMOVE_PERCENT = 10 };

#define CANNOT_GO "is to be removed, and cannot be locked out: "

/* Nobody is removed in this pass: why. */
static const char *nobody_goes(const struct planner *planner)
{
	const char *why = planner->input->no_deletions_why;
	return why ? why : "which removes nobody";
}

/* The agent file's list, and PostgreSQL's, the operator's and the agent's own roles: whatever their comment says. */
static bool is_protected(struct planner *planner, const struct role *role, struct role_report *report)
{
	const char *listed = operator_lists(planner->present, role->name, planner->mem);
	if (listed)
		planner_reason(planner, report, USER_REFUSED,
			"is to be removed, but the postgres-operator looks after it by now: %s; nothing is done to it",
			listed);
	if (listed || !roles_policy_protects(planner->input->policy, role->name))
		return listed != NULL;
	planner_reason(planner, report, USER_REFUSED,
		"is to be removed, but is protected, by protectedRoles of the agent file or as PostgreSQL's, the operator's or the "
		"agent's own role: nothing is done to it; take it off that list, or list it as a user again");
	return true;
}

/* `ensure: absent`, or an `until` that has passed: named by its author, so it needs no confirmation. */
static void remove_absent(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	if (!role)
		return;
	if (!mark_is_user(role->mark) && managed_is_untouchable(planner->present, role))
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role is to be absent, and is a superuser, PostgreSQL's own, or the agent's: it is never taken over; "
			"take the line out, or drop the role by hand");
	else if (!mark_is_user(role->mark))
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role is to be absent but is not ours: only what stands in the agent's table is dropped; "
			"take it over with %s, and it is removed, or drop it by hand",
			planner_adopt_command(planner, role->name));
	else if (planner->input->no_deletions)
		planner_reason(planner, wanted->report, USER_RETIRING, "to be removed; not in this pass, %s",
			nobody_goes(planner));
	else if (!is_protected(planner, role, wanted->report) &&
		rights_change(planner, role, wanted->report, USER_REFUSED, CANNOT_GO))
		plan_removal(planner, role, wanted->report);
}

static void plan_absent(struct planner *planner, struct wanted_user *wanted)
{
	remove_absent(planner, wanted);
	planner_tell_ended(planner, wanted);
}

static void confirmation(const struct planner *planner, char confirm[17])
{
	const struct roles_plan *plan = planner->plan;
	char digest[DIGEST_HEX_SIZE];
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_BATCH_BYTES * 8);
	buf_printf(&text, "users\n%s\n%s\n", planner->input->target, planner->input->commit);
	for (size_t i = 0; i < plan->deletion_count; i++)
		buf_printf(&text, "%s\n", plan->deletions[i]);
	digest_sha256_hex(buf_string(&text), text.length, digest);
	memcpy(confirm, digest, 16);
	confirm[16] = '\0';
}

static bool wants_anybody(const struct planner *planner)
{
	for (size_t i = 0; i < planner->user_count; i++)
		if (planner->users[i].user->ensure != USER_ABSENT)
			return true;
	return false;
}

/* A list that names nobody, or suddenly far fewer, is more often a mistake than a wish. */
static bool needs_confirmation(const struct planner *planner, size_t managed)
{
	size_t going = planner->plan->deletion_count;
	size_t share = managed * REMOVE_PERCENT / 100;
	size_t allowed = planner->input->policy->max_deletions > 0
		? (size_t)planner->input->policy->max_deletions
		: share > REMOVE_FEW ? share
				     : REMOVE_FEW;
	return going && (!wants_anybody(planner) || going > allowed);
}

/* Ours, not being removed already, not named by the list, and nobody's protected role. An end was written down, also under a later name. */
static bool is_deletion(const struct planner *planner, const struct role *role)
{
	const struct users *wanted = planner->input->wanted;
	return role->mark == MARK_USER && !users_find(wanted, role->name) &&
		!users_former(wanted, role->name) &&
		!roles_policy_protects(planner->input->policy, role->name) &&
		!users_end_former(wanted, role->name);
}

static void find_deletions(struct planner *planner)
{
	struct roles_plan *plan = planner->plan;
	size_t managed = 0;
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		managed += role->mark == MARK_USER;
		if (!is_deletion(planner, role))
			continue;
		plan->deletions = arena_grow(
			planner->mem, plan->deletions, plan->deletion_count, sizeof(*plan->deletions));
		plan->deletions[plan->deletion_count++] = role->name;
	}
	if (!needs_confirmation(planner, managed))
		return;
	confirmation(planner, plan->confirm);
	plan->blocked = !text_equal(planner->input->confirmed, plan->confirm);
}

static void plan_waiting(struct planner *planner, const struct role *role, struct role_report *report)
{
	planner_reason(planner, report, USER_RETIRING,
		"not in users.yaml any more; waits for confirmation, as %zu would be removed: "
		"--confirm %s",
		planner->plan->deletion_count, planner->plan->confirm);
	planner->holding = true;
	plan_removal(planner, role, report);
	planner->holding = false;
}

static void plan_unlisted(struct planner *planner, const struct role *role)
{
	struct role_report *report = planner_report(planner, role->name);
	report->managed_before = true;
	if (is_protected(planner, role, report) ||
		!rights_change(planner, role, report, USER_REFUSED, CANNOT_GO))
		return;
	if (planner->input->no_deletions)
		planner_reason(planner, report, USER_RETIRING,
			"not in users.yaml any more; not removed in this pass, %s", nobody_goes(planner));
	else if (planner->plan->blocked && role->mark == MARK_USER &&
		!users_end_former(planner->input->wanted, role->name))
		plan_waiting(planner, role, report);
	else
		plan_removal(planner, role, report);
}

/* What removed users left is told until people have given it on. */
static void tell_heirs(struct planner *planner)
{
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const char *name = planner->present->roles[i].name;
		if (text_starts(name, HEIR_PREFIX))
			planner_warning(planner,
				"role \"%s\" keeps what a removed user owned: REASSIGN OWNED BY it TO whom it is due, in each "
				"database where it owns something, and drop it",
				name);
	}
}

void plan_retirements(struct planner *planner)
{
	find_deletions(planner);
	for (size_t i = 0; i < planner->user_count; i++)
		if (planner->users[i].user->ensure == USER_ABSENT)
			plan_absent(planner, &planner->users[i]);
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		if (planner_is_leaving(planner, role) && !users_find(planner->input->wanted, role->name))
			plan_unlisted(planner, role);
	}
	plan_ends(planner);
	hold_tell(planner);
	tell_heirs(planner);
}
