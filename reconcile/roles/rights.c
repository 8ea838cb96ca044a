#include "reconcile/roles/rights.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "reconcile/postgres/sql.h"

enum { FIRST_SERVER_WITH_SET_PRIVILEGES = 150000, NAMES_TOLD = 5 };

static bool is_modern(const struct planner *planner)
{
	return planner->present->version >= FIRST_SERVER_WITH_GRANT_OPTIONS;
}

static const char *quoted(const struct planner *planner, const char *name)
{
	return sql_identifier(name, planner->mem);
}

static const char *self_name(const struct planner *planner)
{
	return quoted(planner, planner->rights->self->name);
}

/* --- what it may --- */

enum way { WAY_ANY, WAY_PRIVILEGES, WAY_SET };

bool rights_inherits(const struct planner *planner, const struct membership *row)
{
	const struct role *member = present_role_by_oid(planner->present, row->member);
	return is_modern(planner) ? row->inherits : member && member->inherit;
}

/* Is what is above this member reached over this row? Before 16 everybody may SET ROLE. */
static bool leads_on(const struct planner *planner, const struct membership *row, enum way way)
{
	if (way == WAY_PRIVILEGES)
		return rights_inherits(planner, row);
	return way == WAY_ANY || row->can_set;
}

/* Marks the roles above the agent's own; what was marked is the queue of what is still to be looked at. */
static bool *climb(struct planner *planner, const struct role *self, enum way way, bool *admin)
{
	const struct roles_present *present = planner->present;
	bool *reached = arena_array(planner->mem, present->role_count + 1, sizeof(*reached));
	uint32_t *queue = arena_array(planner->mem, present->role_count + 1, sizeof(*queue));
	size_t queued = 0;
	queue[queued++] = self->oid;
	reached[self - present->roles] = true;
	for (size_t next = 0; next < queued; next++) {
		size_t count;
		const struct membership *rows = present_memberships(present, queue[next], &count);
		for (size_t i = 0; i < count; i++) {
			const struct role *above = present_role_by_oid(present, rows[i].role);
			if (!above || !leads_on(planner, &rows[i], way))
				continue;
			if (admin && rows[i].admin)
				admin[above - present->roles] = true;
			if (!reached[above - present->roles])
				queue[queued++] = above->oid;
			reached[above - present->roles] = true;
		}
	}
	return reached;
}

struct rights *rights_of(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	const struct role *self = present->plain ? present_role_by_oid(present, present->self) : NULL;
	if (!self)
		return NULL;
	struct rights *rights = arena_alloc(planner->mem, sizeof(*rights));
	rights->self = self;
	rights->admin = arena_array(planner->mem, present->role_count + 1, sizeof(*rights->admin));
	climb(planner, self, WAY_ANY, rights->admin);
	rights->uses = climb(planner, self, WAY_PRIVILEGES, NULL);
	rights->becomes = climb(planner, self, WAY_SET, NULL);
	return rights;
}

static size_t index_of(const struct planner *planner, const struct role *role)
{
	return (size_t)(role - planner->present->roles);
}

/* --- roles --- */

/* Before 16 whoever has one of these may be altered by superusers alone, whatever is altered. */
static const char *attribute_of_superusers(const struct planner *planner, const struct role *role)
{
	if (role->super)
		return "SUPERUSER";
	if (is_modern(planner))
		return NULL;
	return role->replication ? "REPLICATION" : role->bypass_rls ? "BYPASSRLS" : NULL;
}

const char *rights_problem(const struct planner *planner, const struct role *role)
{
	const struct rights *rights = planner->rights;
	if (!rights || !role)
		return NULL;
	const char *attribute = attribute_of_superusers(planner, role);
	if (attribute)
		return arena_printf(planner->mem,
			"\"%s\" has %s, and may only be changed by a superuser, which \"%s\", the agent's role, is not: as one say "
			"ALTER ROLE %s NO%s",
			role->name, attribute, rights->self->name, quoted(planner, role->name), attribute);
	if (!is_modern(planner) || rights->admin[index_of(planner, role)])
		return NULL;
	return arena_printf(planner->mem,
		"\"%s\", the agent's role, has no ADMIN OPTION on \"%s\": as a superuser, or who has it, say GRANT %s TO %s "
		"WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
		rights->self->name, role->name, quoted(planner, role->name), self_name(planner));
}

