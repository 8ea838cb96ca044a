#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

enum { FIRST_SERVER_WITH_GRANT_OPTIONS = 160000, LIST_BYTES = 65536, DEEPEST_CHAIN = 64 };

static bool has_grant_options(const struct planner *planner)
{
	return planner->present->version >= FIRST_SERVER_WITH_GRANT_OPTIONS;
}

static const struct wanted_user *wanted_of(const struct planner *planner, const char *name)
{
	const struct user *user = users_find(planner->input->wanted, name);
	return user ? &planner->users[user - planner->input->wanted->items] : NULL;
}

/* --- which roles may be granted --- */

/* A user of ours that is a role of others: what it has too much is taken from it in the same pass, before anything is granted. */
static const struct user *healed_user(const struct planner *planner, const struct role *role)
{
	const struct wanted_user *wanted = wanted_of(planner, role->name);
	return wanted && wanted->managed && wanted->user->ensure == USER_PRESENT ? wanted->user : NULL;
}

static const char *own_danger(const struct planner *planner, const struct role *role)
{
	if (healed_user(planner, role) && !rights_leaves_danger(planner, role))
		return NULL;
	if (role->super)
		return "it is a superuser";
	if (role->create_role)
		return "it may create and alter roles";
	if (role->replication)
		return "it may copy the whole cluster (REPLICATION)";
	if (role->bypass_rls)
		return "it passes by row security (BYPASSRLS)";
	return policy_endangers(planner->input->policy, role->name);
}

/* Will this membership be there after the pass? */
static bool stays(const struct planner *planner, const struct user *member, const struct role *role)
{
	return !member || planner->input->policy->additive ||
		text_is_listed(member->roles, member->role_count, role->name);
}

/* Walks up once for each role; the list of what was found is the queue of what is still to be looked at. */
static void follow(struct planner *planner, const struct role *role, struct lineage *lineage)
{
	const struct roles_present *present = planner->present;
	uint32_t *seen = planner->seen, walk = ++planner->walks;
	lineage->known = true;
	lineage->danger = own_danger(planner, role);
	uint32_t at = role->oid;
	for (size_t next = 0;; next++) {
		size_t count;
		const struct membership *rows = present_memberships(present, at, &count);
		const struct role *here = present_role_by_oid(present, at);
		const struct user *user = here ? healed_user(planner, here) : NULL;
		for (size_t i = 0; i < count; i++) {
			const struct role *above = present_role_by_oid(present, rows[i].role);
			if (!above || seen[above - present->roles] == walk || !stays(planner, user, above))
				continue;
			if (arena_full(planner->mem))
				return; /* thousands of roles above each other: who asked for the plan sees it too */
			seen[above - present->roles] = walk;
			lineage->ancestors = arena_grow(planner->mem, lineage->ancestors, lineage->count,
				sizeof(*lineage->ancestors));
			lineage->ancestors[lineage->count++] = above->oid;
			const char *danger = own_danger(planner, above);
			if (danger && !lineage->danger)
				lineage->danger = arena_printf(planner->mem,
					"it is a member of \"%s\", and %s", above->name, danger);
		}
		if (next == lineage->count)
			return;
		at = lineage->ancestors[next];
	}
}

static const struct lineage *lineage_of(struct planner *planner, const struct role *role)
{
	struct lineage *lineage = &planner->lineages[role - planner->present->roles];
	if (!lineage->known)
		follow(planner, role, lineage);
	return lineage;
}

static bool descends_from(const struct lineage *lineage, uint32_t oid)
{
	for (size_t i = 0; i < lineage->count; i++)
		if (lineage->ancestors[i] == oid)
			return true;
	return false;
}

static void plan_group(struct planner *planner, const char *name)
{
	const struct step_list *groups = &planner->phases[PHASE_GROUP];
	for (size_t i = 0; i < groups->count; i++)
		if (strcmp(groups->items[i].user, name) == 0)
			return;
	planner_create_group(planner, name);
	planner_warning(planner,
		"group role \"%s\" does not exist and is created empty: list it under groups with what its members need, or grant it",
		name);
}

