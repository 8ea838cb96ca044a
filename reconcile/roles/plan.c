#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/renamed.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

enum { REASON_BYTES = 4096, DEEPEST_JUDGED = 64 };

static const char *const status_names[] = {
	[USER_SYNCED] = "Synced",
	[USER_DRIFTED] = "Drifted",
	[USER_DEGRADED] = "Degraded",
	[USER_RETIRING] = "Retiring",
	[USER_REFUSED] = "Refused",
};

static const char *const action_names[] = {
	[ROLE_RECORD] = "record",
	[ROLE_CREATE_GROUP] = "create group",
	[ROLE_CREATE] = "create",
	[ROLE_RENAME] = "rename",
	[ROLE_ALTER] = "alter",
	[ROLE_GRANT] = "grant",
	[ROLE_REVOKE] = "revoke",
	[ROLE_RETIRE] = "retire",
	[ROLE_DROP] = "drop",
	[ROLE_LOCK] = "lock",
	[ROLE_FORGET] = "forget",
	[ROLE_END] = "end sessions",
	[ROLE_HEIR] = "create heir",
	[ROLE_GIVE] = "give away",
	[ROLE_CREATE_DATABASE] = "create database",
	[ROLE_EXTEND] = "create extension",
	[ROLE_HOLD] = "lock for the hold",
	[ROLE_LET_GO] = "let go",
};

const char *user_status_name(enum user_status status)
{
	return status_names[status];
}

const char *role_action_name(enum role_action action)
{
	return action_names[action];
}

bool role_report_is_good(const struct role_report *report)
{
	return report->status == USER_SYNCED || (report->held && !*report->reason);
}

/* --- what all parts of the plan use --- */

/*
 * A name or comment that was written through a database with another encoding cannot stand in a statement: the server takes only what is
 * valid in the encoding of ours, and would refuse the whole message. So the step is left out, and told.
 */
static void leave_out(struct planner *planner, const struct role_step *step)
{
	struct roles_plan *plan = planner->plan;
	size_t i = 0;
	const char *text = arena_printf(planner->mem,
		"%s: a name or comment in it is no UTF-8, so that it cannot be sent from here; do it by hand, in a database with the "
		"encoding it was written in: %s",
		role_action_name(step->action), step->redacted);
	while (i < plan->report_count && strcmp(plan->reports[i].name, step->user) != 0)
		i++;
	if (i == plan->report_count)
		planner_warning(planner, "%s", text);
	else
		planner_reason(planner, &plan->reports[i], USER_DEGRADED, "%s", text);
}

