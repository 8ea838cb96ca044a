/*
 * plan_membership.c - memberships: what users.yaml lists beside the rows that are there
 *
 * Since 16 a membership has three options, and several may have granted the same one: each grant is a row, and what a member has is what any
 * row gives (OR). A row is taken back, or an option of it, by the name of its grantor, since REVOKE finds no other's. INHERIT and SET
 * of what is granted are written out: a GRANT without them keeps what a row has, or takes the default of the day.
 * Before 16 there is one row, ADMIN alone, and its grantor is a note.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "reconcile/roles/rights.h"
#include "reconcile/postgres/sql.h"

enum { LIST_BYTES = 65536, DEEPEST_CHAIN = 64, OPTIONS = 3 };

enum { ROW_UNKNOWN, ROW_STAYS, ROW_FALLS };

/* `lacking` is how people are told of it: of ADMIN that it is there, of the others that they are not. */
static const struct {
	const char *word, *told;
	bool plain; /* what GRANT gives without a word */
	size_t in_row, in_options;
} options[OPTIONS] = {
	{"ADMIN", " (admin)", false, offsetof(struct membership, admin), offsetof(struct role_options, admin)},
	{"INHERIT", " (no inherit)", true, offsetof(struct membership, inherits),
		offsetof(struct role_options, inherit)},
	{"SET", " (no set)", true, offsetof(struct membership, can_set), offsetof(struct role_options, set)},
};

static bool row_has(const struct membership *row, size_t option)
{
	return *(const bool *)((const char *)row + options[option].in_row);
}

static bool is_wanted(const struct role_options *wanted, size_t option)
{
	return *(const bool *)((const char *)wanted + options[option].in_options);
}

static bool has_grant_options(const struct planner *planner)
{
	return planner->present->version >= FIRST_SERVER_WITH_GRANT_OPTIONS;
}

bool planner_is_creators_row(const struct planner *planner, const struct membership *row)
{
	return has_grant_options(planner) && row->grantor == BOOTSTRAP_SUPERUSER && row->admin &&
		!row->inherits && !row->can_set;
}

static size_t option_count(const struct planner *planner)
{
	return has_grant_options(planner) ? OPTIONS : 1;
}

/* --- rows that fall with their grantor --- */

/*
 * Granted by one of ours who goes, as DROP OWNED takes along what she granted; or by one who is or becomes ours and, by what Git says, has
 * no right to: from a hand's ADMIN OPTION, or from CREATEROLE by making the role.
 * Who has `admin: true` may grant, and what she grants counts like anybody's, for as long as her own right stands.
 */
static bool falls(struct planner *planner, const struct membership *row);

/* By a row that stays; `had`: by any row. */
static bool has_admin(struct planner *planner, const struct role *grantor, uint32_t role, bool *had)
{
	size_t count;
	const struct membership *rows = present_memberships(planner->present, grantor->oid, &count);
	*had = false;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role != role || !rows[i].admin)
			continue;
		*had = true;
		if (!falls(planner, &rows[i]))
			return true;
	}
	return false;
}

static bool judge_row(struct planner *planner, const struct membership *row)
{
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	const struct role *role = present_role_by_oid(planner->present, row->role);
	struct role_options wanted;
	struct member member;
	if (!grantor || !role)
		return false;
	if (planner_is_leaving(planner, grantor) || planner_group_goes(planner, grantor))
		return planner->input->policy->memberships != UPKEEP_REPORT;
	if (planner_member(planner, grantor, &member) && member.upkeep == UPKEEP_EXACT &&
		!(member_lists(&member, role->name, &wanted) && wanted.admin))
		return true;
	/* Of everybody else, a group without `roles` too: with what he had it by. A superuser needs no row. */
	bool had, has = has_admin(planner, grantor, row->role, &had);
	return had && !has;
}

/* Each row is judged once: who grants to whom may be thousands of ways. */
static bool falls(struct planner *planner, const struct membership *row)
{
	unsigned char *judged = &planner->judged[row - planner->present->memberships];
	if (!has_grant_options(planner))
		return false;
	if (*judged == ROW_UNKNOWN && planner->chain < DEEPEST_CHAIN) {
		*judged = ROW_STAYS; /* where the walk comes back to it, which no server allows */
		planner->chain++;
		*judged = judge_row(planner, row) ? ROW_FALLS : ROW_STAYS;
		planner->chain--;
	}
	return *judged == ROW_FALLS;
}

/* How many of ours stand behind this row: granted by one who was granted the right to by one, ... It is taken back before theirs,
   whose CASCADE would take it along: then there would be nothing left to revoke, which is told as a failure. */