/* A role that does not exist: can it be there when it is granted? */
static bool role_will_exist(struct planner *planner, struct wanted_user *wanted, const char *name)
{
	const struct wanted_user *other = wanted_of(planner, name);
	const struct role *renamed = managed_renamed(planner->present, name);
	if (renamed) {
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"role \"%s\" was renamed by hand to \"%s\": none is made in its place, and who is a member stays "
			"one; ALTER ROLE %s RENAME TO %s undoes it, or list it as it is called now",
			name, renamed->name, sql_identifier(renamed->name, planner->mem),
			sql_identifier(name, planner->mem));
		return false;
	}
	if (other && !other->creatable) {
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"role \"%s\" is a user that cannot be created", name);
		return false;
	}
	if (text_starts(name, "pg_")) {
		planner_reason(planner, wanted->report, USER_DEGRADED,
			"this server (PostgreSQL %d) has no role \"%s\"", planner->present->version / 10000,
			name);
		return false;
	}
	if (!other)
		plan_group(planner, name);
	return true;
}

static bool may_grant(struct planner *planner, struct wanted_user *wanted, const char *name)
{
	const struct role *role = present_role(planner->present, name);
	if (!role)
		return role_will_exist(planner, wanted, name);
	const struct lineage *lineage = lineage_of(planner, role);
	if (lineage->danger)
		planner_reason(planner, wanted->report, USER_REFUSED, "role \"%s\" is not granted: %s", name,
			lineage->danger);
	else if (wanted->role && descends_from(lineage, wanted->role->oid))
		planner_reason(planner, wanted->report, USER_REFUSED,
			"role \"%s\" is not granted: it is a member of \"%s\"", name, wanted->user->name);
	else
		return true; /* one that goes, too: it is kept while somebody lists it (plan_retire.c) */
	return false;
}

/* --- comparing with the rows that are there --- */

/* Granted by one of our users, who is never given the right to, and has it from a hand: from an ADMIN OPTION, or from CREATEROLE by
   making the role. Since 16 such a row is one of its own. */
static bool depends_on_a_user(const struct planner *planner, const struct membership *row)
{
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	if (!has_grant_options(planner) || planner->input->policy->additive || !grantor)
		return false;
	return mark_is_user(grantor->mark);
}

/* Since 16 the same membership can be granted by several: they count together. */
struct effective {
	size_t rows;
	bool admin, inherits, can_set;
};

static struct effective effective_of(
	const struct planner *planner, const struct membership *rows, size_t count, uint32_t role)
{
	struct effective all = {0};
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role != role || depends_on_a_user(planner, &rows[i]))
			continue;
		all.rows++;
		all.admin |= rows[i].admin;
		all.inherits |= rows[i].inherits;
		all.can_set |= rows[i].can_set;
	}
	return all;
}

/* How many users of ours stand behind this row: granted by one who was granted the right to by one, ... It is taken back before theirs,
   whose CASCADE would take it along: then there would be nothing left to revoke, which is told as a failure. */
static unsigned chain_depth(const struct planner *planner, const struct membership *row, unsigned level)
{
	size_t count;
	unsigned deepest = 0;
	const struct membership *rows = present_memberships(planner->present, row->grantor, &count);
	if (level == DEEPEST_CHAIN || !depends_on_a_user(planner, row))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role != row->role || !rows[i].admin)
			continue;
		unsigned depth = chain_depth(planner, &rows[i], level + 1);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* Before 16 there is one row and REVOKE always finds it; since then it finds only its own grantor's. */
