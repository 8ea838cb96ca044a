/*
 * plan_removal.c - the steps of a user that goes
 *
 * Locked out first, committed, whatever the rest will need; then its sessions. What it owns is given to an heir: databases and
 * tablespaces by name, once, since REASSIGN OWNED would give them to the heir of whatever database it runs in;
 * everything else database by database. What cannot be done is told with its place, and the role stays, locked out.
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/heir.h"
#include "reconcile/roles/hold.h"
#include "reconcile/roles/rights.h"
#include "reconcile/roles/retire_sql.h"
#include "reconcile/postgres/sql.h"

enum { NAMES_TOGETHER = 500 };

struct removal {
	struct planner *planner;
	const struct role *role;
	struct role_report *report;
	const char *name; /* as SQL */
	struct heir heir; /* name NULL = nothing is owned */
	bool stuck;       /* the role stays */
};

/* Row and mark stay until the role is gone; a comment that would be cut is left as it is. False where it is locked out already. */
static bool plan_lock(const struct removal *removal)
{
	struct planner *planner = removal->planner;
	struct arena *mem = planner->mem;
	const struct role *role = removal->role;
	const char *comment = role->long_comment
		? ""
		: arena_printf(mem, "; %s",
			  planner_comment_sql(planner, role->name, MARK_RETIRING, role->comment));
	if (role->mark == MARK_RETIRING && !role->login && !role->verifier && !role->super &&
		!role->connection_limit)
		return false;
	planner_step(planner, PHASE_LOCK,
		(struct role_step){
			.action = ROLE_LOCK,
			.user = role->name,
			.sql = arena_printf(mem, "ALTER ROLE %s NOLOGIN%s PASSWORD NULL CONNECTION LIMIT 0%s",
				removal->name, rights_lock_clauses(planner, role), comment),
			.statements = 1 + !role->long_comment,
		});
	return true;
}

/* --- what is in the way --- */

static void tell_slot(const struct removal *removal, const struct belonging *slot)
{
	planner_warning(removal->planner,
		"replication slot \"%s\"%s%s%s was read by a session of the removed user \"%s\": it keeps WAL until somebody reads "
		"or drops it",
		slot->name, *slot->database ? " of database \"" : "", slot->database,
		*slot->database ? "\"" : "", removal->role->name);
}

static void look_at(struct removal *removal, const struct belonging *belonging)
{
	struct planner *planner = removal->planner;
	switch (belonging->kind) {
	case BELONGING_SUBSCRIPTION:
		removal->stuck = true;
		planner_reason(planner, removal->report, USER_RETIRING,
			"locked out, not dropped: it owns subscription \"%s\" of database \"%s\", which works with its owner's "
			"rights: drop it or give it to another role",
			belonging->name, belonging->database);
		break;
	case BELONGING_PREPARED:
		removal->stuck = true;
		planner_reason(planner, removal->report, USER_RETIRING,
			"locked out, not dropped: prepared transaction \"%s\" of database \"%s\" is its, or makes something for "
			"it: COMMIT PREPARED or ROLLBACK PREPARED in that database",
			belonging->name, belonging->database);
		break;
	case BELONGING_SLOT:
		tell_slot(removal, belonging);
		break;
	case BELONGING_DATABASE:
	case BELONGING_TABLESPACE:
	case BELONGING_SESSIONS:
		break;
	}
}

/* Owned and named objects of a database are two rows beside each other. */
static int64_t objects_at(const struct dependency *rows, size_t count, size_t at)
{
	bool two = at + 1 < count && rows[at + 1].database == rows[at].database;
	return rows[at].objects + (two ? rows[at + 1].objects : 0);
}

static void look_at_databases(struct removal *removal, const struct dependency *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct database *database =
			present_database_by_oid(removal->planner->present, rows[i].database);
		bool again = i && rows[i].database == rows[i - 1].database;
		if (again || !database || database->allows_connections)
			continue;
		removal->stuck = true;
		planner_reason(removal->planner, removal->report, USER_RETIRING,
			"locked out, not dropped: database \"%s\" allows no connections, and %" PRId64
			" objects there depend on the role; allow connections for a moment",
			database->name, objects_at(rows, count, i));
	}
}