static unsigned chain_depth(struct planner *planner, const struct membership *row)
{
	unsigned *known = &planner->depths[row - planner->present->memberships];
	size_t count;
	if (*known || planner->chain == DEEPEST_CHAIN || !falls(planner, row))
		return *known;
	*known = 1;
	planner->chain++;
	const struct membership *rows = present_memberships(planner->present, row->grantor, &count);
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role != row->role || !rows[i].admin)
			continue;
		unsigned depth = 1 + chain_depth(planner, &rows[i]);
		*known = depth > *known ? depth : *known;
	}
	planner->chain--;
	return *known;
}

/* --- what a member has of a role --- */

/* By all rows that stay. */
struct effective {
	size_t rows;
	bool has[OPTIONS];
};

static struct effective effective_of(
	struct planner *planner, const struct membership *rows, size_t count, uint32_t role)
{
	struct effective all = {0};
	for (size_t i = 0; i < count; i++) {
		if (rows[i].role != role || falls(planner, &rows[i]))
			continue;
		all.rows++;
		for (size_t o = 0; o < OPTIONS; o++)
			all.has[o] |= row_has(&rows[i], o);
	}
	return all;
}

/* "a (admin)" */
static const char *role_text(const struct planner *planner, const char *name, const bool has[OPTIONS])
{
	const char *text = name;
	for (size_t i = 0; i < option_count(planner); i++)
		if (has[i] != options[i].plain)
			text = arena_printf(planner->mem, "%s%s", text, options[i].told);
	return text;
}

static const char *join_sorted(struct arena *mem, const char **names, size_t count)
{
	CLEANUP(buf_done) struct buf text = BUF(LIST_BYTES);
	if (count)
		qsort(names, count, sizeof(*names), text_compare);
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s%s", i ? ", " : "", names[i]);
	return arena_copy(mem, buf_string(&text));
}

/* What the rows amount to, for people: those that fall are named, too. */
static const char *found_text(struct planner *planner, const struct membership *rows, size_t count)
{
	static const bool nothing[OPTIONS] = {false, true, true};
	const char **names = arena_array(planner->mem, count + 1, sizeof(*names));
	size_t named = 0;
	for (size_t i = 0; i < count; i++) {
		const struct role *role = present_role_by_oid(planner->present, rows[i].role);
		if (!role || (i && rows[i - 1].role == rows[i].role))
			continue;
		struct effective all = effective_of(planner, rows, count, rows[i].role);
		names[named++] = role_text(planner, role->name, all.rows ? all.has : nothing);
	}
	return join_sorted(planner->mem, names, named);
}

static const char *wanted_text(
	const struct planner *planner, const struct member *member, const char *const *granted, size_t count)
{
	const char **names = arena_array(planner->mem, count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		struct role_options wanted = ROLE_OPTIONS_PLAIN;
		bool has[OPTIONS];
		(void)member_lists(member, granted[i], &wanted);
		for (size_t o = 0; o < OPTIONS; o++)
			has[o] = is_wanted(&wanted, o);
		names[i] = role_text(planner, granted[i], has);
	}
	return join_sorted(planner->mem, names, count);
}

/* --- steps --- */

/* `what` is "" for the membership, "ADMIN OPTION FOR " for a part of it. */
static void revoke(
	struct planner *planner, const struct member *member, const struct membership *row, const char *what)
{
	struct arena *mem = planner->mem;
	const struct role *role = present_role_by_oid(planner->present, row->role);
	const struct role *grantor = present_role_by_oid(planner->present, row->grantor);
	const char *by = grantor && has_grant_options(planner)
		? arena_printf(mem, " GRANTED BY %s", sql_identifier(grantor->name, mem))
		: "";
	const char *head = arena_printf(mem, "REVOKE %s%s FROM ", what, sql_identifier(role->name, mem));
	const char *tail = arena_printf(mem, "%s CASCADE", by);
	if (member->upkeep == UPKEEP_REPORT || !rights_revoke(planner, member, row, what))
		return;
	unsigned depth = chain_depth(planner, row);
	planner_step(planner, depth ? PHASE_REVOKE_CHAIN : PHASE_REVOKE,
		(struct role_step){
			.action = ROLE_REVOKE,
			.user = member->name,
			.sql = arena_printf(mem, "%s%s%s", head, sql_identifier(member->name, mem), tail),
			.head = head,
			.tail = tail,
			.depth = depth,
		});
}

/* Options that a row gives and Git does not. */
static bool revoke_options(struct planner *planner, const struct member *member, const struct membership *row,
	const struct role_options *wanted)
{
	bool differs = false;
	for (size_t i = 0; i < option_count(planner); i++) {
		if (!row_has(row, i) || is_wanted(wanted, i))
			continue;
		revoke(planner, member, row, arena_printf(planner->mem, "%s OPTION FOR ", options[i].word));
		differs = true;
	}
	return differs;
}