void planner_step(struct planner *planner, enum phase phase, struct role_step step)
{
	struct step_list *list = planner->holding ? &planner->held[phase] : &planner->phases[phase];
	if (!step.redacted)
		step.redacted = step.sql;
	if (!step.database)
		step.database = "";
	if (!step.statements)
		step.statements = 1;
	if (!text_is_utf8(step.sql, strlen(step.sql))) {
		leave_out(planner, &step);
		return;
	}
	planner_record(planner, &step);
	list->items = arena_grow(planner->mem, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = step;
}

void planner_append(struct planner *planner, struct role_step *step, const char *sql, size_t statements)
{
	bool shown = step->redacted == step->sql;
	step->sql = arena_printf(planner->mem, "%s; %s", step->sql, sql);
	step->redacted = shown ? step->sql : arena_printf(planner->mem, "%s; %s", step->redacted, sql);
	step->statements += statements;
}

void planner_joined_step(struct planner *planner, enum phase phase, enum role_action action, const char *user,
	const char *head, const char *tail, size_t statements)
{
	const char *sql = arena_printf(planner->mem, "%s%s%s", head, sql_identifier(user, planner->mem), tail);
	planner_step(planner, phase,
		(struct role_step){
			.action = action,
			.user = user,
			.sql = sql,
			.head = head,
			.tail = tail,
			.statements = statements,
		});
}

struct role_report *planner_report(struct planner *planner, const char *name)
{
	struct role_report *report = &planner->plan->reports[planner->plan->report_count++];
	*report = (struct role_report){.name = name, .reason = ""};
	return report;
}

void planner_difference(struct planner *planner, struct role_report *report, const char *field,
	const char *wanted, const char *found)
{
	report->differences = arena_grow(
		planner->mem, report->differences, report->difference_count, sizeof(*report->differences));
	report->differences[report->difference_count++] =
		(struct role_difference){.field = field, .wanted = wanted, .found = found};
	if (report->status == USER_SYNCED)
		report->status = USER_DRIFTED;
}

void planner_leave(struct planner *planner, struct role_report *report, const char *why)
{
	if (!strstr(report->reason, why))
		planner_reason(planner, report, USER_DRIFTED, "%s", why);
	report->differences[report->difference_count - 1].left = true;
	report->left = true;
}

void planner_reason(
	struct planner *planner, struct role_report *report, enum user_status status, const char *format, ...)
{
	char text[REASON_BYTES];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (status > report->status)
		report->status = status;
	report->reason = arena_join(planner->mem, report->reason, "; ", text);
}

void planner_warning(struct planner *planner, const char *format, ...)
{
	char text[REASON_BYTES];
	va_list args;
	struct roles_plan *plan = planner->plan;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	plan->warnings = arena_grow(planner->mem, plan->warnings, plan->warning_count, sizeof(*plan->warnings));
	plan->warnings[plan->warning_count++] = arena_copy(planner->mem, text);
}

bool planner_is_leaving(const struct planner *planner, const struct role *role)
{
	const struct user *user = users_find(planner->input->wanted, role->name);
	if (!mark_is_user(role->mark))
		return false;
	return user ? user->ensure == USER_ABSENT : !users_former(planner->input->wanted, role->name);
}

/* --- the wanted users --- */

static void classify(struct planner *planner, struct wanted_user *wanted, const struct user *user)
{
	wanted->user = user;
	wanted->role = present_role(planner->present, user->name);
	wanted->report = planner_report(planner, user->name);
	wanted->report->listed = true;
	if (user->ensure == USER_ABSENT)
		return;
	wanted->report->roles = user->roles;
	wanted->report->role_count = user->role_count;
	wanted->report->managed_before = wanted->role && wanted->role->mark == MARK_USER;
	wanted->managed = planner_may_manage(planner, wanted) &&
		rights_change(planner, wanted->role, wanted->report, USER_DEGRADED, "");
}

void planner_judge(struct planner *planner, const struct user *user)
{
	struct wanted_user *wanted = &planner->users[user - planner->input->wanted->items];
	if (wanted->user || planner->judging == DEEPEST_JUDGED)
		return;
	planner->judging++;
	classify(planner, wanted, user);
	planner->judging--;
}

/* What stands for a verifier where a plan is shown: a variable of psql whose name belongs to this user alone. */
static const char *hidden(const char *user, struct arena *mem)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	if (!user[strspn(user, plain)])
		return arena_printf(mem, ":'%s_verifier'", user);
	char *hex = arena_alloc(mem, 2 * strlen(user) + 1);
	for (size_t i = 0; user[i]; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)user[i]);
	return arena_printf(mem, ":'verifier_of_%s'", hex);
}

/* " PASSWORD '...'" is the only part that is not shown. */
static struct role_step password_step(struct planner *planner, const struct wanted_user *wanted,
	enum role_action action, const char *before, const char *after)
{
	struct arena *mem = planner->mem;
	struct role_step step = {.action = action, .user = wanted->user->name};
	const char *none = wanted->no_password ? " PASSWORD NULL" : "";
	step.verifier = wanted->verifier;
	step.version =
		wanted->verifier || wanted->user->password.kind == PASSWORD_DISABLED ? wanted->version : NULL;
	step.foretold = wanted->verifier ? wanted->foretold : NULL;
	step.hidden = hidden(wanted->user->name, mem);
	step.sql = wanted->verifier
		? arena_printf(mem, "%s PASSWORD %s%s", before, sql_literal(wanted->verifier, mem), after)
		: arena_printf(mem, "%s%s%s", before, none, after);
	if (wanted->verifier)
		step.redacted = arena_printf(mem, "%s PASSWORD %s%s", before, step.hidden, after);
	return step;
}