bool rights_change(struct planner *planner, const struct role *role, struct role_report *report,
	enum user_status status, const char *before)
{
	const char *problem = rights_problem(planner, role);
	if (problem)
		planner_reason(planner, report, status, "%s%s", before, problem);
	return !problem;
}

/* --- attributes --- */

/* Since 16 who has an attribute gives it; before, only CREATEDB and what is harmless are not for superusers alone. */
static bool may_set(const struct planner *planner, const char *field)
{
	const struct role *self = planner->rights->self;
	if (strcmp(field, "superuser") == 0)
		return false;
	if (strcmp(field, "replication") == 0)
		return is_modern(planner) && self->replication;
	if (strcmp(field, "bypassrls") == 0)
		return is_modern(planner) && self->bypass_rls;
	return strcmp(field, "createdb") != 0 || !is_modern(planner) || self->create_db;
}

const char *rights_attribute_problem(const struct planner *planner, const char *name, const char *field)
{
	if (!planner->rights || may_set(planner, field))
		return NULL;
	return arena_printf(planner->mem,
		"\"%s\", the agent's role, may not change %s: as a superuser alter %s%s",
		planner->rights->self->name, field, quoted(planner, name),
		!is_modern(planner) || strcmp(field, "superuser") == 0
			? ""
			: arena_printf(planner->mem, ", or give %s that attribute", self_name(planner)));
}

bool rights_set(struct planner *planner, const struct wanted_user *wanted, const char *field)
{
	const char *problem = rights_attribute_problem(planner, wanted->user->name, field);
	if (problem)
		planner_reason(planner, wanted->report, USER_DEGRADED, "%s", problem);
	return !problem;
}

bool rights_leaves_danger(const struct planner *planner, const struct role *role)
{
	return planner->rights &&
		((role->replication && !may_set(planner, "replication")) ||
			(role->bypass_rls && !may_set(planner, "bypassrls")));
}

/* What a superuser takes away whether it is there or not, the others may only name where they may change it. */
const char *rights_lock_clauses(struct planner *planner, const struct role *role)
{
	const struct {
		bool has;
		const char *field, *clause;
	} attributes[] = {
		{role->create_db, "createdb", " NOCREATEDB"},
		{role->create_role, "createrole", " NOCREATEROLE"},
		{role->replication, "replication", " NOREPLICATION"},
		{role->bypass_rls, "bypassrls", " NOBYPASSRLS"},
	};
	const char *clauses = "";
	if (!planner->rights)
		return " NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		if (!attributes[i].has)
			continue;
		const char *problem = rights_attribute_problem(planner, role->name, attributes[i].field);
		if (problem)
			planner_warning(planner, "\"%s\" is to go, and keeps %s until then: %s", role->name,
				attributes[i].field, problem);
		else
			clauses = arena_printf(planner->mem, "%s%s", clauses, attributes[i].clause);
	}
	return clauses;
}

/* --- memberships --- */

bool rights_grant(struct planner *planner, const struct member *member, const struct role *role)
{
	const char *problem = rights_problem(planner, role);
	if (problem)
		planner_reason(planner, member->report, USER_DEGRADED, "role \"%s\" is not granted: %s",
			role->name, problem);
	return !problem;
}

