#include "reconcile/roles/heir.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/limits.h"

const char *heir_name(const struct role *role, struct arena *mem)
{
	char number[16];
	int digits = snprintf(number, sizeof(number), "_%" PRIu32, role->oid);
	size_t room = LIMIT_ROLE_NAME - strlen(HEIR_PREFIX) - (size_t)digits;
	return arena_printf(mem, HEIR_PREFIX "%.*s%s", (int)text_fit(role->name, room), role->name, number);
}

static const char *attribute_of(const struct role *role)
{
	if (role->super)
		return "SUPERUSER";
	if (role->create_role)
		return "CREATEROLE";
	if (role->create_db)
		return "CREATEDB";
	if (role->replication)
		return "REPLICATION";
	return role->bypass_rls ? "BYPASSRLS" : NULL;
}

static bool has_ties(const struct roles_present *present, uint32_t oid)
{
	for (size_t i = 0; i < present->membership_count; i++)
		if ((present->memberships[i].role == oid && present->memberships[i].member != present->self) ||
			present->memberships[i].member == oid)
			return true;
	return false;
}

/* Somebody may have made a role of this name before us, or changed it since. */
static bool own_heir(
	struct planner *planner, const struct role *role, struct role_report *report, struct heir *heir)
{
	*heir = (struct heir){.name = heir_name(role, planner->mem), .own = true};
	const struct role *found = present_role(planner->present, heir->name);
	heir->exists = found != NULL;
	if (!found ||
		(!attribute_of(found) && !found->login && !found->verifier &&
			!has_ties(planner->present, found->oid)))
		return true;
	planner_reason(planner, report, USER_RETIRING,
		"locked out, not dropped: role \"%s\", which is to get what it owns, has LOGIN, another attribute, a password, "
		"a member or a membership: take that away, or drop the role",
		found->name);
	return false;
}

/* --- the heir that the agent file names --- */

/* A role that the heir is a member of and the user is not, or NULL. */
static const char *further_membership(struct planner *planner, const struct role *heir, const struct role *role)
{
	const struct roles_policy *policy = planner->input->policy;
	struct role_set heirs = planner_above(planner, heir, NULL), own = planner_above(planner, role, NULL);
	for (size_t i = 0; i < heirs.count; i++) {
		const struct role *found = present_role_by_oid(planner->present, heirs.oids[i]);
		bool allowed = found == role || role_set_has(&own, found->oid);
		for (size_t j = 0; j < policy->heir_role_count && !allowed; j++)
			allowed = strcmp(policy->heir_roles[j], found->name) == 0;
		if (!allowed)
			return found->name;
	}
	return NULL;
}

/* Why the agent file's heir may not be it, or NULL. */
static const char *heir_problem(struct planner *planner, const struct role *heir, const struct role *role)
{
	struct arena *mem = planner->mem;
	if (!heir)
		return "there is no such role";
	if (attribute_of(heir))
		return arena_printf(mem, "it has %s", attribute_of(heir));
	if (text_starts(heir->name, "pg_"))
		return "it belongs to PostgreSQL";
	if (heir == role || planner_is_leaving(planner, heir))
		return "it is itself to be removed";
	const char *further = further_membership(planner, heir, role);
	return further
		? arena_printf(mem,
			  "it is a member of \"%s\", and the user is not; the agent file may allow that with "
			  "retirement.memberships",
			  further)
		: NULL;
}

bool heir_find(struct planner *planner, const struct role *role, struct role_report *report, struct heir *heir)
{
	const char *name = planner->input->policy->heir;
	if (!name)
		return own_heir(planner, role, report, heir);
	const char *problem = heir_problem(planner, present_role(planner->present, name), role);
	if (problem)
		planner_reason(planner, report, USER_RETIRING,
			"locked out, not dropped: \"%s\", named by retirement.reassignOwnedTo of the agent file, may not get "
			"what it owns: %s",
			name, problem);
	*heir = (struct heir){.name = name, .exists = true};
	return !problem;
}
