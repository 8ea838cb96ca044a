/*
 * plan_lineage.c - which roles may be granted: of what they are members themselves, now and after this pass
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/rights.h"

static const struct wanted_user *wanted_of(const struct planner *planner, const char *name)
{
	const struct user *user = users_find(planner->input->wanted, name);
	return user ? &planner->users[user - planner->input->wanted->items] : NULL;
}

/* A user of ours that is to be there: what it has too much is taken from it in the same pass, before anything is granted;
   what Git may give it and does is a danger like any other. */
static const struct wanted_user *healed_user(const struct planner *planner, const struct role *role)
{
	const struct wanted_user *wanted = wanted_of(planner, role->name);
	return wanted && wanted->managed && wanted->user->ensure != USER_ABSENT ? wanted : NULL;
}

struct member planner_user_member(const struct wanted_user *wanted)
{
	const struct user *user = wanted->user;
	return (struct member){
		.name = user->name,
		.role = wanted->role,
		.report = wanted->report,
		.roles = user->roles,
		.options = user->role_options,
		.role_count = user->role_count,
		.upkeep = user->memberships,
	};
}

struct member planner_group_member(const struct planner *planner, const struct group_role *group)
{
	return (struct member){
		.name = group->name,
		.role = present_role(planner->present, group->name),
		.report = planner->group_reports[group - planner->input->wanted->groups],
		.roles = group->roles,
		.options = group->role_options,
		.role_count = group->role_count,
		.upkeep = group->memberships,
	};
}

bool planner_member(const struct planner *planner, const struct role *role, struct member *member)
{
	const struct wanted_user *wanted = healed_user(planner, role);
	const struct group_role *group =
		role->mark == MARK_GROUP ? users_find_group(planner->input->wanted, role->name) : NULL;
	if (wanted)
		*member = planner_user_member(wanted);
	else if (group && group->lists_roles)
		*member = planner_group_member(planner, group);
	return wanted || (group && group->lists_roles);
}

bool member_lists(const struct member *member, const char *role, struct role_options *options)
{
	static const struct role_options plain = ROLE_OPTIONS_PLAIN;
	const char *const *found = member->role_count
		? bsearch(&role, member->roles, member->role_count, sizeof(*member->roles), text_compare)
		: NULL;
	if (found && options)
		*options = member->options ? member->options[found - member->roles] : plain;
	return found != NULL;
}

static const char *own_danger(const struct planner *planner, const struct role *role)
{
	const struct wanted_user *wanted = healed_user(planner, role);
	if (wanted && !rights_leaves_danger(planner, role))
		return user_danger(wanted->user);
	if (planner_heals_group(planner, role) && !rights_leaves_danger(planner, role) &&
		!(planner->rights && role->super))
		return NULL;
	if (role->super)
		return "it is a superuser";
	if (role->create_role)
		return "it may create and alter roles";
	if (role->replication)
		return "it may copy the whole cluster (REPLICATION)";
	if (role->bypass_rls)
		return "it passes by row security (BYPASSRLS)";
	return policy_endangers(planner->input->policy, role->name);
}

bool planner_membership_stays(const struct planner *planner, const struct role *member, const struct role *role)
{
	struct member says;
	return !member || !planner_member(planner, member, &says) || says.upkeep != UPKEEP_EXACT ||
		member_lists(&says, role->name, NULL);
}

bool planner_goes_on_having(struct planner *planner, const struct role *member, const struct role *role)
{
	const struct user *user = users_find(planner->input->wanted, member->name);
	if (user)
		planner_judge(planner, user);
	return !planner_is_leaving(planner, member) && planner_membership_stays(planner, member, role);
}

/* The list of what was found is the queue of what is still to be looked at. */
struct role_set planner_above(struct planner *planner, const struct role *role, membership_filter follows)
{
	const struct roles_present *present = planner->present;
	uint32_t *seen = planner->seen, walk = ++planner->walks;
	struct role_set above = {0};
	const struct role *here = role;
	for (size_t next = 0; here; next++) {
		size_t count;
		const struct membership *rows = present_memberships(present, here->oid, &count);
		for (size_t i = 0; i < count && !arena_full(planner->mem); i++) {
			const struct role *found = present_role_by_oid(present, rows[i].role);
			if (!found || seen[found - present->roles] == walk ||
				(follows && !follows(planner, here, found)))
				continue;
			seen[found - present->roles] = walk;
			above.oids = arena_grow(planner->mem, above.oids, above.count, sizeof(*above.oids));
			above.oids[above.count++] = found->oid;
		}
		here = next < above.count ? present_role_by_oid(present, above.oids[next]) : NULL;
	}
	return above;
}

