#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/heir.h"
#include "reconcile/roles/operator.h"
#include "reconcile/roles/renamed.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

enum {
	NAMES_TOLD = 5 /* in a warning; the list has all */
};

/* --- who lists a role --- */

static int compare_references(const void *a, const void *b)
{
	const struct reference *left = a, *right = b;
	int order = strcmp(left->role, right->role);
	return order ? order : strcmp(left->user, right->user);
}

static void add_references(struct planner *planner, const char *who, const char *const *roles, size_t count)
{
	for (size_t i = 0; i < count; i++)
		planner->references[planner->reference_count++] = (struct reference){roles[i], who};
}

void planner_collect_references(struct planner *planner)
{
	const struct users *wanted = planner->input->wanted;
	size_t total = 0;
	for (size_t i = 0; i < wanted->count; i++)
		total += wanted->items[i].role_count;
	for (size_t i = 0; i < wanted->group_count; i++)
		total += wanted->groups[i].role_count;
	planner->references = arena_array(planner->mem, total + 1, sizeof(*planner->references));
	planner->reference_count = 0;
	for (size_t i = 0; i < wanted->count; i++)
		if (wanted->items[i].ensure != USER_ABSENT)
			add_references(planner, wanted->items[i].name, wanted->items[i].roles,
				wanted->items[i].role_count);
	for (size_t i = 0; i < wanted->group_count; i++)
		if (!planner->unused[i])
			add_references(planner, wanted->groups[i].name, wanted->groups[i].roles,
				wanted->groups[i].role_count);
	if (planner->reference_count)
		qsort(planner->references, planner->reference_count, sizeof(*planner->references),
			compare_references);
}

const char *planner_referrer(const struct planner *planner, const char *role)
{
	size_t low = 0, high = planner->reference_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(planner->references[middle].role, role) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < planner->reference_count && strcmp(planner->references[low].role, role) == 0;
	return found ? planner->references[low].user : NULL;
}

/* A role that has this one and goes on having it; NULL = none, but for whoever made it. */
static const struct role *member_of(struct planner *planner, const struct role *role)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		if (row->role != role->oid || row->member == present->self ||
			planner_is_creators_row(planner, row))
			continue;
		const struct role *member = present_role_by_oid(present, row->member);
		if (member && planner_goes_on_having(planner, member, role))
			return member;
	}
	return NULL;
}

/* --- may it be managed? --- */

/* Names are anybody's who may make roles, and commands in messages are pasted. */
static const char *shell_word(const char *name, struct arena *mem)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@";
	const char *quoted = "'";
	if (*name && strspn(name, plain) == strlen(name))
		return name;
	for (const char *at = name; *at; at++)
		quoted = *at == '\'' ? arena_printf(mem, "%s'\\''", quoted)
				     : arena_printf(mem, "%s%c", quoted, *at);
	return arena_printf(mem, "%s'", quoted);
}

const char *planner_adopt_command(const struct planner *planner, const char *name)
{
	struct arena *mem = planner->mem;
	return arena_printf(mem, "`pgitops user adopt --database %s %s`",
		shell_word(planner->input->target, mem), shell_word(name, mem));
}

const char *planner_now_command(const struct planner *planner, const char *name)
{
	struct arena *mem = planner->mem;
	return arena_printf(mem, "`pgitops user sync --database %s --now %s`",
		shell_word(planner->input->target, mem), shell_word(name, mem));
}

static const char *other_text(const struct planner *planner, const struct role *role)
{
	return role->other ? role->other : arena_printf(planner->mem, "its comment says \"%s\"", role->comment);
}