/* Anything that can be given away now. */
static bool owns_anything(const struct roles_present *present, const struct dependency *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct database *database = present_database_by_oid(present, rows[i].database);
		if (rows[i].owned && (!rows[i].database || (database && database->allows_connections)))
			return true;
	}
	return false;
}

/* --- giving it away --- */

static void plan_heir(const struct removal *removal)
{
	struct arena *mem = removal->planner->mem;
	const char *heir = sql_identifier(removal->heir.name, mem);
	const char *comment = arena_printf(mem,
		"what \"%s\" owned, kept by pgitops when that user was removed; give it on with "
		"REASSIGN OWNED, then drop this role",
		removal->role->name);
	planner_step(removal->planner, PHASE_HEIR,
		(struct role_step){
			.action = ROLE_HEIR,
			.user = removal->role->name,
			.sql = arena_printf(mem, "CREATE ROLE %s NOLOGIN; COMMENT ON ROLE %s IS %s", heir,
				heir, sql_literal(comment, mem)),
			.statements = 2,
		});
}

static void plan_gift(const struct removal *removal, const struct belonging *belonging)
{
	struct arena *mem = removal->planner->mem;
	bool database = belonging->kind == BELONGING_DATABASE;
	if (!database && belonging->kind != BELONGING_TABLESPACE)
		return;
	const struct planned_database *listed =
		database ? planner_database(removal->planner, belonging->name) : NULL;
	if (listed && listed->new_owner) /* it has been given away by then */
		return;
	const char *const both[] = {removal->role->name, removal->heir.name};
	struct rights_loan loan = rights_borrow(removal->planner, both, COUNT_OF(both));
	planner_step(removal->planner, PHASE_GIVE,
		(struct role_step){
			.action = ROLE_GIVE,
			.user = removal->role->name,
			.sql = arena_printf(mem, "%sALTER %s %s OWNER TO %s%s", loan.before,
				database ? "DATABASE" : "TABLESPACE", sql_identifier(belonging->name, mem),
				sql_identifier(removal->heir.name, mem), loan.after),
			.statements = 1 + loan.statements,
		});
}

/* Whose rights DROP OWNED takes: its own, the heir's, and those of listed databases' owners, in whose name it was let in. */
static const char **lenders(const struct removal *removal, bool owned, size_t *count)
{
	struct planner *planner = removal->planner;
	size_t connects;
	const struct connect_grant *rows = present_connects(planner->present, removal->role->oid, &connects);
	const char **names = arena_array(planner->mem, connects + 2, sizeof(*names));
	*count = 0;
	names[(*count)++] = removal->role->name;
	if (owned)
		names[(*count)++] = removal->heir.name;
	for (size_t i = 0; i < connects; i++) {
		const struct database *database = present_database_by_oid(planner->present, rows[i].database);
		struct planned_database *listed = database ? planner_database(planner, database->name) : NULL;
		const struct role *owner =
			listed ? present_role_by_oid(planner->present, database->owner) : NULL;
		if (owner && planner_may_own(planner, listed, NULL) && *listed->loan.before)
			names[(*count)++] = listed->new_owner ? listed->new_owner : owner->name;
	}
	text_sort_unique(names, count);
	return names;
}

static void plan_visit(const struct removal *removal, const char *database, bool owned)
{
	const struct roles_policy *policy = removal->planner->input->policy;
	const struct roles_present *present = removal->planner->present;
	size_t count;
	const char **names = lenders(removal, owned, &count);
	struct rights_loan loan = rights_borrow(removal->planner, names, count);
	const struct rights *rights = removal->planner->rights;
	const struct retirement retirement = {
		.self = rights ? rights->self->name : NULL,
		.version = present->version,
		.before = loan.before,
		.after = loan.after,
		.loan_statements = loan.statements,
		.user = removal->role->name,
		.heir = owned ? removal->heir.name : NULL,
		.own_heir = removal->heir.own,
		.heir_roles = policy->heir_roles,
		.heir_role_count = policy->heir_role_count,
	};
	struct role_step step = {.action = ROLE_RETIRE, .user = removal->role->name, .database = database};
	struct arena *mem = removal->planner->mem;
	step.sql = retire_sql(&retirement, mem, &step.statements);
	step.redacted = arena_printf(mem, "%s%s",
		roles_script_connect(database, present->server, present->version, present->plain, mem),
		step.sql);
	step.summary = owned
		? arena_printf(mem, "in database %s: REASSIGN OWNED BY %s TO %s; DROP OWNED BY %s",
			  sql_identifier(database, mem), removal->name,
			  sql_identifier(removal->heir.name, mem), removal->name)
		: arena_printf(mem, "in database %s: DROP OWNED BY %s", sql_identifier(database, mem),
			  removal->name);
	planner_step(removal->planner, PHASE_RETIRE, step);
}