bool rights_revoke(
	struct planner *planner, const struct member *member, const struct membership *row, const char *what)
{
	const struct roles_present *present = planner->present;
	const struct role *role = present_role_by_oid(present, row->role);
	const struct role *grantor = present_role_by_oid(present, row->grantor);
	const char *problem = rights_problem(planner, role);
	if (problem) {
		planner_reason(planner, member->report, USER_DEGRADED, "role \"%s\" is not revoked: %s",
			role->name, problem);
		return false;
	}
	if (!planner->rights || !is_modern(planner) || !grantor ||
		planner->rights->uses[index_of(planner, grantor)])
		return true;
	planner_reason(planner, member->report, USER_DEGRADED,
		"role \"%s\" is not revoked: \"%s\" has granted it, whose rights \"%s\", the agent's role, does not have: as a "
		"superuser say REVOKE %s%s FROM %s GRANTED BY %s",
		role->name, grantor->name, planner->rights->self->name, what, quoted(planner, role->name),
		quoted(planner, member->name), quoted(planner, grantor->name));
	return false;
}

/* --- CONNECT --- */

static const char *owner_of(const struct planner *planner, const struct database *database)
{
	const struct role *owner = present_role_by_oid(planner->present, database->owner);
	return owner ? owner->name : "?";
}

bool rights_grant_connect(
	struct planner *planner, const struct wanted_user *wanted, const struct database *database)
{
	if (!planner->rights || database->may_grant)
		return true;
	planner_reason(planner, wanted->report, USER_DEGRADED,
		"CONNECT on database \"%s\" is not granted: it belongs to \"%s\", and \"%s\", the agent's role, has no right to "
		"give: as the owner or a superuser say GRANT CONNECT ON DATABASE %s TO %s WITH GRANT OPTION",
		database->name, owner_of(planner, database), planner->rights->self->name,
		quoted(planner, database->name), self_name(planner));
	return false;
}

bool rights_revoke_connect(struct planner *planner, const struct wanted_user *wanted,
	const struct database *database, const struct connect_grant *row, bool *as_grantor)
{
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	*as_grantor = row->grantor != database->owner;
	if (!planner->rights || !grantor)
		return true;
	*as_grantor = grantor != planner->rights->self;
	if (planner->rights->becomes[index_of(planner, grantor)])
		return true;
	planner_reason(planner, wanted->report, USER_DEGRADED,
		"CONNECT on database \"%s\" is not revoked: \"%s\" has granted it, which \"%s\", the agent's role, cannot become: as "
		"\"%s\" or a superuser say REVOKE CONNECT ON DATABASE %s FROM %s",
		database->name, grantor->name, planner->rights->self->name, grantor->name,
		quoted(planner, database->name), quoted(planner, wanted->user->name));
	return false;
}

/* --- for a moment --- */

static struct rights_loan borrow(struct planner *planner, const char *const *names, size_t count, bool to_set)
{
	CLEANUP(buf_done) struct buf list = BUF(LIMIT_BATCH_BYTES);
	const struct rights *rights = planner->rights;
	for (size_t i = 0; rights && i < count; i++) {
		const struct role *role = present_role(planner->present, names[i]);
		size_t at = role ? index_of(planner, role) : 0;
		if (role && rights->uses[at] && (!to_set || rights->becomes[at]))
			continue;
		buf_printf(&list, "%s%s", list.length ? ", " : "", quoted(planner, names[i]));
	}
	if (!list.length)
		return (struct rights_loan){"", "", 0};
	return (struct rights_loan){
		.before = arena_printf(planner->mem, "GRANT %s TO %s%s; ", buf_string(&list),
			self_name(planner), is_modern(planner) ? " WITH INHERIT TRUE, SET TRUE" : ""),
		.after = arena_printf(
			planner->mem, "; REVOKE %s FROM %s", buf_string(&list), self_name(planner)),
		.statements = 2,
	};
}

struct rights_loan rights_borrow(struct planner *planner, const char *const *names, size_t count)
{
	return borrow(planner, names, count, true);
}