static void plan_create(struct planner *planner, struct wanted_user *wanted)
{
	CLEANUP(buf_done) struct buf clauses = BUF(1024);
	const char *name = wanted->user->name;
	planner_difference(planner, wanted->report, "exists", "true", "false");
	if (!wanted->creatable)
		return;
	planner_attributes(planner, wanted, &clauses);
	const char *comment = wanted->user->fields.comment ? wanted->user->fields.comment : "";
	struct role_step step = password_step(planner, wanted, ROLE_CREATE,
		arena_printf(planner->mem, "CREATE ROLE %s%s", sql_identifier(name, planner->mem),
			buf_string(&clauses)),
		arena_printf(planner->mem, "; %s", planner_comment_sql(planner, name, MARK_USER, comment)));
	step.statements = 2;
	planner_step(planner, PHASE_CREATE, step);
}

static void plan_alter(struct planner *planner, struct wanted_user *wanted)
{
	CLEANUP(buf_done) struct buf clauses = BUF(1024);
	const char *name = wanted->user->name, *before = renamed_sql(planner, wanted);
	size_t claim_statements = 0, renames = *before != 0;
	planner_attributes(planner, wanted, &clauses);
	if (wanted->verifier || wanted->no_password)
		planner_difference(planner, wanted->report, "password", wanted->verifier ? "<hidden>" : "",
			wanted->role->verifier || wanted->no_password ? "<hidden>" : "");
	const char *claim = planner_claim_sql(planner, wanted, &claim_statements);
	bool alters = clauses.length || wanted->verifier || wanted->no_password;
	if (!alters && !claim)
		return;
	if (alters)
		before = arena_printf(planner->mem, "%s%sALTER ROLE %s%s", before, renames ? "; " : "",
			sql_identifier(name, planner->mem), buf_string(&clauses));
	struct role_step step = password_step(planner, wanted, renames ? ROLE_RENAME : ROLE_ALTER, before,
		claim ? arena_printf(planner->mem, "%s%s", *before ? "; " : "", claim) : "");
	step.statements = renames + alters + claim_statements;
	bool locks = wanted->role->login && !user_logs_in(wanted->user);
	planner_step(planner, renames ? PHASE_RENAME : locks ? PHASE_LOCK : PHASE_ALTER, step);
}

static void plan_user(struct planner *planner, struct wanted_user *wanted)
{
	if (!wanted->managed)
		return;
	if (!wanted->role)
		plan_create(planner, wanted);
	else
		plan_alter(planner, wanted);
	plan_sessions(planner, wanted);
	if (!wanted->role && !wanted->creatable)
		return;
	wanted->report->locked = wanted->user->ensure == USER_LOCKED;
	plan_until(planner, wanted);
	const struct member member = planner_user_member(wanted);
	plan_memberships(planner, &member);
	plan_connects(planner, wanted);
	plan_parameters(planner, wanted);
}

/* --- putting it together --- */

static int compare_joined(const void *a, const void *b)
{
	const struct role_step *left = a, *right = b;
	int order = (left->depth < right->depth) - (left->depth > right->depth);
	if (!order)
		order = strcmp(left->head ? left->head : "", right->head ? right->head : "");
	if (!order)
		order = strcmp(left->tail ? left->tail : "", right->tail ? right->tail : "");
	return order ? order : strcmp(left->user, right->user);
}

static int compare_reports(const void *a, const void *b)
{
	return strcmp(((const struct role_report *)a)->name, ((const struct role_report *)b)->name);
}

struct role_report *roles_report(const struct roles_plan *plan, const char *name)
{
	const struct role_report key = {.name = name};
	if (!plan->report_count)
		return NULL;
	return bsearch(&key, plan->reports, plan->report_count, sizeof(key), compare_reports);
}

static size_t put_in_order(struct planner *planner, struct step_list *lists, struct role_step **steps)
{
	size_t total = 0, count = 0;
	for (size_t i = 0; i < PHASES; i++)
		total += lists[i].count;
	*steps = arena_array(planner->mem, total + 1, sizeof(**steps));
	for (size_t i = 0; i < PHASES; i++) {
		struct step_list *list = &lists[i];
		if (!list->count)
			continue;
		if (i == PHASE_GRANT || i == PHASE_REVOKE || i == PHASE_REVOKE_CHAIN)
			qsort(list->items, list->count, sizeof(*list->items), compare_joined);
		memcpy(*steps + count, list->items, list->count * sizeof(*list->items));
		count += list->count;
	}
	return count;
}

