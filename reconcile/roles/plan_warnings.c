/*
 * plan_warnings.c - what people should know for as long as it is so, and no step mends
 *
 * What is told only by the pass that did it is gone with the next one: a warning is found anew in each.
 */
#include "reconcile/roles/planner.h"

static bool is_member(const struct roles_present *present, const struct role *role)
{
	size_t count;
	return present_memberships(present, role->oid, &count) != NULL;
}

static bool has_members(const struct roles_present *present, const struct role *role)
{
	for (size_t i = 0; i < present->membership_count; i++)
		if (present->memberships[i].role == role->oid)
			return true;
	return false;
}

/* Whoever lists a group as a role expects something of it; what one under `groups` may do is said there. That PUBLIC has is not counted:
   everybody has it. */
static void warn_of_empty_groups(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		size_t dependencies;
		if (role->mark != MARK_GROUP || is_member(present, role) ||
			planner_is_group(planner, role->name))
			continue;
		present_dependencies(present, role->oid, &dependencies);
		if (!dependencies && has_members(present, role))
			planner_warning(planner,
				"group role \"%s\" gives its members nothing: it has no privileges and is a member of no role; "
				"grant it what they need",
				role->name);
	}
}

void plan_warnings(struct planner *planner)
{
	warn_of_empty_groups(planner);
}