bool role_set_has(const struct role_set *set, uint32_t oid)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->oids[i] == oid)
			return true;
	return false;
}

/* As it will be after the pass; once for each role. */
static const struct lineage *lineage_of(struct planner *planner, const struct role *role)
{
	struct lineage *lineage = &planner->lineages[role - planner->present->roles];
	if (lineage->known)
		return lineage;
	lineage->known = true;
	lineage->danger = own_danger(planner, role);
	lineage->above = planner_above(planner, role, planner_membership_stays);
	for (size_t i = 0; i < lineage->above.count && !lineage->danger; i++) {
		const struct role *above = present_role_by_oid(planner->present, lineage->above.oids[i]);
		const char *danger = own_danger(planner, above);
		if (danger)
			lineage->danger = arena_printf(
				planner->mem, "it is a member of \"%s\", and %s", above->name, danger);
	}
	return lineage;
}

static void plan_group(struct planner *planner, const char *name)
{
	const struct step_list *groups = &planner->phases[PHASE_GROUP];
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->items[i].user, name) == 0)
			return;
	planner_create_group(planner, name);
	planner_warning(planner,
		"group role \"%s\" does not exist and is created empty: list it under groups with what its members need, or grant it",
		name);
}

/* A role that does not exist: can it be there when it is granted? */
static bool role_will_exist(struct planner *planner, const struct member *member, const char *name)
{
	const struct wanted_user *other = wanted_of(planner, name);
	const struct role *renamed = managed_renamed(planner->present, name);
	if (renamed) {
		planner_reason(planner, member->report, USER_DEGRADED,
			"role \"%s\" was renamed by hand to \"%s\": none is made in its place, and who is a member stays "
			"one; ALTER ROLE %s RENAME TO %s undoes it, or list it as it is called now",
			name, renamed->name, sql_identifier(renamed->name, planner->mem),
			sql_identifier(name, planner->mem));
		return false;
	}
	if (operator_lists(planner->present, name, planner->mem)) {
		planner_reason(planner, member->report, USER_DEGRADED,
			"role \"%s\" is not there yet: the postgres-operator makes it, as %s", name,
			operator_lists(planner->present, name, planner->mem));
		return false;
	}
	if (other && !other->creatable) {
		planner_reason(planner, member->report, USER_DEGRADED,
			"role \"%s\" is a user that cannot be created", name);
		return false;
	}
	if (text_starts(name, "pg_")) {
		planner_reason(planner, member->report, USER_DEGRADED,
			"this server (PostgreSQL %d) has no role \"%s\"", planner->present->version / 10000,
			name);
		return false;
	}
	if (!other)
		plan_group(planner, name);
	return true;
}

/* One that this pass makes, with what Git says of it. */
static bool will_be_dangerous(struct planner *planner, const struct member *member, const char *name)
{
	const struct wanted_user *other = wanted_of(planner, name);
	const char *danger = other ? user_danger(other->user) : NULL;
	if (danger)
		planner_reason(planner, member->report, USER_REFUSED, "role \"%s\" is not granted: %s", name,
			danger);
	return danger;
}

bool planner_may_grant(struct planner *planner, const struct member *member, const char *name)
{
	const struct role *role = present_role(planner->present, name);
	if (!role)
		return role_will_exist(planner, member, name) && !will_be_dangerous(planner, member, name);
	const struct lineage *lineage = lineage_of(planner, role);
	if (lineage->danger)
		planner_reason(planner, member->report, USER_REFUSED, "role \"%s\" is not granted: %s", name,
			lineage->danger);
	else if (member->role && role_set_has(&lineage->above, member->role->oid))
		planner_reason(planner, member->report, USER_REFUSED,
			"role \"%s\" is not granted: it is a member of \"%s\"", name, member->name);
	else
		return true; /* one that goes, too: it is kept while somebody lists it (plan_retire.c) */
	return false;
}