/* Why this role is not taken to be ours, and what to do about it. */
static const char *foreign_text(const struct planner *planner, const struct role *role)
{
	struct arena *mem = planner->mem;
	const char *adopt = planner_adopt_command(planner, role->name);
	switch (role->mark) {
	case MARK_OTHER:
		return arena_printf(mem,
			"the role exists and is managed by another agent or for "
			"another database of the agent file: %s",
			other_text(planner, role));
	case MARK_UNPROVEN:
		return arena_printf(mem,
			"the role exists, and only its comment says that it is ours, which anybody may have written: "
			"nothing is changed; if it is, take it over with %s, else take the comment away",
			adopt);
	case MARK_REPLACED:
		return arena_printf(mem,
			"the role of this name that was ours is gone or renamed, and the one that is there was made by hand or "
			"restored from a dump: nothing is changed; take it over with %s, or drop it and it is made anew",
			adopt);
	case MARK_RENAMED:
		return arena_printf(mem,
			"the role was \"%s\" and was renamed by hand: nothing is changed; take it over under its new "
			"name with %s, or ALTER ROLE %s RENAME TO %s",
			role->had, adopt, sql_identifier(role->name, mem), sql_identifier(role->had, mem));
	case MARK_GROUP:
		return arena_printf(mem,
			"the role is a group role of ours, and a group does not become a user by itself: take it out of "
			"the users, or make it one with %s",
			adopt);
	default:
		return arena_printf(mem,
			"the role exists and is not ours: nothing is changed; remove it from users.yaml, take it over "
			"with %s, or allow `adopt` in the agent file's policy",
			adopt);
	}
}

static bool refuse(struct planner *planner, struct wanted_user *wanted, const char *text)
{
	planner_reason(planner, wanted->report, USER_REFUSED, "%s", text);
	return false;
}

/* To be a member of others does no harm; to be their role does, once it logs in, and is removed one day. */
static bool is_no_group(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role, *member = member_of(planner, role);
	const char *referrer = planner_referrer(planner, role->name);
	if (!member && !referrer)
		return true;
	return refuse(planner, wanted,
		arena_printf(planner->mem,
			"the role exists, is not ours, and is a group of others (\"%s\" %s): it does not become a user by "
			"itself, whatever the policy says; take it out of the users, or make it one with %s",
			member ? member->name : referrer, member ? "is a member" : "lists it",
			planner_adopt_command(planner, role->name)));
}

/* What was renamed by hand is not made a second time. */
static bool may_create(struct planner *planner, struct wanted_user *wanted)
{
	const char *name = wanted->user->name;
	const struct role *renamed = managed_renamed(planner->present, name);
	if (!renamed)
		return true;
	planner_difference(planner, wanted->report, "name", name, renamed->name);
	planner_reason(planner, wanted->report, USER_DEGRADED,
		"the role was renamed by hand to \"%s\": it is left as it is, and none is made in its place; ALTER ROLE "
		"%s RENAME TO %s undoes it; or list it in users.yaml as it is called now, and take it over with %s",
		renamed->name, sql_identifier(renamed->name, planner->mem),
		sql_identifier(name, planner->mem), planner_adopt_command(planner, renamed->name));
	return false;
}

bool planner_may_manage(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	const char *listed = operator_lists(planner->present, wanted->user->name, planner->mem);
	if (listed)
		return refuse(planner, wanted, operator_refusal(listed, planner->mem));
	if (!renamed_is_clear(planner, wanted))
		return false;
	if (!role)
		return may_create(planner, wanted);
	if (mark_is_user(role->mark))
		return true;
	if (role->mark != MARK_GROUP && role->mark != MARK_OTHER &&
		managed_is_untouchable(planner->present, role))
		return refuse(planner, wanted,
			"the role exists, and is a superuser or belongs to PostgreSQL or the agent itself");
	const char *claim =
		mark_is_ours(role->mark) ? NULL : operator_claim(planner->present, role, planner->mem);
	if (claim)
		return refuse(planner, wanted, operator_refusal(claim, planner->mem));
	bool adopts = planner->input->policy->adopt && role->mark != MARK_GROUP && role->mark != MARK_OTHER;
	if ((adopts || role->mark == MARK_NONE) && !is_no_group(planner, wanted))
		return false;
	if (adopts && role->long_comment)
		return refuse(planner, wanted,
			arena_printf(planner->mem,
				"the role exists and its comment is longer than %ld bytes, which would be cut: shorten it, and it is adopted",
				(long)LIMIT_ROLE_COMMENT));
	return adopts || refuse(planner, wanted, foreign_text(planner, role));
}