/*
 * DROP OWNED takes as the owner what the user gave in its own name, unless the user is a member of that owner: such a REVOKE is taken for one of
 * the owner's own grants, and afterwards nothing can be said of what the user gave any more. So its memberships go before anybody is visited;
 * not where the heir is one that the agent file names, as that is measured by them.
 */
static void plan_farewell(const struct removal *removal)
{
	const struct member member = {.name = removal->role->name,
		.role = removal->role,
		.report = removal->report,
		.upkeep = UPKEEP_EXACT};
	if (!removal->planner->rights && (!removal->heir.name || removal->heir.own))
		plan_leaves_roles(removal->planner, &member);
}

/* One step for each database that knows the role; rights on shared objects go with any of them. */
static void plan_visits(const struct removal *removal, const struct dependency *rows, size_t count)
{
	const struct roles_present *present = removal->planner->present;
	bool shared = false, visited = false;
	for (size_t i = 0; i < count; i++) {
		const struct database *database = present_database_by_oid(present, rows[i].database);
		bool again = i && rows[i].database == rows[i - 1].database;
		bool owned = rows[i].owned ||
			(i + 1 < count && rows[i + 1].database == rows[i].database && rows[i + 1].owned);
		shared |= !rows[i].database;
		if (again || !database || !database->allows_connections)
			continue;
		plan_visit(removal, database->name, owned);
		visited = true;
	}
	if (shared && !visited)
		plan_visit(removal, present->session_database, false);
	if (shared || visited)
		plan_farewell(removal);
}

static void plan_drop(const struct removal *removal)
{
	struct arena *mem = removal->planner->mem;
	const char *given = removal->heir.name
		? arena_printf(mem, ", what it owns is given to \"%s\"", removal->heir.name)
		: "";
	if (!removal->planner->holding)
		removal->report->progress =
			arena_printf(mem, "being removed: locked out%s, then dropped", given);
	planner_drop(removal->planner, removal->role);
}

void planner_drop(struct planner *planner, const struct role *role)
{
	planner_step(planner, PHASE_DROP,
		(struct role_step){
			.action = ROLE_DROP,
			.user = role->name,
			.sql = arena_printf(
				planner->mem, "DROP ROLE %s", sql_identifier(role->name, planner->mem)),
		});
}

static void plan_giving(struct removal *removal)
{
	const struct roles_present *present = removal->planner->present;
	uint32_t oid = removal->role->oid;
	size_t count, belongings;
	const struct dependency *rows = present_dependencies(present, oid, &count);
	const struct belonging *things = present_belongings(present, oid, &belongings);
	for (size_t i = 0; i < belongings; i++)
		look_at(removal, &things[i]);
	look_at_databases(removal, rows, count);
	bool held_up = false; /* by what REASSIGN OWNED could not pass by */
	for (size_t i = 0; i < belongings; i++)
		held_up |= things[i].kind == BELONGING_SUBSCRIPTION || things[i].kind == BELONGING_PREPARED;
	if (held_up)
		return;
	if (owns_anything(present, rows, count)) {
		if (!heir_find(removal->planner, removal->role, removal->report, &removal->heir))
			return;
		if (!removal->heir.exists)
			plan_heir(removal);
		for (size_t i = 0; i < belongings; i++)
			plan_gift(removal, &things[i]);
	}
	plan_visits(removal, rows, count);
	if (!removal->stuck)
		plan_drop(removal);
}

/* --- sessions --- */

