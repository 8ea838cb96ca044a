#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "reconcile/roles/planner.h"
#include "reconcile/postgres/sql.h"

enum { FIRST_ORDINARY_OID = 16384, REASON_BYTES = 4096 };

static const char *const status_names[] = {
	[USER_SYNCED] = "Synced",
	[USER_DRIFTED] = "Drifted",
	[USER_DEGRADED] = "Degraded",
	[USER_RETIRING] = "Retiring",
	[USER_REFUSED] = "Refused",
};

static const char *const action_names[] = {
	[ROLE_CREATE_GROUP] = "create group",
	[ROLE_CREATE] = "create",
	[ROLE_ALTER] = "alter",
	[ROLE_GRANT] = "grant",
	[ROLE_REVOKE] = "revoke",
	[ROLE_RETIRE] = "retire",
	[ROLE_DROP] = "drop",
	[ROLE_LOCK] = "lock",
	[ROLE_END] = "end sessions",
	[ROLE_HEIR] = "create heir",
	[ROLE_GIVE] = "give away",
};

const char *user_status_name(enum user_status status)
{
	return status_names[status];
}

const char *role_action_name(enum role_action action)
{
	return action_names[action];
}

/* --- what all parts of the plan use --- */

void planner_step(struct planner *planner, enum phase phase, struct role_step step)
{
	struct step_list *list = planner->holding ? &planner->held[phase] : &planner->phases[phase];
	if (!step.redacted)
		step.redacted = step.sql;
	if (!step.database)
		step.database = "";
	if (!step.statements)
		step.statements = 1;
	list->items = arena_grow(planner->mem, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = step;
}

void planner_joined_step(struct planner *planner, enum phase phase, enum role_action action, const char *user,
	const char *head, const char *tail)
{
	const char *sql = arena_printf(planner->mem, "%s%s%s", head, sql_identifier(user, planner->mem), tail);
	planner_step(planner, phase,
		(struct role_step){
			.action = action,
			.user = user,
			.sql = sql,
			.head = head,
			.tail = tail,
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
	report->differences[report->difference_count++] = (struct role_difference){field, wanted, found};
	if (report->status == USER_SYNCED)
		report->status = USER_DRIFTED;
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
	if (role->mark != MARK_USER && role->mark != MARK_RETIRING)
		return false;
	return !user || user->ensure == USER_ABSENT;
}

/* --- the wanted users --- */

/* May this existing role be managed? Sets the reason when not. */
static bool may_manage(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	switch (role->mark) {
	case MARK_USER:
	case MARK_GROUP:
	case MARK_RETIRING:
		return true;
	case MARK_OTHER:
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role exists and is managed by another agent or for "
			"another database of the agent file: its comment says \"%s\"",
			role->comment);
		return false;
	case MARK_NONE:
		break;
	}
	if (role->super || role->oid < FIRST_ORDINARY_OID ||
		strcmp(role->name, planner->present->session_user) == 0)
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role exists, and is a superuser or belongs to PostgreSQL "
			"or the agent itself");
	else if (!planner->input->policy->adopt)
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role exists and is not ours: nothing is changed; remove "
			"it from users.yaml, or allow `adopt` in the agent file's policy");
	else
		return true;
	return false;
}

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
	wanted->managed = !wanted->role || may_manage(planner, wanted);
}

/* One attribute of a user: what CREATE ROLE ... LOGIN gives. */
static const struct {
	size_t offset;
	bool wanted;
	const char *field, *sql;
} attributes[] = {
	{offsetof(struct role, login), true, "login", " LOGIN"},
	{offsetof(struct role, super), false, "superuser", " NOSUPERUSER"},
	{offsetof(struct role, create_role), false, "createrole", " NOCREATEROLE"},
	{offsetof(struct role, create_db), false, "createdb", " NOCREATEDB"},
	{offsetof(struct role, inherit), true, "inherit", " INHERIT"},
	{offsetof(struct role, replication), false, "replication", " NOREPLICATION"},
	{offsetof(struct role, bypass_rls), false, "bypassrls", " NOBYPASSRLS"},
};

static const char *yes_no(bool value)
{
	return value ? "true" : "false";
}

static void compare_attributes(struct planner *planner, struct wanted_user *wanted, struct buf *clauses)
{
	const struct role *role = wanted->role;
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		bool found = *(const bool *)((const char *)role + attributes[i].offset);
		if (found == attributes[i].wanted)
			continue;
		planner_difference(planner, wanted->report, attributes[i].field, yes_no(!found), yes_no(found));
		buf_text(clauses, attributes[i].sql);
	}
	if (role->connection_limit != -1) {
		planner_difference(planner, wanted->report, "connectionLimit", "-1",
			arena_printf(planner->mem, "%d", role->connection_limit));
		buf_text(clauses, " CONNECTION LIMIT -1");
	}
	if (role->expires) {
		planner_difference(planner, wanted->report, "validUntil", "infinity", role->expiry);
		buf_text(clauses, " VALID UNTIL 'infinity'");
	}
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
	struct role_step step = {.action = action, .user = wanted->user->name, .version = wanted->version};
	step.verifier = wanted->verifier;
	step.hidden = hidden(wanted->user->name, mem);
	step.sql = wanted->verifier
		? arena_printf(mem, "%s PASSWORD %s%s", before, sql_literal(wanted->verifier, mem), after)
		: arena_printf(mem, "%s%s", before, after);
	if (wanted->verifier)
		step.redacted = arena_printf(mem, "%s PASSWORD %s%s", before, step.hidden, after);
	return step;
}