/* --- comment and row --- */

const char *planner_comment_sql(struct planner *planner, const char *name, enum mark mark, const char *comment)
{
	struct arena *mem = planner->mem;
	return arena_printf(mem, "COMMENT ON ROLE %s IS %s", sql_identifier(name, mem),
		sql_literal(mark_write(mark, planner->input->target, comment, mem), mem));
}

static const char *row_sql(struct planner *planner, const char *name, enum mark state, size_t *statements)
{
	return managed_row_sql(planner->present, planner->input, name, state, planner->mem, statements);
}

void planner_record(struct planner *planner, struct role_step *step)
{
	static const enum mark states[] = {
		[ROLE_CREATE] = MARK_USER,
		[ROLE_CREATE_GROUP] = MARK_GROUP,
		[ROLE_LOCK] = MARK_RETIRING,
		[ROLE_HOLD] = MARK_LEAVING,
	};
	enum mark state = step->action < COUNT_OF(states) ? states[step->action] : MARK_NONE;
	const struct role *role = present_role(planner->present, step->user);
	size_t statements = 1;
	if (state != MARK_NONE) {
		const char *sql = row_sql(planner, step->user, state, &statements);
		planner_append(planner, step, sql, statements);
	} else if (step->action == ROLE_DROP && role)
		planner_append(planner, step, managed_forget_sql(role->oid, planner->mem), statements);
}

const char *planner_claim_sql(struct planner *planner, struct wanted_user *wanted, size_t *statements)
{
	const struct role *role = wanted->role;
	const char *name = role->name, *sql = "";
	*statements = 0;
	const char *git = wanted->user->fields.comment, *comment = git ? git : role->comment;
	if (planner_comment_differs(planner, role, MARK_USER, git)) {
		planner_difference(planner, wanted->report, "comment",
			mark_write(MARK_USER, planner->input->target, comment, planner->mem), role->comment);
		sql = planner_comment_sql(planner, name, MARK_USER, comment);
		++*statements;
	}
	bool other = role->on_remove != wanted->user->on_remove;
	if (role->mark != MARK_USER || !role->recorded || other) {
		size_t more;
		if (role->mark == MARK_USER && role->recorded)
			planner_difference(planner, wanted->report, "onRemove",
				on_remove_name(wanted->user->on_remove), on_remove_name(role->on_remove));
		else if (role->said == MARK_USER && !role->was)
			planner_difference(planner, wanted->report, "managed", "true", "false");
		sql = arena_printf(planner->mem, "%s%s%s", sql, *sql ? "; " : "",
			row_sql(planner, name, MARK_USER, &more));
		*statements += more;
	}
	return *statements ? sql : NULL;
}

/* --- what no user's step does --- */

static void mend_comments_of_groups(struct planner *planner)
{
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		const struct group_role *group = users_find_group(planner->input->wanted, role->name);
		const char *git = group ? group->comment : NULL;
		if (role->mark != MARK_GROUP || !planner_comment_differs(planner, role, MARK_GROUP, git) ||
			(!planner_referrer(planner, role->name) && !group))
			continue;
		const char *problem = rights_problem(planner, role);
		if (problem) {
			planner_warning(planner, "the comment on group role \"%s\" is not mended: %s",
				role->name, problem);
			continue;
		}
		planner_step(planner, PHASE_ALTER,
			(struct role_step){
				.action = ROLE_ALTER,
				.user = role->name,
				.sql = planner_comment_sql(
					planner, role->name, MARK_GROUP, git ? git : role->comment),
			});
	}
}

