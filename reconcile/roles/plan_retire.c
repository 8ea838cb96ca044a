#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/roles/planner.h"
#include "reconcile/postgres/sql.h"

/* More than this many, and more than this share of our users, are not removed without a confirmation (DESIGN 8). */
enum { REMOVE_FEW = 5, REMOVE_PERCENT = 10 };

/* Cut off first, whatever the rest will need: no login, no password, no powers. The mark stays until the role is gone. */
static void plan_lock(struct planner *planner, const struct role *role)
{
	struct arena *mem = planner->mem;
	const char *name = sql_identifier(role->name, mem);
	if (role->mark == MARK_RETIRING && !role->login && !role->verifier && !role->super &&
		!role->connection_limit)
		return;
	planner_step(planner, PHASE_LOCK,
		(struct role_step){
			.action = ROLE_LOCK,
			.user = role->name,
			.sql = arena_printf(mem,
				"ALTER ROLE %s NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
				"PASSWORD NULL CONNECTION LIMIT 0; COMMENT ON ROLE %s IS %s",
				name, name,
				sql_literal(mark_write(MARK_RETIRING, planner->input->target, role->comment, mem),
					mem)),
			.statements = 2,
		});
}

/* Who gets what the role owns in a database: its owner, unless that one goes too. */
static const char *successor(const struct planner *planner, const struct database *database)
{
	const struct role *owner = database ? present_role_by_oid(planner->present, database->owner) : NULL;
	return owner && !planner_is_leaving(planner, owner) ? owner->name : planner->present->session_user;
}

static void plan_reassign(struct planner *planner, const struct role *role, const struct database *database)
{
	struct arena *mem = planner->mem;
	const char *name = sql_identifier(role->name, mem), *heir = successor(planner, database);
	const char *reassign = arena_printf(mem, "REASSIGN OWNED BY %s TO %s", name, sql_identifier(heir, mem));
	const char *drop = arena_printf(mem, "DROP OWNED BY %s", name);
	planner_step(planner, PHASE_RETIRE,
		(struct role_step){
			.action = ROLE_RETIRE,
			.user = role->name,
			.database = database ? database->name : "",
			.sql = arena_printf(mem, "%s; %s", reassign, drop),
			.statements = 2,
			.head = reassign,
			.tail = drop,
			.heir = heir,
		});
}

/* Owned and named objects of a database are two rows beside each other. */
static int64_t objects_at(const struct dependency *rows, size_t count, size_t at)
{
	bool two = at + 1 < count && rows[at + 1].database == rows[at].database;
	return rows[at].objects + (two ? rows[at + 1].objects : 0);
}

/* One step for each database that knows the role; false when one of them lets nobody in. */
static bool plan_databases(struct planner *planner, const struct role *role, struct role_report *report)
{
	size_t count;
	const struct dependency *rows = present_dependencies(planner->present, role->oid, &count);
	bool reachable = true, shared = false, visited = false;
	for (size_t i = 0; i < count; i++) {
		if (i && rows[i].database == rows[i - 1].database)
			continue;
		const struct database *database = present_database_by_oid(planner->present, rows[i].database);
		if (!rows[i].database) {
			shared = true;
		} else if (database && database->allows_connections) {
			plan_reassign(planner, role, database);
			visited = true;
		} else if (database) {
			planner_reason(planner, report, USER_RETIRING,
				"locked out, not dropped: database \"%s\" allows no connections, and %" PRId64
				" objects there depend on the role; allow connections for a moment",
				database->name, objects_at(rows, count, i));
			reachable = false;
		}
	}
	if (shared && !visited)
		plan_reassign(planner, role, NULL);
	return reachable;
}

static void plan_retirement(struct planner *planner, const struct role *role, struct role_report *report)
{
	if (report->status == USER_SYNCED)
		report->status = USER_RETIRING;
	report->managed_before = true;
	planner_difference(planner, report, "exists", "false", "true");
	plan_lock(planner, role);
	const char *referrer = planner_referrer(planner, role->name);
	if (referrer)
		planner_reason(planner, report, USER_RETIRING,
			"locked out, not removed: users.yaml lists it as a role of \"%s\", who would lose it; it goes when "
			"nobody lists it any more",
			referrer);
	else if (plan_databases(planner, role, report))
		planner_step(planner, PHASE_DROP,
			(struct role_step){
				.action = ROLE_DROP,
				.user = role->name,
				.sql = arena_printf(planner->mem, "DROP ROLE %s",
					sql_identifier(role->name, planner->mem)),
			});
}

/* `ensure: absent`: named by its author, so it needs no confirmation. */
static void plan_absent(struct planner *planner, struct wanted_user *wanted)
{
	const struct role *role = wanted->role;
	if (!role)
		return;
	if (role->mark != MARK_USER && role->mark != MARK_RETIRING)
		planner_reason(planner, wanted->report, USER_REFUSED,
			"the role is to be absent but is not ours: only what stands in the agent's table is dropped; "
			"take it over with %s, and it is removed, or drop it by hand",
			planner_adopt_command(planner, role->name));
	else if (planner->input->no_deletions)
		planner_reason(planner, wanted->report, USER_RETIRING,
			"to be removed; not in this pass, which removes nobody");
	else
		plan_retirement(planner, role, wanted->report);
}