/* ADMIN is false unless it is named, and what a row has too much is taken by then; where nothing is to be taken, a FALSE must not do it. */
static const char *grant_tail(const struct planner *planner, const struct member *member,
	const struct role_options *wanted, const struct effective *all)
{
	const char *tail = "";
	if (!has_grant_options(planner))
		return wanted->admin ? " WITH ADMIN OPTION" : "";
	for (size_t i = 0; i < OPTIONS; i++) {
		bool says = is_wanted(wanted, i) ||
			(options[i].plain && (member->upkeep == UPKEEP_EXACT || !all->has[i]));
		if (says)
			tail = arena_printf(planner->mem, "%s%s%s %s", tail, *tail ? ", " : " WITH ",
				options[i].word, is_wanted(wanted, i) ? "TRUE" : "FALSE");
	}
	return tail;
}

/* Steps that make the rows of one wanted role right; true when there are any. */
static bool grant_role(struct planner *planner, const struct member *member, const char *name,
	const struct membership *rows, size_t count)
{
	const struct role *role = present_role(planner->present, name);
	const uint32_t oid = role ? role->oid : 0;
	const struct effective all = effective_of(planner, rows, count, oid);
	struct role_options wanted = ROLE_OPTIONS_PLAIN;
	bool differs = false;
	(void)member_lists(member, name, &wanted);
	for (size_t i = 0; member->upkeep != UPKEEP_ADDITIVE && i < count; i++)
		if (rows[i].role == oid && !falls(planner, &rows[i]))
			differs |= revoke_options(planner, member, &rows[i], &wanted);
	bool lacks = !all.rows;
	for (size_t i = 0; i < option_count(planner); i++)
		lacks |= is_wanted(&wanted, i) && !all.has[i];
	if (lacks && member->upkeep != UPKEEP_REPORT && rights_grant(planner, member, role)) {
		planner_joined_step(planner, PHASE_GRANT, ROLE_GRANT, member->name,
			arena_printf(planner->mem, "GRANT %s TO ", sql_identifier(name, planner->mem)),
			grant_tail(planner, member, &wanted, &all), 1);
	}
	return differs || lacks;
}

/* Of a role that was renamed by hand and is listed by its old name: left as it is. */
static bool is_renamed(const struct member *member, const struct role *role)
{
	return role->mark == MARK_RENAMED && member_lists(member, role->had, NULL);
}

/* What is not listed, and what falls, listed or not. */
static bool revoke_unlisted(struct planner *planner, const struct member *member,
	const struct membership *rows, size_t count, const char *const *granted, size_t granted_count)
{
	bool differs = false;
	for (size_t i = 0; member->upkeep != UPKEEP_ADDITIVE && i < count; i++) {
		const struct role *role = present_role_by_oid(planner->present, rows[i].role);
		if (!role || is_renamed(member, role) ||
			(text_is_listed(granted, granted_count, role->name) && !falls(planner, &rows[i])))
			continue;
		if (planner_is_creators_row(planner, &rows[i]) && !mark_is_ours(role->mark))
			continue;
		revoke(planner, member, &rows[i], "");
		differs = true;
	}
	return differs;
}

void plan_memberships(struct planner *planner, const struct member *member)
{
	const char **granted = arena_array(planner->mem, member->role_count + 1, sizeof(*granted));
	size_t granted_count = 0, count = 0;
	const struct membership *rows =
		member->role ? present_memberships(planner->present, member->role->oid, &count) : NULL;
	bool differs = false;

	for (size_t i = 0; i < member->role_count; i++)
		if (member->upkeep == UPKEEP_REPORT || planner_may_grant(planner, member, member->roles[i]))
			granted[granted_count++] = member->roles[i];
	for (size_t i = 0; i < granted_count; i++)
		differs |= grant_role(planner, member, granted[i], rows, count);
	differs |= revoke_unlisted(planner, member, rows, count, granted, granted_count);
	if (!differs)
		return;
	planner_difference(planner, member->report, "roles",
		wanted_text(planner, member, granted, granted_count), found_text(planner, rows, count));
	if (member->upkeep == UPKEEP_REPORT)
		planner_leave(
			planner, member->report, "memberships: report: roles that differ are told and left");
}

void plan_leaves_roles(struct planner *planner, const struct member *member)
{
	size_t count;
	const struct membership *rows = present_memberships(planner->present, member->role->oid, &count);
	for (size_t i = 0; i < count; i++)
		if (present_role_by_oid(planner->present, rows[i].role))
			revoke(planner, member, &rows[i], "");
}
