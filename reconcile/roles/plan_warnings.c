/*
 * plan_warnings.c - what people should know for as long as it is so, and no step mends
 *
 * What is told only by the pass that did it is gone with the next one: a warning is found anew in each.
 */
#include "base/buf.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/rights.h"

enum { NAMES_TOLD = 5 };

static bool is_member(const struct roles_present *present, const struct role *role)
{
	size_t count;
	return present_memberships(present, role->oid, &count) != NULL;
}

/* Parallel to the roles; one walk over the memberships, of which there may be many. */
static bool *roles_with_members(const struct planner *planner)
{
	const struct roles_present *present = planner->present;
	bool *found = arena_array(planner->mem, present->role_count + 1, sizeof(*found));
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct role *role = present_role_by_oid(present, present->memberships[i].role);
		if (role && present->memberships[i].member != present->self)
			found[role - present->roles] = true;
	}
	return found;
}

/* Whoever lists a group as a role expects something of it; what one under `groups` may do is said there. That PUBLIC has is not counted:
   everybody has it. */
static void warn_of_empty_groups(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	const bool *has_members = roles_with_members(planner);
	for (size_t i = 0; i < present->role_count; i++) {
		const struct role *role = &present->roles[i];
		size_t dependencies;
		if (role->mark != MARK_GROUP || !has_members[i] || is_member(present, role) ||
			users_find_group(planner->input->wanted, role->name))
			continue;
		present_dependencies(present, role->oid, &dependencies);
		if (!dependencies)
			planner_warning(planner,
				"group role \"%s\" gives its members nothing: it has no privileges and is a member of no role; "
				"list it under groups with what they need, or grant it",
				role->name);
	}
}

static void add_asking(struct buf *names, size_t *told, const char *who, const char *const *roles,
	const struct role_options *options, size_t count)
{
	for (size_t i = 0; options && i < count; i++)
		if (!(options[i].inherit && options[i].set) && (*told)++ < NAMES_TOLD)
			buf_printf(names, "%s\"%s\" in \"%s\"", names->length ? ", " : "", who, roles[i]);
}

/* Before 16 a member has all that its role has. That is more than Git says, and no pass can make it less. */
static void warn_of_options(struct planner *planner)
{
	CLEANUP(buf_done) struct buf names = BUF(4096);
	const struct users *wanted = planner->input->wanted;
	size_t count = 0;
	if (planner->present->version >= FIRST_SERVER_WITH_GRANT_OPTIONS)
		return;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->items[i].ensure != USER_ABSENT)
			add_asking(&names, &count, wanted->items[i].name, wanted->items[i].roles,
				wanted->items[i].role_options, wanted->items[i].role_count);
	for (size_t i = 0; i < wanted->group_count; i++)
		add_asking(&names, &count, wanted->groups[i].name, wanted->groups[i].roles,
			wanted->groups[i].role_options, wanted->groups[i].role_count);
	if (count)
		planner_warning(planner,
			"inherit: false and set: false of a membership need PostgreSQL 16, this is %d: %s%s have all that "
			"their role has, at once",
			planner->present->version / 10000, buf_string(&names),
			count > NAMES_TOLD ? ", ..." : "");
}

/* One that others list as a role is kept by that, and told so. */
static bool is_locked_leaver(const struct planner *planner, const struct role *role)
{
	return (role->mark == MARK_LEAVING || role->mark == MARK_RETIRING) &&
		planner_is_leaving(planner, role) && !planner_referrer(planner, role->name);
}

/* NOLOGIN and REVOKE reach the role itself: who is a member goes on with SET ROLE, and keeps it from being removed. Whose membership a hand
   made is not ours to end. */
static void warn_of_members_of_leavers(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	bool any = false;
	for (size_t i = 0; i < present->role_count && !any; i++)
		any = is_locked_leaver(planner, &present->roles[i]);
	for (size_t i = 0; any && i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		const struct role *role = present_role_by_oid(present, row->role);
		if (!role || !is_locked_leaver(planner, role) || row->member == present->self)
			continue;
		const struct role *member = present_role_by_oid(present, row->member);
		if (member && !planner_is_leaving(planner, member))
			planner_warning(planner,
				"\"%s\" is locked out, and its member \"%s\" can still do all it may (SET ROLE): REVOKE %s FROM %s ends that",
				role->name, member->name, sql_identifier(role->name, planner->mem),
				sql_identifier(member->name, planner->mem));
	}
}

void plan_warnings(struct planner *planner)
{
	warn_of_members_of_leavers(planner);
	warn_of_options(planner);
	warn_of_empty_groups(planner);
	rights_warn(planner);
	planner_warn_of_expired(planner);
}