static void revoke(struct planner *planner, const struct wanted_user *wanted, const struct membership *row,
	const char *what)
{
	struct arena *mem = planner->mem;
	const struct role *role = present_role_by_oid(planner->present, row->role);
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	if (!rights_revoke(planner, wanted, row, what))
		return;
	const char *by = grantor && has_grant_options(planner)
		? arena_printf(mem, " GRANTED BY %s", sql_identifier(grantor->name, mem))
		: "";
	const char *head = arena_printf(mem, "REVOKE %s%s FROM ", what, sql_identifier(role->name, mem));
	const char *tail = arena_printf(mem, "%s CASCADE", by);
	unsigned depth = chain_depth(planner, row, 0);
	planner_step(planner, depth ? PHASE_REVOKE_CHAIN : PHASE_REVOKE,
		(struct role_step){
			.action = ROLE_REVOKE,
			.user = wanted->user->name,
			.sql = arena_printf(mem, "%s%s%s", head, sql_identifier(wanted->user->name, mem), tail),
			.head = head,
			.tail = tail,
			.depth = depth,
		});
}

/* "a, b (admin)": what the rows amount to, for people. */
static const char *found_text(const struct planner *planner, const struct membership *rows, size_t count)
{
	CLEANUP(buf_done) struct buf text = BUF(LIST_BYTES);
	const char **names = arena_array(planner->mem, count + 1, sizeof(*names));
	size_t named = 0;
	for (size_t i = 0; i < count; i++) {
		const struct role *role = present_role_by_oid(planner->present, rows[i].role);
		if (!role || (i && rows[i - 1].role == rows[i].role))
			continue;
		struct effective all = effective_of(planner, rows, count, rows[i].role);
		names[named++] = arena_printf(planner->mem, "%s%s%s%s", role->name,
			all.admin ? " (admin)" : "", all.rows && !all.inherits ? " (no inherit)" : "",
			all.rows && !all.can_set ? " (no set)" : "");
	}
	if (named)
		qsort(names, named, sizeof(*names), text_compare);
	for (size_t i = 0; i < named; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", names[i]);
	return arena_copy(planner->mem, buf_string(&text));
}

static const char *list_text(struct arena *mem, const char *const *list, size_t count)
{
	CLEANUP(buf_done) struct buf text = BUF(LIST_BYTES);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", list[i]);
	return arena_copy(mem, buf_string(&text));
}

/* Steps that make the rows of one wanted role right; true when there are any. */
static bool grant_role(struct planner *planner, struct wanted_user *wanted, const char *name,
	const struct membership *rows, size_t count)
{
	const struct role *role = present_role(planner->present, name);
	const uint32_t oid = role ? role->oid : 0;
	struct effective all = effective_of(planner, rows, count, oid);
	bool differs = false;
	for (size_t i = 0; all.admin && !planner->input->policy->additive && i < count; i++) {
		if (rows[i].role != oid || !rows[i].admin || depends_on_a_user(planner, &rows[i]))
			continue;
		revoke(planner, wanted, &rows[i], "ADMIN OPTION FOR ");
		differs = true;
	}
	if (all.rows && all.inherits && all.can_set)
		return differs;
	if (!rights_grant(planner, wanted, role))
		return true;
	planner_joined_step(planner, PHASE_GRANT, ROLE_GRANT, wanted->user->name,
		arena_printf(planner->mem, "GRANT %s TO ", sql_identifier(name, planner->mem)),
		has_grant_options(planner) ? " WITH INHERIT TRUE, SET TRUE" : "");
	return true;
}

/* Of a role that was renamed by hand and is listed by its old name: left as it is. */
static bool is_renamed(const struct wanted_user *wanted, const struct role *role)
{
	return role->mark == MARK_RENAMED &&
		text_is_listed(wanted->user->roles, wanted->user->role_count, role->had);
}

/* What is not listed, and what a user of ours has granted, listed or not: nobody of them has the right to. */
static bool revoke_unlisted(struct planner *planner, struct wanted_user *wanted,
	const struct membership *rows, size_t count, const char *const *granted, size_t granted_count)
{
	bool differs = false;
	for (size_t i = 0; !planner->input->policy->additive && i < count; i++) {
		const struct role *role = present_role_by_oid(planner->present, rows[i].role);
		bool by_a_user = depends_on_a_user(planner, &rows[i]);
		if (!role || is_renamed(wanted, role) ||
			(text_is_listed(granted, granted_count, role->name) && !by_a_user))
			continue;
		if (planner_is_creators_row(planner, &rows[i]) && !mark_is_ours(role->mark))
			continue;
		revoke(planner, wanted, &rows[i], "");
		differs = true;
	}
	return differs;
}

void plan_memberships(struct planner *planner, struct wanted_user *wanted)
{
	const struct user *user = wanted->user;
	const char **granted = arena_array(planner->mem, user->role_count + 1, sizeof(*granted));
	size_t granted_count = 0, count = 0;
	const struct membership *rows =
		wanted->role ? present_memberships(planner->present, wanted->role->oid, &count) : NULL;
	bool differs = false;

	for (size_t i = 0; i < user->role_count; i++)
		if (may_grant(planner, wanted, user->roles[i]))
			granted[granted_count++] = user->roles[i];
	for (size_t i = 0; i < granted_count; i++)
		differs |= grant_role(planner, wanted, granted[i], rows, count);
	differs |= revoke_unlisted(planner, wanted, rows, count, granted, granted_count);
	if (differs)
		planner_difference(planner, wanted->report, "roles",
			list_text(planner->mem, granted, granted_count), found_text(planner, rows, count));
}

/* --- CONNECT --- */

static void warn_of_public(struct planner *planner, const struct database *database)
{
	const char *text = arena_printf(planner->mem,
		"every role may connect to database \"%s\" (PUBLIC has CONNECT), so `database` "
		"keeps nobody out: REVOKE CONNECT ON DATABASE %s FROM PUBLIC changes that",
		database->name, sql_identifier(database->name, planner->mem));
	for (size_t i = 0; i < planner->plan->warning_count; i++)
		if (strcmp(planner->plan->warnings[i], text) == 0)
			return;
	planner_warning(planner, "%s", text);
}

static const char *connect_field(struct planner *planner, const char *database)
{
	return arena_printf(planner->mem, "connect:%s", database);
}

/* Whoever owns it by then may do so anyway. */
static void give_connect(struct planner *planner, struct wanted_user *wanted, const char *database)
{
	if (planner_will_own(planner, database, wanted->user->name))
		return;
	planner_difference(planner, wanted->report, connect_field(planner, database), "granted", "");
	planner_joined_step(planner, PHASE_GRANT, ROLE_GRANT, wanted->user->name,
		arena_printf(planner->mem, "GRANT CONNECT ON DATABASE %s TO ",
			sql_identifier(database, planner->mem)),
		"");
}

static void grant_connect(struct planner *planner, struct wanted_user *wanted,
	const struct database *database, const struct connect_grant *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].database == database->oid)
			return;
	if (!planner_will_own(planner, database->name, wanted->user->name) &&
		!rights_grant_connect(planner, wanted, database)) {
		planner_difference(
			planner, wanted->report, connect_field(planner, database->name), "granted", "");
		return;
	}
	give_connect(planner, wanted, database->name);
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
	bool as_grantor;
	if (!rights_revoke_connect(planner, wanted, database, row, &as_grantor))
		return;
	if (!as_grantor || !grantor) {
		planner_joined_step(planner, PHASE_REVOKE, ROLE_REVOKE, wanted->user->name, head, " CASCADE");
		return;
	}
	planner_step(planner, PHASE_REVOKE,
		(struct role_step){
			.action = ROLE_REVOKE,
			.user = wanted->user->name,
			.sql = arena_printf(mem, "SET ROLE %s; %s%s CASCADE; RESET ROLE",
				sql_identifier(grantor->name, mem), head,
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
	for (size_t i = 0; !planner->input->policy->additive && i < count; i++) {
		const struct database *database = present_database_by_oid(planner->present, rows[i].database);
		if (!database || planner_will_own(planner, database->name, user->name))
			continue; /* taking it from the owner would take what comes with owning */
		bool listed = text_is_listed(user->databases, user->database_count, database->name);
		if (!listed || rows[i].grantable)
			revoke_connect(planner, wanted, &rows[i], database, listed);
	}
}