/* A role that was dropped by hand, and that nobody wants any more or that nobody can make. */
static void forget_the_gone(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0; i < present->named_count; i++) {
		const struct managed_role *row = present->managed_by_name[i];
		const struct user *user = users_find(planner->input->wanted, row->name);
		if (present_role_by_oid(present, row->oid) || present_role(present, row->name) ||
			(user && user->ensure != USER_ABSENT) || planner_referrer(planner, row->name) ||
			users_find_group(planner->input->wanted, row->name))
			continue;
		planner_step(planner, PHASE_FORGET,
			(struct role_step){
				.action = ROLE_FORGET,
				.user = row->name,
				.sql = managed_forget_sql(row->oid, planner->mem),
			});
	}
}

static void record_step(struct planner *planner, const char *sql, size_t statements)
{
	if (sql)
		planner_step(planner, PHASE_RECORD,
			(struct role_step){
				.action = ROLE_RECORD, .user = "", .sql = sql, .statements = statements});
}

static bool needs_the_table(const struct planner *planner)
{
	static const enum phase phases[] = {PHASE_HOLD, PHASE_LOCK, PHASE_GROUP, PHASE_CREATE};
	for (size_t i = 0; i < COUNT_OF(phases); i++)
		if (planner->phases[phases[i]].count)
			return true;
	for (size_t i = 0; i < planner->user_count; i++)
		if (planner->users[i].managed && planner->users[i].role)
			return true; /* to be recorded, or known by its mark from an earlier version */
	for (size_t i = 0; i < planner->present->role_count; i++)
		if (mark_is_ours(planner->present->roles[i].mark))
			return true;
	return false;
}

static void plan_table(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	const struct roles_plan_input *input = planner->input;
	size_t statements;
	if (present->has_table) {
		record_step(planner, managed_take_over_sql(present, input, input->former, planner->mem), 1);
		if (!text_equal(input->former, input->take_over))
			record_step(planner,
				managed_take_over_sql(present, input, input->take_over, planner->mem), 1);
	} else if (needs_the_table(planner)) {
		const char *sql = managed_make_sql(present, input, planner->mem, &statements);
		record_step(planner, sql, statements);
	}
}

/* --- what is told --- */

/* Ours by the table, under another name, and its old one is not in users.yaml: that it should go is known, and not done. */
static void tell_renamed(struct planner *planner, const struct role *role)
{
	struct arena *mem = planner->mem;
	const struct role *other = present_role(planner->present, role->had);
	const struct user *user = users_find(planner->input->wanted, role->had);
	if (role->had_group || managed_renamed(planner->present, role->had) != role ||
		(other && mark_is_ours(other->mark)) || planner_referrer(planner, role->had) ||
		(user && user->ensure != USER_ABSENT))
		return; /* told where it is wanted */
	struct role_report *report = user ? planner->users[user - planner->input->wanted->items].report
					  : planner_report(planner, role->had);
	planner_reason(planner, report, USER_REFUSED,
		"to be removed, but was renamed by hand to \"%s\": it is left as it is; ALTER ROLE %s RENAME TO %s, and it is "
		"removed; or drop it by hand; or list it as it is called now, and take it over with %s",
		role->name, sql_identifier(role->name, mem), sql_identifier(role->had, mem),
		planner_adopt_command(planner, role->name));
}

static const char *unmanaged_reason(const struct planner *planner, const struct role *role)
{
	switch (role->mark) {
	case MARK_OTHER:
		return arena_printf(planner->mem, "of another agent or another database of the agent file: %s",
			other_text(planner, role));
	case MARK_UNPROVEN:
		return "only its comment says that it is ours";
	case MARK_REPLACED:
		return "made by hand or restored in the place of one of ours";
	case MARK_RENAMED:
		return arena_printf(planner->mem, "renamed by hand, was \"%s\"", role->had);
	default: {
		const char *claim = operator_claim(planner->present, role, planner->mem);
		return claim ? arena_printf(planner->mem, "the postgres-operator's: %s", claim)
			     : "made by somebody else";
	}
	}
}