static void assemble(struct planner *planner)
{
	struct roles_plan *plan = planner->plan;
	plan->step_count = put_in_order(planner, planner->phases, &plan->steps);
	plan->held_count = put_in_order(planner, planner->held, &plan->held);
	if (plan->report_count)
		qsort(plan->reports, plan->report_count, sizeof(*plan->reports), compare_reports);
}

/* Whoever reads privileges meets these roles under their names of before. */
static void collect_renamed(struct planner *planner)
{
	struct roles_plan *plan = planner->plan;
	for (size_t i = 0; i < planner->user_count; i++) {
		const struct role *role = planner->users[i].managed ? planner->users[i].role : NULL;
		if (!role || !role->was)
			continue;
		plan->renamed =
			arena_grow(planner->mem, plan->renamed, plan->renamed_count, sizeof(*plan->renamed));
		plan->renamed[plan->renamed_count++] = (struct grants_renamed){role->was, role->name};
	}
}

/* And databases under their owners of before. */
static void collect_owners(struct planner *planner)
{
	struct roles_plan *plan = planner->plan;
	size_t count = planner->input->wanted->database_count;
	plan->owners = arena_array(planner->mem, count + 1, sizeof(*plan->owners));
	for (size_t i = 0; i < count; i++)
		if (planner->databases[i].new_owner)
			plan->owners[plan->owner_count++] = (struct grants_owner){
				planner->databases[i].wanted->name, planner->databases[i].new_owner};
}

void roles_plan(const struct roles_present *present, const struct roles_plan_input *asked, struct arena *mem,
	struct roles_plan *plan)
{
	struct roles_plan_input current = *asked;
	const struct roles_plan_input *input = &current;
	current.wanted = users_at(asked->wanted, present->now, mem);
	*plan = (struct roles_plan){
		.report_only = input->policy->report_only,
		.passwords = input->passwords,
		.database = present->session_database,
		.server = present->server,
		.version = present->version,
		.present = present,
		.plain = present->plain,
	};
	struct planner planner = {
		.present = present,
		.input = input,
		.mem = mem,
		.plan = plan,
		.user_count = input->wanted->count,
		.users = arena_array(mem, input->wanted->count + 1, sizeof(*planner.users)),
		.lineages = arena_array(mem, present->role_count + 1, sizeof(*planner.lineages)),
		.public_told = arena_array(mem, present->database_count + 1, sizeof(*planner.public_told)),
		.seen = arena_array(mem, present->role_count + 1, sizeof(*planner.seen)),
		.judged = arena_array(mem, present->membership_count + 1, sizeof(*planner.judged)),
		.depths = arena_array(mem, present->membership_count + 1, sizeof(*planner.depths)),
	};
	planner.rights = rights_of(&planner);
	planner.group_reports =
		arena_array(mem, input->wanted->group_count + 1, sizeof(*planner.group_reports));
	planner.unused = arena_array(mem, input->wanted->group_count + 1, sizeof(*planner.unused));
	planner.kept = arena_array(mem, input->wanted->group_count + 1, sizeof(*planner.kept));
	planner_collect_references(&planner);
	plan->reports = arena_array(mem,
		input->wanted->count + input->wanted->group_count + input->wanted->database_count +
			2 * present->role_count + 1,
		sizeof(*plan->reports));
	for (size_t i = 0; i < planner.user_count; i++)
		planner_judge(&planner, &input->wanted->items[i]);
	plan_passwords(&planner);
	renamed_keep_passwords(&planner);
	planner_find_unused(&planner);
	planner_find_databases(&planner);
	plan_groups(&planner);
	plan_databases(&planner);
	for (size_t i = 0; i < planner.user_count; i++)
		plan_user(&planner, &planner.users[i]);
	plan_group_memberships(&planner);
	plan_retirements(&planner);
	plan_unused_groups(&planner);
	collect_renamed(&planner);
	collect_owners(&planner);
	plan_warnings(&planner);
	plan_managed(&planner);
	assemble(&planner);
}
