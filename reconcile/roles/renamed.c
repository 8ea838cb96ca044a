#include "reconcile/roles/renamed.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/roles/operator.h"
#include "reconcile/postgres/sql.h"

/* Somebody is a member, other than whoever made it by CREATEROLE. */
static bool has_members(const struct roles_present *present, const struct role *role)
{
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		bool creators = present->version >= FIRST_SERVER_WITH_GRANT_OPTIONS &&
			row->grantor == BOOTSTRAP_SUPERUSER && row->admin && !row->inherits && !row->can_set;
		if (row->role == role->oid && !creators)
			return true;
	}
	return false;
}

/* As planner_may_manage() has it for one with the right name. */
static bool may_be_renamed(const struct roles_present *present, const struct roles_plan_input *input,
	const struct role *role, struct arena *mem)
{
	if (mark_is_user(role->mark))
		return true;
	return input->policy->adopt && role->mark != MARK_GROUP && role->mark != MARK_OTHER &&
		!role->long_comment && !managed_is_untouchable(present, role) &&
		!has_members(present, role) && !operator_claim(present, role, mem);
}

/* Renamed by hand to what Git calls it now. */
static bool has_followed(const struct role *role, const char *from)
{
	return role && role->mark == MARK_RENAMED && !role->had_group && strcmp(role->had, from) == 0;
}

static void rename_role(struct role *role, const struct user *user)
{
	role->was = role->name;
	role->name = user->name;
	role->recorded = false;
	role->loses_password = role->verifier && text_starts(role->verifier, "md5");
	if (role->loses_password)
		role->verifier = NULL;
}

void renamed_apply(struct roles_present *present, const struct roles_plan_input *input, struct arena *mem)
{
	const struct users *wanted = input->wanted;
	size_t *roles = arena_array(mem, wanted->renamed_count + 1, sizeof(*roles));
	bool any = false;
	for (size_t i = 0; i < wanted->renamed_count; i++) {
		const struct user *user = wanted->renamed[i];
		const struct role *now = present_role(present, user->name);
		const struct role *old = present_role(present, user->fields.renamed_from);
		roles[i] = present->role_count;
		if (has_followed(now, user->fields.renamed_from)) {
			present->roles[now - present->roles].mark = MARK_USER;
			present->roles[now - present->roles].recorded = false;
		} else if (!now && old && may_be_renamed(present, input, old, mem))
			roles[i] = (size_t)(old - present->roles);
	}
	for (size_t i = 0; i < wanted->renamed_count;
		i++) /* after the last was looked up: then they are not in order any more */
		if (roles[i] != present->role_count) {
			rename_role(&present->roles[roles[i]], wanted->renamed[i]);
			any = true;
		}
	if (any)
		present_index(present, mem);
}

static bool refuse(struct planner *planner, struct wanted_user *wanted, const char *text)
{
	planner_reason(planner, wanted->report, USER_REFUSED, "%s", text);
	return false;
}

static bool tell_hands(struct planner *planner, struct wanted_user *wanted, const struct role *hands)
{
	const char *from = wanted->user->fields.renamed_from;
	planner_difference(planner, wanted->report, "name", wanted->user->name, hands->name);
	return refuse(planner, wanted,
		arena_printf(planner->mem,
			"renamedFrom \"%s\": that role was renamed by hand to \"%s\": it is left as it is, and none is made in its "
			"place; ALTER ROLE %s RENAME TO %s, and this pass's successor takes it on; or list it as it is called",
			from, hands->name, sql_identifier(hands->name, planner->mem),
			sql_identifier(wanted->user->name, planner->mem)));
}

bool renamed_is_clear(struct planner *planner, struct wanted_user *wanted)
{
	struct arena *mem = planner->mem;
	const char *name = wanted->user->name, *from = wanted->user->fields.renamed_from;
	const struct role *old = from ? present_role(planner->present, from) : NULL;
	const struct role *hands = from && !wanted->role ? managed_renamed(planner->present, from) : NULL;
	if (hands)
		return tell_hands(planner, wanted, hands);
	if (!old || (wanted->role && !mark_is_user(old->mark)))
		return true;
	if (wanted->role)
		return refuse(planner, wanted,
			arena_printf(mem,
				"renamedFrom \"%s\": both roles exist, \"%s\" and \"%s\", so nothing is renamed, and neither is changed or "
				"removed: drop the one that is not wanted by hand, or take renamedFrom out, and \"%s\" is removed "
				"as not listed",
				from, from, name, from));
	if (old->mark == MARK_GROUP)
		return refuse(planner, wanted,
			arena_printf(mem,
				"renamedFrom \"%s\": that role is a group role of ours, and a group does not become a user by "
				"itself: take renamedFrom out",
				from));
	return refuse(planner, wanted,
		arena_printf(mem,
			"renamedFrom \"%s\": that role exists and is not ours, so it is not renamed, and none is made in its place: take it "
			"over with %s, and it is renamed; or take renamedFrom out, and \"%s\" is made anew",
			from, planner_adopt_command(planner, from), name));
}

void renamed_keep_passwords(struct planner *planner)
{
	for (size_t i = 0; i < planner->user_count; i++) {
		struct wanted_user *wanted = &planner->users[i];
		const struct role *role = wanted->role;
		if (!wanted->managed || !role || !role->loses_password || wanted->verifier ||
			wanted->user->fields.no_login)
			continue;
		wanted->managed = false;
		planner_difference(planner, wanted->report, "name", role->name, role->was);
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"not renamed from \"%s\" yet: its md5 password would be lost with the name, and there is no new one to set "
			"in its place",
			role->was);
	}
}

const char *renamed_sql(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	if (!role->was)
		return "";
	planner_difference(planner, wanted->report, "name", role->name, role->was);
	return arena_printf(planner->mem, "ALTER ROLE %s RENAME TO %s",
		sql_identifier(role->was, planner->mem), sql_identifier(role->name, planner->mem));
}

bool renamed_is_taken_over(const struct planner *planner, const char *name)
{
	const struct user *user = users_former(planner->input->wanted, name);
	const struct role *role = user ? planner->users[user - planner->input->wanted->items].role : NULL;
	return role && text_equal(role->was, name);
}