/* One statement for many: it tells each session to end, and where there was one it waits a moment until they have. */
static void plan_end(struct planner *planner, const char **users, size_t count)
{
	CLEANUP(buf_done) struct buf names = BUF(LIMIT_BATCH_BYTES);
	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", sql_literal(users[i], planner->mem));
	struct rights_loan loan = rights_borrow_sessions(planner, users, count);
	planner_step(planner, PHASE_END,
		(struct role_step){
			.action = ROLE_END,
			.user = count == 1 ? users[0] : "",
			.statements = 1 + loan.statements,
			.sql = arena_printf(planner->mem,
				"%sSELECT count(pg_terminate_backend(pid)) AS ended, pg_sleep(0.1) FROM pg_stat_activity "
				"WHERE usename IN (%s) HAVING count(*) > 0%s",
				loan.before, buf_string(&names), loan.after),
			.users = users,
			.user_count = count,
		});
}

bool planner_has_sessions(const struct planner *planner, const struct role *role)
{
	size_t count;
	const struct belonging *things = present_belongings(planner->present, role->oid, &count);
	for (size_t i = 0; i < count; i++)
		if (things[i].kind == BELONGING_SESSIONS)
			return true;
	return false;
}

void planner_end_sessions(struct planner *planner, const struct role *role)
{
	struct name_list *list = &planner->ending[planner->holding];
	if (!text_is_utf8(role->name, strlen(role->name)))
		return; /* told with its other steps; here it would keep the statement of all others from being sent */
	list->items = arena_grow(planner->mem, list->items, list->count, sizeof(*list->items));
	list->items[list->count++] = role->name;
}

/* Of those that are locked out by this plan, since one may log in until then, and of whoever has one. */
static void note_sessions(const struct removal *removal, bool locks)
{
	if (locks || planner_has_sessions(removal->planner, removal->role))
		planner_end_sessions(removal->planner, removal->role);
}

static void plan_ends_of(struct planner *planner, const struct name_list *list)
{
	for (size_t at = 0; at < list->count; at += NAMES_TOGETHER)
		plan_end(planner, list->items + at,
			list->count - at < NAMES_TOGETHER ? list->count - at : NAMES_TOGETHER);
}

void plan_ends(struct planner *planner)
{
	plan_ends_of(planner, &planner->ending[false]);
	planner->holding = true;
	plan_ends_of(planner, &planner->ending[true]);
	planner->holding = false;
}

/* Whoever has the role would lose what it gives. */
static bool is_listed_as_role(const struct removal *removal)
{
	struct planner *planner = removal->planner;
	const char *referrer = planner_referrer(planner, removal->role->name);
	if (referrer && !planner->holding)
		planner_reason(planner, removal->report, USER_RETIRING,
			"locked out, not removed: users.yaml lists it as a role of \"%s\", who would lose it; it goes when "
			"nobody lists it any more",
			referrer);
	const char *owned = planner_owned_by(planner, removal->role->name);
	if (owned && !planner->holding)
		planner_reason(planner, removal->report, USER_RETIRING,
			"locked out, not removed: users.yaml lists it as the owner of database \"%s\"; it goes when another one is",
			owned);
	return referrer || owned;
}

void plan_removal(struct planner *planner, const struct role *role, struct role_report *report)
{
	struct removal removal = {
		.planner = planner,
		.role = role,
		.report = report,
		.name = sql_identifier(role->name, planner->mem),
	};
	report->managed_before = true;
	if (!planner->holding) {
		if (report->status == USER_SYNCED)
			report->status = USER_RETIRING;
		planner_difference(planner, report, "exists", "false", "true");
	}
	if (hold_lets_go(planner, role, report))
		return;
	if (hold_applies(planner, role, report)) {
		note_sessions(&removal, hold_lock(planner, role, removal.name));
		return;
	}
	note_sessions(&removal, plan_lock(&removal));
	if (!is_listed_as_role(&removal))
		plan_giving(&removal);
}

void plan_group_removal(struct planner *planner, const struct role *role, struct role_report *report)
{
	struct removal removal = {
		.planner = planner,
		.role = role,
		.report = report,
		.name = sql_identifier(role->name, planner->mem),
	};
	size_t count;
	const struct dependency *rows = present_dependencies(planner->present, role->oid, &count);
	plan_visits(&removal, rows, count);
	planner_drop(planner, role);
}
