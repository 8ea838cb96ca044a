/*
 * export.h - a users.yaml that says what is there
 *
 * For a server whose roles were made by hand: what is exported, committed and adopted (`policy: {adopt: listed}`) changes nothing there.
 * That is no hope but looked at: what was written is read as users.yaml is, planned as a pass would plan it, and whoever would have
 * a step other than becoming ours is left out and named with the plan's own words; a role that may do what users.yaml cannot say (a
 * right to give on, a privilege on a parameter, default privileges of a user) is listed without `grants`, which leaves its
 * privileges alone; so are settings that Git may not set, without `parameters`, and memberships of a group, without `memberOf`. An
 * attribute that policy.allowAttributes does not name keeps its user out: without a word it would be taken away. Passwords are nobody's
 * to export: `password: {ignore: true}`, or `disabled` where a superuser sees that there is none; no Secret is needed.
 *
 * Users: roles that log in, users of ours, and roles locked by hand: with a password and without members. Groups: other roles that do not
 * log in, and have members or privileges or are ours. Not: PostgreSQL's, the operator's and the agent's own roles, superusers,
 * protected roles of the policy, other agents' roles, heirs.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "reconcile/roles/roles.h"

struct role_left_out {
	const char *name; /* sorted */
	const char *reason;
};

struct roles_export {
	const char *text; /* the file, with comments that say whom it does not have and why; valid by manifests/users.schema.json */
	size_t user_count, group_count;
	struct role_left_out *left_out; /* by name; and who is listed without privileges, settings or memberships, once for each */
	size_t left_out_count;
};

/*
 * Reads the cluster and writes nothing. `input` says who asks, as for roles_observe(): its target, manager and policy are taken, not whom
 * it wants. Everything in `mem`.
 */
bool roles_export(struct session *session, const struct roles_plan_input *input, struct arena *mem,
	struct roles_export *out, struct error *err) MUST_CHECK;
