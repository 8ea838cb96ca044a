/*
 * plan_group_use.c - groups that nobody uses: those that are not listed any more, and those that are with `dropWhenUnused`
 *
 * A group is used while somebody who is to be there lists it, or while it has a member that this pass does not take out: a hand may have
 * put one in, for whom the group is worth something. What owns something is never dropped. One that is not listed any more goes only
 * when nothing would be lost: `grants` of a list that is gone are nobody's to take away. With `dropWhenUnused` the author has said so, and
 * what it may do goes with it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/rights.h"

static bool is_candidate(const struct planner *planner, size_t at)
{
	const struct group_role *group = &planner->input->wanted->groups[at];
	return group->drop_when_unused && !planner->input->no_deletions;
}

/* --- the listed ones --- */

struct use {
	struct planner *planner;
	size_t *queue; /* groups that are used; of the first `followed` what they are members of, too */
	size_t count, followed;
};

static void note_used(struct use *use, const char *name)
{
	const struct users *wanted = use->planner->input->wanted;
	const struct group_role *group = users_find_group(wanted, name);
	size_t at = group ? (size_t)(group - wanted->groups) : 0;
	if (!group || !use->planner->unused[at])
		return;
	use->planner->unused[at] = false;
	use->queue[use->count++] = at;
}

static bool is_unused_group(const struct planner *planner, const struct role *role)
{
	const struct users *wanted = planner->input->wanted;
	const struct group_role *group = users_find_group(wanted, role->name);
	return group && planner->unused[group - wanted->groups];
}

/* By a member that is no group which may go itself. Whoever made a role on a server since 16 is none. */
static void note_members(struct use *use)
{
	const struct roles_present *present = use->planner->present;
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		const struct role *role = present_role_by_oid(present, row->role);
		const struct role *member = present_role_by_oid(present, row->member);
		if (role && member && row->member != present->self && is_unused_group(use->planner, role) &&
			!is_unused_group(use->planner, member) && !planner_is_creators_row(use->planner, row) &&
			planner_membership_stays(use->planner, member, role))
			note_used(use, role->name);
	}
}

/* What a group that is used lists, and what it is a member of. */
static void follow(struct use *use, const struct group_role *group)
{
	const struct roles_present *present = use->planner->present;
	const struct role *member = present_role(present, group->name);
	size_t count = 0;
	const struct membership *rows = member ? present_memberships(present, member->oid, &count) : NULL;
	for (size_t i = 0; i < group->role_count; i++)
		note_used(use, group->roles[i]);
	for (size_t i = 0; i < count; i++) {
		const struct role *role = present_role_by_oid(present, rows[i].role);
		if (role && planner_membership_stays(use->planner, member, role))
			note_used(use, role->name);
	}
}

static void follow_all(struct use *use)
{
	while (use->followed < use->count)
		follow(use, &use->planner->input->wanted->groups[use->queue[use->followed++]]);
}

/* Objects that it owns, or of a database that takes no connections, keep it. */
static const char *what_keeps(struct planner *planner, const struct role *role)
{
	const char *problem = rights_problem(planner, role);
	size_t count;
	const struct dependency *rows = present_dependencies(planner->present, role->oid, &count);
	if (problem)
		return arena_printf(planner->mem, "nobody uses it (dropWhenUnused), but %s", problem);
	for (size_t i = 0; i < count; i++) {
		const struct database *database = present_database_by_oid(planner->present, rows[i].database);
		bool closed = database && !database->allows_connections;
		if (!rows[i].owned && !closed)
			continue;
		return arena_printf(planner->mem,
			"nobody uses it (dropWhenUnused), but %s %" PRId64 " objects %s%s%s: %s",
			rows[i].owned ? "it owns" : "it may do something with", rows[i].objects,
			database ? "in database \"" : "", database ? database->name : "of the whole cluster",
			database ? "\"" : "",
			rows[i].owned ? "REASSIGN OWNED, and it goes" : "allow connections there for a moment");
	}
	return NULL;
}

/* One that stays although nobody uses it is a member of its own groups all the same: they are used by it. */
static void note_kept(struct use *use)
{
	struct planner *planner = use->planner;
	const struct users *wanted = planner->input->wanted;
	for (size_t i = 0; i < wanted->group_count; i++) {
		const struct role *role =
			planner->unused[i] ? present_role(planner->present, wanted->groups[i].name) : NULL;
		if (!role || operator_lists(planner->present, role->name, planner->mem))
			continue;
		if (role->mark == MARK_GROUP)
			planner->kept[i] = what_keeps(planner, role);
		if (planner->kept[i] || planner_claims_group(planner, role))
			note_used(use, role->name);
	}
}

bool planner_group_goes(const struct planner *planner, const struct role *role)
{
	return role->mark == MARK_GROUP && is_unused_group(planner, role);
}

void planner_find_unused(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	struct use use = {.planner = planner,
		.queue = arena_array(planner->mem, wanted->group_count + 1, sizeof(*use.queue))};
	bool any = false;
	for (size_t i = 0; i < wanted->group_count; i++)
		any |= planner->unused[i] = is_candidate(planner, i);
	if (!any)
		return;
	for (size_t i = 0; i < wanted->count; i++)
		for (size_t r = 0; wanted->items[i].ensure != USER_ABSENT && r < wanted->items[i].role_count;
			r++)
			note_used(&use, wanted->items[i].roles[r]);
	for (size_t i = 0; i < wanted->group_count; i++) {
		if (!wanted->groups[i].drop_when_unused)
			follow(&use, &wanted->groups[i]);
		if (planner_owned_by(planner, wanted->groups[i].name))
			note_used(&use, wanted->groups[i].name);
	}
	note_members(&use);
	follow_all(&use);
	note_kept(&use);
	follow_all(&use);
	planner_collect_references(planner);
}

/* --- those that are not listed any more --- */

/* A member that this pass does not take out, or a role that it is a member of. */
static bool has_memberships(const struct planner *planner, const struct role *role)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		const struct role *member = present_role_by_oid(present, row->member);
		if (row->member == role->oid ||
			(row->role == role->oid && row->member != present->self &&
				planner_membership_stays(planner, member, role)))
			return true;
	}
	return false;
}

void plan_unused_groups(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0;
		i < present->role_count && !planner->input->no_deletions && !planner->plan->blocked; i++) {
		const struct role *role = &present->roles[i];
		size_t dependencies;
		if (role->mark != MARK_GROUP || role->login || planner_referrer(planner, role->name) ||
			planner_owned_by(planner, role->name) || planner_is_group(planner, role->name) ||
			users_find(planner->input->wanted, role->name))
			continue;
		present_dependencies(present, role->oid, &dependencies);
		if (dependencies || has_memberships(planner, role))
			continue;
		if (roles_policy_protects(planner->input->policy, role->name)) {
			planner_warning(planner,
				"group role \"%s\" is used by nobody any more and stays: protectedRoles of the "
				"agent file protects it",
				role->name);
			continue;
		}
		const char *problem = rights_problem(planner, role);
		if (problem) {
			planner_warning(planner, "group role \"%s\" is used by nobody any more and stays: %s",
				role->name, problem);
			continue;
		}
		planner_drop(planner, role);
	}
}