static void confirmation(const struct planner *planner, char confirm[17])
{
	const struct roles_plan *plan = planner->plan;
	char digest[DIGEST_HEX_SIZE];
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_BATCH_BYTES * 8);
	buf_printf(&text, "users\n%s\n%s\n", planner->input->target, planner->input->commit);
	for (size_t i = 0; i < plan->deletion_count; i++)
		buf_printf(&text, "%s\n", plan->deletions[i]);
	digest_sha256_hex(buf_string(&text), text.length, digest);
	memcpy(confirm, digest, 16);
	confirm[16] = '\0';
}

static bool wants_anybody(const struct planner *planner)
{
	for (size_t i = 0; i < planner->user_count; i++)
		if (planner->users[i].user->ensure == USER_PRESENT)
			return true;
	return false;
}

/* A list that names nobody, or suddenly far fewer, is more often a mistake than a wish. */
static bool needs_confirmation(const struct planner *planner, size_t managed)
{
	size_t going = planner->plan->deletion_count;
	size_t share = managed * REMOVE_PERCENT / 100;
	size_t allowed = planner->input->policy->max_deletions > 0
		? (size_t)planner->input->policy->max_deletions
		: share > REMOVE_FEW ? share
				     : REMOVE_FEW;
	return going && (!wants_anybody(planner) || going > allowed);
}

/* Ours, not being removed already, and not named by the list. */
static bool is_deletion(const struct planner *planner, const struct role *role)
{
	return role->mark == MARK_USER && !users_find(planner->input->wanted, role->name);
}

static void find_deletions(struct planner *planner)
{
	struct roles_plan *plan = planner->plan;
	size_t managed = 0;
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		managed += role->mark == MARK_USER;
		if (!is_deletion(planner, role))
			continue;
		plan->deletions = arena_grow(
			planner->mem, plan->deletions, plan->deletion_count, sizeof(*plan->deletions));
		plan->deletions[plan->deletion_count++] = role->name;
	}
	if (!needs_confirmation(planner, managed))
		return;
	confirmation(planner, plan->confirm);
	plan->blocked = !text_equal(planner->input->confirmed, plan->confirm);
}

static void plan_unlisted(struct planner *planner, const struct role *role)
{
	struct role_report *report = planner_report(planner, role->name);
	report->managed_before = true;
	if (planner->input->no_deletions)
		planner_reason(planner, report, USER_RETIRING,
			"not in users.yaml any more; not removed in this pass, which removes "
			"nobody");
	else if (planner->plan->blocked && role->mark == MARK_USER)
		planner_reason(planner, report, USER_RETIRING,
			"not in users.yaml any more; waits for confirmation, as %zu would be removed: "
			"--confirm %s",
			planner->plan->deletion_count, planner->plan->confirm);
	else
		plan_retirement(planner, role, report);
}

void plan_retirements(struct planner *planner)
{
	find_deletions(planner);
	for (size_t i = 0; i < planner->user_count; i++)
		if (planner->users[i].user->ensure == USER_ABSENT)
			plan_absent(planner, &planner->users[i]);
	for (size_t i = 0; i < planner->present->role_count; i++) {
		const struct role *role = &planner->present->roles[i];
		if (planner_is_leaving(planner, role) && !users_find(planner->input->wanted, role->name))
			plan_unlisted(planner, role);
	}
}

static bool has_memberships(const struct roles_present *present, uint32_t oid)
{
	for (size_t i = 0; i < present->membership_count; i++)
		if (present->memberships[i].role == oid || present->memberships[i].member == oid)
			return true;
	return false;
}

/* A group role of ours that nobody names any more goes only when nothing would be lost: no member, no grant, no object. */
void plan_unused_groups(struct planner *planner)
{
	const struct roles_present *present = planner->present;
	for (size_t i = 0;
		i < present->role_count && !planner->input->no_deletions && !planner->plan->blocked; i++) {
		const struct role *role = &present->roles[i];
		size_t dependencies;
		if (role->mark != MARK_GROUP || role->login || planner_referrer(planner, role->name) ||
			planner_is_group(planner, role->name) || users_find(planner->input->wanted, role->name))
			continue;
		present_dependencies(present, role->oid, &dependencies);
		if (dependencies || has_memberships(present, role->oid))
			continue;
		planner_step(planner, PHASE_DROP,
			(struct role_step){
				.action = ROLE_DROP,
				.user = role->name,
				.sql = arena_printf(planner->mem, "DROP ROLE %s",
					sql_identifier(role->name, planner->mem)),
			});
	}
}
