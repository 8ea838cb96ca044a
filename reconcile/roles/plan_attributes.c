/*
 * plan_attributes.c - what a user's role may by itself: attributes, limit of connections, end of validity
 *
 * Every one of them is compared in every pass, for each is a power that a hand can give. What Git does not say is wanted as CREATE ROLE
 * ... LOGIN has it. An instant is compared in one zone and one form; no VALID UNTIL and 'infinity' are the same to the server, and
 * so here (postgres-roles.md 6, 16).
 */
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

/* In the order in which they are written; the first is no attribute of Git's, but what `login` and `ensure` amount to. */
static const struct {
	size_t offset;
	enum role_attribute attribute; /* ATTRIBUTES = login */
	const char *field, *yes, *no;
} attributes[] = {
	{offsetof(struct role, login), ATTRIBUTES, "login", " LOGIN", " NOLOGIN"},
	{offsetof(struct role, super), ATTRIBUTE_SUPERUSER, "superuser", " SUPERUSER", " NOSUPERUSER"},
	{offsetof(struct role, create_role), ATTRIBUTE_CREATEROLE, "createrole", " CREATEROLE", " NOCREATEROLE"},
	{offsetof(struct role, create_db), ATTRIBUTE_CREATEDB, "createdb", " CREATEDB", " NOCREATEDB"},
	{offsetof(struct role, inherit), ATTRIBUTE_INHERIT, "inherit", " INHERIT", " NOINHERIT"},
	{offsetof(struct role, replication), ATTRIBUTE_REPLICATION, "replication", " REPLICATION",
		" NOREPLICATION"},
	{offsetof(struct role, bypass_rls), ATTRIBUTE_BYPASSRLS, "bypassrls", " BYPASSRLS", " NOBYPASSRLS"},
};

static const char *yes_no(bool value)
{
	return value ? "true" : "false";
}

/* "2027-01-01 00:00:00+00", as a session of ours is told it (pins.c), as Git's side has it. */
const char *planner_expiry(const struct role *role, struct arena *mem)
{
	const char *text = role->expires ? role->expiry : "infinity";
	size_t length = strlen(text), date = strlen("2027-01-01");
	if (length <= date || text[date] != ' ' || !text_ends(text, "+00"))
		return text;
	return arena_printf(
		mem, "%.*sT%.*sZ", (int)date, text, (int)(length - date - strlen(" +00")), text + date + 1);
}

static void compare(struct planner *planner, struct wanted_user *wanted, const char *field,
	const char *should, const char *found)
{
	if (wanted->role)
		planner_difference(planner, wanted->report, field, should, found);
}

static void compare_limits(
	struct planner *planner, struct wanted_user *wanted, const struct role *role, struct buf *clauses)
{
	const struct user_fields *fields = &wanted->user->fields;
	int limit = fields->limited ? fields->connection_limit : -1;
	const char *until = fields->valid_until ? fields->valid_until : "infinity";
	const char *found = planner_expiry(role, planner->mem);
	if (role->connection_limit != limit) {
		compare(planner, wanted, "connectionLimit", arena_printf(planner->mem, "%d", limit),
			arena_printf(planner->mem, "%d", role->connection_limit));
		buf_printf(clauses, " CONNECTION LIMIT %d", limit);
	}
	if (strcmp(found, until) != 0) {
		compare(planner, wanted, "validUntil", until, found);
		buf_printf(clauses, " VALID UNTIL %s", sql_literal(until, planner->mem));
	}
}

void planner_attributes(struct planner *planner, struct wanted_user *wanted, struct buf *clauses)
{
	static const struct role usual = {.inherit = true, .connection_limit = -1};
	const struct user *user = wanted->user;
	const struct role *role = wanted->role ? wanted->role : &usual;
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		bool login = attributes[i].attribute == ATTRIBUTES;
		bool should = login ? user_logs_in(user) : user_has_attribute(user, attributes[i].attribute);
		bool found = *(const bool *)((const char *)role + attributes[i].offset);
		bool tell = login && !wanted->role; /* CREATE ROLE says it in any case */
		if (found == should && !tell)
			continue;
		compare(planner, wanted, attributes[i].field, yes_no(should), yes_no(found));
		if (login || rights_set(planner, wanted, attributes[i].field))
			buf_text(clauses, should ? attributes[i].yes : attributes[i].no);
	}
	compare_limits(planner, wanted, role, clauses);
}

/* Who logs in as the group, or creates roles by it, has what its members have. */
void planner_strip_group(struct planner *planner, const struct role *role, struct role_report *report)
{
	CLEANUP(buf_done) struct buf clauses = BUF(1024);
	struct arena *mem = planner->mem;
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		bool should = attributes[i].attribute == ATTRIBUTE_INHERIT;
		bool login = attributes[i].attribute == ATTRIBUTES;
		if (*(const bool *)((const char *)role + attributes[i].offset) == should)
			continue;
		planner_difference(planner, report, attributes[i].field, yes_no(should), yes_no(!should));
		const char *problem =
			login ? NULL : rights_attribute_problem(planner, role->name, attributes[i].field);
		if (problem)
			planner_reason(planner, report, USER_DEGRADED, "%s", problem);
		else
			buf_text(&clauses, should ? attributes[i].yes : attributes[i].no);
	}
	if (!clauses.length || !rights_change(planner, role, report, USER_DEGRADED, ""))
		return;
	if (role->login)
		planner_end_sessions(planner, role);
	planner_step(planner, role->login ? PHASE_LOCK : PHASE_ALTER,
		(struct role_step){
			.action = ROLE_ALTER,
			.user = role->name,
			.sql = arena_printf(mem, "ALTER ROLE %s%s%s", sql_identifier(role->name, mem),
				buf_string(&clauses), role->login && !planner->rights ? " PASSWORD NULL" : ""),
			.statements = 1,
		});
}

/* NOLOGIN keeps people out and ends no session: those of whoever is locked out by this pass are ended after it, and those that a pass left
   which was cut off between the two. */
void plan_sessions(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	if (!role || user_logs_in(wanted->user))
		return;
	bool left = !role->login && planner_has_sessions(planner, role);
	if (left)
		planner_difference(planner, wanted->report, "sessions", "none", "open");
	if (left || role->login)
		planner_end_sessions(planner, role);
}

/* Told for as long as the line stands there: whoever wrote it expects an end, and might not expect that it has come. */
void planner_warn_of_expired(struct planner *planner)
{
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(planner->present->now * 1000000, now);
	for (size_t i = 0; i < planner->user_count; i++) {
		const struct wanted_user *wanted = &planner->users[i];
		const char *until = wanted->user->fields.valid_until;
		if (wanted->managed && until && user_logs_in(wanted->user) &&
			strncmp(until, now, strlen("2027-01-01T00:00:00")) < 0)
			planner_warning(planner,
				"user \"%s\" cannot log in with a password any more: validUntil %s has passed; give it a later one, or "
				"take the user out",
				wanted->user->name, until);
	}
}

bool planner_comment_differs(
	const struct planner *planner, const struct role *role, enum mark mark, const char *git)
{
	if (!git)
		return role->said != mark && !role->long_comment; /* which would be cut: the row is enough */
	return role->long_comment ||
		strcmp(role->comment, mark_write(mark, planner->input->target, git, planner->mem)) != 0;
}
