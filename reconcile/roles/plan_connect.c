/*
 * plan_connect.c - CONNECT on databases: where a user's entries say that it may connect, and nowhere else by name
 */
#include <string.h>

#include "base/text.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

static void warn_of_public(struct planner *planner, const struct database *database)
{
	bool *told = &planner->public_told[database - planner->present->databases];
	if (!*told)
		planner_warning(planner,
			"every role may connect to database \"%s\" (PUBLIC has CONNECT), so `database` keeps nobody out: "
			"`revokePublicConnect: true` under databases (version: 2), or REVOKE CONNECT ON DATABASE %s FROM PUBLIC, "
			"changes that",
			database->name, sql_identifier(database->name, planner->mem));
	*told = true;
}

static const char *connect_field(struct planner *planner, const char *database)
{
	return arena_printf(planner->mem, "connect:%s", database);
}

/* The difference that was just told. */
static bool is_left(struct planner *planner, const struct wanted_user *wanted)
{
	bool left = wanted->user->memberships == UPKEEP_REPORT;
	if (left)
		planner_leave(planner, wanted->report,
			"memberships: report: where it may connect is told when it differs, and left");
	return left;
}

/* Of a listed database's owner, whose rights the agent may have for a moment; nothing where it has no need to, or may not. */
static struct rights_loan loan_of(struct planner *planner, const char *database)
{
	struct planned_database *listed = planner_database(planner, database);
	if (listed && planner_may_own(planner, listed, NULL))
		return listed->loan;
	return (struct rights_loan){"", "", 0};
}

/* Whoever owns it by then may do so anyway. */
static void give_connect(struct planner *planner, struct wanted_user *wanted, const char *database)
{
	if (planner_will_own(planner, database, wanted->user->name))
		return;
	planner_difference(planner, wanted->report, connect_field(planner, database), "granted", "");
	if (is_left(planner, wanted))
		return;
	struct rights_loan loan = loan_of(planner, database);
	planner_joined_step(planner, PHASE_GRANT, ROLE_GRANT, wanted->user->name,
		arena_printf(planner->mem, "%sGRANT CONNECT ON DATABASE %s TO ", loan.before,
			sql_identifier(database, planner->mem)),
		loan.after, 1 + loan.statements);
}

static void grant_connect(struct planner *planner, struct wanted_user *wanted,
	const struct database *database, const struct connect_grant *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].database == database->oid)
			return;
	if (wanted->user->memberships != UPKEEP_REPORT &&
		!planner_will_own(planner, database->name, wanted->user->name) &&
		!*loan_of(planner, database->name).before && !rights_grant_connect(planner, wanted, database)) {
		planner_difference(
			planner, wanted->report, connect_field(planner, database->name), "granted", "");
		return;
	}
	give_connect(planner, wanted, database->name);
}

/* As a superuser's, REVOKE takes what the owner gave, and leaves this. */
static bool is_stuck(struct planner *planner, struct wanted_user *wanted, const struct database *database,
	const struct role *grantor)
{
	if (grantor->super)
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"CONNECT on database \"%s\" is not revoked: " GRANTS_STUCK, database->name,
			grantor->name);
	return grantor->super;
}

/* A superuser's REVOKE takes back only what the owner granted: for others' grants we become the grantor. */
static void revoke_connect(struct planner *planner, struct wanted_user *wanted,
	const struct connect_grant *row, const struct database *database, bool only_option)
{
	struct arena *mem = planner->mem;
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	const char *head = arena_printf(mem, "REVOKE %sCONNECT ON DATABASE %s FROM ",
		only_option ? "GRANT OPTION FOR " : "", sql_identifier(database->name, mem));
	planner_difference(planner, wanted->report, connect_field(planner, database->name),
		only_option ? "granted" : "", only_option ? "granted with grant option" : "granted");
	if (is_left(planner, wanted))
		return;
	bool as_grantor = false;
	struct rights_loan loan = loan_of(planner, database->name);
	if (*loan.before && row->grantor == database->owner) {
		planner_joined_step(planner, PHASE_REVOKE, ROLE_REVOKE, wanted->user->name,
			arena_printf(mem, "%s%s", loan.before, head),
			arena_printf(mem, " CASCADE%s", loan.after), 1 + loan.statements);
		return;
	}
	if (!rights_revoke_connect(planner, wanted, database, row, &as_grantor))
		return;
	if (!as_grantor || !grantor) {
		planner_joined_step(
			planner, PHASE_REVOKE, ROLE_REVOKE, wanted->user->name, head, " CASCADE", 1);
		return;
	}
	if (is_stuck(planner, wanted, database, grantor))
		return;
	const char *as = sql_identifier(grantor->name, mem);
	if (row->orphan) {
		planner_joined_step(planner, PHASE_REVOKE, ROLE_REVOKE, wanted->user->name,
			arena_printf(mem,
				"GRANT CONNECT ON DATABASE %s TO %s WITH GRANT OPTION; SET ROLE %s; %s",
				sql_identifier(database->name, mem), as, as, head),
			arena_printf(mem, " CASCADE; RESET ROLE; REVOKE %sCONNECT ON DATABASE %s FROM %s",
				row->plain ? "GRANT OPTION FOR " : "", sql_identifier(database->name, mem), as),
			5);
		return;
	}
	planner_step(planner, PHASE_REVOKE,
		(struct role_step){
			.action = ROLE_REVOKE,
			.user = wanted->user->name,
			.sql = arena_printf(mem, "SET ROLE %s; %s%s CASCADE; RESET ROLE", as, head,
				sql_identifier(wanted->user->name, mem)),
			.statements = 3,
		});
}

void plan_connects(struct planner *planner, struct wanted_user *wanted)
{
	const struct user *user = wanted->user;
	size_t count = 0;
	const struct connect_grant *rows =
		wanted->role ? present_connects(planner->present, wanted->role->oid, &count) : NULL;

	for (size_t i = 0; i < user->database_count; i++) {
		const struct database *database = present_database(planner->present, user->databases[i]);
		const struct planned_database *listed = planner_database(planner, user->databases[i]);
		if (listed && listed->made) {
			give_connect(planner, wanted, user->databases[i]);
			continue;
		}
		if (!database) {
			planner_reason(planner, wanted->report, USER_DEGRADED,
				"database \"%s\" does not exist", user->databases[i]);
			continue;
		}
		if (database->public_connect && !(listed && listed->wanted->closed))
			warn_of_public(planner, database);
		grant_connect(planner, wanted, database, rows, count);
	}
	for (size_t i = 0; user->memberships != UPKEEP_ADDITIVE && i < count; i++) {
		const struct database *database = present_database_by_oid(planner->present, rows[i].database);
		if (!database || planner_will_own(planner, database->name, user->name))
			continue; /* taking it from the owner would take what comes with owning */
		bool listed = text_is_listed(user->databases, user->database_count, database->name);
		if (!listed || rows[i].grantable)
			revoke_connect(planner, wanted, &rows[i], database, listed);
	}
}