/* Why the agent cannot make itself a member; NULL = it can, or has no need to. One that does not exist yet is made by this plan. */
static const char *loan_problem(struct planner *planner, const char *name, const char *sql)
{
	const struct rights *rights = planner->rights;
	const struct role *role = present_role(planner->present, name);
	if (!role || (rights->uses[index_of(planner, role)] && rights->becomes[index_of(planner, role)]))
		return NULL;
	if (role->super)
		return arena_printf(planner->mem,
			"it belongs to \"%s\", a superuser, which \"%s\", the agent's role, is not: as one say %s",
			name, rights->self->name, sql ? sql : "");
	return rights_problem(planner, role);
}

bool rights_borrow_owners(struct planner *planner, const char *const *names, size_t count, const char *sql,
	struct role_report *report, struct rights_loan *loan)
{
	*loan = (struct rights_loan){"", "", 0};
	for (size_t i = 0; planner->rights && i < count; i++) {
		const char *problem = loan_problem(planner, names[i], sql);
		if (!problem)
			continue;
		if (sql)
			planner_reason(planner, report, USER_DEGRADED, "%s", problem);
		return false;
	}
	*loan = borrow(planner, names, count, true);
	return true;
}

struct rights_loan rights_borrow_sessions(struct planner *planner, const char *const *names, size_t count)
{
	const struct role *signals = present_role(planner->present, "pg_signal_backend");
	bool may = planner->rights && signals && planner->rights->uses[index_of(planner, signals)];
	return borrow(planner, names, may ? 0 : count, false);
}

/* --- warnings --- */

/* Whoever may become the agent's role: before 16 all with CREATEROLE, and whoever is a member. */
static bool may_become_us(const struct planner *planner, const struct role *role, const bool *member)
{
	if (role == planner->rights->self || role->super)
		return false;
	return member[index_of(planner, role)] || (!is_modern(planner) && role->create_role);
}

static void warn_of_peers(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	CLEANUP(buf_done) struct buf names = BUF(4096);
	bool *member = arena_array(planner->mem, present->role_count + 1, sizeof(*member));
	size_t count = 0;
	for (size_t i = 0; i < present->membership_count; i++) {
		const struct membership *row = &present->memberships[i];
		const struct role *role = present_role_by_oid(present, row->member);
		if (row->role == present->self && role && (row->inherits || row->can_set || row->admin))
			member[index_of(planner, role)] = true;
	}
	for (size_t i = 0; i < present->role_count; i++) {
		if (!may_become_us(planner, &present->roles[i], member))
			continue;
		if (count++ < NAMES_TOLD)
			buf_printf(&names, "%s\"%s\"", names.length ? ", " : "", present->roles[i].name);
	}
	if (count)
		planner_warning(planner,
			"%zu %s may become \"%s\", the agent's role%s, and so do what the agent may and write into its table "
			"of managed roles: %s%s; take that away (CREATEROLE, the membership) unless they are trusted with every user",
			count, count == 1 ? "role" : "roles", planner->rights->self->name,
			is_modern(planner) ? ", being members of it" : ", by CREATEROLE or as members",
			buf_string(&names), count > NAMES_TOLD ? ", ..." : "");
}

static void warn_of_logs(struct planner *planner)
{
	const char *loud = planner->present->loud, *self = self_name(planner);
	if (loud)
		planner_warning(planner,
			"the server may write password verifiers into its log, as \"%s\", the agent's role, may not turn that off "
			"(%s): as a superuser say ALTER ROLE %s SET log_statement = 'none'; ALTER ROLE %s SET "
			"log_min_error_statement = 'panic'; ALTER ROLE %s SET log_min_duration_statement = -1; ALTER ROLE %s SET "
			"log_min_duration_sample = -1; ALTER ROLE %s SET log_transaction_sample_rate = 0%s",
			planner->rights->self->name, loud, self, self, self, self, self,
			planner->present->version < FIRST_SERVER_WITH_SET_PRIVILEGES
				? ""
				: arena_printf(
					  planner->mem, "; or GRANT SET ON PARAMETER %s TO %s", loud, self));
}

void rights_warn(struct planner *planner)
{
	if (!planner->rights)
		return;
	warn_of_peers(planner);
	warn_of_logs(planner);
}