static void add_unmanaged(struct planner *planner, const struct role *role)
{
	struct roles_plan *plan = planner->plan;
	plan->unmanaged =
		arena_grow(planner->mem, plan->unmanaged, plan->unmanaged_count, sizeof(*plan->unmanaged));
	plan->unmanaged[plan->unmanaged_count++] = (struct role_unmanaged){
		.name = role->name,
		.reason = unmanaged_reason(planner, role),
		.login = role->login,
		.super = role->super,
		.referenced = planner_referrer(planner, role->name) != NULL ||
			users_find(planner->input->wanted, role->name) != NULL,
	};
}

/* PostgreSQL's, the operator's and the pooler's are known to be there; of the agent's own policy all are told. */
static bool belongs_elsewhere(const struct planner *planner, const struct role *role)
{
	static const struct roles_policy built_in;
	return (role->oid < FIRST_ORDINARY_OID || strcmp(role->name, planner->present->session_user) == 0 ||
		roles_policy_protects(&built_in, role->name) ||
		text_starts(role->name, HEIR_PREFIX)); /* told by a warning of its own */
}

static void warn_of_unproven(struct planner *planner)
{
	CLEANUP(buf_done) struct buf names = BUF(4096);
	size_t count = 0;
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		if (role->mark != MARK_UNPROVEN || users_find(planner->input->wanted, role->name))
			continue;
		if (count++ < NAMES_TOLD)
			buf_printf(&names, "%s\"%s\"", names.length ? ", " : "", role->name);
	}
	if (count)
		planner_warning(planner,
			"roles whose comment says that they are ours, and that are not in the agent's table (%zu: %s%s), are not "
			"managed and not removed. `pgitops user adopt` takes one over that users.yaml lists; COMMENT ON ROLE ... "
			"IS NULL says that it is not ours",
			count, buf_string(&names), count > NAMES_TOLD ? ", ..." : "");
}

/* What a person asked for and cannot have; roles that are refused have their reason already. */
static void tell_not_adopted(struct planner *planner)
{
	const struct roles_plan_input *input = planner->input;
	for (size_t i = 0; i < input->adopt_count; i++) {
		const char *name = input->adopt[i], *why = NULL;
		const struct role *role = present_role(planner->present, name);
		const struct user *user = users_find(input->wanted, name);
		if (renamed_is_taken_over(planner, name))
			continue;
		if (!role)
			why = "there is no such role";
		else if (!user && role->mark == MARK_GROUP && users_find_group(planner->input->wanted, name))
			continue;
		else if (!user && users_find_group(planner->input->wanted, name))
			why = "it is listed as a group, and logs in, is a superuser, or belongs to PostgreSQL or another agent";
		else if (!user)
			why = "users.yaml does not list it: what is ours and not listed is removed; list it there first";
		else if (!mark_is_user(role->mark))
			why = planner->users[user - input->wanted->items].report->reason;
		if (why)
			planner->plan->not_adopted = arena_join(planner->mem, planner->plan->not_adopted,
				"; ", arena_printf(planner->mem, "\"%s\" is not taken over: %s", name, why));
	}
}

void plan_managed(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	tell_not_adopted(planner);
	mend_comments_of_groups(planner);
	forget_the_gone(planner);
	plan_table(planner);
	for (size_t i = 0; i < present->role_count && !arena_full(planner->mem); i++) {
		const struct role *role = &present->roles[i];
		if (mark_is_ours(role->mark) || belongs_elsewhere(planner, role))
			continue;
		if (role->mark == MARK_RENAMED)
			tell_renamed(planner, role);
		add_unmanaged(planner, role);
	}
	warn_of_unproven(planner);
}