static const char *comment_sql(struct planner *planner, const char *name, enum mark mark, const char *comment)
{
	struct arena *mem = planner->mem;
	return arena_printf(mem, "COMMENT ON ROLE %s IS %s", sql_identifier(name, mem),
		sql_literal(mark_write(mark, planner->input->target, comment, mem), mem));
}

static void plan_create(struct planner *planner, struct wanted_user *wanted)
{
	const char *name = wanted->user->name;
	planner_difference(planner, wanted->report, "exists", "true", "false");
	if (!wanted->creatable)
		return;
	struct role_step step = password_step(planner, wanted, ROLE_CREATE,
		arena_printf(planner->mem, "CREATE ROLE %s LOGIN", sql_identifier(name, planner->mem)),
		arena_printf(planner->mem, "; %s", comment_sql(planner, name, MARK_USER, "")));
	step.statements = 2;
	planner_step(planner, PHASE_CREATE, step);
}

static void plan_alter(struct planner *planner, struct wanted_user *wanted)
{
	CLEANUP(buf_done) struct buf clauses = BUF(1024);
	const char *name = wanted->user->name, *comment = NULL, *before = "";
	compare_attributes(planner, wanted, &clauses);
	if (wanted->verifier)
		planner_difference(planner, wanted->report, "password", "<hidden>",
			wanted->role->verifier ? "<hidden>" : "");
	if (wanted->role->mark != MARK_USER) {
		comment = comment_sql(planner, name, MARK_USER, wanted->role->comment);
		planner_difference(planner, wanted->report, "comment",
			mark_write(MARK_USER, planner->input->target, wanted->role->comment, planner->mem),
			wanted->role->comment);
	}
	bool alters = clauses.length || wanted->verifier;
	if (!alters && !comment)
		return;
	if (alters)
		before = arena_printf(planner->mem, "ALTER ROLE %s%s", sql_identifier(name, planner->mem),
			buf_string(&clauses));
	struct role_step step = password_step(planner, wanted, ROLE_ALTER, before,
		comment ? arena_printf(planner->mem, "%s%s", alters ? "; " : "", comment) : "");
	step.statements = alters && comment ? 2 : 1;
	planner_step(planner, PHASE_ALTER, step);
}

static void plan_user(struct planner *planner, struct wanted_user *wanted)
{
	if (!wanted->managed)
		return;
	if (!wanted->role)
		plan_create(planner, wanted);
	else
		plan_alter(planner, wanted);
	if (!wanted->role && !wanted->creatable)
		return;
	plan_memberships(planner, wanted);
	plan_connects(planner, wanted);
}

/* --- putting it together --- */

static int compare_joined(const void *a, const void *b)
{
	const struct role_step *left = a, *right = b;
	int order = strcmp(left->head ? left->head : "", right->head ? right->head : "");
	if (!order)
		order = strcmp(left->tail ? left->tail : "", right->tail ? right->tail : "");
	return order ? order : strcmp(left->user, right->user);
}

static int compare_reports(const void *a, const void *b)
{
	return strcmp(((const struct role_report *)a)->name, ((const struct role_report *)b)->name);
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
		if (i == PHASE_GRANT || i == PHASE_REVOKE)
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

void roles_plan(const struct roles_present *present, const struct roles_plan_input *input, struct arena *mem,
	struct roles_plan *plan)
{
	*plan = (struct roles_plan){
		.report_only = input->policy->report_only,
		.passwords = input->passwords,
		.database = present->session_database,
		.server = present->server,
	};
	struct planner planner = {
		.present = present,
		.input = input,
		.mem = mem,
		.plan = plan,
		.user_count = input->wanted->count,
		.users = arena_array(mem, input->wanted->count + 1, sizeof(*planner.users)),
		.lineages = arena_array(mem, present->role_count + 1, sizeof(*planner.lineages)),
		.seen = arena_array(mem, present->role_count + 1, sizeof(*planner.seen)),
	};
	plan->reports =
		arena_array(mem, input->wanted->count + present->role_count + 1, sizeof(*plan->reports));
	for (size_t i = 0; i < planner.user_count; i++)
		classify(&planner, &planner.users[i], &input->wanted->items[i]);
	plan_passwords(&planner);
	for (size_t i = 0; i < planner.user_count; i++)
		plan_user(&planner, &planner.users[i]);
	plan_retirements(&planner);
	plan_unused_groups(&planner);
	assemble(&planner);
}
